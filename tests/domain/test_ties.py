"""Changes of one time: contradicts() tells exactly those whose order makes a difference.

Owns: contradicts(). Does not own: who is asked then (tests/consumers/test_ties.py). Next stop: tests/consumers/test_ties.py.
"""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.facets import Change, EventRef, Record, merge, visible
from app.domain.order import CHANGE, DELETION, order
from app.domain.ties import contradicts

KEY = "asset/dam/a"
Said = tuple[dict[str, Any], tuple[str, ...]]

leaves = st.dictionaries(st.sampled_from(["url", "tags", "tags.a", "tags.b", "texts.alt.de"]), st.sampled_from([None, 1, 2]), max_size=3)
said = st.tuples(leaves, st.sampled_from([(), (), ("",), ("tags",), ("tags", "texts")]))


def change(what: Said, *, at: int = 5, event: str = "1", rank: int = CHANGE, version: int = 1) -> Change:
    text = order(era=0, source=at, rank=rank, event_hash=event, version=version)
    return Change(KEY, text, what[0], EventRef("dam", event, "saved"), what[1])


def seen(*changes: Change) -> dict[str, Any]:
    record = Record(KEY)
    merge(record, changes)
    return visible(record)


@given(before=st.lists(st.tuples(said, st.integers(3, 7))), one=said, other=said)
@example(before=[], one=({"tags.a": 1}, ()), other=({}, ("tags",)))
@example(before=[(({}, ("tags",)), 6)], one=({}, ("",)), other=({"tags": 1}, ()))
@example(before=[(({"tags.a": 2}, ()), 6)], one=({"tags.a": 1}, ()), other=({"tags.a": 3}, ()))
def test_it_is_told_when_the_unknown_order_matters(before: list[tuple[Said, int]], one: Said, other: Said) -> None:
    """The two changes with their places exchanged make another record, if and only if the second one contradicts the first."""
    held = [change(what, at=at, event="0") for what, at in before if at != 5]
    matters = seen(*held, change(one, event="1"), change(other, event="2")) != seen(*held, change(one, event="2"), change(other, event="1"))
    record = Record(KEY)
    merge(record, [*held, change(one, event="1")])
    assert contradicts(record, change(other, event="2")) == matters


@given(said)
def test_an_event_does_not_contradict_itself(what: Said) -> None:
    """Delivered again, or read again under another configuration."""
    record = Record(KEY)
    merge(record, [change(what)])
    assert not contradicts(record, change(what))
    assert not contradicts(record, change(({**what[0], "url": 3}, what[1]), version=2))


@given(said, said)
def test_deletions_and_changes_do_not_tie(one: Said, other: Said) -> None:
    """Their ranks say which counts."""
    for ranks in ((CHANGE, DELETION), (DELETION, CHANGE)):
        record = Record(KEY)
        merge(record, [change(one, rank=ranks[0])])
        assert not contradicts(record, change(other, event="2", rank=ranks[1]))
