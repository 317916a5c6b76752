"""The projection of letters: the topic into the store, as often as it likes.

Owns: tests of consumers/letters.py and app/letters/staleness.py on the embedded engines. Does not own: replays (test_replays.py).
Next stop: test_replays.py.
"""

import asyncio

from app.domain.letter_states import state_of
from app.letters import desk, search
from app.letters.search import Filter
from app.ports import Doc, Entry, Saved
from consumers.letters import LettersProjection, superseded_by
from schemas import topics
from schemas.letter import Outcome
from tests.letters.world import NOW_US, SECOND_US, World, event


async def test_an_unreadable_event_becomes_a_letter_that_can_be_found(world: World) -> None:
    """From the live lane over the topic into the store, under every token that people search by; the neighbour goes on."""
    await world.send(event("broken"), event("fine", sku="S-1"))
    await world.drain()
    (known,) = await world.known()
    assert known.original is not None
    assert (known.original.key, known.original.topic, known.original.offset) == ("asset/dam/broken", topics.EVENTS_DAM, 0)
    assert (await world.store.records.load(["asset/dam/fine"])).keys() == {"asset/dam/fine"}
    for wanted in [
        Filter("open"),
        Filter("waiting"),
        Filter(source="dam"),
        Filter(fingerprint=known.original.fingerprint),
        Filter(disposition="unmappable"),
        Filter(stage="map"),
        Filter(type="changed"),
        Filter(record="asset/dam/broken"),
    ]:
        assert [doc.id for doc in await world.store.letters.matching(wanted.tokens(), every=True)] == [known.id], wanted
    assert not await world.store.letters.matching(Filter("resolved").tokens(), every=True)


async def test_reading_the_topic_again_writes_nothing(world: World) -> None:
    """A second pass over the whole topic, by another group, leaves every document at its version."""
    await world.fail("a", "b")
    before = await world.store.letters.page(limit=100)
    again = LettersProjection(world.store, world.clock)
    again.group = "from-the-beginning"
    await world.drain(again)
    assert await world.store.letters.page(limit=100) == before


async def test_an_event_that_fails_twice_is_one_letter(world: World) -> None:
    """A redelivery of the same event makes no second letter."""
    await world.send(event("a"), event("a"))
    await world.drain()
    assert len(await world.known()) == 1


async def test_a_record_that_is_no_letter_blocks_nobody(world: World) -> None:
    """Rubbish on the topic is passed over."""
    await world.log.append(topics.DEAD_LETTERS, [Entry(b"rubbish", b"?", [("bindery-kind", b"letter")]), Entry(b"", b"")])
    assert len(await world.fail("a")) == 1


async def test_two_projections_at_once_lose_nothing(world: World) -> None:
    """One hears of the failures, the other of the endings, and they race for the same documents: both are known afterwards."""
    await world.send(*(event(f"t{n}") for n in range(20)))
    await world.drain(world.live)
    failures = await world.on(topics.DEAD_LETTERS)
    endings = [Entry(*Outcome((record.key or b"").decode(), 1, "resolved", NOW_US, "x").entry()) for record in failures]
    await world.log.append(topics.DEAD_LETTERS, endings)
    endings_read = (await world.on(topics.DEAD_LETTERS))[len(failures) :]
    one, other = LettersProjection(world.store, world.clock), LettersProjection(world.store, world.clock)
    await asyncio.gather(one.process(failures), other.process(endings_read), one.process(failures))
    known = await world.known()
    assert [state_of(each) for each in known] == ["resolved"] * 20
    assert all(sorted(each.tries) == [0, 1] for each in known)


async def test_a_letter_the_store_cannot_hold_is_kept_without_its_original(world: World) -> None:
    """A refused document is stored lean, so that it blocks no other letter and can still be seen."""

    class Picky(type(world.store.letters)):  # type: ignore[misc]
        async def save(self, docs: list[Doc]) -> Saved:
            heavy = {doc.id: "too heavy" for doc in docs if "at_us" in doc.body}
            saved: Saved = await super().save([doc for doc in docs if doc.id not in heavy])
            return Saved(saved.conflicts, {**saved.refused, **heavy})

    world.store.letters = Picky(world.store, "letters")
    (id_,) = await world.fail("a")
    (known,) = await world.known()
    assert known.id == id_
    assert known.original is not None
    assert not known.original.replayable
    assert known.original.truncated_from


async def test_a_newer_full_state_closes_the_letter(world: World) -> None:
    """A full state of the same record that arrives after the letter supersedes it, by way of the topic; others stay open."""
    closed, other = sorted(await world.fail("a", "b"), key=str)
    await world.send(event("a", sku="S", full=True, at_us=NOW_US, arrived_us=NOW_US + SECOND_US))
    await world.drain()
    states = {known.original.key: state_of(known) for known in await world.known() if known.original}
    assert states == {"asset/dam/a": "superseded", "asset/dam/b": "open"}
    assert {closed, other} == set(await world.states())


async def test_a_delta_closes_nothing(world: World) -> None:
    """Only a full state makes the lost change idle."""
    await world.fail("a")
    await world.send(event("a", sku="S", at_us=NOW_US, arrived_us=NOW_US + SECOND_US))
    await world.drain()
    assert list((await world.states()).values()) == ["open"]


async def test_a_late_delivery_of_an_older_state_closes_nothing(world: World) -> None:
    """A full state that arrives later but tells of an earlier time than the letter's event does not make it idle."""
    await world.fail("a", at_us=NOW_US - 5 * SECOND_US)
    await world.send(event("a", sku="S", full=True, at_us=NOW_US - 60 * SECOND_US, arrived_us=NOW_US + SECOND_US))
    await world.drain()
    assert list((await world.states()).values()) == ["open"]


async def test_a_letter_that_comes_after_the_newer_state_is_closed_as_well(world: World) -> None:
    """Both sides look: event and newer full state in one batch, or the projection lagging, end the same."""
    await world.send(event("a"), event("a", sku="S", full=True, at_us=NOW_US, arrived_us=NOW_US + SECOND_US))
    await world.drain()
    assert list((await world.states()).values()) == ["superseded"]


async def test_superseding_asks_once_where_nothing_is_open(world: World) -> None:
    """Without unsettled letters there is no outcome and no look at records."""
    assert await superseded_by(world.store, {f"asset/dam/{n}": NOW_US for n in range(500)}, NOW_US) == []
    await world.fail("a")
    assert await superseded_by(world.store, {"asset/dam/a": NOW_US + 1}, NOW_US) == [
        Outcome((await world.known())[0].id, 0, "superseded", NOW_US, "a newer full state of the record is known")
    ]
    assert await superseded_by(world.store, {"asset/dam/a": NOW_US}, NOW_US) == []


async def test_groups_count_letters_by_cause(world: World) -> None:
    """One entry for each fingerprint with its count under the filter; groups without letters of the filter are left out."""
    await world.fail("a", "b", "c")
    await world.fail("x", sku="S", hopeless=True)
    found, after = await search.groups(world.store.letters, Filter("open"), None, 10)
    assert {one["message"].split(": ")[1]: one["count"] for one in found} == {"metadata[3].sku": 3, "rights": 1}
    assert after is None
    one, after = await search.groups(world.store.letters, Filter("open"), None, 1)
    assert after is not None
    two, after = await search.groups(world.store.letters, Filter("open"), after, 1)
    assert {each["fingerprint"] for each in one + two} == {each["fingerprint"] for each in found}
    assert await search.groups(world.store.letters, Filter("resolved"), None, 10) == ([], None)
    assert await desk.find(world.store, f"group/{found[0]['fingerprint']}") is None


async def test_pages_neither_skip_nor_repeat_within_one_instant(world: World) -> None:
    """Letters that failed in the same microsecond are listed once each, whatever the page's size."""
    await world.store.letters.save([Doc(f"{n:03}", "{}", tokens=("letter",), numbers={"last_failed_us": 7 + n // 9}) for n in range(20)])
    for limit in (1, 2, 5, 50):
        seen: list[str] = []
        after: tuple[int, str] | None = None
        while True:
            docs, after = await search.newest(world.store.letters, ["letter"], after, limit)
            seen += [doc.id for doc in docs]
            if after is None:
                break
        assert seen == [f"{n:03}" for n in reversed(range(20))]
