"""Appends to Kafka: requests that arrive together travel together, and one bad entry harms nobody else.

Owns: accumulating, sending, deadlines, replacing the producer. Does not own: a partition's line (batches.py), hashing (partitioner.py).
Next stop: app/backends/kafka/log.py.

A leader gets one round of batches at a time, one batch per partition; what arrives meanwhile is the next round. A round ends with its
first answer, so that a partition in trouble holds up nobody but itself.

aiokafka's idempotent producer advances a partition's sequence before it sends: after an error that it does not retry, the broker refuses
everything that follows. So such an error replaces the producer. What it refused is bisected until the culprit stands alone.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer, errors
from aiokafka.structs import TopicPartition as KafkaPartition

from app.backends.kafka.batches import Batch, Item, Line, Request, size_of
from app.backends.kafka.connection import BATCH_BYTES, FAILURES, FORBIDDEN, REFUSALS, TOO_LARGE, Connection, close_producer
from app.backends.kafka.partitioner import partition_of
from app.errors import EntryRefused, LogUnavailable
from app.ports import Entry, Position

log_line = structlog.get_logger(__name__)

HELD_BYTES = 64_000_000
CONNECT_S, RETIRE_S, STOP_S = 10.0, 15.0, 2.0
RENEW_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0


class Appender:
    """L1, L2, L3 and L11 of the port.

    Failure policy: errors that pass are tried again until the caller's deadline, then LogUnavailable; the entries may be durable all the
    same. A full buffer is LogUnavailable at once. An entry that the brokers refuse for good is EntryRefused.
    """

    def __init__(self, connection: Connection, *, max_entry_bytes: int) -> None:
        self._connection, self._max_entry_bytes = connection, max_entry_bytes
        self._producer: AIOKafkaProducer | None = None
        self._counts: dict[str, int] = {}
        self._unrouted: dict[str, list[Request]] = {}
        self._lines: dict[KafkaPartition, Line] = {}
        self._pending: dict[Line, None] = {}
        self._busy_leaders: set[int | None] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._held = 0
        self._flush_is_due = self._stopped = False

    async def start(self) -> None:
        """Raises LogUnavailable."""
        self._stopped = False
        try:
            self._producer = await self._connect()
        except FAILURES as error:
            raise self._connection.unavailable("cannot connect", error) from error

    async def append(self, topic: str, entries: Sequence[Entry], deadline_s: float) -> Sequence[Position]:
        """Positions in the order of the entries; offset -1 where the brokers no longer know it (a repeated batch)."""
        if not entries:
            return []
        loop = asyncio.get_running_loop()
        request = Request(topic, entries, [size_of(topic, each, self._max_entry_bytes) for each in entries], loop.create_future())
        if self._stopped or (self._held and self._held + request.size > HELD_BYTES):
            state = "is stopped" if self._stopped else f"has {self._held} bytes waiting to be appended"
            raise LogUnavailable(f"Kafka at {self._connection.bootstrap_servers}: this process {state}; try again later.")
        self._held += request.size
        timer = loop.call_later(deadline_s, self._expire, request, deadline_s)
        try:
            self._accept(request)
            return await request.future
        finally:
            timer.cancel()
            self._held -= request.size
            request.forget()

    async def partitions(self, topic: str) -> int:
        """Raises LogUnavailable, also where the topic does not exist."""
        if topic not in self._counts:
            if self._producer is None:
                raise LogUnavailable(f"Kafka at {self._connection.bootstrap_servers}: not connected; try again later.")
            try:
                async with asyncio.timeout(CONNECT_S):
                    self._counts[topic] = len(await self._producer.partitions_for(topic))
            except FAILURES as error:
                raise self._connection.unavailable(f"topic {topic} is unknown; `bindery topics apply` creates it", error) from error
        return self._counts[topic]

    async def stop(self) -> None:
        """Gives batches under way a moment, fails the rest with LogUnavailable."""
        self._stopped = True
        producer, self._producer = self._producer, None
        if producer is not None:
            await close_producer(producer, STOP_S)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        left = [item.request for line in self._lines.values() for item in line.drain()]
        for request in [*left, *(each for requests in self._unrouted.values() for each in requests)]:
            request.fail(LogUnavailable("The log was stopped before Kafka acknowledged."))
        self._unrouted.clear()
        self._pending.clear()

    def _expire(self, request: Request, deadline_s: float) -> None:
        hint = "" if request.topic in self._counts else f"; topic {request.topic} is unknown, `bindery topics apply` creates it"
        where = f"Kafka at {self._connection.bootstrap_servers}"
        request.fail(LogUnavailable(f"{where} did not acknowledge {request.topic} within {deadline_s} s{hint}."))

    def _accept(self, request: Request) -> None:
        if request.topic in self._counts and request.topic not in self._unrouted:
            self._route(request)
        elif request.topic in self._unrouted:
            self._unrouted[request.topic].append(request)
        else:
            self._unrouted[request.topic] = [request]
            self._spawn(self._learn(request.topic))

    async def _learn(self, topic: str) -> None:
        failure: LogUnavailable | None = None
        try:
            await self.partitions(topic)
        except LogUnavailable as error:
            failure = error
        for request in self._unrouted.pop(topic):
            if failure is None:
                self._route(request)
            else:
                request.fail(failure)

    def _route(self, request: Request) -> None:
        count = self._counts[request.topic]
        for index, entry in enumerate(request.entries):
            place = KafkaPartition(request.topic, partition_of(entry.key, count))
            line = self._lines.get(place)
            if line is None:
                line = self._lines[place] = Line(place)
            line.add(Item(request, index))
            self._pending[line] = None
        self._wake()

    def _wake(self) -> None:
        if not self._flush_is_due and self._pending and not self._stopped:
            self._flush_is_due = True
            # Later, not now: what else arrives in this turn of the event loop joins the batch.
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        producer = self._producer
        if producer is None:
            return
        rounds: dict[int | None, list[Batch]] = {}
        for line in list(self._pending):
            leader = producer.client.cluster.leader_for_partition(line.place)
            if line.busy or leader in self._busy_leaders:
                continue
            batch = line.cut(producer.create_batch)
            if not line:
                del self._pending[line]
            if batch is not None:
                line.busy = True
                rounds.setdefault(leader, []).append(batch)
        for leader, batches in rounds.items():
            self._busy_leaders.add(leader)
            self._spawn(self._round(producer, leader, batches))

    async def _round(self, producer: AIOKafkaProducer, leader: int | None, batches: list[Batch]) -> None:
        under_way = []
        try:
            for batch in batches:
                try:
                    sent = await producer.send_batch(batch.builder, batch.line.place.topic, partition=batch.line.place.partition)
                except FAILURES as error:
                    self._failed(producer, batch, error)
                else:
                    sent.add_done_callback(partial(self._answered, producer, batch))
                    under_way.append(sent)
            if under_way:
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._busy_leaders.discard(leader)
            self._wake()

    def _answered(self, producer: AIOKafkaProducer, batch: Batch, sent: asyncio.Future[Any]) -> None:
        error = errors.ProducerClosed() if sent.cancelled() else sent.exception()
        if error is not None:
            self._failed(producer, batch, error)
            return
        offset, partition = sent.result().offset, batch.line.place.partition
        for nth, (request, index) in enumerate(batch.items):
            request.acknowledge(index, Position(partition, offset + nth if offset >= 0 else -1))
        self._release(batch.line)

    def _failed(self, producer: AIOKafkaProducer, batch: Batch, error: BaseException) -> None:
        """Decides what becomes of a batch that failed for good; the producer that sent it is spent in any case."""
        topic = batch.line.place.topic
        log_line.warning("kafka.batch_failed", topic=topic, entries=len(batch.items), bytes=batch.size, error=type(error).__name__)
        pause_s = RENEW_PAUSE_S
        if isinstance(error, REFUSALS):
            pause_s = 0.0
            if isinstance(error, TOO_LARGE):
                batch.line.shrink(batch.size)
            if len(batch.items) > 1:
                batch.line.bisect(batch.items)
            else:
                batch.items[0].request.fail(EntryRefused(f"Kafka refuses an entry of {batch.size} bytes for {topic}: {error}"))
        elif isinstance(error, FORBIDDEN):
            for item in batch.items:
                item.request.fail(self._connection.unavailable(f"appending to {topic} is not allowed", error))
        else:
            batch.line.repeat(batch.items)
        self._replace(producer, pause_s)
        self._release(batch.line)

    def _release(self, line: Line) -> None:
        line.busy = False
        if line:
            self._pending[line] = None
        self._wake()

    def _replace(self, spent: AIOKafkaProducer, pause_s: float) -> None:
        if self._producer is spent and not self._stopped:
            self._producer = None
            # Batches of other partitions that it has under way are sound and may end in peace.
            self._spawn(close_producer(spent, RETIRE_S))
            self._spawn(self._renew(pause_s))

    async def _renew(self, pause_s: float) -> None:
        while self._producer is None:
            await asyncio.sleep(pause_s)
            try:
                self._producer = await self._connect()
            except Exception as error:  # noqa: BLE001 - whatever it is: only this task makes a producer, and without one nothing is appended
                log_line.warning("kafka.reconnect_failed", error=type(error).__name__, detail=str(error))
                pause_s = min(max(pause_s, RENEW_PAUSE_S) * 2, LONGEST_PAUSE_S)
        self._wake()

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._connection.options("appender"),
            enable_idempotence=True,
            acks="all",
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=30_000,
        )
        try:
            async with asyncio.timeout(CONNECT_S):
                await producer.start()
                for topic in self._counts:
                    await producer.partitions_for(topic)
        except BaseException:
            await close_producer(producer, STOP_S)
            raise
        return producer

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
