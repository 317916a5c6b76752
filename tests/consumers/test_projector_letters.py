"""What the projector cannot use becomes a letter, alone; and what becomes of letters that are replayed or made idle.

Owns: letters and outcomes of the projector. Does not own: letters in the store (tests/letters/). Next stop: tests/letters/test_replays.py.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from app.domain.instants import rfc3339
from app.errors import StoreUnavailable
from app.ports import Entry
from consumers.letters import LettersProjection
from schemas import topics
from schemas.event import Event
from tests.consumers.disturbances import Failing, Picky
from tests.consumers.world import NOW_US, SECOND_US, World, asset, event, partial, product

A = "asset/dam/a"


async def project(world: World, *events: Event) -> None:
    """All of them in one batch."""
    await world.send(*events)
    await world.drain(world.projector())


async def told(world: World) -> list[tuple[str, str, str, str]]:
    """(event, stage, error, disposition) of each letter."""
    return [(letter.event_id, letter.stage, letter.error_class, letter.disposition) for letter in await world.letters()]


async def test_an_event_of_an_unknown_source_becomes_a_letter(world: World) -> None:
    """A source that was removed from the configuration holds nothing up, and its events are kept."""
    await project(world, event(product("p", 1, "S-1"), source="gone", id="e1"), event(product("q", 1, "S-2"), id="e2"))
    assert await told(world) == [("e1", "map", "Unmappable", "unmappable")]
    assert "'gone' is not configured any more" in (await world.letters())[0].message
    assert await world.asked() == ["S-2"]


@pytest.mark.parametrize(("fails", "error"), [("unmappable", "Unmappable"), ("defect", "KeyError")])
async def test_an_event_that_cannot_be_read_blocks_nobody(world: World, fails: str, error: str) -> None:
    """Whether the mapping refuses it or stumbles over it, its neighbours on the same record are merged; its letter holds no values."""
    await project(world, event(asset("a", 1, "S-1"), id="e1"), event(fails=fails, id="e2"), event(partial(A, 2, {"role": "hero"}), id="e3"))
    assert await told(world) == [("e2", "map", error, "unmappable")]
    assert (await world.leaves(A))["role"] == "hero"
    letter = (await world.letters())[0]
    assert letter.value == event(fails=fails).value
    assert (letter.topic, letter.partition, letter.offset) == (topics.EVENTS_DAM, 0, 1)
    assert (letter.code_version, letter.config_version, letter.replayable) == ("test", 1, True)
    assert "secret" not in letter.message


async def test_a_record_that_is_no_event_becomes_a_letter(world: World) -> None:
    """Bytes that somebody else put on the lane are kept under the name of their place."""
    await world.log.append(topics.EVENTS_PIM, [Entry(b"\xff", b"\x00 whatever", (("ce_id", b"x"),))])
    await project(world, event(product("p", 1, "S-1")))
    assert await told(world) == [(f"{topics.EVENTS_PIM}/0/0", "map", "Malformed", "malformed")]
    assert (await world.letters())[0].value == b"\x00 whatever"
    assert await world.asked() == ["S-1"]


async def test_the_same_event_failing_again_is_the_same_letter(world: World) -> None:
    """A batch that is repeated writes its letters again, under their ids."""
    await project(world, event(fails="unmappable"), event(fails="unmappable", id="e2"))
    await project(world, event(fails="unmappable"))
    ids = [letter.id for letter in await world.letters()]
    assert ids == [ids[0], ids[1], ids[0]]
    assert ids[0] != ids[1]


async def test_a_refused_record_is_the_letter_of_its_own_events(world: World) -> None:
    """What the store cannot hold becomes letters of just the events that made it; the rest of the batch is written and asked for."""
    long = "asset/dam/" + "x" * 1000
    events = [event(product("p", 1, "S-1"), id="e1"), event(asset("x" * 1000, 1, "S-2"), id="e2")]
    events += [event(partial(long, 2, {"role": "hero"}), id="e3"), event(asset("a", 1, "S-3"), partial(long, 3, {"role": "b"}), id="e4")]
    await project(world, *events)
    assert await told(world) == [(name, "store", "Refused", "rejected") for name in ("e2", "e3", "e4")]
    assert {doc.id for doc in await world.store.records.page(limit=10)} == {"product/pim/p", A}
    assert await world.asked() == ["S-1", "S-3"]


async def test_a_good_event_is_no_letter_for_its_neighbour_on_the_record(world: World) -> None:
    """Of several events about one record, the one that makes it unstorable is the only letter."""
    world.store.records = Picky(world.store, "records", lambda doc: "poison" in doc.body)
    await project(
        world,
        event(asset("a", 1, "S-1"), id="e1"),
        event(partial(A, 2, {"role": "poison"}), id="e2"),
        event(partial(A, 3, {"locale": "en_GB"}), id="e3"),
    )
    assert await told(world) == [("e2", "store", "Refused", "rejected")]
    assert (await world.leaves(A))["locale"] == "en_GB"
    assert await world.asked() == ["S-1"]


async def test_an_outage_makes_no_letters(world: World) -> None:
    """An engine that is down is nobody's fault: nothing is appended, and the repeated batch does it all."""
    for number, failing in enumerate((Failing(world.store, "records"), Failing(world.store, "records", after=True))):
        world.store.records = failing
        await world.send(event(asset("a", 1 + number, "S-1")))
        with pytest.raises(StoreUnavailable):
            await world.drain(world.projector())
        assert await world.said_of_letters() == []
        await world.drain(world.projector())
        assert await world.asked() == ["S-1"]


async def test_a_replayed_event_resolves_its_letter(world: World) -> None:
    """One outcome for the greatest attempt that went through."""
    replayed = [event(asset("a", 1, "S-1"), letter="l1", attempt=attempt) for attempt in (2, 3)]
    await project(world, *replayed, event(asset("b", 1, "S-2")))
    assert [(one.id, one.attempt, one.outcome) for one in await world.outcomes()] == [("l1", 3, "resolved")]
    assert await world.letters() == []


async def test_a_replayed_event_that_fails_again_reopens_its_letter(world: World) -> None:
    """It fails under its letter's id and attempt, and no outcome says otherwise, where it is mapped and where it is stored."""
    await project(world, event(fails="unmappable", letter="l1", attempt=2), event(asset("x" * 1000, 1), letter="l2", attempt=1))
    assert [(letter.id, letter.attempt, letter.stage) for letter in await world.letters()] == [("l1", 2, "map"), ("l2", 1, "store")]
    assert await world.outcomes() == []


async def fail(world: World, second: int, name: str = "bad", key: str = A) -> str:
    """An open letter of an event about a record that arrived in this second; its id."""
    arrived_us = NOW_US + second * SECOND_US
    await project(world, event(fails="unmappable", id=name, key=key, arrived_us=arrived_us, time=rfc3339(arrived_us)))
    await world.drain(LettersProjection(world.store, world.clock))
    return (await world.letters())[-1].id


async def superseded(world: World) -> Sequence[str]:
    return [one.id for one in await world.outcomes() if one.outcome == "superseded"]


def in_second(second: int) -> int:
    return NOW_US // SECOND_US + second


def arriving(second: int) -> dict[str, Any]:
    return {"arrived_us": NOW_US + second * SECOND_US}


async def test_a_newer_full_state_makes_letters_idle(world: World) -> None:
    """A later full state of the same record supersedes; a later partial one, an earlier one and another record's do not."""
    await fail(world, 2, key="asset/dam/b")
    letter = await fail(world, 2)
    await project(world, event(partial(A, in_second(5), {"role": "hero"}), **arriving(5)))
    await project(world, event(asset("a", in_second(1)), **arriving(1)))
    assert await superseded(world) == []
    await project(world, event(asset("a", in_second(4)), **arriving(4)))
    assert await superseded(world) == [letter]


async def test_a_partial_state_lends_no_arrival_to_a_full_one(world: World) -> None:
    """In one batch with a later partial state, an older full state makes nothing idle that arrived between them."""
    await fail(world, 3)
    full, later = event(asset("a", 1), **arriving(1)), event(partial(A, 2, {"role": "hero"}), **arriving(5))
    await project(world, full, later)
    assert await superseded(world) == []


async def test_the_latest_full_state_of_a_batch_counts(world: World) -> None:
    """In whatever order the batch holds them."""
    letter = await fail(world, 3)
    await project(world, event(asset("a", in_second(5)), **arriving(5)), event(asset("a", in_second(2)), **arriving(2)))
    assert await superseded(world) == [letter]


async def test_a_full_state_that_the_store_refuses_makes_nothing_idle(world: World) -> None:
    """It is a letter itself, so nothing newer is known than what the older letter tells."""
    await fail(world, 2)
    world.store.records = Picky(world.store, "records", lambda doc: "poison" in doc.body)
    await project(world, event(asset("a", in_second(4), role="poison"), **arriving(4)))
    assert await superseded(world) == []
