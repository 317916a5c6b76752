"""The projector: events become facets of records, and whoever may be affected is asked to decide again.

Owns: the order of its steps (below). Does not own: mapping (app/sources/), merging (app/domain/facets.py), the decision
(consumers/binder.py). Next stop: app/domain/facets.py, then consumers/affected.py.

A batch, in numbered steps; each is safe to repeat, and a crash between any two of them is healed by repeating the batch:
1. map every event to changes and tasks; what cannot be mapped becomes a letter and blocks nobody;
2. load the records, ask for a fetch where changes of one time contradict each other, merge, write back under a guard on each record's
   version; a lost race loads again. Asked for before the write, since a record does not tell afterwards what it was merged from;
3. read the configuration version: newer than mine, stop and commit nothing (an old mapping must not go on);
4. *after the write* look for every SKU that may be affected, also for records whose merge changed nothing (the crash may have come here);
5. ask for sweeps and fetches; 6. append bind requests, letters and outcomes; the runner then commits.
Never an old/new difference, never a look before the write: both lose SKUs (tests/models/ shows how).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from app.domain import facets, keys
from app.domain.decisions import SOURCE as PEOPLE
from app.domain.decisions import change_of
from app.domain.facets import Change, Record
from app.domain.failures import ToLetter, reaction
from app.domain.letters import letter_of_event
from app.domain.ties import contradicts
from app.errors import Malformed, Refused, Unmappable
from app.ports import Clock, Doc, Entry, EventLog, LogRecord, Saved, Store, TopicPartition
from app.sources.fetching import FETCH
from app.sources.source import FetchTask, Sources
from consumers.affected import look
from consumers.configuration import refuse_if_stale
from consumers.letters import superseded_by
from consumers.sweeps import request_entries, request_sweep
from consumers.tasks import request_fetches
from schemas import topics
from schemas.event import Event
from schemas.letter import Letter, Outcome, Stage

log_line = structlog.get_logger(__name__)

Checkpoint = Callable[[str], None]

YIELD_EVERY = 100  # events between two chances for other work in this process, the webhooks above all
ASK_AT_ONCE = 2_000  # bind requests


@dataclass(slots=True)
class Batch:
    """What one batch of log records came to, filled step by step."""

    by_record: dict[str, list[Change]] = field(default_factory=dict)
    origins: dict[str, list[tuple[Event, LogRecord]]] = field(default_factory=dict)
    tasks: list[FetchTask] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    replayed: dict[str, int] = field(default_factory=dict)  # letter -> attempt
    refused: set[tuple[str, int]] = field(default_factory=set)  # (record, which of its changes)


class Projector:
    """The stage for one lane.

    Failure policy: EngineDown passes through and the batch is repeated; what one event or record is to blame for becomes a letter.
    """

    def __init__(
        self,
        log: EventLog,
        store: Store,
        clock: Clock,
        sources: Sources,
        *,
        lane: Collection[str],
        group: str,
        version: int,
        code_version: str,
        checkpoint: Checkpoint = lambda name: None,
    ) -> None:
        self.topics, self.group = lane, group
        self._log, self._store, self._clock, self._sources = log, store, clock, sources
        self._fetched = {name for name, source in sources.items() if source.fetcher}
        self._version, self._code_version = version, code_version
        self._checkpoint = checkpoint

    async def abandoned(self, partitions: Collection[TopicPartition] | None) -> None:
        """Nothing to let go: no state outlives a batch."""

    async def process(self, records: Sequence[LogRecord]) -> None:
        batch = await self._map(records)
        held = await self._write(batch)
        self._checkpoint("projector.after_write")
        # Three reads side by side, all of them after the write and before anything is asked for: each is a round trip of every event's way.
        affected, outcomes, _ = await asyncio.gather(
            look(self._store, held.values()), self._outcomes(batch), refuse_if_stale(self._store, self._version)
        )
        self._checkpoint("projector.after_look")
        if affected.models:
            await request_sweep(self._store, *affected.models)
        if batch.tasks:
            await request_fetches(self._store, batch.tasks, self._clock.now_us())
        await self._append(batch, affected.skus, outcomes)
        self._checkpoint("projector.after_append")

    async def _map(self, records: Sequence[LogRecord]) -> Batch:
        batch = Batch()
        for number, record in enumerate(records, start=1):
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            event = self._read(record, batch)
            if event is None:
                continue
            try:
                changes, tasks = self._project(event)
            except Exception as error:
                # Whatever one event sets off, a defect of a mapping too, is that event's letter and no neighbour's halt (promise P5).
                if not isinstance(reaction(error, "map"), ToLetter):
                    raise
                self._to_letter(batch, event, record, error, "map")
                continue
            for change in changes:
                batch.by_record.setdefault(change.record, []).append(change)
                batch.origins.setdefault(change.record, []).append((event, record))
            batch.tasks += tasks
            # A replay that asks for a fetch ends with that fetch, which its task carries it to (consumers/fetch_pages.py).
            if event.letter and event.type != FETCH:
                batch.replayed[event.letter] = max(event.attempt, batch.replayed.get(event.letter, 0))
        return batch

    def _read(self, record: LogRecord, batch: Batch) -> Event | None:
        try:
            return Event.read(record.key, record.value, record.headers)
        except ValueError as error:
            stranger = Event(
                id=f"{record.topic}/{record.partition}/{record.offset}",
                source="unknown",
                type="unknown",
                key=(record.key or b"").decode(errors="replace"),
                value=record.value or b"",
                arrived_us=record.timestamp * 1000,
            )
            self._to_letter(batch, stranger, record, Malformed(str(error)), "map")
            return None

    def _project(self, event: Event) -> tuple[Sequence[Change], Sequence[FetchTask]]:
        if event.source == PEOPLE:
            return [change_of(event, self._version)], []
        source = self._sources.get(event.source)
        if source is None:
            raise Unmappable(f"the source {event.source!r} is not configured any more: configure it again or discard this letter")
        projected = source.project(event, self._version)
        return projected.changes, projected.tasks

    def _to_letter(self, batch: Batch, event: Event, record: LogRecord, error: Exception, stage: Stage) -> None:
        letter = letter_of_event(
            event,
            record=record,
            error=error,
            stage=stage,
            now_us=self._clock.now_us(),
            code_version=self._code_version,
            config_version=self._version,
        )
        batch.letters.append(letter)
        batch.replayed.pop(event.letter, None)
        log_line.warning(
            "event.unusable", source=event.source, event_id=event.id, stage=stage, error=type(error).__name__, letter=letter.id
        )

    async def _write(self, batch: Batch) -> dict[str, Record]:
        """Step 2. Returns every record of the batch as it stands in the store after the write, those left out that hold nothing of it.

        What the store refuses is halved until the event to blame stands alone, so that it takes no event beside it along.
        """
        done: dict[str, Record] = {}
        parts = {key: [list(range(len(changes)))] for key, changes in batch.by_record.items()}
        while parts:
            merged, refused, conflicts = await self._merge(batch, {key: waiting[-1] for key, waiting in parts.items()})
            for key, record in merged.items():
                if key in conflicts:
                    continue
                part = parts[key].pop()
                if key not in refused:
                    done[key] = record
                elif len(part) > 1:
                    parts[key] += [part[len(part) // 2 :], part[: len(part) // 2]]
                else:
                    batch.refused.add((key, part[0]))
                    event, place = batch.origins[key][part[0]]
                    self._to_letter(batch, event, place, Refused(f"the store cannot hold the record: {refused[key]}"), "store")
            parts = {key: waiting for key, waiting in parts.items() if waiting}
        return done

    async def _merge(
        self, batch: Batch, parts: Mapping[str, Sequence[int]]
    ) -> tuple[dict[str, Record], Mapping[str, str], Collection[str]]:
        """Merges these changes into the stored records and writes them; the records, what was refused and why, lost races."""
        stored = await self._store.records.load(parts)
        merged: dict[str, Record] = {}
        docs: list[Doc] = []
        ties: list[FetchTask] = []
        for number, key in enumerate(sorted(parts), start=1):
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            doc = stored.get(key)
            record = merged[key] = facets.load(key, doc.body, doc.version) if doc else Record(key)
            if self._merged(batch, record, parts[key], ties) or doc is None:
                docs.append(document(record))
        if ties:
            await request_fetches(self._store, ties, self._clock.now_us())
        saved = await self._store.records.save(docs) if docs else Saved()
        return merged, saved.refused, saved.conflicts

    def _merged(self, batch: Batch, record: Record, part: Sequence[int], ties: list[FetchTask]) -> bool:
        """Whether these changes made any difference to the record. `ties` gets what tells how those of one time follow each other."""
        changes = [batch.by_record[record.key][nth] for nth in part]
        events = [batch.origins[record.key][nth][0] for nth in part]
        if not any(event.source in self._fetched for event in events):
            return facets.merge(record, changes)
        made_any = False
        for change, event in zip(changes, events, strict=True):
            source = self._sources.get(event.source)
            if source is not None and contradicts(record, change) and (wish := source.settling(change, event)) is not None:
                ties.append(wish)
            made_any |= facets.merge(record, [change])
        return made_any

    async def _outcomes(self, batch: Batch) -> list[Outcome]:
        """Letters whose replay went through, and open ones that a newer full state of the same record has made idle."""
        now_us = self._clock.now_us()
        resolved = [Outcome(letter, attempt, "resolved", now_us, "replayed") for letter, attempt in batch.replayed.items()]
        newest_full: dict[str, int] = {}
        for key, changes in batch.by_record.items():
            for nth, (change, (event, _)) in enumerate(zip(changes, batch.origins[key], strict=True)):
                if facets.ROOT in change.full and (key, nth) not in batch.refused:
                    newest_full[key] = max(event.arrived_us, newest_full.get(key, 0))
        return resolved + await superseded_by(self._store, newest_full, now_us)

    async def _append(self, batch: Batch, skus: Collection[str], outcomes: Sequence[Outcome]) -> None:
        letters = [Entry(*letter.entry()) for letter in batch.letters] + [Entry(*outcome.entry()) for outcome in outcomes]
        appends: list[Awaitable[object]] = [self._ask(sorted(skus))]
        if letters:
            appends.append(self._log.append(topics.DEAD_LETTERS, letters))
        await asyncio.gather(*appends)

    async def _ask(self, skus: Sequence[str]) -> None:
        """One asset may belong to a whole catalogue; asking for it in one piece would make the webhooks of this process wait."""
        for start in range(0, len(skus), ASK_AT_ONCE):
            await self._log.append(topics.BIND_REQUESTS, request_entries(skus[start : start + ASK_AT_ONCE], "record"))


def document(record: Record) -> Doc:
    """The record as the store holds it: found by the tokens of what is visible now."""
    tokens: Mapping[str, None] = dict.fromkeys(sorted(keys.tokens_of(record.key, facets.visible(record))))
    return Doc(record.key, facets.dump(record), record.version, tuple(tokens))
