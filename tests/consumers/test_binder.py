"""The binder's answers: revisions, instants, places, what is published and what is not.

Owns: one binder at work undisturbed, or with requests that are odd. Does not own: owners that replace each other
(tests/consumers/test_binder_ownership.py), what is decided (tests/domain/). Next stop: tests/consumers/test_binder_ownership.py.
"""

import orjson
import pytest

from app.domain.facets import Change
from app.domain.instants import rfc3339
from app.domain.policy import Policy
from app.errors import ConfigurationStale
from app.ports import Doc, Entry
from consumers.binder import CLOCK_BOUND_US, Binder, owner_id
from consumers.configuration import CURRENT
from schemas import topics
from tests.consumers.disturbances import Picky, Raced
from tests.consumers.world import NOW_US, SECOND_US, World, asset, deleted, partial, product

HOUR_US = 3_600 * SECOND_US


@pytest.fixture
def binder(world: World) -> Binder:
    return world.binder()


async def tell(world: World, binder: Binder, *changes: Change) -> None:
    """The changes come in and their SKUs are decided."""
    await world.project(*changes)
    await world.drain(binder)


async def numbers(world: World, sku: str = "S-1") -> dict[str, int]:
    return dict((await world.binding(sku)).numbers)


async def revisions(world: World, sku: str = "S-1") -> list[int]:
    """Those in the topic, in its order."""
    return [revision for revision, _ in await world.published(sku)]


async def test_a_revision_is_stored_and_published(world: World, binder: Binder) -> None:
    """The first answer is revision 1; the topic holds the stored content under the SKU, its revision in front and in a header."""
    await tell(world, binder, product("p", 1, "S-1", links=["id:a"]), asset("a", 1))
    (record,) = await world.on(topics.SKU_BINDINGS)
    doc = await world.binding("S-1")
    assert record.key == b"S-1"
    assert dict(record.headers) == {"bindery-revision": b"1", "content-type": b"application/json"}
    assert orjson.loads(record.value or b"") == {"revision": 1, **orjson.loads(doc.body)}
    assert await world.shown("S-1") == ["a"]
    assert doc.tokens == ("asset/dam/a",)
    assert doc.numbers["revision"] == 1


async def test_only_changed_content_is_a_new_revision(world: World, binder: Binder) -> None:
    """Asked again without a change, nothing is written and nothing published; with one, revision and topic move by one."""
    await tell(world, binder, product("p", 1, "S-1"), asset("a", 1, "S-1"))
    before = await world.binding("S-1")
    await world.ask("S-1", "S-1")
    await tell(world, binder, partial("asset/dam/a", 2, {"tags.summer": True}))
    assert await world.binding("S-1") == before
    await tell(world, binder, asset("b", 1, "S-1"))
    assert (await numbers(world))["revision"] == 2
    assert await revisions(world) == [1, 2]


async def test_a_sku_is_decided_once_a_batch(world: World, binder: Binder) -> None:
    """However often it is asked for, and under the place of its last request."""
    await world.project(product("p", 1, "S-1"), asset("a", 1, "S-1"))
    await world.ask(*["S-1"] * 5)
    await world.drain(binder)
    assert await revisions(world) == [1]
    held = await numbers(world)
    offsets = [record.offset for record in await world.on(topics.BIND_REQUESTS) if record.partition == held["partition"]]
    assert (held["topic_version"], held["offset"]) == (topics.BIND_REQUESTS_VERSION, max(offsets))


async def test_the_last_binding_lost_is_a_further_revision(world: World, binder: Binder) -> None:
    """No null, no restart at 1: an answer without bindings, and the next one goes on counting."""
    await tell(world, binder, product("p", 1, "S-1"), asset("a", 1, "S-1"))
    await tell(world, binder, deleted("product/pim/p", 2), asset("a", 2))
    await tell(world, binder, asset("a", 3, "S-1"))
    assert [(revision, len(content["bindings"])) for revision, content in await world.published("S-1")] == [(1, 1), (2, 0), (3, 1)]


async def test_a_sku_that_nobody_knows_is_not_published(world: World, binder: Binder) -> None:
    """It has no revision until there is something to tell; the first is 1."""
    await world.ask("S-1")
    await world.drain(binder)
    await world.ask("S-1")
    await world.drain(world.binder())
    assert await revisions(world) == []
    assert (await numbers(world))["revision"] == 0
    await tell(world, world.binder(), product("p", 1, "S-1"))
    assert await revisions(world) == [1]


async def test_time_alone_changes_an_answer(world: World, binder: Binder) -> None:
    """The next change is stored as a due time, and a request after it makes the next revision, which is due no more."""
    until_us = NOW_US + HOUR_US
    await tell(world, binder, product("p", 1, "S-1"), asset("a", 1, "S-1", rights__until=until_us))
    assert (await numbers(world))["due_us"] == until_us
    assert (await world.content("S-1"))["next_change_at"] == rfc3339(until_us)
    world.clock.at_us = until_us
    await world.ask("S-1")
    await world.drain(binder)
    assert [one["state"] for one in (await world.content("S-1"))["bindings"]] == ["expired"]
    assert "due_us" not in await numbers(world)
    assert (await numbers(world))["revision"] == 2


async def test_the_instant_of_a_decision_never_goes_back(world: World, binder: Binder) -> None:
    """It is the latest of now, the request's instant and the stored decision's: a clock that runs behind revives nothing."""
    until_us = NOW_US + 30 * SECOND_US
    await tell(world, binder, product("p", 1, "S-1"), asset("a", 1, "S-1", rights__until=until_us))
    await world.ask("S-1", at_us=until_us)
    await world.drain(binder)
    assert (await world.content("S-1"))["bindings"][0]["state"] == "expired"
    assert (await numbers(world))["at_us"] == until_us
    await world.ask("S-1", at_us=NOW_US)
    await tell(world, binder, asset("a", 2, "S-1", rights__until=until_us, role="hero"))
    assert (await world.content("S-1"))["bindings"][0]["state"] == "expired"
    assert (await numbers(world))["at_us"] == until_us
    world.clock.at_us = until_us + SECOND_US
    await tell(world, binder, asset("a", 3, "S-1", rights__until=until_us, role="packshots"))
    assert (await numbers(world))["at_us"] == until_us + SECOND_US


async def test_the_latest_instant_of_a_batch_counts(world: World, binder: Binder) -> None:
    """An older request behind a newer one takes nothing back."""
    await world.project(product("p", 1, "S-1"), asset("a", 1, "S-1"))
    await world.ask("S-1", at_us=NOW_US + SECOND_US)
    await world.ask("S-1", at_us=NOW_US - SECOND_US)
    await world.drain(binder)
    assert (await numbers(world))["at_us"] == NOW_US + SECOND_US


@pytest.mark.parametrize(("ahead_us", "believed"), [(CLOCK_BOUND_US, True), (CLOCK_BOUND_US + 1, False)])
async def test_a_clock_far_ahead_is_not_believed(world: World, binder: Binder, ahead_us: int, believed: bool) -> None:
    """A request from up to the bound ahead is decided for its instant, one from beyond it for now."""
    until_us = NOW_US + CLOCK_BOUND_US
    await world.project(product("p", 1, "S-1"), asset("a", 1, "S-1", rights__until=until_us))
    await world.ask("S-1", at_us=NOW_US + ahead_us)
    await world.drain(binder)
    assert (await world.content("S-1"))["bindings"][0]["state"] == ("expired" if believed else "live")
    assert (await numbers(world))["at_us"] == (NOW_US + ahead_us if believed else NOW_US)


async def test_the_finished_offset_only_moves_forward(world: World, binder: Binder) -> None:
    """It tells how far each partition is decided; requests read again do not turn it back, and what they decide has a later place."""
    skus = [f"S-{number}" for number in range(20)]
    await world.project(*(product(sku, 1, sku) for sku in skus))
    records = await world.on(topics.BIND_REQUESTS)
    await world.drain(binder)
    owners = await world.store.owners.load([owner_id(0), owner_id(1)])
    ends = await world.log.ends(topics.BIND_REQUESTS)
    finished = {partition: owners[owner_id(partition)].numbers["finished"] for partition in (0, 1)}
    assert finished == {partition: end - 1 for partition, end in ends.items()}
    first = [record for record in records if record.offset == 0]
    changed = [partial(f"product/pim/{(record.key or b'').decode()}", 2, {"name": "new"}) for record in first]
    await world.project(*changed)
    await binder.process(first)
    for record in first:
        doc = await world.binding((record.key or b"").decode())
        owner = (await world.store.owners.load([owner_id(record.partition)]))[owner_id(record.partition)]
        assert doc.numbers["revision"] == 2
        assert finished[record.partition] < doc.numbers["offset"] <= owner.numbers["finished"]


async def test_an_answer_stays_below_the_message_limit(world: World, binder: Binder) -> None:
    """What would be too large a message is cut, visibly, and blocks nobody; its neighbour in the batch is not cut."""
    names = {f"name.locale {number}": "\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 10_000 for number in range(40)}
    halves = [partial("product/pim/p", 2, dict(half)) for half in (list(names.items())[:20], list(names.items())[20:])]
    await tell(world, binder, product("p", 1, "S-1"), *halves, product("q", 1, "S-2", name="q"), asset("a", 1, "S-1"))
    values = {record.key: record.value or b"" for record in await world.on(topics.SKU_BINDINGS)}
    assert len(orjson.dumps(names)) > 1_000_000 > max(map(len, values.values()))
    cut, whole = orjson.loads(values[b"S-1"]), orjson.loads(values[b"S-2"])
    assert [flag["code"] for flag in cut["flags"]] == ["shortened"]
    assert [one["asset"]["id"] for one in cut["bindings"]] == ["a"]
    assert (whole["product"]["name"], whole["flags"]) == ("q", [])


async def test_the_limit_of_bindings_is_the_policys(world: World) -> None:
    """More than max_bindings_per_sku are cut."""
    binder = world.binder(Policy(max_bindings_per_sku=2))
    await tell(world, binder, product("p", 1, "S-1"), *(asset(f"a{number}", 1, "S-1") for number in range(3)))
    assert (await world.content("S-1"))["overflow"] == {"kept": 2, "dropped": 1}


@pytest.mark.parametrize(
    "stray", [Entry(b"\xff", b"{}"), Entry(b"", b"{}"), Entry(b"S-1", b"{"), Entry(b"S-1", b"[]"), Entry(b"S-1", b'{"at_us":"soon"}')]
)
async def test_a_stray_record_blocks_nobody(world: World, binder: Binder, stray: Entry) -> None:
    """What is no bind request is passed over; the requests around it are decided."""
    await world.project(product("p", 1, "S-1"), product("q", 1, "S-2"))
    await world.log.append(topics.BIND_REQUESTS, [stray])
    await world.ask("S-2")
    assert await world.drain(binder) == 4
    assert await revisions(world) == [1]
    assert await revisions(world, "S-2") == [1]


async def test_an_answer_that_the_store_refuses_blocks_nobody(world: World, binder: Binder) -> None:
    """It is not published, its neighbours are, and a person finds a letter about it, the same one however often it is asked for."""
    world.store.bindings = Picky(world.store, "bindings", lambda doc: doc.id == "S-2")
    for second in (1, 2):
        await tell(world, binder, *(product(sku, second, sku, name=str(second)) for sku in ("S-1", "S-2", "S-3")))
    assert [await revisions(world, sku) for sku in ("S-1", "S-2", "S-3")] == [[1, 2], [], [1, 2]]
    letters = await world.letters()
    assert {(letter.key, letter.stage, letter.disposition, letter.replayable) for letter in letters} == {
        ("S-2", "store", "rejected", False)
    }
    assert len({letter.id for letter in letters}) == 1
    assert "the test says so" in letters[0].message


async def test_a_newer_configuration_in_force_stops_the_batch(world: World, binder: Binder) -> None:
    """Nothing is decided by an old policy once a newer one is in force."""
    await world.project(product("p", 1, "S-1"))
    await world.store.configuration.save([Doc(CURRENT, "{}", numbers={"version": 2, "swept": 2})])
    with pytest.raises(ConfigurationStale, match="version 2 is in force"):
        await world.drain(binder)
    assert await world.store.bindings.load(["S-1"]) == {}
    await world.drain(world.binder(version=2))
    assert await revisions(world) == [1]


async def test_a_decision_of_a_newer_configuration_is_never_overwritten(world: World, binder: Binder) -> None:
    """A process that looked for the version in force before the raise still finds it on the answer, and stops."""

    async def newer() -> None:
        held = Doc("S-1", '{"by":"newer"}', numbers={"revision": 7, "epoch": 0, "config": 2, "at_us": NOW_US})
        await Raced(world.store, "bindings").save([held])

    world.store.bindings = Raced(world.store, "bindings", newer)
    await world.project(product("p", 1, "S-1"))
    with pytest.raises(ConfigurationStale, match="'S-1' was decided under configuration version 2, this process runs 1"):
        await world.drain(binder)
    assert await world.content("S-1") == {"by": "newer"}
    assert await revisions(world) == []
