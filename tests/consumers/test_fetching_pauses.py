"""A vendor that fails: how long its system is left alone, what that costs, when a task is given up, and the way back from its letter.

Owns: pauses, probes, the ladder, letters of tasks. Does not own: single answers (test_fetching.py), the ladder's steps
(tests/letters/test_failures.py). Next stop: consumers/fetch_calls.py.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import Any

import pytest

from app.domain.letter_states import apply, why_not_replayable
from app.domain.replays import event_of
from app.errors import Misconfigured, VendorBusy, VendorDenied, VendorDown, VendorResting
from app.ports import Entry
from app.sources.fetching import FETCH
from app.sources.project import EventProjector
from app.sources.source import Projected, Source, Sources
from app.tasks import desk
from app.tasks.verdicts import Pace
from consumers.fetch_queue import call_size
from consumers.projector import Projector
from schemas import topics
from schemas.event import Event
from tests.consumers.fetching_world import SYSTEM, Fault, Fetches, wish
from tests.consumers.world import NOW_US, SECOND_US, SOURCE

LONG_AGO = NOW_US - 7200 * SECOND_US
THINGS = [f"{number:03}" for number in range(200)]


async def state_of(fetches: Fetches) -> desk.SystemState:
    """The system as anybody can ask for it."""
    return (await desk.systems(fetches.store, [SYSTEM]))[SYSTEM]


async def hurried(fetches: Fetches) -> int | None:
    """`bindery tasks now --system`."""
    act, versions = desk.act, desk.Versions("test", 1)
    return await act(fetches.store, fetches.log, fetches.clock, "now", key=None, system=SYSTEM, by="ann", why="", versions=versions)


async def test_an_hour_without_the_vendor_costs_a_few_probes_and_loses_nothing(anywhere: Fetches) -> None:
    """200 tasks in calls of ten, two at a time: after the first calls one probe a pause; afterwards every state is on the log, once."""
    fetches, vendor = anywhere, anywhere.vendor
    back_us = NOW_US + 3600 * SECOND_US

    async def down() -> None:
        if fetches.clock.now_us() < back_us:
            raise VendorDown("GET /products: no connection")

    for thing in THINGS:
        vendor.put(thing, LONG_AGO)
    vendor.meanwhile = down
    await fetches.ask(*(wish(thing, LONG_AGO) for thing in THINGS))
    await fetches.rest(within_s=50)
    failed = [at_us for at_us in vendor.called_us if at_us < back_us]
    # Two at once, then probes after 10 s, a minute, and every ten minutes.
    assert 8 <= len(failed) <= 10
    assert len(vendor.calls) - len(failed) <= 20 + len(failed)
    assert [thing for thing, _ in await fetches.states()] == THINGS
    assert await fetches.said() == []
    assert (await state_of(fetches)).failures == 0


async def test_only_what_was_tried_counts_as_tried(fetches: Fetches) -> None:
    """One call of ten fails: ten tasks have one attempt and the error; the other twenty have none, and are paused all the same."""
    fetches.vendor.concurrency = 1
    fetches.pace = Pace(pauses_s=(100_000.0,))
    fetches.vendor.faults.append(Fault(VendorDown("GET /products: 502")))
    await fetches.ask(*(wish(thing) for thing in THINGS[:30]))

    async def settled() -> bool:
        tasks = [await fetches.task(thing) for thing in THINGS[:30]]
        return sum(task.number("attempts") for task in tasks) == 10

    await fetches.until(settled)
    tasks = [await fetches.task(thing) for thing in THINGS[:30]]
    assert sorted(task.number("attempts") for task in tasks) == [0] * 20 + [1] * 10
    assert {task.body["last_error"] for task in tasks if task.number("attempts")} == {"GET /products: 502"}
    state = await state_of(fetches)
    assert (state.failures, state.last_error, state.waiting) == (1, "GET /products: 502", 30)
    assert state.paused_until_us > fetches.clock.now_us()


async def test_what_the_vendor_asks_for_is_kept(anywhere: Fetches) -> None:
    """Retry-After of 95 seconds: no call before that, however short the step of the ladder; then one probe, then the rest."""
    fetches, vendor = anywhere, anywhere.vendor
    for thing in THINGS[:50]:
        vendor.put(thing, LONG_AGO)
    vendor.faults.append(Fault(VendorBusy("GET /products: 429", retry_after_s=95.0)))
    vendor.concurrency = 1
    await fetches.ask(*(wish(thing, LONG_AGO) for thing in THINGS[:50]))
    await fetches.rest()
    first_us, *others_us = vendor.called_us
    assert others_us[0] >= first_us + 95 * SECOND_US
    assert [thing for thing, _ in await fetches.states()] == THINGS[:50]


@pytest.mark.parametrize("error", [VendorDenied("GET /products: 401, also with a new token"), Misconfigured("pim.example: not public")])
async def test_access_that_is_refused_pauses_with_its_reason(fetches: Fetches, error: Exception) -> None:
    """A person has to mend it, and is told what; after it is mended everything goes on by itself."""
    fetches.vendor.put("a", LONG_AGO)
    fetches.vendor.faults = deque([Fault(error)])
    fetches.pace = Pace(pauses_s=(1000.0,))
    await fetches.ask(wish("a", LONG_AGO))

    async def paused() -> bool:
        return (await state_of(fetches)).failures == 1

    loop = await fetches.until(paused)
    assert (await state_of(fetches)).last_error == str(error)
    assert loop.health.trouble == ""
    assert loop.counts[SYSTEM].calls["denied"] == 1
    await fetches.rest()
    assert [thing for thing, _ in await fetches.states()] == ["a"]


async def test_a_probe_is_alone_until_it_succeeds(fetches: Fetches) -> None:
    """After a failure one call is open, whatever the vendor allows; when it brings a page, all of them are again."""
    vendor = fetches.vendor
    vendor.concurrency = 4
    for thing in THINGS:
        vendor.put(thing, LONG_AGO)
    held = asyncio.Event()
    vendor.faults = deque([Fault(VendorDown("x"))] * 4 + [Fault(holds=held)])
    await fetches.ask(*(wish(thing, LONG_AGO) for thing in THINGS))

    async def probing() -> bool:
        return len(vendor.calls) == 5

    async with fetches.running(fetches.loop()), asyncio.timeout(20):
        while not await probing():
            await asyncio.sleep(0.001)
        for _ in range(50):
            await asyncio.sleep(0.001)
            assert (len(vendor.calls), vendor.open) == (5, 1)
        vendor.most_open = 0
        held.set()
        while not await fetches.nothing_waits():
            await asyncio.sleep(0.001)
    assert vendor.most_open == 4
    assert [thing for thing, _ in await fetches.states()] == THINGS


async def test_a_pause_outlives_its_owner(anywhere: Fetches) -> None:
    """Whoever takes the system over makes no call before the pause is over, and then one probe."""
    fetches, vendor = anywhere, anywhere.vendor
    vendor.put("a", LONG_AGO)
    vendor.faults.append(Fault(VendorBusy("429", retry_after_s=3000.0)))
    await fetches.ask(wish("a", LONG_AGO), *(wish(thing, LONG_AGO, deletion=True) for thing in THINGS[:60]))

    async def paused() -> bool:
        return (await state_of(fetches)).failures == 1

    await fetches.until(paused, fetches.loop("first"))
    until_us = (await state_of(fetches)).paused_until_us
    made = len(vendor.calls)
    await fetches.rest(loop=fetches.loop("second"), within_s=40)
    assert all(at_us >= until_us for at_us in vendor.called_us[made:])
    assert [thing for thing, state in await fetches.states() if state is not None] == ["a"]


async def test_a_person_ends_a_pause(fetches: Fetches) -> None:
    """`now` for a system lets it be probed at once; a failure then pauses it for longer than before."""
    vendor = fetches.vendor
    vendor.put("a", LONG_AGO)
    vendor.faults = deque([Fault(VendorBusy("429", retry_after_s=80_000.0)), Fault(VendorDown("still"))])
    await fetches.ask(wish("a", LONG_AGO))
    async with fetches.running(fetches.loop()), asyncio.timeout(20):
        while (await state_of(fetches)).failures < 1 or not (await fetches.task()).number("attempts"):
            await asyncio.sleep(0.001)
        before_us = fetches.clock.now_us()
        assert await hurried(fetches) == 1
        while not await fetches.nothing_waits():
            await asyncio.sleep(0.001)
    assert fetches.clock.now_us() < before_us + 1000 * SECOND_US
    assert len(vendor.calls) == 3
    assert [thing for thing, _ in await fetches.states()] == ["a"]


async def test_a_person_does_not_shorten_what_the_vendor_asks_for(fetches: Fetches) -> None:
    """The fetcher asks nothing before that time: the pause ends with it and no later, and nothing counts as tried."""
    vendor = fetches.vendor
    vendor.put("a", LONG_AGO)
    vendor.faults = deque([Fault(VendorBusy("429", retry_after_s=3000.0)), *[Fault(VendorResting("it rests", 2000.0))] * 2])
    await fetches.ask(wish("a", LONG_AGO))
    async with fetches.running(fetches.loop()), asyncio.timeout(20):
        while not (await fetches.task()).number("attempts"):
            await asyncio.sleep(0.001)
        until_us = 0
        for times in (1, 2):
            before_us = fetches.clock.now_us()
            await hurried(fetches)
            while len(vendor.calls) < 1 + times or (await state_of(fetches)).paused_until_us < before_us + 1000 * SECOND_US:
                await asyncio.sleep(0.001)
            state = await state_of(fetches)
            until_us = state.paused_until_us
            assert (state.failures, state.last_error, (await fetches.task()).number("attempts")) == (1, "429", 1)
        while not await fetches.nothing_waits():
            await asyncio.sleep(0.001)
    assert len(vendor.calls) == 4
    assert until_us <= vendor.called_us[-1] < until_us + 60 * SECOND_US
    assert [thing for thing, _ in await fetches.states()] == ["a"]


async def test_one_thing_that_breaks_the_vendor_is_left_alone_with_its_fault(fetches: Fetches) -> None:
    """Whatever is asked for beside it fails with it at first; in smaller calls its neighbours come through, and it becomes a letter."""
    vendor = fetches.vendor
    for thing in THINGS[:30]:
        vendor.put(thing, LONG_AGO)

    async def breaks() -> None:
        if "013" in vendor.calls[-1][1]:
            raise VendorDown("GET /products: 500")

    vendor.meanwhile, vendor.concurrency = breaks, 1
    fetches.pace = replace(fetches.pace, ladder_s=(10.0, 20.0, 30.0, 30.0))
    await fetches.ask(*(wish(thing, LONG_AGO) for thing in THINGS[:30]))
    await fetches.rest(within_s=50)
    (letter,) = await fetches.letters()
    assert (letter.key, letter.disposition, letter.attempt) == ("product/pim/013", "exhausted", 0)
    assert letter.message.endswith("GET /products: 500")
    assert [thing for thing, _ in await fetches.states()] == [thing for thing in THINGS[:30] if thing != "013"]


def test_calls_shrink_for_what_ended_without_an_answer() -> None:
    """Together, together once more, in tenths, alone; never less than one."""
    assert [call_size(100, downs) for downs in range(5)] == [100, 100, 10, 1, 1]
    assert [call_size(1, downs) for downs in range(4)] == [1, 1, 1, 1]


class Asking:
    """A source whose `bindery.fetch` events ask for the fetch that they describe, as every real one does."""

    def project(self, event: Event, version: int) -> Projected:
        real = EventProjector(SOURCE, SYSTEM, "by-hand", router=None, maps={}, fetching=None)  # type: ignore[arg-type]
        return real.project(event, version)


async def given_up(fetches: Fetches) -> str:
    """A task that ends as a letter; the letter's id."""
    fetches.pace = Pace(ladder_s=(1.0,))
    fetches.vendor.faults = deque([Fault(VendorDown("no answer"))] * 2)
    await fetches.ask(wish("a", LONG_AGO))
    await fetches.rest()
    (letter,) = await fetches.letters()
    assert letter.type == FETCH
    return letter.id


async def replayed(fetches: Fetches, letter_id: str, attempt: int) -> None:
    """The letter's event, as the replayer appends it, read by a projector."""
    (letter,) = [one for one in await fetches.letters() if one.id == letter_id and one.attempt == 0]
    event = event_of(letter, attempt, "job-1")
    asking: Any = Asking()
    sources = Sources({SOURCE: Source(SOURCE, "pim", SYSTEM, "by-hand", asking, asking, asking)})
    stage = Projector(fetches.log, fetches.store, fetches.clock, sources, lane=topics.SLOW, group="slow", version=0, code_version="test")
    position = (await fetches.log.append(topics.EVENTS_SLOW, [Entry(event.key.encode(), event.value, event.headers())]))[0]
    records = [record for record in await fetches.all_of(topics.EVENTS_SLOW) if (record.partition, record.offset) == position]
    await stage.process(records)


async def test_a_replayed_letter_of_a_task_ends_with_its_fetch(fetches: Fetches) -> None:
    """The replay asks for the fetch again; the letter is resolved when the fetch is done, not before."""
    letter = await given_up(fetches)
    assert why_not_replayable(apply(None, (await fetches.letters())[0])) == ""
    fetches.vendor.put("a", LONG_AGO)
    await replayed(fetches, letter, 1)
    assert await fetches.outcomes() == []
    assert (await fetches.task()).waits
    await fetches.rest()
    assert [(one.id, one.attempt, one.outcome) for one in await fetches.outcomes()] == [(letter, 1, "resolved")]
    assert [thing for thing, _ in await fetches.states()] == ["a"]


async def test_a_replay_that_fails_again_is_the_same_letter(fetches: Fetches) -> None:
    """Exhausted once more, it is told under the letter's id and the replay's attempt."""
    letter = await given_up(fetches)
    fetches.vendor.faults = deque([Fault(VendorDown("no answer"))] * 2)
    await replayed(fetches, letter, 3)
    await fetches.rest()
    assert [(one.id, one.attempt) for one in await fetches.letters()] == [(letter, 0), (letter, 3)]
    assert await fetches.outcomes() == []


async def test_a_later_failure_of_the_same_thing_is_another_letter(fetches: Fetches) -> None:
    """A letter that was resolved must not swallow what happens to the thing a month later."""
    first = await given_up(fetches)
    fetches.clock.at_us += 30 * 86_400 * SECOND_US
    fetches.vendor.faults = deque([Fault(VendorDown("no answer"))] * 2)
    await fetches.ask(wish("a", NOW_US))
    await fetches.rest()
    assert len({letter.id for letter in await fetches.letters()} - {first}) == 1
