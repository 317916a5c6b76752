"""The projection of letters: from their topic into the store, where people search them.

Owns: reading the topic, the documents of groups. Does not own: states (app/domain/letter_states.py), the documents of letters
(app/letters/documents.py), when a letter is idle (app/letters/staleness.py). Next stop: consumers/replayer.py.

A batch, in steps that are safe to repeat: 1. apply what was said to its letter, guarded by the letter's version; 2. letters that are open
now and whose record is known in a newer full state are superseded; 3. note the groups (one document a fingerprint).
"""

from collections.abc import Collection, Iterable, Sequence

import orjson
import structlog

from app.domain.letter_states import WAITING, Known, latest, state_of
from app.letters import documents
from app.letters.staleness import stale_now, superseded_by
from app.ports import Clock, Doc, LogRecord, StoreView, TopicPartition
from schemas import letter as wire
from schemas import topics
from schemas.letter import Letter, Outcome

__all__ = ["GROUP", "LettersProjection", "superseded_by"]

log_line = structlog.get_logger(__name__)

GROUP = "bindery.letters"
# How far a group's last failure may lie behind; each letter of a flood noting it would be a write more per letter.
NOTE_AFTER_US = 10_000_000


class LettersProjection:
    """The stage for the topic of letters.

    Failure policy: EngineDown passes through and the batch is repeated, which changes nothing. A record that is no letter is reported and
    passed over: it has no identity under which a person could look at it, and it must not block those behind it.
    """

    topics: Collection[str] = (topics.DEAD_LETTERS,)
    group = GROUP

    def __init__(self, store: StoreView, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def abandoned(self, partitions: Collection[TopicPartition] | None) -> None:
        """Nothing to let go: no state outlives a batch."""

    async def process(self, records: Sequence[LogRecord]) -> None:
        said: dict[str, list[documents.Said]] = {}
        for record in records:
            one = _read(record)
            if one is not None:
                said.setdefault(one.id, []).append(one)
        if not said:
            return
        known, _ = await documents.change(self._store.letters, said)
        failed = [one for id_, one in known.items() if any(isinstance(each, Letter) for each in said[id_])]
        idle = await stale_now(self._store, [one for one in failed if state_of(one) in WAITING], self._clock.now_us())
        if idle:
            await documents.change(self._store.letters, {outcome.id: [outcome] for outcome in idle})
        await self._note_groups(failed)

    async def _note_groups(self, letters: Iterable[Known]) -> None:
        newest: dict[str, Letter] = {}
        for known in letters:
            one = latest(known)
            if one is not None and (one.fingerprint not in newest or newest[one.fingerprint].last_failed_us < one.last_failed_us):
                newest[one.fingerprint] = one
        while newest:
            held = await self._store.letters.load([f"group/{fingerprint}" for fingerprint in newest])
            docs = [doc for one in newest.values() if (doc := _group(held.get(f"group/{one.fingerprint}"), one)) is not None]
            saved = await self._store.letters.save(docs)
            newest = {fp: one for fp, one in newest.items() if f"group/{fp}" in saved.conflicts}


def _read(record: LogRecord) -> Letter | Outcome | None:
    try:
        return wire.read(record.key, record.value, record.headers)
    except ValueError as error:
        log_line.error("letters.unreadable", topic=record.topic, partition=record.partition, offset=record.offset, error=str(error))
        return None


def _group(held: Doc | None, letter: Letter) -> Doc | None:
    """The document of a fingerprint with this letter as its example; None where what is stored is fresh enough."""
    last_us = held.numbers["last_failed_us"] if held else 0
    if held and letter.last_failed_us < last_us + NOTE_AFTER_US:
        return None
    body = {name: getattr(letter, name) for name in ("fingerprint", "source", "stage", "error_class", "message", "type", "disposition")}
    numbers = {
        "last_failed_us": letter.last_failed_us,
        "first_failed_us": min(held.numbers["first_failed_us"] if held else letter.first_failed_us, letter.first_failed_us),
    }
    tokens = ("group", f"source:{letter.source}")
    return Doc(f"group/{letter.fingerprint}", orjson.dumps(body).decode(), held.version if held else 0, tokens, numbers)
