"""The dry run of a replay: what would become of each letter, in terms of records and SKUs, with nothing written.

Owns: this forecast. Does not own: the replay (app/letters/jobs.py), mapping (app/sources/), merging (app/domain/facets.py), whom a record
concerns (consumers/affected.py, the very look that the projector takes). Next stop: app/api/dead_letters.py shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.domain import decisions, facets
from app.domain.facets import Change
from app.domain.failures import ToLetter, reaction
from app.domain.letter_states import Known, why_not_replayable
from app.domain.letters import told
from app.domain.replays import event_of, holds_event
from app.errors import Unmappable
from app.letters import documents
from app.letters.search import Filter, chosen_page
from app.letters.staleness import is_stale, load_records
from app.ports import StoreView
from app.sources.source import Source, Sources
from consumers.affected import look
from schemas.event import Event
from schemas.letter import Letter

Verdict = Literal["changes", "no-change", "fetch", "stale", "still-failing", "not-replayable"]
MOST_SKUS = 100


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a replay of one letter would do. skus: of at most MOST_SKUS whose answer is decided again, complete where `more` is False.

    changes: a record would change. no-change: it reads well and is known already. stale: a newer full state of the record is known.
    fetch: it only says that something changed, and would ask the sender. models: their variants are decided again, too.
    """

    letter: str
    verdict: Verdict
    why: str
    records: tuple[str, ...] = ()
    skus: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    more: bool = False


async def rehearse(store: StoreView, sources: Sources, wanted: Filter, *, version: int, limit: int) -> tuple[list[Forecast], bool]:
    """Forecasts for the first letters of a filter (by id), and whether there are more. Failure policy: StoreUnavailable passes through."""
    docs = await chosen_page(store.letters, wanted, "", limit + 1)
    return [await forecast(store, sources, documents.load(doc), version) for doc in docs[:limit]], len(docs) > limit


async def forecast(store: StoreView, sources: Sources, known: Known, version: int) -> Forecast:
    """What a replay of this letter would do now. Failure policy: StoreUnavailable passes through."""
    refusal = why_not_replayable(known)
    letter = known.original
    if refusal or letter is None:
        return Forecast(known.id, "not-replayable", refusal)
    try:
        changes, fetches = _read(letter, sources, version)
    except Exception as error:
        # What would make it a letter again makes it one here, defects included; anything else is the caller's to handle.
        if not isinstance(reaction(error, "map"), ToLetter):
            raise
        return Forecast(known.id, "still-failing", told(error))
    records = await load_records(store, {change.record for change in changes} | {letter.key})
    if is_stale(letter, records.get(letter.key)):
        return Forecast(known.id, "stale", "A newer full state of the record is known; a replay changes nothing.", (letter.key,))
    touched = [record for key in sorted({c.record for c in changes}) if (record := _merged(records.get(key), key, changes)) is not None]
    if not touched:
        if fetches:
            return Forecast(known.id, "fetch", "It says only that something changed; a replay asks the sender for it.")
        return Forecast(known.id, "no-change", "It can be read now, and all that it says is known already.")
    affected = await look(store, touched)
    skus = sorted(affected.skus)
    return Forecast(
        known.id,
        "changes",
        "It can be read now and changes these records.",
        tuple(record.key for record in touched),
        tuple(skus[:MOST_SKUS]),
        tuple(sorted(affected.models)),
        len(skus) > MOST_SKUS,
    )


def _merged(record: facets.Record | None, key: str, changes: Sequence[Change]) -> facets.Record | None:
    merged = record or facets.Record(key)
    return merged if facets.merge(merged, [change for change in changes if change.record == key]) else None


def _read(letter: Letter, sources: Sources, version: int) -> tuple[list[Change], bool]:
    """The changes of all events in a letter, and whether any asks for a fetch. Raises Unusable for the first that cannot be read."""
    changes: list[Change] = []
    fetches = False
    for event in _events(letter, sources):
        if event.source == decisions.SOURCE:
            changes.append(decisions.change_of(event, version))
            continue
        projected = _source(event.source, sources).project(event, version)
        changes += projected.changes
        fetches |= bool(projected.tasks)
    return changes, fetches


def _events(letter: Letter, sources: Sources) -> Sequence[Event]:
    if holds_event(letter):
        return [event_of(letter, letter.attempt + 1, "rehearsal")]
    headers = {name.lower(): value.decode("utf-8", "replace") for name, value in letter.headers}
    received = _source(letter.source, sources).receive(letter.value, letter.arrived_us, headers)
    if received.unread:
        raise received.unread[0].error
    return received.events


def _source(name: str, sources: Sources) -> Source:
    if name not in sources:
        raise Unmappable(f"the source {name!r} is not configured any more: configure it again or discard this letter")
    return sources[name]
