"""Who owns the tasks of a system: taken, kept, lost, given back.

Owns: the promises of consumers/leases.py. Does not own: what an owner does (test_fetching_owners.py), the exhaustive proof
(tests/models/test_fetch_protocol.py). Next stop: consumers/leases.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest

from app.backends.sqlite.store import SqliteDocuments
from app.errors import Deposed, StoreUnavailable
from app.ports import Doc, Saved
from app.tasks.desk import lease_id
from consumers.leases import CALL_SHARE, Lease, Pause
from tests.consumers.disturbances import Failing, Raced
from tests.consumers.world import NOW_US, World

LEASE_S = 30.0
SECOND_US = 1_000_000


def lease(world: World, owner: str, **more: bool) -> Lease:
    return Lease(world.store.owners, world.clock, "pim", owner, LEASE_S, **more)


async def test_a_free_system_is_taken_by_one(world: World) -> None:
    """Two ask; the first has it for `lease_s`."""
    one, other = lease(world, "one"), lease(world, "other")
    assert await one.seek()
    assert not await other.seek()
    assert (one.left_s(), other.left_s()) == (LEASE_S, 0.0)
    other_left = pytest.raises(Deposed, match="over")
    with other_left:
        other.check()


async def test_it_is_taken_over_when_nothing_was_heard_for_a_whole_lease(world: World) -> None:
    """Counted from the first look, on the watcher's own clock; every renewal starts the watch anew."""
    one, other = lease(world, "one"), lease(world, "other")
    await one.seek()
    for _ in range(3):
        assert not await other.seek()
        world.clock.at_us += int(0.9 * LEASE_S * SECOND_US)
        await one.renew()
    assert not await other.seek()
    world.clock.at_us += int(0.99 * LEASE_S * SECOND_US)
    assert not await other.seek()
    world.clock.at_us += int(0.02 * LEASE_S * SECOND_US)
    assert await other.seek()
    assert one.left_s() <= 0
    with pytest.raises(Deposed):
        await one.renew()
    with pytest.raises(Deposed):
        await one.note(Pause(1, 1, "x"))


async def test_the_owner_gives_up_before_anybody_takes_over(world: World) -> None:
    """Whenever the other looks first: by the time it takes over, the owner's own count has run out."""
    for delay_s in (0.0, 0.3, 12.0, 29.9):
        one, other = lease(world, f"one{delay_s}", alone=True), lease(world, f"other{delay_s}")
        await one.seek()
        world.clock.at_us += int(delay_s * SECOND_US)
        while not await other.seek():
            world.clock.at_us += SECOND_US // 10
        assert one.left_s() <= 0


class Slow(SqliteDocuments):
    """Every save takes ten seconds."""

    world: World

    async def save(self, docs: Sequence[Doc]) -> Saved:
        saved = await super().save(docs)
        self.world.clock.at_us += 10 * SECOND_US
        return saved


async def test_the_time_of_a_slow_write_counts(world: World) -> None:
    """The lease begins before the write: nobody knows when in between the others could see it."""
    world.store.owners = Slow(world.store, "owners")
    world.store.owners.world = world
    one = lease(world, "one")
    await one.seek()
    assert one.left_s() == LEASE_S - 10
    await one.renew()
    assert one.left_s() == LEASE_S - 10


async def test_no_call_is_opened_that_might_outlive_the_lease(world: World) -> None:
    """Two fifths of it have to be left."""
    one = lease(world, "one")
    assert not one.allows_call()
    await one.seek()
    assert one.allows_call()
    world.clock.at_us += int((1 - CALL_SHARE) * LEASE_S * SECOND_US)
    assert not one.allows_call()
    one.check()


async def test_a_store_that_is_down_lets_the_lease_run_out(world: World) -> None:
    """A renewal that fails changes nothing; one whose answer was lost is noticed as one's own."""
    one = lease(world, "one")
    await one.seek()
    for after in (False, True):
        world.clock.at_us += SECOND_US
        real = world.store.owners
        one._owners = Failing(world.store, "owners", after=after)
        with pytest.raises(StoreUnavailable):
            await one.renew()
        assert one.left_s() < LEASE_S
        one._owners = real
        await one.renew()
        assert one.left_s() == LEASE_S


async def test_it_is_given_back_although_a_renewal_was_cut_off(world: World) -> None:
    """The renewal was written, and nobody heard of it: the other one need not wait for the lease; what is another's by now stays so."""
    one, other = lease(world, "one"), lease(world, "other")
    await one.seek()
    real = world.store.owners
    one._owners = Failing(world.store, "owners", after=True)
    with pytest.raises(StoreUnavailable):
        await one.renew()
    one._owners = real
    await one.release()
    assert await other.seek()
    late = lease(world, "late", alone=True)
    assert await late.seek()
    await other.release()
    assert orjson.loads((await _doc(world)).body)["owner"] == "late"


async def test_a_pause_is_kept_by_whoever_owns_the_system(world: World) -> None:
    """It is stored at once, found by the next owner, and ended by the owner that learns better."""
    one, other = lease(world, "one"), lease(world, "other")
    await one.seek()
    await one.note(Pause(3, NOW_US + 9, "502"))
    await one.release()
    assert await other.seek()
    assert other.pause == Pause(3, NOW_US + 9, "502")
    await other.note(Pause())
    assert orjson.loads((await _doc(world)).body) == {"owner": "other", "last_error": ""}


async def test_what_a_person_changes_is_taken_over(world: World) -> None:
    """A person ends the pause between two renewals: the owner keeps the system and learns of it. Its own news count more."""
    one = lease(world, "one")
    await one.seek()
    await one.note(Pause(3, NOW_US + 9, "502"))

    async def person() -> None:
        doc = await _doc(world)
        await SqliteDocuments(world.store, "owners").save([replace(doc, numbers={**doc.numbers, "paused_until_us": 5})])

    one._owners = Raced(world.store, "owners", person)
    await one.renew()
    assert one.pause == Pause(3, 5, "502")
    one._owners = Raced(world.store, "owners", person)
    await one.note(Pause(4, NOW_US + 99, "503"))
    assert one.pause == Pause(4, NOW_US + 99, "503")
    assert (await _doc(world)).numbers == {"epoch": 1, "failures": 4, "paused_until_us": NOW_US + 99}


@pytest.mark.parametrize("beside", ["a renewal", "an older failure"])
async def test_a_pause_counts_while_an_earlier_write_is_under_way(world: World, beside: str) -> None:
    """A call fails just as the lease is being written: that write's end must not open the system to further calls."""
    one, newest = lease(world, "one"), Pause(2, NOW_US + 99, "429")
    await one.seek()
    noting: list[asyncio.Task[None]] = []

    async def fail() -> None:
        noting.append(asyncio.create_task(one.note(newest)))
        await asyncio.sleep(0)

    one._owners = Raced(world.store, "owners", fail)
    await (one.renew() if beside == "a renewal" else one.note(Pause(1, NOW_US + 9, "502")))
    assert one.pause == newest
    await noting[0]
    assert one.pause == newest
    assert (await _doc(world)).numbers == {"epoch": 1, "failures": 2, "paused_until_us": NOW_US + 99}


async def test_a_system_that_is_given_back_is_free_at_once(world: World) -> None:
    """Also where the owner was deposed meanwhile: then nothing is given back."""
    one, other, third = lease(world, "one"), lease(world, "other"), lease(world, "third")
    await one.seek()
    await one.release()
    assert await other.seek()
    await one.release()
    assert not await third.seek()
    assert one.left_s() == 0.0


async def test_who_is_alone_need_not_wait(world: World) -> None:
    """Embedded engines belong to one process: whoever is named in the document is dead."""
    await lease(world, "dead").seek()
    again = lease(world, "me", alone=True)
    assert await again.seek()
    assert (await _doc(world)).numbers["epoch"] == 2


async def test_a_lost_race_for_a_free_system_is_lost(world: World) -> None:
    """Two see it free at the same time; the store's compare-and-set lets one of them in."""
    one, other = lease(world, "one"), lease(world, "other")
    one._owners = Raced(world.store, "owners", other.seek)
    assert not await one.seek()
    assert other.left_s() == LEASE_S


async def _doc(world: World) -> Doc:
    return (await world.store.owners.load([lease_id("pim")]))[lease_id("pim")]
