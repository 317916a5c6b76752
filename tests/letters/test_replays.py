"""Replays on the embedded engines: from a letter over a job to the slow lane and back to the letter.

Owns: tests of consumers/replayer.py, app/letters/jobs.py, app/domain/replays.py. Does not own: HTTP (test_http.py), letters of
requests (test_replayed_requests.py). Next stop: test_rehearsal.py.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app import audit
from app.domain.letter_states import Action, state_of
from app.errors import ConfigurationStale, EntryRefused, LogUnavailable
from app.letters import desk, jobs
from app.letters.documents import change
from app.letters.jobs import Job
from app.letters.search import Filter
from app.ports import Doc, Entry, Position
from schemas import topics
from schemas.event import Event
from tests.letters.replaying import DownOnce, body_of, replayed, started
from tests.letters.world import NOW_US, SECOND_US, World


async def test_a_mended_mapping_and_a_replay_resolve_the_letter(world: World) -> None:
    """The event travels the slow lane as it first came, with letter, attempt and job; success closes the letter."""
    (id_,) = await world.fail("a")
    world.mapping.mended = True
    job = await started(world)
    assert await world.states() == {id_: "replaying"}
    await world.replay()
    (sent,) = await replayed(world)
    (original,) = [Event.read(r.key, r.value, r.headers) for r in await world.on(topics.EVENTS_DAM)]
    assert sent == replace(original, letter=id_, attempt=1, replay=job.id)
    await world.drain()
    assert await world.states() == {id_: "resolved"}
    assert "MENDED" in await body_of(world, "asset/dam/a")
    assert await jobs.counts(world.store, job.id) == {"chosen": 1, "waiting": 0, "sent": 0, "resolved": 1} | dict.fromkeys(
        ("superseded", "reopened", "released"), 0
    )


async def test_a_replay_that_fails_reopens_the_same_letter(world: World) -> None:
    """The letter is open again at its next attempt, with both failures in its story, and can be replayed once more."""
    (id_,) = await world.fail("a")
    job = await started(world)
    await world.replay()
    await world.drain()
    (known,) = await world.known()
    assert (known.id, state_of(known), sorted(known.tries)) == (id_, "open", [0, 1])
    assert (await jobs.counts(world.store, job.id))["reopened"] == 1
    world.mapping.mended = True
    await started(world)
    await world.replay()
    await world.drain()
    assert await world.states() == {id_: "resolved"}
    assert [sent.attempt for sent in await replayed(world)] == [1, 2]


async def test_replaying_twice_changes_nothing(world: World) -> None:
    """The same events on the slow lane once more leave records and letters as they are."""
    await world.fail("a", "b")
    world.mapping.mended = True
    await started(world)
    await world.replay()
    await world.drain()
    before = [await world.store.records.page(limit=10), await world.states()]
    slow = [Entry(r.key or b"", r.value or b"", r.headers) for r in await world.on(topics.EVENTS_SLOW)]
    await world.log.append(topics.EVENTS_SLOW, slow)
    await world.drain()
    assert [await world.store.records.page(limit=10), await world.states()] == before
    again = await started(world, Filter(ids=tuple(await world.states())))
    await world.replay()
    assert (await jobs.counts(world.store, again.id))["chosen"] == 0
    assert jobs.read((await world.store.jobs.load([again.id]))[again.id]).refused == 2


async def test_the_set_is_frozen(world: World) -> None:
    """Letters that fail after the job began are not part of it."""
    old = set(await world.fail("a", "b"))
    job = await started(world, rate=1)
    new = set(await world.fail("c"))
    await world.replay()
    await world.drain()
    assert {sent.letter for sent in await replayed(world)} == old
    assert (await jobs.counts(world.store, job.id))["chosen"] == 2
    assert new <= {id_ for id_, state in (await world.states()).items() if state == "open"}


async def test_the_rate_holds_over_several_replayers(world: World) -> None:
    """In so many seconds no more than the rate allows is sent, whoever asks and however often."""
    await world.fail(*(f"t{n:02}" for n in range(30)))
    await started(world, rate=5)
    both = [world.replayer, world.new_replayer()]
    for second in range(1, 5):
        for _ in range(10):
            for each in both:
                await each.run_once()
        assert len(await replayed(world)) == 5 * second
        world.clock.at_us += SECOND_US
    assert len({sent.letter for sent in await replayed(world)}) == 20


async def test_a_restart_in_the_middle_goes_on(tmp_path: Path) -> None:
    """New objects on the same files finish what the first ones began; each letter is sent and resolved."""
    async with World(tmp_path) as first:
        ids = await first.fail(*(f"t{n}" for n in range(10)))
        job = await started(first, rate=4)
        await first.replayer.run_once()
        at_us = first.clock.at_us
    async with World(tmp_path) as second:
        second.clock.at_us = at_us + 10 * SECOND_US
        second.mapping.mended = True
        assert (await jobs.counts(second.store, job.id))["waiting"] == 6
        await second.replay()
        await second.drain()
        assert await second.states() == dict.fromkeys(ids, "resolved")
        assert Counter(sent.letter for sent in await replayed(second)) == dict.fromkeys(ids, 1)


async def test_a_crash_between_sending_and_marking_is_harmless(world: World) -> None:
    """The batch is sent again under the same attempts, and every letter is resolved once."""
    ids = await world.fail("a", "b")
    world.mapping.mended = True
    job = await started(world)
    DownOnce(world, topics.EVENTS_SLOW)
    with pytest.raises(LogUnavailable):
        await world.replayer.run_once()
    world.clock.at_us += SECOND_US
    await world.replay()
    await world.drain()
    assert Counter((sent.letter, sent.attempt) for sent in await replayed(world)) == {(id_, 1): 2 for id_ in ids}
    assert await world.states() == dict.fromkeys(ids, "resolved")
    assert (await jobs.counts(world.store, job.id))["resolved"] == 2


async def test_a_failure_that_comes_back_before_the_mark_is_not_sent_again(world: World) -> None:
    """Sent, the mark lost, failed meanwhile: the letter is open at its next attempt and this job is done with it."""
    (id_,) = await world.fail("a")
    job = await started(world)
    DownOnce(world, topics.EVENTS_SLOW)
    with pytest.raises(LogUnavailable):
        await world.replayer.run_once()
    await world.drain()
    assert await world.states() == {id_: "open"}
    await world.replay()
    assert len(await replayed(world)) == 1
    assert (await jobs.counts(world.store, job.id))["reopened"] == 1


async def test_cancelling_gives_back_what_was_not_sent(world: World) -> None:
    """Unsent letters have their state again, a person's mark included; sent ones report back; cancelling twice is once."""
    ids = await world.fail(*(f"t{n}" for n in range(6)))
    await desk.act(world.store, world.clock, max(ids), "acknowledge", by="ann", why="seen")
    job = await started(world, rate=2)
    await world.replayer.run_once()
    for _ in range(2):
        cancelled = await jobs.cancel_job(world.store, world.clock, job.id, by="bob", why="wrong set")
        assert cancelled.phase == "cancelled"
    counts = await jobs.counts(world.store, job.id)
    assert (counts["chosen"], counts["sent"], counts["released"]) == (6, 2, 4)
    assert Counter((await world.states()).values()) == {"replaying": 2, "open": 3, "acknowledged": 1}
    await world.replay()
    assert len(await replayed(world)) == 2
    await world.drain()
    assert Counter((await world.states()).values()) == {"open": 5, "acknowledged": 1}
    assert [entry["what"] for entry in await audit.entries(world.store, f"job/{job.id}")] == [*["replay.cancel"] * 2, "replay.start"]


async def test_a_late_choosers_stamp_is_released(world: World) -> None:
    """A page stamped after the job was cancelled does not keep its letters replaying."""
    (id_,) = await world.fail("a")
    job = await started(world, Filter("resolved"))
    await jobs.cancel_job(world.store, world.clock, job.id, by="bob", why="no")
    cancelled = Job(f"{job.id}-x", {}, 1.0, "ann", "x", NOW_US, phase="cancelled", ended_us=world.clock.at_us)
    await world.store.jobs.save([jobs._document(cancelled, 0)])
    late = Action("stamp", "ann", NOW_US, "x", cancelled.id)
    await change(world.store.letters, {id_: [late]})
    assert await world.states() == {id_: "replaying"}
    await world.replayer.run_once()
    assert await world.states() == {id_: "open"}
    world.clock.at_us += jobs.AFTERCARE_US + SECOND_US
    await world.replay(steps=2)
    assert not await world.store.jobs.matching([jobs.ACTIVE])


async def test_large_sets_are_chosen_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Choosing goes on behind its cursor, in the replayer, after the call that began it has returned; what fails meanwhile stays out."""
    monkeypatch.setattr(jobs, "PAGE", 3)
    old = await world.fail(*(f"t{n:02}" for n in range(20)))
    job = await started(world)
    assert job.phase == "choosing"
    assert (await jobs.counts(world.store, job.id))["chosen"] == 6
    new = await world.fail(*(f"u{n:02}" for n in range(20)))
    world.mapping.mended = True
    await world.replay()
    await world.drain()
    assert await world.states() == dict.fromkeys(old, "resolved") | dict.fromkeys(new, "open")


async def test_what_the_log_refuses_is_its_letter_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event too large for the log reopens its letter; the others of its batch are sent."""
    big, small = sorted(await world.fail("a", "b"))
    append = world.log.append

    async def picky(topic: str, entries: Sequence[Entry], *, deadline_s: float = 10.0) -> Sequence[Position]:
        if topic == topics.EVENTS_SLOW and any(dict(entry.headers)["ce_binderyletter"] == big.encode() for entry in entries):
            raise EntryRefused("too large")
        return await append(topic, entries, deadline_s=deadline_s)

    monkeypatch.setattr(world.log, "append", picky)
    world.mapping.mended = True
    await started(world)
    await world.replay()
    await world.drain()
    assert await world.states() == {big: "open", small: "resolved"}
    (known,) = [known for known in await world.known() if known.id == big]
    failure = known.tries[1].failure
    assert failure is not None
    assert failure.disposition == "rejected"


async def test_a_full_state_during_the_replay_supersedes_it(world: World) -> None:
    """The letter stays closed though its replay fails afterwards."""
    (id_,) = await world.fail("a")
    await started(world)
    await world.replay()
    newer = {"sku": "S", "full": True, "at_us": NOW_US, "arrived_us": NOW_US + SECOND_US}
    await world.fail("a", **newer)
    await world.drain(world.letters)
    assert await world.states() == {id_: "superseded"}
    await world.drain()
    assert await world.states() == {id_: "superseded"}


async def test_an_old_configuration_replays_nothing(world: World) -> None:
    """A replayer older than the configuration in force stops before it sends."""
    await world.fail("a")
    await started(world)
    await world.store.configuration.save([Doc("current", '{"hash":""}', numbers={"version": 2})])
    with pytest.raises(ConfigurationStale):
        await world.replayer.run_once()
    assert await replayed(world) == []
