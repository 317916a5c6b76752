"""Fetches that wait: one a thing, however often and by whomever it is asked for.

Owns: request_fetches(). Does not own: which event asks (tests/sources/), listing (tests/api/). Next stop: tests/consumers/test_inputs.py.
"""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from app.errors import StoreUnavailable
from app.sources.source import FetchTask
from app.tasks.documents import INDEX, WAITING, ended, read, system_number
from consumers.tasks import request_fetches
from tests.consumers.disturbances import Failing, Raced
from tests.consumers.world import NOW_US, World, at, event, product

KEY = "fetch product akeneo 4711"


def fetch(second: int, *, due_us: int = 100, deletion: bool = False, thing: str = "4711") -> FetchTask:
    """A wish for one thing, its trigger at this second."""
    key = f"fetch product akeneo {thing}"
    return FetchTask(key, "akeneo", "akeneo-main", "product", thing, f"said at {second}", due_us, second, at(second), deletion)


async def waiting(world: World, key: str = KEY) -> tuple[dict[str, Any], dict[str, int]]:
    """The task's body and numbers."""
    doc = (await world.store.tasks.load([key]))[key]
    return orjson.loads(doc.body), dict(doc.numbers)


async def test_a_fetch_waits_until_it_is_due(world: World) -> None:
    """It can be found by its system and by the time it is due."""
    await request_fetches(world.store, [fetch(1), fetch(1, thing="1"), fetch(1, thing="2", due_us=101)], NOW_US)
    body, numbers = await waiting(world)
    assert body["reason"] == "said at 1"
    assert numbers == {"due_us": 100, "generation": 1, "asked_us": NOW_US, "system": system_number("akeneo")}
    due = await world.store.tasks.scan("due", upto=100, limit=10, every=[WAITING, "system:akeneo"])
    assert {doc.id for doc in due} == {KEY, "fetch product akeneo 1"}
    assert await world.store.tasks.scan(INDEX, (system_number("akeneo"),), upto=100, limit=10) == due
    assert await world.store.tasks.scan(INDEX, (system_number("other"),), upto=100, limit=10) == []


async def test_wishes_for_one_thing_are_one_task(world: World) -> None:
    """Due at the earliest of their times, for the newest of their triggers, in whatever order and batches they come."""
    wishes = [fetch(2, due_us=300), fetch(9, due_us=400), fetch(5, due_us=200)]
    await request_fetches(world.store, wishes, NOW_US)
    together, _ = await waiting(world)
    for number, order in enumerate([(0, 1, 2), (2, 1, 0), (1, 2, 0)]):
        for which in order:
            await request_fetches(world.store, [FetchTask(**{**_fields(wishes[which]), "key": str(number)})], NOW_US)
        body, numbers = await waiting(world, str(number))
        assert {**body, "key": KEY} == together
        assert (body["reason"], body["due_us"], numbers["due_us"]) == ("said at 9", 200, 200)


def _fields(task: FetchTask) -> dict[str, Any]:
    return {name: getattr(task, name) for name in FetchTask.__slots__}


async def test_every_ask_raises_the_generation(world: World) -> None:
    """So that a change during a fetch is noticed; asks of one batch count as one."""
    await request_fetches(world.store, [fetch(1), fetch(2)], NOW_US)
    await request_fetches(world.store, [fetch(1)], NOW_US + 1)
    _, numbers = await waiting(world)
    assert (numbers["generation"], numbers["asked_us"]) == (2, NOW_US)


async def test_an_ask_does_not_hurry_a_task_that_failed(world: World) -> None:
    """Events that keep coming for a thing must not run its task down the ladder: attempts and the time of the next try stay."""
    await request_fetches(world.store, [fetch(1)], NOW_US)
    doc = (await world.store.tasks.load([KEY]))[KEY]
    await world.store.tasks.save([replace(doc, numbers={**doc.numbers, "attempts": 4, "due_us": 9_000})])
    await request_fetches(world.store, [fetch(2, due_us=200)], NOW_US + 1)
    _, numbers = await waiting(world)
    assert (numbers["generation"], numbers["attempts"], numbers["due_us"]) == (2, 4, 9_000)


@pytest.mark.parametrize(("how", "kept"), [("done", 0), ("letter", 5), ("cancelled", 5)])
async def test_wishes_that_were_not_granted_are_remembered(world: World, how: str, kept: int) -> None:
    """A task that is asked for again knows the deletion among its older wishes, unless they were granted."""
    await request_fetches(world.store, [fetch(5, deletion=True)], NOW_US)
    doc = (await world.store.tasks.load([KEY]))[KEY]
    over = ended(read(doc), how, NOW_US)
    assert "due_us" not in over.numbers
    assert WAITING not in over.tokens
    await world.store.tasks.save([over])
    await request_fetches(world.store, [fetch(7)], NOW_US + 1)
    task = read((await world.store.tasks.load([KEY]))[KEY])
    assert (task.at_least, task.is_deletion, task.number("generation"), task.number("asked_us")) == (kept, False, 2, NOW_US + 1)


async def test_a_deletion_of_another_era_counts_no_more(world: World) -> None:
    """After a restore of the PIM its clock may stand before a deletion that it has forgotten."""
    old = fetch(9, deletion=True)
    new = replace(fetch(3), trigger_order=at(3, era=1))
    await request_fetches(world.store, [old, new], NOW_US)
    task = read((await world.store.tasks.load([KEY]))[KEY])
    assert (task.at_least, task.body["reason"]) == (0, "said at 3")


@pytest.mark.parametrize("deletions", [(True, False), (False, True)])
async def test_a_deletion_sticks(world: World, deletions: tuple[bool, bool]) -> None:
    """Once one of the triggers says that the thing is gone, what is found has to count for more, whichever came first or is newer."""
    for second, deletion in enumerate(deletions, start=1):
        await request_fetches(world.store, [fetch(second, deletion=deletion)], NOW_US)
    await request_fetches(
        world.store, [fetch(9 - second, deletion=deletion, thing="5") for second, deletion in enumerate(deletions)], NOW_US
    )
    first, other = deletions
    for thing, floor in (("4711", 1 if first else 2), ("5", 9 if first else 8)):
        key = f"fetch product akeneo {thing}"
        task = read((await world.store.tasks.load([key]))[key])
        assert (task.at_least, task.is_deletion) == (floor, other if thing == "4711" else first)


@pytest.mark.parametrize("tie", [False, True])
async def test_a_tie_is_a_floor_and_no_deletion(world: World, tie: bool) -> None:
    """What settles two changes of one time has to count for more than both; it says nothing of a deletion."""
    await request_fetches(world.store, [fetch(3), replace(fetch(5), tie=tie), fetch(7)], NOW_US)
    task = read((await world.store.tasks.load([KEY]))[KEY])
    assert (task.at_least, task.is_deletion) == (5 if tie else 0, False)


async def test_a_lost_race_takes_over_what_the_other_asked(world: World) -> None:
    """Two projectors ask at once: both count."""

    async def rival() -> None:
        await request_fetches(world.store, [fetch(7, due_us=50)], NOW_US)

    world.store.tasks = Raced(world.store, "tasks", rival)
    await request_fetches(world.store, [fetch(3), fetch(3, thing="5")], NOW_US)
    body, numbers = await waiting(world)
    assert (body["reason"], numbers["due_us"], numbers["generation"]) == ("said at 7", 50, 2)
    assert (await waiting(world, "fetch product akeneo 5"))[1]["generation"] == 1


async def test_the_projector_asks_and_repeats(world: World) -> None:
    """A thin event becomes a task; a batch that is repeated after an outage raises the generation, no more."""
    await world.send(event(tasks=[fetch(1)]), event(product("p", 1, "S-1"), tasks=[fetch(2)]))
    world.store.tasks = Failing(world.store, "tasks", after=True)
    with pytest.raises(StoreUnavailable):
        await world.drain(world.projector())
    await world.drain(world.projector())
    body, numbers = await waiting(world)
    assert (body["reason"], numbers["generation"]) == ("said at 2", 2)
    assert await world.asked() == ["S-1"]
