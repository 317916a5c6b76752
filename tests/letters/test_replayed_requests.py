"""Letters of requests: the source reads them again, under the configuration of today.

Owns: tests of app/domain/replays.py by way of the replayer. Does not own: letters of events (test_replays.py).
Next stop: test_rehearsal.py.
"""

from app.domain.letter_states import state_of
from app.domain.letters import letter_of_unread
from app.errors import Malformed
from app.letters.rehearsal import rehearse
from app.letters.search import Filter
from app.ports import Entry
from app.sources.source import Unread
from schemas import topics
from tests.letters.replaying import ONE, TWO, replayed, started, unread
from tests.letters.world import NOW_US, SOURCE, World


async def test_a_request_that_reads_as_one_event_carries_the_letter(world: World) -> None:
    """The source reads the request again under the current configuration; arrival and era stay those of the first time."""
    (id_,) = await unread(world, ONE)
    world.mapping.mended = True
    await started(world)
    await world.replay()
    (sent,) = await replayed(world)
    assert (sent.letter, sent.attempt, sent.arrived_us, sent.era) == (id_, 1, NOW_US, 3)
    await world.drain()
    assert await world.states() == {id_: "resolved"}


async def test_a_request_that_reads_as_several_is_resolved_by_that(world: World) -> None:
    """Each event goes its own way; one that fails is a letter of its own."""
    (id_,) = await unread(world, TWO)
    world.mapping.mended = True
    await started(world)
    await world.replay()
    await world.drain()
    states = await world.states()
    assert states.pop(id_) == "resolved"
    assert list(states.values()) == ["open"]
    assert {sent.letter for sent in await replayed(world)} == {""}


async def test_a_request_that_still_cannot_be_read_reopens_by_way_of_the_topic(world: World) -> None:
    """Its next failure stands on the topic under the same id with attempt 1, and nothing is in the slow lane."""
    (id_,) = await unread(world, ONE)
    await started(world)
    await world.replay()
    assert await world.states() == {id_: "replaying"}
    await world.drain()
    (known,) = await world.known()
    assert (state_of(known), sorted(known.tries), known.original and known.original.value) == ("open", [0, 1], ONE)
    assert await replayed(world) == []


async def test_a_source_that_is_gone_reopens_the_letter_with_the_reason(world: World) -> None:
    """A request of a source that is not configured any more says so."""
    (id_,) = await unread(world, ONE)
    world.sources._sources.clear()
    await started(world)
    await world.replay()
    await world.drain()
    (known,) = await world.known()
    failure = known.tries[1].failure
    assert (known.id, state_of(known)) == (id_, "open")
    assert failure is not None
    assert "not configured any more" in failure.message


async def test_a_defect_at_one_letter_holds_up_no_other(world: World) -> None:
    """A source that breaks on one request reopens that letter; the job goes on with the rest."""
    (good,) = await unread(world, ONE)
    piece = Unread(b'{"explode":true}', "", "e", "", Malformed("x"))
    bad = letter_of_unread(SOURCE, piece, arrived_us=NOW_US, era=3, now_us=NOW_US, code_version="test", config_version=1)
    await world.log.append(topics.DEAD_LETTERS, [Entry(*bad.entry())])
    await world.drain(world.letters)
    world.mapping.mended = True
    (told,) = (await rehearse(world.store, world.sources, Filter(ids=(bad.id,)), version=1, limit=1))[0]
    assert told.verdict == "still-failing"
    await started(world)
    await world.replay()
    await world.drain()
    assert await world.states() == {good: "resolved", bad.id: "open"}
