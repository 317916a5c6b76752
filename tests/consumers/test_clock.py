"""The clock: whatever is due is asked for, once, however many SKUs are due at one instant.

Owns: DueClock by hand and as a loop. Does not own: sweeps (test_sweeps.py beside this file). Next stop: tests/consumers/test_sweeps.py.
"""

import asyncio
from collections.abc import Iterable

import orjson
import pytest

from app.errors import LogUnavailable
from app.ports import Doc
from consumers.clock import ASK_AGAIN_US, PAGE, DueClock
from schemas import topics
from tests.consumers.disturbances import RoughLog
from tests.consumers.world import NOW_US, SECOND_US, World, asset, product


@pytest.fixture
def clock(world: World) -> DueClock:
    return world.due_clock()


async def make_due(world: World, due: Iterable[tuple[str, int]]) -> None:
    """Answers that change at these instants."""
    docs = [Doc(sku, "{}", numbers={"revision": 1, "due_us": due_us}) for sku, due_us in due]
    assert not (await world.store.bindings.save(docs)).conflicts


async def test_what_is_due_is_asked_for_at_that_instant(world: World, clock: DueClock) -> None:
    """What is due now or before, with the instant of the look; what is due a microsecond later, and what is never due, is not."""
    await make_due(world, [("S-1", NOW_US), ("S-2", NOW_US - 5), ("S-3", NOW_US + 1)])
    await world.store.bindings.save([Doc("S-4", "{}", numbers={"revision": 1})])
    assert await clock.run_once() == 2
    requests = {record.key: orjson.loads(record.value or b"") for record in await world.on(topics.BIND_REQUESTS)}
    assert requests == {sku: {"cause": "clock", "at_us": NOW_US} for sku in (b"S-1", b"S-2")}


async def test_nothing_is_asked_for_twice_within_the_memory(world: World, clock: DueClock) -> None:
    """A slow binder is not pressed; after ASK_AGAIN_US, or by a clock that remembers nothing, it is asked again."""
    await make_due(world, [("S-1", NOW_US)])
    assert await clock.run_once() == 1
    world.clock.at_us += ASK_AGAIN_US - 1
    assert await clock.run_once() == 0
    assert await world.due_clock().run_once() == 1
    world.clock.at_us += 1
    assert await clock.run_once() == 1
    assert await world.asked() == ["S-1"] * 3


async def test_another_due_time_is_another_matter(world: World, clock: DueClock) -> None:
    """A SKU that was decided and is due again within the memory is asked for again."""
    await make_due(world, [("S-1", NOW_US)])
    await clock.run_once()
    await world.store.bindings.save([Doc("S-1", "{}", 1, numbers={"revision": 2, "due_us": NOW_US + SECOND_US})])
    world.clock.at_us += SECOND_US
    assert await clock.run_once() == 1


async def test_more_skus_than_a_page_share_an_instant(world: World, clock: DueClock) -> None:
    """Five thousand that an embargo holds until midnight are all asked for at once, those due before and after it too, each once."""
    many = [(f"S-{number}", NOW_US - 10) for number in range(5 * PAGE)]
    others = [(f"before-{number}", NOW_US - 20 - number % 3) for number in range(PAGE + 7)]
    others += [(f"after-{number}", NOW_US - number % 3) for number in range(PAGE + 7)]
    await make_due(world, [*many, *others])
    asked = await clock.run_once()
    skus = await world.asked()
    assert set(skus) == {sku for sku, _ in [*many, *others]}
    assert len(skus) == len(set(skus)) == asked
    assert await clock.run_once() == 0


async def test_what_could_not_be_asked_is_asked_later(world: World, clock: DueClock) -> None:
    """A request that the log did not take is not remembered as asked."""
    assert isinstance(world.log, RoughLog)
    await make_due(world, [("S-1", NOW_US)])
    world.log.down = True
    with pytest.raises(LogUnavailable):
        await clock.run_once()
    world.log.down = False
    assert await clock.run_once() == 1


async def test_the_loop_turns_time_into_revisions(world: World) -> None:
    """While it runs, an embargo that ends leads to a new answer; an outage in between shows in its health and costs nothing."""
    assert isinstance(world.log, RoughLog)
    binder = world.binder()
    await world.project(product("p", 1, "S-1"), asset("a", 1, "S-1", rights__from=NOW_US + 5 * SECOND_US))
    await world.drain(binder)
    assert (await world.content("S-1"))["bindings"][0]["state"] == "embargoed"
    world.log.down = True
    loop = world.due_clock(tick_s=0.5)
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(10):
        while "LogUnavailable" not in loop.health.trouble:
            await asyncio.sleep(0.001)
        world.log.down = False
        while await world.drain(binder) == 0:
            await asyncio.sleep(0.001)
    assert (await world.content("S-1"))["bindings"][0]["state"] == "live"
    assert loop.health.trouble == ""
    loop.stop()
    await running


async def test_the_loop_works_sweeps_off(world: World) -> None:
    """Sweeps go on between the ticks."""
    await world.project(product("p", 1, "S-1", parent="M"), *[product(f"p{n}", 1, f"S-{n}") for n in range(2, 5)])
    await world.drain(world.binder())
    await world.asked()
    await world.ask_for_sweep("variants/model/pim/M", "all")
    loop = world.due_clock()
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(10):
        while await world.store.sweeps.count(["active"]):
            await world.drain(world.binder())
    loop.stop()
    await running
    assert set(await world.asked()) == {"S-1", "S-2", "S-3", "S-4"}
