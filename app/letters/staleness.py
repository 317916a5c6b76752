"""Letters that time has made idle: a newer full state of the same record is known.

Owns: the comparison, from both sides (a full state arrives, a letter arrives). Does not own: the state that follows
(app/domain/letter_states.py). Next stop: consumers/letters.py.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from app.domain import facets, order
from app.domain.letter_states import Known, awaited, last_failed
from app.letters.documents import load
from app.ports import StoreView
from schemas.letter import Letter, Outcome

# A source order is microseconds or a sequence, and does not say which. Between 1973 and 2286 it is taken for an instant.
_INSTANTS_US = range(10**14, 10**16)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WHY = "a newer full state of the record is known"


def is_stale(letter: Letter, record: facets.Record | None) -> bool | None:
    """Whether the record's last full state is newer than the letter's event; None where their times cannot be compared."""
    floor = record.floors.get(facets.ROOT) if record else None
    at_us = _time_us(letter)
    if floor is None or at_us is None:
        return None
    source = order.parts(floor).source
    return source > at_us if source in _INSTANTS_US else None


def _time_us(letter: Letter) -> int | None:
    text = dict(letter.headers).get("ce_time", b"").decode("utf-8", "replace")
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (time - _EPOCH) // timedelta(microseconds=1) if time.tzinfo else None


async def load_records(store: StoreView, keys: Iterable[str]) -> dict[str, facets.Record]:
    """Records by key, as far as they exist. Failure policy: StoreUnavailable passes through."""
    docs = await store.records.load({key for key in keys if 0 < len(key) <= 1000})
    return {key: facets.load(key, doc.body, doc.version) for key, doc in docs.items()}


async def superseded_by(store: StoreView, newest_full: Mapping[str, int], now_us: int) -> list[Outcome]:
    """Outcomes to append for the unsettled letters that these full states make idle.

    newest_full: record key -> arrival (µs UTC) of a full state that is in the store by now. A full state that arrived later but tells of an
    earlier time than the letter's event (a late delivery) supersedes nothing. One look for one token where no letter is unsettled.
    Failure policy: StoreUnavailable passes through.
    """
    if not newest_full or not await store.letters.count(["unsettled"], at_most=1):
        return []
    found = [load(doc) for doc in await store.letters.matching([f"awaits:{key}" for key in newest_full])]
    older = [one for one in found if one.original and one.original.arrived_us < newest_full[one.original.key]]
    records = await load_records(store, [one.original.key for one in older if one.original])
    # Unknown counts as stale here: the full state arrived later, and nothing says that it tells of an earlier time.
    return [_outcome(one, now_us) for one in older if one.original and is_stale(one.original, records.get(one.original.key)) is not False]


async def stale_now(store: StoreView, letters: Iterable[Known], now_us: int) -> list[Outcome]:
    """The same from the other side: outcomes of letters whose record is known in a newer full state already.

    Failure policy: StoreUnavailable passes through.
    """
    asked = [known for known in letters if known.original is not None and _time_us(known.original) is not None]
    records = await load_records(store, [known.original.key for known in asked if known.original]) if asked else {}
    return [_outcome(known, now_us) for known in asked if known.original and is_stale(known.original, records.get(known.original.key))]


def _outcome(known: Known, now_us: int) -> Outcome:
    # A replay that is under way is superseded with it: should it fail, that changes nothing any more.
    attempt = awaited(known)
    return Outcome(known.id, last_failed(known) if attempt is None else attempt, "superseded", now_us, WHY)
