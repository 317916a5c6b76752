"""Several processes and one vendor: one of them works at a time, and another goes on when it dies, freezes or stops.

Owns: owners of a system in one process of the tests. Does not own: real processes (tests/crash/test_fetch_owner.py), the lease as such
(test_leases.py). Next stop: consumers/fetching.py.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from app.backends.sqlite.store import SqliteDocuments
from app.errors import ConfigurationStale
from app.ports import Doc, Saved
from app.sources.fetching import VARIANTS
from consumers.configuration import CURRENT
from consumers.fetch_counts import FetchMetrics
from tests.consumers.disturbances import Crash, Crashing, Failing
from tests.consumers.fetching_world import SYSTEM, Fault, Fetches, Vendor, wish
from tests.consumers.world import NOW_US, SECOND_US, SetClock

LONG_AGO = NOW_US - 3600 * SECOND_US
THINGS = [f"{number:03}" for number in range(100)]
POINTS = ("fetcher.after_append", "fetcher.after_finish")


async def test_two_processes_open_no_more_calls_than_one(anywhere: Fetches) -> None:
    """Both run; the vendor never sees more than it allows, and every thing comes once."""
    fetches = anywhere
    for thing in THINGS:
        fetches.vendor.put(thing, LONG_AGO)
    await fetches.ask(*(wish(thing) for thing in THINGS))
    one, other = fetches.loop("one"), fetches.loop("other")
    async with fetches.running(one), fetches.running(other), asyncio.timeout(40):
        while not await fetches.nothing_waits():
            await asyncio.sleep(0.002)
    assert fetches.vendor.most_open <= fetches.vendor.concurrency
    assert len(fetches.vendor.calls) == 10
    assert [thing for thing, _ in await fetches.states()] == THINGS


async def test_a_process_that_stops_gives_its_systems_back(fetches: Fetches) -> None:
    """The next one need not wait for the lease; a call that was open is asked for again."""
    held = asyncio.Event()
    fetches.vendor.faults = deque([Fault(holds=held), Fault(holds=held)])
    for thing in THINGS:
        fetches.vendor.put(thing, LONG_AGO)
    await fetches.ask(*(wish(thing) for thing in THINGS))

    async def both_open() -> bool:
        return fetches.vendor.open == 2

    await fetches.until(both_open, fetches.loop("one", lease_s=600.0))
    assert fetches.vendor.open == 0
    stopped_us = fetches.clock.now_us()
    await fetches.rest(loop=fetches.loop("other", lease_s=600.0))
    assert fetches.vendor.called_us[2] < stopped_us + 300 * SECOND_US
    assert [thing for thing, _ in await fetches.states()] == THINGS


async def test_a_dead_owner_is_replaced_when_its_lease_is_over(anywhere: Fetches) -> None:
    """It died without a word: nothing is fetched for the length of a lease, then all of the rest."""
    fetches = anywhere
    held = asyncio.Event()
    fetches.vendor.faults = deque([Fault(), Fault(), Fault(holds=held), Fault(holds=held)])
    for thing in THINGS:
        fetches.vendor.put(thing, LONG_AGO)
    await fetches.ask(*(wish(thing) for thing in THINGS))
    dying = asyncio.create_task(fetches.loop("dead", lease_s=20.0).run())
    async with asyncio.timeout(20):
        while len(fetches.vendor.calls) < 4:
            await asyncio.sleep(0.001)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    died_us = fetches.clock.now_us()
    await fetches.rest(loop=fetches.loop("other", lease_s=20.0), within_s=40)
    assert fetches.vendor.called_us[4] >= died_us + 20 * SECOND_US
    assert {thing for thing, _ in await fetches.states()} == set(THINGS)


@pytest.mark.parametrize("point", POINTS)
async def test_a_crash_between_append_and_finish_repeats_and_loses_nothing(fetches: Fetches, point: str) -> None:
    """Killed at each of its passings in turn, until all is done: every state is on the log, most of them once."""
    crashing = Crashing()
    fetches.more = {"checkpoint": crashing}
    for thing in THINGS[:40]:
        fetches.vendor.put(thing, LONG_AGO)
    fetches.vendor.put("m-1", LONG_AGO)
    await fetches.ask(*(wish(thing) for thing in THINGS[:40]), wish("m", kind=VARIANTS))
    for nth in range(30):
        crashing.arm(point, 1 + nth % 3)
        try:
            await fetches.rest(loop=fetches.loop(f"life {nth}", alone=True))
        except Crash:
            continue
        break
    assert await fetches.nothing_waits()
    assert {thing for thing, _ in await fetches.states()} == {*THINGS[:40], "m-1"}
    assert await fetches.said() == []


class Hanging(SqliteDocuments):
    """Once `hangs` is set, no save is answered."""

    hangs = False

    async def save(self, docs: Sequence[Doc]) -> Saved:
        while self.hangs:
            await asyncio.sleep(0.001)
        return await super().save(docs)


async def test_an_owner_that_cannot_renew_opens_nothing_more(fetches: Fetches) -> None:
    """The store answers no renewal: calls cease while two fifths of the lease are left, so that all of them end within it."""
    vendor = fetches.vendor
    owners = Hanging(fetches.store, "owners")  # type: ignore[arg-type]  # the embedded store
    fetches.store.owners = owners  # type: ignore[misc]
    await fetches.ask(*(wish(str(n), deletion=True, due_us=NOW_US + n * SECOND_US) for n in range(100)))
    async with fetches.running(fetches.loop(lease_s=20.0)), asyncio.timeout(20):
        while len(vendor.calls) < 3:
            await asyncio.sleep(0.001)
        owners.hangs = True
        down_us = fetches.clock.now_us()
        while fetches.clock.now_us() < down_us + 14 * SECOND_US:
            await asyncio.sleep(0.001)
        owners.hangs = False
    assert down_us + 5 * SECOND_US < max(at_us for at_us in vendor.called_us if at_us < down_us + 14 * SECOND_US) < down_us + 13 * SECOND_US


async def test_a_renewal_that_fails_is_tried_again(fetches: Fetches) -> None:
    """One outage of the store: calls that were open are given up, and everything is fetched."""
    fetches.store.owners = Failing(fetches.store, "owners", saves=0)  # type: ignore[misc, arg-type]
    await fetches.ask(*(wish(str(n), deletion=True, due_us=NOW_US + n * SECOND_US) for n in range(30)))
    loop = fetches.loop(lease_s=20.0)
    async with fetches.running(loop), asyncio.timeout(20):
        while len(fetches.vendor.calls) < 3:
            await asyncio.sleep(0.001)
        fetches.store.owners._left = 2
        while not await fetches.nothing_waits():
            await asyncio.sleep(0.001)
    assert len(await fetches.events()) == 30


@dataclass
class Frozen(SetClock):
    """The clock of a process that stands still until it is thawed; time goes on for all others, and for it when it looks again."""

    shared: SetClock
    thawed: asyncio.Event = field(default_factory=asyncio.Event)

    def now_us(self) -> int:
        return self.shared.now_us()

    def monotonic_s(self) -> float:
        return self.shared.monotonic_s()

    async def sleep(self, seconds: float) -> None:
        await self.thawed.wait()
        await asyncio.sleep(0.001)


async def test_a_frozen_owner_that_wakes_does_nothing_more(fetches: Fetches) -> None:
    """Its call was open while it slept and another one took over: awake, it appends nothing and opens nothing; nothing is lost."""
    held = asyncio.Event()
    for thing in THINGS[:5]:
        fetches.vendor.put(thing, LONG_AGO)
    clock = Frozen(fetches.clock)
    sleeper = Vendor(clock, faults=deque([Fault(holds=held)]), things=fetches.vendor.things)
    await fetches.ask(*(wish(thing) for thing in THINGS[:5]))
    asleep = replace(fetches, clock=clock, vendor=sleeper)
    async with asleep.running(asleep.loop("frozen", lease_s=20.0)), asyncio.timeout(30):
        while not sleeper.open:
            await asyncio.sleep(0.001)
        async with fetches.running(fetches.loop("awake", lease_s=20.0)):
            while not await fetches.nothing_waits():
                await asyncio.sleep(0.001)
            clock.thawed.set()
            held.set()
            while sleeper.open:
                await asyncio.sleep(0.001)
            await fetches.ask(wish(THINGS[0], deletion=True))
            while not await fetches.nothing_waits():
                await asyncio.sleep(0.001)
            assert (len(sleeper.calls), len(fetches.vendor.calls)) == (1, 2)
    assert sorted(thing for thing, _ in await fetches.states()) == sorted([*THINGS[:5], THINGS[0]])


async def test_an_older_configuration_stops(fetches: Fetches) -> None:
    """What a fetched state means is the newer configuration's business: no call is made."""
    await fetches.store.configuration.save([Doc(CURRENT, '{"hash":"x"}', numbers={"version": 7, "swept": 7})])
    await fetches.ask(wish())
    with pytest.raises(ConfigurationStale):
        await fetches.rest()
    assert fetches.vendor.calls == []


async def test_metrics_tell_what_was_done(fetches: Fetches) -> None:
    """Calls by outcome, pages, tasks by outcome; what waits and since when while the system is ours."""
    fetches.vendor.put("a", LONG_AGO)
    await fetches.ask(wish("a"), wish("gone", deletion=True), wish("later", due_us=NOW_US + 10**15))
    loop = fetches.loop(lease_s=4.0)

    async def renewed() -> bool:
        return loop.counts[SYSTEM].waiting == 1 and not (await fetches.task()).waits

    values: dict[tuple[str, str], float] = {}

    async def seen() -> bool:
        families = FetchMetrics(loop.counts).collect()
        values.update({(s.name, s.labels.get("outcome", "")): s.value for family in families for s in family.samples})
        return await renewed()

    await fetches.until(seen, loop)
    assert values["bindery_fetch_calls_total", "answered"] == 1
    assert values["bindery_fetch_tasks_total", "done"] == 2
    assert (values["bindery_fetch_pages_total", ""], values["bindery_fetch_owned", ""]) == (2, 1)
    assert values["bindery_fetch_waiting_tasks", ""] == 1
    assert ("bindery_fetch_paused_until_timestamp_seconds", "") not in values
