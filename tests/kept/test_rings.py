"""Rings of kept requests: bounded by number and bytes, the oldest gives way, nothing comes twice or back.

Owns: placing, taking out, surviving repetition. Does not own: what is kept (tests/api/test_quarantine.py). Next stop: app/kept/rings.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.backends.sqlite.store import SqliteStore
from app.kept import rings
from app.kept.rings import Bounds
from app.ports import Doc
from schemas.control import Kept

SMALL = Bounds(4, 100)


def kept(nth: int, size: int = 10, source: str = "pim-1") -> Kept:
    return Kept("quarantined", source, nth, b"x" * size, path=f"/webhooks/{source}", headers={"n": str(nth)}, id=f"id-{nth}")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four requests or a hundred bytes."""
    monkeypatch.setattr(rings, "BOUNDS", {"quarantined": SMALL})


async def held(store: SqliteStore, source: str = "pim-1") -> list[Kept]:
    return sorted((one for _, one in await rings.page(store.requests, "quarantined", source)), key=lambda one: one.arrived_us)


@pytest.mark.usefixtures("small")
async def test_the_oldest_gives_way(store: SqliteStore) -> None:
    """By number and by bytes; what comes back out is what went in; other sources are not touched."""
    await rings.keep(store.requests, "quarantined", "pim-2", [kept(1, source="pim-2")])
    for nth in range(1, 7):
        await rings.keep(store.requests, "quarantined", "pim-1", [kept(nth)])
    assert await held(store) == [kept(nth) for nth in (3, 4, 5, 6)]
    await rings.keep(store.requests, "quarantined", "pim-1", [kept(7, size=75)])
    assert await held(store) == [kept(5), kept(6), kept(7, size=75)]
    assert await held(store, "pim-2") == [kept(1, source="pim-2")]


@pytest.mark.usefixtures("small")
async def test_what_was_taken_out_does_not_come_back(store: SqliteStore) -> None:
    """A batch that is read twice changes nothing, though a request of it was taken out in between."""
    batch = [kept(nth) for nth in (1, 2, 3)]
    await rings.keep(store.requests, "quarantined", "pim-1", batch)
    (doc, _), *_ = await rings.page(store.requests, "quarantined", "pim-1")
    assert await rings.take_out(store.requests, [doc]) == 1
    await rings.keep(store.requests, "quarantined", "pim-1", batch)
    assert await held(store) == [kept(2), kept(3)]


@pytest.mark.usefixtures("small")
async def test_a_slot_that_holds_another_request_by_now_is_left_alone(store: SqliteStore) -> None:
    """Taking out what a newer request has pushed out already takes nothing."""
    await rings.keep(store.requests, "quarantined", "pim-1", [kept(1)])
    ((doc, _),) = await rings.page(store.requests, "quarantined", "pim-1")
    await rings.keep(store.requests, "quarantined", "pim-1", [kept(nth) for nth in range(2, 8)])
    assert await rings.take_out(store.requests, [doc]) == 0
    assert len(await held(store)) == 4


def _saved(slots: Sequence[Doc], changed: Iterable[Doc]) -> list[Doc]:
    return list(({slot.id: slot for slot in slots} | {slot.id: slot for slot in changed}).values())


@given(
    steps=st.lists(
        st.one_of(
            st.lists(st.tuples(st.integers(1, 60), st.sampled_from([0, 10, 40, 99, 100, 101])), min_size=1, max_size=8),
            st.integers(0, 3),
        ),
        max_size=12,
    )
)
def test_bounds_hold_whatever_comes(steps: list[list[tuple[int, int]] | int]) -> None:
    """However requests come and are taken out: never more than the bounds, never one twice, and each step repeated changes nothing."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rings, "BOUNDS", {"quarantined": SMALL})
        slots: list[Doc] = []
        for step in steps:
            if isinstance(step, int):
                slots = [rings.emptied(slot) if number == step else slot for number, slot in enumerate(slots)]
                continue
            incoming = [kept(nth, size) for nth, size in step]
            slots = _saved(slots, rings.placed(slots, "quarantined", "pim-1", incoming))
            again = rings.placed(slots, "quarantined", "pim-1", incoming)
            newest = {slot.id: slot for slot in _saved(slots, again)}
            full = [slot for slot in slots if slot.body]
            assert len(full) <= SMALL.most
            assert sum(slot.numbers["bytes"] for slot in full) <= SMALL.bytes
            assert len({token for slot in full for token in slot.tokens if token.startswith("id:")}) == len(full)
            assert len(slots) <= SMALL.most
            assert sum(bool(slot.body) for slot in newest.values()) <= SMALL.most
