"""The projector: what stands in the store after its batches, whatever happened to them.

Owns: merging into the store, races, crashes, configuration versions. Does not own: who is asked (test_affected.py), letters
(test_projector_letters.py), both beside this file. Next stop: tests/consumers/test_affected.py.
"""

import itertools
import random
from pathlib import Path

import pytest

from app.domain import order
from app.errors import ConfigurationStale
from app.ports import Doc
from consumers.configuration import CURRENT
from schemas import topics
from schemas.event import Event
from tests.consumers.disturbances import Crashing, Raced, dies
from tests.consumers.world import NOW_US, SECOND_US, World, asset, deleted, event, partial, product, whole
from tests.sources.builders import configure

A = "asset/dam/a"
HISTORY = (
    asset("a", 1, "S-1", **{"tags.summer": True}),
    partial(A, 2, {"tags.winter": True, "texts.alt.*": "front"}),
    deleted(A, 3),
    asset("a", 4, "S-2"),
    partial(A, 5, {"tags.spring": True, "url": None}),
    partial(A, 5, {"tags.spring": True, "url": "https://dam.example/tied.jpg"}),
    product("p", 2, "S-1", "04012345678901"),
    product("p", 3, "S-2"),
)


async def stored(world: World) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Every record: its body and its tokens."""
    return {doc.id: (doc.body, doc.tokens) for doc in await world.store.records.page(limit=1000)}


@pytest.mark.parametrize("seed", range(4))
async def test_order_and_repetition_do_not_matter(world: World, tmp_path: Path, template: Path, seed: int) -> None:
    """Shuffled, repeated, on both lanes and in other batches, the same events leave the same bytes."""
    chance = random.Random(seed)
    events = [event(change, id=f"e{number}") for number, change in enumerate(HISTORY)]
    await world.send(*events)
    await world.drain(world.projector())
    async with World(tmp_path / "other", template=template) as other:
        shuffled = chance.sample([*events, *events], k=2 * len(events))
        await other.send(*shuffled[:9])
        await other.send(*shuffled[9:], topic=topics.EVENTS_SLOW)
        await other.drain(other.projector(group="slow", lane=topics.SLOW), batch=chance.randint(1, 4))
        await other.drain(other.projector(), batch=chance.randint(1, 4))
        assert await stored(other) == await stored(world)
    assert len(await stored(world)) == 2


async def test_a_lost_race_merges_again(world: World) -> None:
    """What another lane writes between load and save stays, and so does what was about to be written."""
    rivals = iter([partial(A, 2, {"tags.theirs": True}), partial(A, 3, {"tags.theirs.too": True})])
    other = world.projector(group="slow", lane=topics.SLOW)

    async def rival() -> None:
        mine = world.store.records
        world.store.records = Raced(world.store, "records")
        await world.send(event(next(rivals), id="rival"), topic=topics.EVENTS_SLOW)
        await world.drain(other)
        world.store.records = mine

    world.store.records = Raced(world.store, "records", rival, rival)
    await world.project(asset("a", 1, "S-1"), partial(A, 4, {"tags.mine": True}))
    leaves = await world.leaves(A)
    assert {"tags.mine", "tags.theirs", "tags.theirs.too", "url"} <= leaves.keys()
    doc = await world.record(A)
    assert doc is not None
    assert doc.version == 3


async def test_what_is_known_already_is_not_written(world: World) -> None:
    """The same event again leaves the record's version as it was."""
    await world.project(asset("a", 1, "S-1"))
    before = await world.record(A)
    await world.project(asset("a", 1, "S-1"), deleted("asset/dam/b", 1))
    assert before is not None
    assert await world.record(A) == before


async def test_a_deletion_empties_and_a_creation_revives(world: World) -> None:
    """After a deletion nothing but that is visible, a late partial state revives nothing, and a later full state does."""
    await world.project(product("p", 1, "S-1"), deleted("product/pim/p", 3))
    await world.project(partial("product/pim/p", 2, {"name": "late"}))
    assert await world.leaves("product/pim/p") == {"status": "deleted"}
    await world.project(product("p", 4, "S-1", name="again"))
    assert (await world.leaves("product/pim/p"))["name"] == "again"
    assert (await world.leaves("product/pim/p"))["status"] == "active"


async def test_an_era_beats_newer_orders_of_the_one_before(world: World) -> None:
    """After a restore of the sender, an older time of the new era counts."""
    await world.project(product("p", 9, "S-1", name="lost in the restore"))
    await world.project(whole("product/pim/p", 2, {"name": "restored"}, era=1))
    await world.project(partial("product/pim/p", 8, {"name": "late"}))
    assert (await world.leaves("product/pim/p"))["name"] == "restored"


async def test_a_newer_mapping_beats_the_same_event_read_before(world: World) -> None:
    """Of one event read under two configuration versions, the greater one counts, in whatever order they come."""
    for number, version in enumerate(itertools.permutations((1, 2))):
        key = f"asset/dam/{number}"
        for one in version:
            await world.project(whole(key, 5, {"role": f"by version {one}"}, version=one))
        assert (await world.leaves(key))["role"] == "by version 2"


async def test_tokens_follow_what_is_visible(world: World) -> None:
    """A record is found by what it says now, not by what it said."""
    await world.project(asset("a", 1, "S-1", aliases__public_id=["x"]))
    await world.project(asset("a", 2, "S-2"))
    found = [await world.store.records.matching([token]) for token in (">sku/S-1", "=a/dam/public_id/x", ">sku/S-2", "=a/dam/id/a")]
    assert [len(docs) for docs in found] == [0, 0, 1, 1]


@pytest.mark.parametrize("point", ["projector.after_write", "projector.after_look", "projector.after_append"])
async def test_a_crash_asks_again(world: World, point: str) -> None:
    """Whoever repeats a batch whose records are written already asks for the same SKUs."""
    await world.send(event(product("p", 1, "S-1"), asset("a", 1, "S-2")))
    assert await dies(world.drain(world.projector(checkpoint=Crashing(point))))
    await world.asked()
    await world.drain(world.projector())
    assert await world.asked() == ["S-1", "S-2"]


async def test_a_stale_process_stops_and_appends_nothing(world: World) -> None:
    """Where a newer configuration is in force, the batch ends in an error: no request, no letter, no commit; the newer one reads it all."""
    await world.store.configuration.save([Doc(CURRENT, '{"hash":"x"}', numbers={"version": 2, "swept": 2})])
    await world.send(event(product("p", 1, "S-1")), event(fails="unmappable"))
    with pytest.raises(ConfigurationStale, match="version 2 is in force, this process runs version 1"):
        await world.drain(world.projector())
    assert await world.asked() == []
    assert await world.letters() == []
    assert await world.drain(world.projector(version=2)) == 2
    assert await world.asked() == ["S-1"]


async def test_a_raise_during_the_write_is_noticed(world: World) -> None:
    """The version is read after the write: a raise that comes between load and write stops the old process."""

    async def raise_it() -> None:
        await world.store.configuration.save([Doc(CURRENT, '{"hash":"x"}', numbers={"version": 2, "swept": 2})])

    world.store.records = Raced(world.store, "records", raise_it)
    await world.send(event(product("p", 1, "S-1")))
    with pytest.raises(ConfigurationStale):
        await world.drain(world.projector())
    assert await world.asked() == []


PIM = "\n  pim:\n    preset: generic-pim\n    secrets: [env:PRIMARY]\n"


async def test_an_order_from_the_future_becomes_a_letter(world: World, tmp_path: Path) -> None:
    """An event that says to be a day and a second ahead of its arrival freezes no record; one that is a day ahead counts."""
    sources = configure(tmp_path, PIM).sources

    def saved(name: str, ahead_us: int) -> Event:
        when = (NOW_US + ahead_us) // SECOND_US
        body = b'{"id":"%s","type":"product.saved","time":%d,"products":[{"id":"p","sku":"S-1","name":"%s"}]}'
        received = sources["pim"].receive(body % (name.encode(), when, name.encode()), NOW_US, {})
        assert received.unread == []
        return received.events[0]

    await world.send(saved("now", 0), saved("future", order.DAY_US + SECOND_US), saved("tomorrow", order.DAY_US))
    await world.drain(world.projector(sources=sources))
    assert (await world.leaves("product/pim/p"))["name"] == "tomorrow"
    letters = await world.letters()
    assert [(letter.event_id, letter.error_class) for letter in letters] == [("future", "Unmappable")]
