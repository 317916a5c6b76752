"""A writer with a name on Kafka: a transactional producer, one transaction per append.

Owns: L9 and L10. Does not own: epochs of owners (consumers/binder.py draws them). Next stop: consumers/binder.py.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from app.backends.kafka.batches import size_of
from app.backends.kafka.connection import BATCH_BYTES, FAILURES, FENCED, REFUSALS, TOO_LARGE, Connection, close_producer
from app.backends.kafka.partitioner import partition_of
from app.errors import EntryRefused, Fenced, LogUnavailable
from app.ports import Entry

DEADLINE_S = 10.0
# One after the other where an append is given up: together they bound how long a writer may take to leave.
ABORT_S, CLOSE_S = 1.0, 1.0
SMALLEST_BATCH_BYTES = 1024


class KafkaFencedWriter:
    """Failure policy: an error of the brokers closes the writer, and open() makes it usable again. An append that ends in LogUnavailable
    may be durable, whole, or not at all.
    """

    def __init__(self, connection: Connection, name: str, *, max_entry_bytes: int) -> None:
        self._connection, self._name, self._max_entry_bytes = connection, name, max_entry_bytes
        self._producer: AIOKafkaProducer | None = None
        self._batch_bytes = BATCH_BYTES

    async def open(self) -> None:
        """Fences every earlier writer of this name and aborts what it left open. Raises LogUnavailable."""
        await self.close()
        producer = AIOKafkaProducer(
            **self._connection.options("writer"),
            transactional_id=self._name,
            # Longer than any append may take, so that brokers do not abort what is still under way.
            transaction_timeout_ms=int(2 * DEADLINE_S * 1000),
            max_batch_size=self._batch_bytes,
        )
        try:
            async with asyncio.timeout(DEADLINE_S):
                await producer.start()
        except BaseException as error:
            await close_producer(producer, CLOSE_S)
            if isinstance(error, FAILURES):
                raise self._connection.unavailable(f"writer {self._name} cannot be opened", error) from error
            raise
        self._producer = producer

    async def append(self, topic: str, entries: Sequence[Entry]) -> None:
        """Raises Fenced, EntryRefused (an entry is too large), LogUnavailable (also where the writer is not open)."""
        for entry in entries:
            size_of(topic, entry, self._max_entry_bytes)
        producer = self._producer
        if producer is None:
            raise LogUnavailable(f"Writer {self._name} is not open; open it first.")
        if not entries:
            return
        try:
            async with asyncio.timeout(DEADLINE_S):
                await producer.begin_transaction()
                await self._send(producer, topic, entries)
                await producer.commit_transaction()
        except BaseException as error:
            self._producer = None
            if isinstance(error, FENCED):
                await close_producer(producer, CLOSE_S)
                raise Fenced(f"Writer {self._name}: a newer one was opened; this one can append nothing any more.") from error
            await self._abort(producer)
            if isinstance(error, EntryRefused):
                raise
            if isinstance(error, FAILURES):
                raise self._connection.unavailable(f"writer {self._name} could not append to {topic}", error) from error
            raise

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await close_producer(producer, CLOSE_S)

    async def _send(self, producer: AIOKafkaProducer, topic: str, entries: Sequence[Entry]) -> None:
        count = len(await producer.partitions_for(topic))
        by_partition: dict[int, list[Entry]] = {}
        for entry in entries:
            by_partition.setdefault(partition_of(entry.key, count), []).append(entry)
        sent: list[tuple[Any, asyncio.Future[Any]]] = []
        try:
            for partition, share in by_partition.items():
                for batch in _batches(producer, share):
                    under_way = await producer.send_batch(batch, topic, partition=partition)
                    sent.append((batch, under_way))
        finally:
            answers = await asyncio.gather(*(future for _, future in sent), return_exceptions=True)
        for (batch, _), answer in zip(sent, answers, strict=True):
            if isinstance(answer, REFUSALS) and batch.record_count() == 1:
                raise EntryRefused(f"Kafka refuses an entry for {topic}: {answer}") from answer
            if isinstance(answer, TOO_LARGE):
                # The topic takes less than we thought: the next open() begins with smaller batches.
                self._batch_bytes = max(SMALLEST_BATCH_BYTES, min(self._batch_bytes, batch.size()) // 2)
            if isinstance(answer, BaseException):
                raise answer

    async def _abort(self, producer: AIOKafkaProducer) -> None:
        # Best effort: it spares readers the wait for the transaction's time-out. The next open() aborts it in any case.
        try:
            async with asyncio.timeout(ABORT_S):
                await producer.abort_transaction()
        except FAILURES:
            pass
        finally:
            await close_producer(producer, CLOSE_S)


def _batches(producer: AIOKafkaProducer, entries: Sequence[Entry]) -> Iterator[Any]:
    batch = producer.create_batch()
    for entry in entries:
        content = {"timestamp": None, "key": entry.key, "value": entry.value, "headers": list(entry.headers)}
        if batch.append(**content) is None:
            yield batch
            batch = producer.create_batch()
            batch.append(**content)
    yield batch
