"""The loop: what each kind of failure means to it, and that no record is skipped whatever happens.

Owns: Runner with a stage that notes what it sees. Does not own: real stages (the other tests beside this file).
Next stop: tests/consumers/test_clock.py.
"""

import asyncio
from collections.abc import Collection, Sequence

import pytest

from app.errors import BinderyError, ConfigurationStale, Deposed, LogUnavailable, Revoked, StoreUnavailable
from app.ports import Entry, LogRecord, TopicPartition
from consumers.runner import FIRST_BATCH, Runner
from schemas import topics
from tests.consumers.disturbances import RoughLog
from tests.consumers.world import SECOND_US, SetClock, World

TOPIC = topics.EVENTS_PIM
THERE = TopicPartition(TOPIC, 0)


class Noting:
    """A stage that notes what it finished, and fails as it is told. gate: a batch ends only while it is open. takes_s: by the clock."""

    group = "noting"
    topics = (TOPIC,)

    def __init__(self, clock: SetClock, *failures: BaseException) -> None:
        self._clock = clock
        self.failures = list(failures)
        self.batches: list[list[int]] = []
        self.tries_us: list[int] = []
        self.gone: list[Collection[TopicPartition] | None] = []
        self.begun, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.takes_s = 0.0

    @property
    def seen(self) -> list[int]:
        """Offsets of the records of finished batches."""
        return [offset for batch in self.batches for offset in batch]

    async def process(self, records: Sequence[LogRecord]) -> None:
        self.begun.set()
        self.tries_us.append(self._clock.at_us)
        await self.gate.wait()
        self._clock.at_us += int(self.takes_s * SECOND_US)
        if self.failures:
            raise self.failures.pop(0)
        self.batches.append([record.offset for record in records])

    async def abandoned(self, partitions: Collection[TopicPartition] | None) -> None:
        self.gone.append(partitions)


@pytest.fixture
def log(world: World) -> RoughLog:
    assert isinstance(world.log, RoughLog)
    return world.log


async def fill(world: World, count: int = 5) -> None:
    await world.log.append(TOPIC, [Entry(b"k", b"v")] * count)


def runner_of(world: World, stage: Noting, batch: int = 2) -> Runner:
    return Runner(world.log, stage, world.clock, batch=batch, poll_s=0.01)


async def work_off(world: World, stage: Noting, batch: int = 2) -> Runner:
    """A runner that works until nothing waits any more."""
    runner = runner_of(world, stage, batch)
    async with world.running(runner) as until:
        await until(lambda: world.caught_up(stage))
    return runner


async def test_batches_are_processed_in_order_and_committed(world: World) -> None:
    """Each record once, by the next runner none of them again, and readiness is green."""
    stage = Noting(world.clock)
    await fill(world)
    runner = await work_off(world, stage)
    assert stage.batches == [[0, 1], [2, 3], [4]]
    assert (runner.health.trouble, runner.health.batches, runner.health.records) == ("", 3, 5)
    assert runner.health.last_batch_us == world.clock.at_us
    await fill(world, 1)
    again = Noting(world.clock)
    await work_off(world, again)
    assert again.seen == [5]


@pytest.mark.parametrize("error", [LogUnavailable("down"), StoreUnavailable("down")])
async def test_an_engine_that_is_down_pauses_and_resumes_in_place(world: World, error: BinderyError) -> None:
    """The batch is repeated with growing pauses of at most five seconds, and nothing is lost or taken twice."""
    stage = Noting(world.clock, *[error] * 8)
    await fill(world)
    await work_off(world, stage)
    assert stage.seen == [0, 1, 2, 3, 4]
    pauses_s = [(after - before) / SECOND_US for before, after in zip(stage.tries_us, stage.tries_us[1:9], strict=False)]
    assert pauses_s == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert stage.gone[:8] == [None] * 8


async def test_readiness_is_red_while_an_engine_is_down(world: World) -> None:
    """It tells what is wrong, and is green again after the next batch."""
    stage = Noting(world.clock, StoreUnavailable("the store is away"))
    await fill(world)
    runner = runner_of(world, stage)
    assert runner.health.trouble == "starting"
    stage.gate.clear()
    async with world.running(runner) as until:
        await stage.begun.wait()
        stage.begun.clear()
        stage.gate.set()
        await stage.begun.wait()
        assert runner.health.trouble == "StoreUnavailable: the store is away"
        await until(lambda: world.caught_up(stage))
    assert runner.health.trouble == ""


@pytest.mark.parametrize("method", ["start", "poll", "commit"])
async def test_a_log_that_fails_costs_no_record(world: World, log: RoughLog, method: str) -> None:
    """Whatever it is that fails, every record is finished; one whose commit failed may be finished twice."""
    stage = Noting(world.clock)
    await fill(world)
    log.fails[method] = 3
    await work_off(world, stage)
    assert stage.seen[-5:] == [0, 1, 2, 3, 4]
    # Three commits fail, of batches that are halved each time: two records, then one.
    assert stage.seen[:-5] == ([0, 1, 0, 0] if method == "commit" else [])


async def test_a_failing_rewind_skips_nothing(world: World, log: RoughLog) -> None:
    """After a batch that failed, nothing is polled until the rewind succeeds."""
    stage = Noting(world.clock, StoreUnavailable("down"), Deposed("somebody else"))
    await fill(world)
    log.fails["rewind"] = 5
    await work_off(world, stage)
    assert stage.seen == [0, 1, 2, 3, 4]
    assert log.fails["rewind"] == 0


@pytest.mark.parametrize("error", [Deposed("a newer epoch"), Revoked("moved")])
async def test_lost_ownership_gives_the_batch_up_and_goes_on(world: World, error: BinderyError) -> None:
    """The stage lets go of everything, and what is still owned is read again, after a pause: another loss would come as quickly."""
    stage = Noting(world.clock, error)
    await fill(world)
    await work_off(world, stage)
    assert stage.seen == [0, 1, 2, 3, 4]
    assert stage.gone[0] is None
    assert stage.tries_us[1] > stage.tries_us[0]


async def test_a_batch_that_is_too_much_is_tried_in_halves(world: World) -> None:
    """An engine that cannot take a large batch in time gets smaller ones until one passes."""

    class Slow(Noting):
        async def process(self, records: Sequence[LogRecord]) -> None:
            if len(records) > 1:
                raise StoreUnavailable("no answer in time")
            await super().process(records)

    stage = Slow(world.clock)
    await fill(world)
    await work_off(world, stage)
    assert stage.seen == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("error", [KeyError("a defect"), ConfigurationStale("version 2 is in force")])
async def test_anything_else_ends_the_runner(world: World, error: Exception) -> None:
    """With the error, readiness red and nothing committed; the stage lets go, and another runner takes the batch up."""
    stage = Noting(world.clock, error)
    await fill(world)
    runner = runner_of(world, stage)
    with pytest.raises(type(error)):
        await runner.run()
    assert runner.health.trouble == f"{type(error).__name__}: {error}"
    assert stage.gone[-1] is None
    other = Noting(world.clock)
    await work_off(world, other)
    assert other.seen == [0, 1, 2, 3, 4]


async def test_stop_finishes_the_batch_and_commits(world: World) -> None:
    """The batch under way is finished and committed, the next one is not begun."""
    stage = Noting(world.clock)
    stage.gate.clear()
    await fill(world)
    runner = runner_of(world, stage)
    running = asyncio.create_task(runner.run())
    await stage.begun.wait()
    runner.stop()
    stage.gate.set()
    await running
    assert stage.batches == [[0, 1]]
    assert await world.log.lag(stage.group, [TOPIC]) == {THERE: 3}


class Stuck(SetClock):
    """A clock by which nobody ever wakes up."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


@pytest.mark.parametrize("method", ["poll", "rewind"])
async def test_stop_ends_a_pause(world: World, log: RoughLog, method: str) -> None:
    """A runner that waits for an engine leaves at once when it is told to."""
    log.fails[method] = 99
    stage = Noting(world.clock, StoreUnavailable("down"))
    await fill(world)
    runner = Runner(world.log, stage, Stuck(), poll_s=0.01)
    running = asyncio.create_task(runner.run())
    async with asyncio.timeout(20):
        while "Unavailable" not in runner.health.trouble:
            await asyncio.sleep(0.001)
        runner.stop()
        await running
    assert stage.seen == []


async def test_a_revoke_waits_for_the_batch(world: World) -> None:
    """A member that joins gets nothing before the batch under way is finished and committed, and then none of its records."""
    first, second = Noting(world.clock), Noting(world.clock)
    first.gate.clear()
    await fill(world)
    async with world.running(runner_of(world, first)):
        await first.begun.wait()
        async with world.running(runner_of(world, second)) as until:
            for _ in range(50):
                await asyncio.sleep(0.001)
            assert second.tries_us == []
            assert first.gone == []
            first.gate.set()
            await until(lambda: world.caught_up(second))
    assert first.batches == [[0, 1]]
    assert second.batches == [[2, 3], [4]]
    assert first.gone[0] == frozenset({THERE})


async def test_records_polled_before_a_rebalance_are_not_processed(world: World, log: RoughLog) -> None:
    """Between poll and process the partition may have gone: the batch is dropped and what is owned is read again."""

    async def rebalance() -> None:
        other = log.consumer("noting", [TOPIC])
        await other.start()
        await other.stop()

    stage = Noting(world.clock)
    runner = runner_of(world, stage)
    await fill(world, 2)
    async with world.running(runner) as until:
        await until(lambda: world.caught_up(stage))
        log.between = rebalance
        await fill(world, 3)
        await until(lambda: world.caught_up(stage))
    assert stage.batches == [[0, 1], [2, 3], [4]]


async def test_batches_grow_while_they_are_quick_and_shrink_when_slow(world: World) -> None:
    """From FIRST_BATCH up to the setting while full ones are quick; halved after a slow one, so that a batch ends in time for a stop."""
    stage = Noting(world.clock)
    await fill(world, FIRST_BATCH * 8)
    await work_off(world, stage, batch=FIRST_BATCH * 3)
    sizes = [len(batch) for batch in stage.batches]
    assert sizes[:3] == [FIRST_BATCH, FIRST_BATCH * 2, FIRST_BATCH * 3]
    assert sum(sizes) == FIRST_BATCH * 8
    slow = Noting(world.clock)
    slow.takes_s = 60.0
    await fill(world, FIRST_BATCH * 2)
    await work_off(world, slow, batch=FIRST_BATCH)
    assert [len(batch) for batch in slow.batches][:3] == [FIRST_BATCH, FIRST_BATCH // 2, FIRST_BATCH // 4]
    assert slow.seen == list(range(FIRST_BATCH * 8, FIRST_BATCH * 10))
