"""Binders that replace each other, lose races, die or hear no answer: no revision names two contents, and the topic ends on the stored one.

Owns: epochs, compare-and-set, republishing, fencing of the real binder. Does not own: the protocol as a whole (tests/models/).
Next stop: tests/models/test_binder_protocol.py.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.backends.sqlite.store import SqliteDocuments
from app.errors import Deposed, EngineDown, Fenced, LogUnavailable, StoreUnavailable
from app.ports import Doc, Saved, TopicPartition
from consumers.binder import Binder, owner_id
from consumers.runner import Runner
from schemas import topics
from tests.consumers.disturbances import Crashing, Failing, Raced, RoughLog, dies
from tests.consumers.world import NOW_US, World, asset, partial, product


class Forestalled(SqliteDocuments):
    """An older owner always writes the same a moment before."""

    async def save(self, docs: Sequence[Doc]) -> Saved:
        await super().save([replace(doc, numbers={**doc.numbers, "epoch": 0}) for doc in docs if doc.version == 0])
        return await super().save(docs)


@pytest.fixture
def binder(world: World) -> Binder:
    return world.binder()


async def epoch(world: World, sku: str = "S-1") -> int:
    return (await world.binding(sku)).numbers["epoch"]


async def test_an_older_epochs_decision_is_published_again(world: World, binder: Binder) -> None:
    """A new owner cannot know whether the append happened: same revision, same content, its own epoch."""
    await world.project(product("p", 1, "S-1"))
    await world.drain(binder)
    first = await epoch(world)
    await world.ask("S-1")
    await world.drain(world.binder())
    assert [revision for revision, _ in await world.published("S-1")] == [1, 1]
    assert await epoch(world) > first
    assert await world.is_consistent("S-1")


async def test_a_lost_race_is_decided_again(world: World, binder: Binder) -> None:
    """What somebody wrote meanwhile is the revision that the next one follows, and inputs are read anew."""

    async def rival() -> None:
        held = Doc("S-1", '{"by":"a rival"}', numbers={"revision": 4, "epoch": 0, "config": 1, "at_us": NOW_US + 5})
        await Raced(world.store, "bindings").save([held])
        await world.project(asset("late", 1, "S-1"))

    world.store.bindings = Raced(world.store, "bindings", rival)
    await world.project(product("p", 1, "S-1"), product("q", 1, "S-2"))
    await world.drain(binder)
    doc = await world.binding("S-1")
    assert (doc.numbers["revision"], doc.numbers["at_us"]) == (5, NOW_US + 5)
    assert await world.shown("S-1") == ["late"]
    assert [revision for revision, _ in await world.published("S-1")] == [5]
    assert [revision for revision, _ in await world.published("S-2")] == [1]


async def test_a_lost_race_to_an_equal_decision_publishes_it(world: World, binder: Binder) -> None:
    """Where an older epoch wrote the same content meanwhile, the revision stays and is published: that owner may be dead."""
    world.store.bindings = Forestalled(world.store, "bindings")
    await world.project(product("p", 1, "S-1"))
    await world.drain(binder)
    assert [revision for revision, _ in await world.published("S-1")] == [1]
    assert (await epoch(world), (await world.binding("S-1")).version) == (1, 2)
    assert await world.is_consistent("S-1")


async def test_whoever_owned_before_ends_at_the_owner_document(world: World, binder: Binder) -> None:
    """After another binder has taken the partition over, the old one writes nothing; afterwards it goes on under a newer epoch."""
    await world.project(product("p", 1, "S-1"), product("q", 1, "S-1"))
    await world.drain(binder)
    await world.ask("S-1")
    await world.drain(world.binder())
    before = await world.binding("S-1")
    await world.project(asset("a", 1, "S-1"))
    with pytest.raises(Deposed, match="another process owns"):
        await world.drain(binder)
    assert await world.binding("S-1") == before
    await binder.abandoned(None)
    await world.drain(binder)
    assert await epoch(world) > before.numbers["epoch"]
    assert await world.shown("S-1") == ["a"]
    assert await world.is_consistent("S-1")


async def test_a_deposed_owner_decides_nothing_at_all(world: World, binder: Binder) -> None:
    """Its successor owns the partitions and has not come to these SKUs yet: the touch ends the old one before anything is written."""
    await world.ask(*(f"other-{number}" for number in range(10)))
    await world.drain(binder)
    await world.binder().process(await world.on(topics.BIND_REQUESTS))
    await world.project(*(product(f"p{number}", 1, f"S-{number}") for number in range(10)))
    with pytest.raises(Deposed):
        await world.drain(binder)
    assert await world.store.bindings.page(limit=10, prefix="S-") == []


async def test_a_stored_epoch_above_mine_ends_the_batch(world: World, binder: Binder) -> None:
    """A successor that decides between my touch and my write makes me a zombie: its answer stays, and mine is never published."""

    async def successor() -> None:
        world.store.bindings = Raced(world.store, "bindings")
        await world.project(asset("new", 1, "S-1"))
        await world.drain(world.binder())

    world.store.bindings = Raced(world.store, "bindings", successor)
    await world.project(product("p", 1, "S-1"))
    with pytest.raises(Deposed, match=r"epoch \d+, mine is \d+"):
        await world.drain(binder)
    assert [revision for revision, _ in await world.published("S-1")] == [1]
    assert await world.shown("S-1") == ["new"]
    await binder.abandoned(None)
    await world.ask("S-1")
    await world.drain(binder)
    assert await world.is_consistent("S-1")


async def test_a_fenced_writer_appends_nothing(world: World, binder: Binder) -> None:
    """A successor that has only opened its writer so far shuts mine out; what I wrote to the store it will publish."""

    async def successor() -> None:
        for partition in (0, 1):
            await world.log.fenced_writer(f"bindery.binder.{partition}").open()

    world.store.bindings = Raced(world.store, "bindings", successor)
    await world.project(product("p", 1, "S-1"))
    with pytest.raises(Fenced):
        await world.drain(binder)
    assert await world.published("S-1") == []
    await world.drain(world.binder())
    assert await world.is_consistent("S-1")


@pytest.mark.parametrize("answer", ["lost", "unanswered"])
async def test_a_failed_append_is_made_good_under_a_new_epoch(world: World, binder: Binder, answer: str) -> None:
    """Whether or not it happened, the batch is repeated with a new epoch, and the stored revision is published."""
    assert isinstance(world.log, RoughLog)
    await world.project(product("p", 1, "S-1"))
    setattr(world.log, answer, 1)
    with pytest.raises(LogUnavailable):
        await world.drain(binder)
    written = await world.binding("S-1")
    await binder.abandoned(None)
    await world.drain(binder)
    doc = await world.binding("S-1")
    assert (doc.numbers["revision"], doc.body) == (1, written.body)
    assert doc.numbers["epoch"] > written.numbers["epoch"]
    assert [revision for revision, _ in await world.published("S-1")] == ([1] if answer == "lost" else [1, 1])


async def test_without_a_new_epoch_a_failed_append_would_be_lost(world: World, binder: Binder) -> None:
    """The runner's call of abandoned() is what makes it good: a binder that kept its epoch would take its own decision for published."""
    assert isinstance(world.log, RoughLog)
    await world.project(product("p", 1, "S-1"))
    world.log.lost = 1
    with pytest.raises(LogUnavailable):
        await world.drain(binder)
    await world.drain(binder)
    assert await world.published("S-1") == []


@pytest.mark.parametrize("after", [False, True], ids=["not written", "written unheard"])
@pytest.mark.parametrize("collection", ["bindings", "owners"])
async def test_a_store_that_does_not_answer_loses_nothing(world: World, binder: Binder, collection: str, after: bool) -> None:
    """Whatever save fails, and whether or not it happened, the runner's repetition ends in a consistent state."""
    await world.project(product("p", 1, "S-1"))
    await world.drain(binder)
    await world.project(partial("product/pim/p", 2, {"name": "new"}), product("q", 1, "S-2"))
    failing = Failing(world.store, "bindings" if collection == "bindings" else "owners", 2, after=after)
    setattr(world.store, collection, failing)
    failures = 0
    while True:
        try:
            await world.drain(binder)
            break
        except (StoreUnavailable, Deposed):
            failures += 1
            await binder.abandoned(None)
    assert failures >= 2
    assert (await world.content("S-1"))["product"]["name"] == "new"
    assert await world.is_consistent("S-1", "S-2")


@pytest.mark.parametrize("passing", [1, 2])
@pytest.mark.parametrize("point", ["binder.after_write", "binder.after_append"])
async def test_a_crash_loses_nothing_and_doubles_nothing(world: World, point: str, passing: int) -> None:
    """A binder that dies before or after its append is followed by one that publishes what is stored."""
    binder = world.binder(checkpoint=Crashing(point, passing))
    deaths = 0
    for second in (1, 2):
        await world.project(product("p", second, "S-1", name=str(second)), product("q", second, "S-2", name=str(second)))
        if await dies(world.drain(binder)):
            binder = world.binder()
            deaths += 1
    await world.drain(binder)
    assert deaths == 1
    assert (await world.content("S-1"))["product"]["name"] == "2"
    assert (await world.binding("S-1")).numbers["revision"] == 2
    assert await world.is_consistent("S-1", "S-2")


async def test_epochs_are_drawn_for_each_partition(world: World, binder: Binder) -> None:
    """A partition that I keep keeps its epoch when I lose another one; two owners that draw at once draw different ones."""
    await world.project(*(product(f"p{number}", 1, f"S-{number}") for number in range(20)))
    await world.drain(binder)
    await binder.abandoned({TopicPartition(topics.BIND_REQUESTS, 0)})

    async def rival() -> None:
        await world.drain(world.binder())

    world.store.owners = Raced(world.store, "owners", rival)
    await world.ask(*(f"S-{number}" for number in range(20)))
    with pytest.raises(Deposed):
        await world.drain(binder)
    owners = await world.store.owners.load([owner_id(0), owner_id(1)])
    assert {name: doc.numbers["epoch"] for name, doc in owners.items()} == {owner_id(0): 3, owner_id(1): 2}


async def test_under_a_runner_trouble_heals_by_itself(world: World, binder: Binder) -> None:
    """Store and log that fail in turn, and a rival in between: the loop goes on until everything is decided and published."""
    assert isinstance(world.log, RoughLog)
    await world.project(*(product(f"p{number}", 1, f"S-{number}") for number in range(10)))

    async def rival() -> None:
        world.store.bindings = Failing(world.store, "bindings", 2, after=True)
        with pytest.raises(EngineDown):
            await world.binder().process(await world.on(topics.BIND_REQUESTS))

    world.store.bindings = Raced(world.store, "bindings", rival)
    world.log.lost, world.log.unanswered = 1, 1
    async with world.running(Runner(world.log, binder, world.clock, poll_s=0.01)) as until:
        await until(lambda: world.caught_up(binder))
    assert await world.is_consistent(*(f"S-{number}" for number in range(10)))
