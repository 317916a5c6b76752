"""Sweeps: every SKU of a pass is asked for after the request, whatever happens meanwhile, and no more passes than needed.

Owns: passes, pages, cursors, pacing. Does not own: who asks for a sweep (test_affected.py, test_configuration.py beside this file).
Next stop: tests/consumers/test_configuration.py.
"""

from collections.abc import Collection, Sequence

import pytest

from app.backends.sqlite.store import SqliteStore
from app.domain.family import DEPTH
from app.errors import LogUnavailable, StoreUnavailable
from app.ports import Doc, LogRecord, TopicPartition
from consumers.binder import GROUP
from consumers.sweeps import ALL, VARIANTS, Sweeper, request_sweep
from schemas import topics
from tests.consumers.disturbances import Failing, Raced, RoughLog
from tests.consumers.world import NOW_US, World, asset, product, whole

M = VARIANTS + "model/pim/M"


async def variants(world: World, count: int, parent: str = "M", name: str = "S") -> list[str]:
    """So many variants of a model; their SKUs. The log holds no requests of theirs that the binder has not answered."""
    skus = [f"{name}-{number:03d}" for number in range(count)]
    await world.project(*(product(sku, 1, sku, parent=parent) for sku in skus))
    await settle(world)
    return skus


async def settle(world: World) -> None:
    """All requests are answered and forgotten."""
    await world.drain(world.binder())
    await world.asked()


async def finish(world: World, sweeper: Sweeper, steps: int = 200) -> int:
    """Works sweeps off until none is active, the binder keeping up; the number of steps."""
    binder = world.binder()
    for step in range(steps):
        if not await world.store.sweeps.count(["active"]):
            return step
        await sweeper.run_once()
        await world.drain(binder)
    raise AssertionError(f"sweeps are still active after {steps} steps")


async def held(world: World, sweep: str = M) -> dict[str, int]:
    return dict((await world.store.sweeps.load([sweep]))[sweep].numbers)


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20])
async def test_a_pass_asks_for_every_variant_once(world: World, count: int) -> None:
    """In pages, whether or not the last one is full; then the sweep is active no more."""
    skus = await variants(world, count)
    await variants(world, 3, parent="N", name="other")
    await world.ask_for_sweep(M)
    await finish(world, world.sweeper(page=10))
    assert await world.asked() == skus
    assert await held(world) == {"requested": 1, "running": 0, "done": 1}


async def test_requests_during_a_pass_are_that_pass_and_one_more(world: World) -> None:
    """A model saved a hundred times while its variants are paged through costs two passes."""
    skus = await variants(world, 30)
    sweeper = world.sweeper(page=10)
    await world.ask_for_sweep(M)
    await sweeper.run_once()
    for _ in range(100):
        await world.ask_for_sweep(M)
    await finish(world, sweeper)
    assert await world.asked() == sorted(skus * 2)


async def test_requests_before_a_pass_are_one_pass(world: World) -> None:
    """They are covered by the pass that begins after them."""
    skus = await variants(world, 3)
    for _ in range(7):
        await world.ask_for_sweep(M)
    await finish(world, world.sweeper())
    assert await world.asked() == skus
    assert (await held(world))["done"] == 7


@pytest.mark.parametrize("count", [3, 30])
async def test_requests_between_a_page_and_its_note_are_not_lost(world: World, elsewhere: SqliteStore, count: int) -> None:
    """Asked for between the read of each page and the note that it is done: no page is repeated for it, and one more pass follows."""
    skus = await variants(world, count)
    await world.ask_for_sweep(M)
    world.store.sweeps = Raced(world.store, "sweeps", *[lambda: request_sweep(elsewhere, M)] * -(-count // 10))
    await finish(world, world.sweeper(page=10))
    assert await world.asked() == sorted(skus * 2)


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_repeats_a_page_and_skips_none(world: World, after: bool) -> None:
    """The page is appended before its cursor is stored; a process that dies in between, or hears no answer, costs a page at most."""
    skus = await variants(world, 25)
    await world.ask_for_sweep(M)
    world.store.sweeps = Failing(world.store, "sweeps", after=after)
    with pytest.raises(StoreUnavailable):
        await world.sweeper(page=10).run_once()
    await finish(world, world.sweeper(page=10))
    assert await world.asked() == sorted(skus + ([] if after else skus[:10]))


async def test_a_page_that_the_log_does_not_take_is_not_passed(world: World) -> None:
    """The cursor stays where it was."""
    assert isinstance(world.log, RoughLog)
    skus = await variants(world, 25)
    await world.ask_for_sweep(M)
    sweeper = world.sweeper(page=10)
    await sweeper.run_once()
    world.log.down = True
    with pytest.raises(LogUnavailable):
        await sweeper.run_once()
    world.log.down = False
    await finish(world, sweeper)
    assert await world.asked() == skus


async def test_no_request_is_lost_in_a_race(world: World, elsewhere: SqliteStore) -> None:
    """Two that ask for the same sweep at once, existing or not, are two requests; the other sweep of the call is asked for once."""
    for count in (2, 4):
        world.store.sweeps = Raced(world.store, "sweeps", lambda: request_sweep(elsewhere, M))
        await world.ask_for_sweep(M, ALL)
        assert ((await held(world))["requested"], (await held(world, ALL))["requested"]) == (count, count // 2)


async def test_two_sweepers_skip_nothing(world: World, elsewhere: SqliteStore) -> None:
    """Two processes at one sweep read the same pages; the one that is late neither moves the cursor back nor ends the pass early."""
    skus = await variants(world, 45)
    await world.ask_for_sweep(M)
    other = Sweeper(world.log, elsewhere, world.clock, binder_group=GROUP, page=10)
    world.store.sweeps = Raced(world.store, "sweeps", *[other.run_once] * 3)
    await finish(world, world.sweeper(page=10))
    asked = await world.asked()
    assert set(asked) == set(skus)
    assert len(asked) == len(skus) + 3 * 10
    assert await held(world) == {"requested": 1, "running": 0, "done": 1}


async def test_a_sweeper_that_wakes_up_late_harms_nothing(world: World) -> None:
    """It read the first page of a pass that others have finished since; a request after that is a whole pass all the same."""
    skus = await variants(world, 35)
    await world.ask_for_sweep(M)

    async def meanwhile() -> None:
        world.store.sweeps = Raced(world.store, "sweeps")
        await finish(world, world.sweeper(page=10))
        await world.asked()

    world.store.sweeps = Raced(world.store, "sweeps", meanwhile)
    await world.sweeper(page=10).run_once()
    await world.ask_for_sweep(M)
    await world.asked()
    await finish(world, world.sweeper(page=10))
    assert set(await world.asked()) >= set(skus)
    assert (await held(world))["done"] == 2


async def test_models_of_a_model_are_swept_too(world: World) -> None:
    """Variants of sub-models follow, down to the depth that answers climb."""
    await world.project(*(whole(f"model/pim/M{depth}", 1, {"parent": f"M{depth - 1}"}) for depth in range(1, DEPTH + 2)))
    for depth in range(DEPTH + 2):
        await variants(world, 2, parent=f"M{depth}", name=f"S{depth}")
    await finish(world, world.sweeper())
    await settle(world)
    await world.ask_for_sweep(VARIANTS + "model/pim/M0")
    await finish(world, world.sweeper())
    assert await world.asked() == [f"S{depth}-00{number}" for depth in range(DEPTH) for number in range(2)]


@pytest.mark.parametrize("parents", [{"M": "M"}, {"M": "N", "N": "M"}], ids=["of itself", "in a ring"])
async def test_models_in_a_ring_are_swept_and_come_to_rest(world: World, parents: dict[str, str]) -> None:
    """A PIM that names a model as a parent of itself does not keep the sweeper busy for ever."""
    await world.project(*(whole(f"model/pim/{model}", 1, {"parent": parent}) for model, parent in parents.items()))
    skus = [sku for model in parents for sku in await variants(world, 2, parent=model, name=model)]
    await finish(world, world.sweeper())
    await settle(world)
    await world.ask_for_sweep(M)
    await finish(world, world.sweeper())
    assert set(await world.asked()) == set(skus)


async def test_a_sweep_waits_for_live_traffic(world: World) -> None:
    """While more than a page of requests is undecided, it asks for nothing; then it goes on."""
    skus = await variants(world, 12)
    await world.ask_for_sweep(M)
    await world.ask(*(f"live-{number}" for number in range(11)))
    sweeper = world.sweeper(page=10)
    assert await sweeper.run_once() == 0
    await world.drain(world.binder())
    await world.ask(*(f"live-{number}" for number in range(10)))
    assert await sweeper.run_once() == 10
    await world.drain(world.binder())
    await world.asked()
    await finish(world, sweeper)
    assert await world.asked() == skus[10:]


async def test_everybody_gets_a_turn(world: World) -> None:
    """Of more sweeps than are looked at in one step, those behind are not starved by those in front that are asked for again and again."""
    names = [f"{VARIANTS}model/pim/{number:03d}" for number in range(150)]
    await variants(world, 1, parent="149")
    await world.ask_for_sweep(*names)
    sweeper = world.sweeper()
    for _ in range(5):
        await sweeper.run_once()
        await world.ask_for_sweep(*names[:120])
    assert await world.asked() == ["S-000"]


class Deaf:
    """A binder that lets requests pass undecided."""

    group = GROUP
    topics = (topics.BIND_REQUESTS,)

    async def process(self, records: Sequence[LogRecord]) -> None:
        """Nothing."""

    async def abandoned(self, partitions: Collection[TopicPartition] | None) -> None:
        """Nothing."""


async def test_all_means_answers_and_records(world: World) -> None:
    """Every SKU that has an answer, and every SKU that a record names, a product or an asset, in pages."""
    docs = [Doc(f"only-{number:02d}", "{}", numbers={"revision": 1, "at_us": NOW_US, "epoch": 0, "config": 1}) for number in range(20)]
    await world.store.bindings.save(docs)
    await world.project(*(product(f"p{number}", 1, f"S-{number}") for number in range(25)), asset("a", 1, "claimed"))
    await world.drain(Deaf())
    await world.asked()
    await world.ask_for_sweep(ALL)
    await finish(world, world.sweeper(page=10))
    expected = {f"S-{number}" for number in range(25)} | {"claimed"} | {doc.id for doc in docs}
    assert set(await world.asked()) == expected
