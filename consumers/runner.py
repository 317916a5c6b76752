"""The loop that every log consumer runs in: poll, process, commit; and what each kind of failure means to it.

Owns: batches, commits, back-off, rebalances, stopping. Does not own: what a batch means (the stage).
Next stop: consumers/projector.py, consumers/binder.py, consumers/letters.py are the stages.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from app.errors import EngineDown, Ownership
from app.ports import Clock, EventLog, LogConsumer, LogRecord, TopicPartition

log_line = structlog.get_logger(__name__)

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.1, 5.0
FIRST_BATCH, QUICK_S, SLOW_S = 1000, 2.0, 4.0


class Stage(Protocol):
    """What a consumer does with a batch. process() returns when all effects of the batch are durable; a raised error repeats the batch."""

    @property
    def group(self) -> str: ...
    @property
    def topics(self) -> Collection[str]: ...
    async def process(self, records: Sequence[LogRecord]) -> None: ...
    async def abandoned(self, partitions: Collection[TopicPartition] | None) -> None:
        """The stage no longer owns these partitions, or (None) a batch ended in an error after an unknown part of its effects."""
        ...


@dataclass(slots=True)
class Health:
    """What readiness tells of one consumer. `trouble` is "" while all is well."""

    trouble: str = "starting"
    batches: int = 0
    records: int = 0
    last_batch_us: int = 0


class Runner:
    """Runs one stage as one member of its group until stopped.

    `batch`: the most records a batch may have. Batches begin at FIRST_BATCH; a full one that was done within QUICK_S doubles the next,
    one that took longer than SLOW_S halves it: large batches save work where the log has a backlog (the binder decides a SKU once a batch),
    and yet a batch ends in time for a rebalance or a stop, however much one record may cost.

    Failure policy: EngineDown pauses and repeats in place, with growing pauses, for ever; an ownership error gives the batch up and goes on
    with what is still owned; anything else (a stale configuration, a defect) ends the runner with the error, nothing committed.
    """

    def __init__(self, log: EventLog, stage: Stage, clock: Clock, *, batch: int = 1000, poll_s: float = 0.5) -> None:
        self.stage = stage
        self.health = Health()
        self._log, self._clock = log, clock
        self._most, self._poll_s = batch, poll_s
        self._batch = min(batch, FIRST_BATCH)
        self._stop = asyncio.Event()
        self._working = asyncio.Lock()
        self._rebalances = 0

    def stop(self) -> None:
        """Asks the loop to finish its batch, commit and leave the group."""
        self._stop.set()

    async def run(self) -> None:
        consumer = self._log.consumer(self.stage.group, self.stage.topics, on_assigned=self._assigned, on_revoked=self._revoked)
        backoff_s = FIRST_BACKOFF_S
        started = False
        try:
            while not self._stop.is_set():
                try:
                    if not started:
                        await consumer.start()
                        started = True
                    await self._once(consumer)
                    self.health.trouble, backoff_s = "", FIRST_BACKOFF_S
                except (EngineDown, Ownership) as error:
                    self._tell("consumer.engine_down" if isinstance(error, EngineDown) else "consumer.ownership_lost", error)
                    # What was too much for an engine's time limit may pass in smaller batches; those that pass grow again.
                    self._batch = max(1, self._batch // 2)
                    await self._give_up(consumer, started)
                    await pause(self._clock, self._stop, backoff_s)
                    backoff_s = min(backoff_s * 2, LONGEST_BACKOFF_S)
        except BaseException as error:
            self.health.trouble = f"{type(error).__name__}: {error}"
            raise
        finally:
            await consumer.stop()
            await self.stage.abandoned(None)

    async def _once(self, consumer: LogConsumer) -> None:
        before = self._rebalances
        records = await consumer.poll(self._batch, self._poll_s)
        if not records:
            return
        async with self._working:
            if self._rebalances != before:
                # Partitions moved between the poll and here: what is still owned is read again from its committed offset.
                await consumer.rewind()
                return
            began_s = self._clock.monotonic_s()
            await self.stage.process(records)
            await consumer.commit(_next_offsets(records))
            self._resize(len(records), self._clock.monotonic_s() - began_s)
        self.health.batches += 1
        self.health.records += len(records)
        self.health.last_batch_us = self._clock.now_us()

    def _resize(self, count: int, took_s: float) -> None:
        if took_s > SLOW_S:
            self._batch = max(1, self._batch // 2)
        elif count >= self._batch and took_s < QUICK_S:
            self._batch = min(self._batch * 2, self._most)

    async def _give_up(self, consumer: LogConsumer, started: bool) -> None:
        await self.stage.abandoned(None)
        if not started:
            return
        # Polling on without the rewind would skip the batch that failed, so nothing else happens until it succeeds.
        backoff_s = FIRST_BACKOFF_S
        while not self._stop.is_set():
            try:
                await consumer.rewind()
                return
            except (EngineDown, Ownership) as error:
                self._tell("consumer.rewind_failed", error)
                await pause(self._clock, self._stop, backoff_s)
                backoff_s = min(backoff_s * 2, LONGEST_BACKOFF_S)

    async def _assigned(self, partitions: frozenset[TopicPartition]) -> None:
        self._rebalances += 1
        log_line.info("consumer.assigned", group=self.stage.group, partitions=sorted(f"{t}/{p}" for t, p in partitions))

    async def _revoked(self, partitions: frozenset[TopicPartition]) -> None:
        # The batch under way is finished first: aiokafka rebalances eagerly and would let the next owner begin meanwhile.
        async with self._working:
            self._rebalances += 1
            await self.stage.abandoned(partitions)

    def _tell(self, name: str, error: Exception) -> None:
        self.health.trouble = f"{type(error).__name__}: {error}"
        log_line.warning(name, group=self.stage.group, error=type(error).__name__, detail=str(error))


async def pause(clock: Clock, stop: asyncio.Event, seconds: float) -> None:
    """Sleeps, or less where `stop` is set meanwhile."""
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({sleeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sleeping.cancel()
        stopping.cancel()


def _next_offsets(records: Sequence[LogRecord]) -> dict[TopicPartition, int]:
    upto: dict[TopicPartition, int] = {}
    for record in records:
        upto[TopicPartition(record.topic, record.partition)] = record.offset + 1
    return upto
