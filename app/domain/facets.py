"""Records and their merge: leaves with an order each, floors under subtrees, claims ever made.

Owns: Change, Record, merge(), what is visible. Does not own: what the leaves mean (keys.py, rights.py, bind.py).
Next stop: consumers/projector.py applies changes; app/domain/bind.py reads the visible leaves.

Promise P3 rests here: merge is commutative, associative and idempotent. A leaf is a register that the greater order wins (equal orders: the
greater canonical value, then the smaller event, so that even a broken source cannot make arrival matter). A floor is a maximum. `ever` only
grows.
Leaves below a floor above them are absent and are dropped, which loses nothing: whatever came later and older would be absent too.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from app.domain.keys import tokens_of

Json = Any  # whatever orjson gives: None, bool, int, float, str, list, dict
ROOT = ""


class EventRef(NamedTuple):
    """Where a value came from, for explanations: the source, the event's id and type, and its place in the log's lane."""

    source: str
    id: str
    type: str


Leaf = tuple[str, Json, EventRef]


@dataclass(frozen=True, slots=True)
class Change:
    """What one event says about one record.

    record: "kind/system/id" (keys.record_key). leaves: path -> value, None = taken away; segments joined with "." (`path()`).
    full: subtrees of which this is the whole state; ("",) is the whole record, ("tags",) all tags, () a delta.
    """

    record: str
    order: str
    leaves: Mapping[str, Json]
    event: EventRef
    full: tuple[str, ...] = ()


@dataclass(slots=True)
class Record:
    """All that is known of one thing. Built by merge() and load() only; `version` is the store's write counter, 0 = not stored yet.

    leaves: path -> (order, value, the event that said so). An event belongs to its leaf, not to its order: two sources may tie.
    """

    key: str
    leaves: dict[str, Leaf] = field(default_factory=dict)
    floors: dict[str, str] = field(default_factory=dict)
    ever: set[str] = field(default_factory=set)
    version: int = 0


def path(*segments: str) -> str:
    """Joins segments to a path; `~` and `.` inside a segment are escaped as in JSON Pointer (`~0`, `~1`)."""
    return ".".join(s.replace("~", "~0").replace(".", "~1") if "." in s or "~" in s else s for s in segments)


def segments(text: str) -> list[str]:
    """The inverse of path()."""
    return [s.replace("~1", ".").replace("~0", "~") if "~" in s else s for s in text.split(".")]


def floor_above(floors: Mapping[str, str], leaf: str) -> str:
    """The greatest floor among the subtrees that hold this path ("" where there is none)."""
    highest = floors.get(ROOT, "")
    if len(floors) > (ROOT in floors):
        end = leaf.find(".")
        while end != -1:
            highest = max(highest, floors.get(leaf[:end], ""))
            end = leaf.find(".", end + 1)
        highest = max(highest, floors.get(leaf, ""))
    return highest


def merge(record: Record, changes: Iterable[Change]) -> bool:
    """Merges changes into the record in place; True where that made any difference. Order and repetition of changes do not matter."""
    before = len(record.ever)
    touched = False
    for change in changes:
        if change.record != record.key:
            raise ValueError(f"a change of {change.record} cannot be merged into {record.key}")
        record.ever.update(tokens_of(record.key, change.leaves))
        touched |= _raise_floors(record, change) | _set_leaves(record, change)
    if touched:
        _drop_what_is_below(record)
    return touched or len(record.ever) != before


def _raise_floors(record: Record, change: Change) -> bool:
    raised = False
    for subtree in change.full:
        if change.order > floor_above(record.floors, subtree):
            record.floors[subtree] = change.order
            raised = True
    return raised


def _set_leaves(record: Record, change: Change) -> bool:
    won = False
    order, leaves, floors = change.order, record.leaves, record.floors
    root = floors.get(ROOT, "")
    only_root = len(floors) == (ROOT in floors)
    for leaf, value in change.leaves.items():
        if order < (root if only_root else floor_above(floors, leaf)):
            continue
        held = leaves.get(leaf)
        if held is None or order > held[0] or (order == held[0] and _wins_tie(value, change.event, held)):
            leaves[leaf] = (order, value, change.event)
            won = True
    return won


def _wins_tie(value: Json, event: EventRef, held: Leaf) -> bool:
    mine, other = _canonical(value), _canonical(held[1])
    return mine > other or (mine == other and event < held[2])


def _drop_what_is_below(record: Record) -> None:
    floors = record.floors
    if floors:
        for subtree in [s for s in floors if s != ROOT and floors[s] <= _strictly_above(floors, s)]:
            del floors[subtree]
        root = floors.get(ROOT, "")
        only_root = len(floors) == (ROOT in floors)
        for leaf in [p for p, (order, _, _) in record.leaves.items() if order < (root if only_root else floor_above(floors, p))]:
            del record.leaves[leaf]


def _strictly_above(floors: Mapping[str, str], subtree: str) -> str:
    others = {s: o for s, o in floors.items() if s != subtree}
    return floor_above(others, subtree)


def _canonical(value: Json) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def visible(record: Record) -> dict[str, Json]:
    """Path -> value of every leaf that counts: not below a floor, not taken away."""
    return {leaf: value for leaf, (_, value, _) in record.leaves.items() if value is not None}


def is_whole(record: Record) -> bool:
    """True once a full state of the whole record is known (a deletion is one)."""
    return ROOT in record.floors


def dump(record: Record) -> str:
    """The record as JSON text, leaves grouped by the order (and event) that set them. Equal records dump to equal text."""
    layers: dict[str, dict[str, Json]] = {}
    events: dict[str, EventRef] = {}
    tied = False
    for leaf, (order, value, event) in record.leaves.items():
        layer = layers.get(order)
        if layer is None:
            layers[order], events[order] = {leaf: value}, event
            continue
        layer[leaf] = value
        if event != events[order]:
            tied, events[order] = True, min(event, events[order])
    body = {"layers": layers, "floors": record.floors, "ever": sorted(record.ever), "events": {o: list(e) for o, e in events.items()}}
    if tied:
        body["others"] = {leaf: list(event) for leaf, (order, _, event) in record.leaves.items() if event != events[order]}
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()


def load(key: str, text: str, version: int) -> Record:
    """The inverse of dump()."""
    body = orjson.loads(text)
    others = {leaf: EventRef(*event) for leaf, event in body.get("others", {}).items()}
    leaves: dict[str, Leaf] = {}
    for order, layer in body["layers"].items():
        event = EventRef(*body["events"][order])
        for leaf, value in layer.items():
            leaves[leaf] = (order, value, others.get(leaf, event) if others else event)
    return Record(key=key, leaves=leaves, floors=body["floors"], ever=set(body["ever"]), version=version)
