"""What the contract of the event log needs to know of each engine: how to make topics, and how to take the engine away.

Owns: one World per backend, reading everything of a topic. Does not own: the promises (tests/contracts/test_event_log.py).
Next stop: app/ports.py (EventLog).
"""

import asyncio
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from aiokafka.admin import AIOKafkaAdminClient

from app.backends.kafka.consumer import Membership
from app.backends.kafka.log import KafkaLog
from app.backends.kafka.topics import Topic, apply
from app.backends.sqlite.log import SqliteLog
from app.backends.system_clock import SystemClock
from app.ports import Entry, EventLog, LogConsumer, LogRecord

if TYPE_CHECKING:
    from deploy.engines import Engines

SMALL_BYTES = 10_000
# Notices a rebalance at once; a member that leaves in order is not waited for, so its session may be long.
QUICK = Membership(session_timeout_s=20.0, heartbeat_s=0.2)


class World(Protocol):
    """One engine. Topics: `one`, `two`, `four` by their partitions; `small` has two and refuses entries above SMALL_BYTES."""

    def topic(self, name: str) -> str: ...
    async def log(self) -> EventLog:
        """A started log on the same data, where the engine allows it another one; stopped at the end of the test."""
        ...

    def outage(self) -> AbstractAsyncContextManager[None]:
        """While inside, nothing can be acknowledged."""
        ...

    async def acknowledged_before_death(self, topic: str) -> list[bytes]:
        """Appends until the engine is killed without warning, brings it back, and gives the values that were acknowledged."""
        ...


async def collect(consumer: LogConsumer, count: int, *, max_records: int = 100, within_s: float = 30.0) -> list[LogRecord]:
    """Polls until so many records came."""
    found: list[LogRecord] = []
    async with asyncio.timeout(within_s):
        while len(found) < count:
            found += await consumer.poll(max_records, 0.2)
    return found


async def values_of(log: EventLog, topic: str) -> list[bytes]:
    """Everything a new group reads of a topic, until an end marker that is appended to every partition."""
    ends = [uuid.uuid4().bytes for _ in range(32)]
    await asyncio.gather(*(log.append(topic, [Entry(end, end)]) for end in ends))
    consumer = log.consumer(f"reader-{uuid.uuid4()}", [topic])
    await consumer.start()
    missing, found = set(ends), []
    try:
        async with asyncio.timeout(30):
            while missing:
                for record in await consumer.poll(500, 0.2):
                    assert record.value is not None
                    if record.value in missing:
                        missing.discard(record.value)
                    else:
                        found.append(record.value)
    finally:
        await consumer.stop()
    return found


class SqliteWorld:
    """A file of the test. It belongs to one log at a time, whose limit counts for all topics."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "log.db"
        self._logs: list[SqliteLog] = []

    def topic(self, name: str) -> str:
        return name

    async def log(self) -> SqliteLog:
        if self._logs:
            return self._logs[0]
        log = SqliteLog(self._path, {"one": 1, "two": 2, "four": 4, "small": 2}, SystemClock(), max_entry_bytes=SMALL_BYTES)
        await log.start()
        self._logs.append(log)
        return log

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        other = sqlite3.connect(self._path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.close()

    async def acknowledged_before_death(self, topic: str) -> list[bytes]:
        for log in self._logs:
            await log.stop()
        self._logs.clear()
        writer = Path(__file__).with_name("endless_writer.py")
        child = subprocess.Popen([sys.executable, str(writer), str(self._path), topic], stdout=subprocess.PIPE)
        assert child.stdout is not None
        lines = [await asyncio.to_thread(child.stdout.readline) for _ in range(200)]
        child.kill()
        rest = await asyncio.to_thread(child.stdout.read)
        child.wait()
        child.stdout.close()
        return [line.strip() for line in [*lines, *rest.splitlines(keepends=True)] if line.endswith(b"\n")]

    async def close(self) -> None:
        for log in self._logs:
            await log.stop()


class KafkaWorld:
    """The session's broker; the test's own topics."""

    def __init__(self, engines: "Engines") -> None:
        self._engines = engines
        self._suffix = uuid.uuid4().hex[:8]
        self._logs: list[KafkaLog] = []

    def topic(self, name: str) -> str:
        return f"contract.{name}.{self._suffix}"

    async def prepare(self) -> None:
        small = {"max.message.bytes": str(SMALL_BYTES)}
        counts = {"one": 1, "two": 2, "four": 4, "small": 2}
        topics = [Topic(self.topic(name), count, config=small if name == "small" else {}) for name, count in counts.items()]
        admin = AIOKafkaAdminClient(bootstrap_servers=self._engines.kafka_bootstrap)
        await admin.start()
        try:
            await apply(admin, topics, dry_run=False)
        finally:
            await admin.close()

    async def log(self) -> KafkaLog:
        log = KafkaLog(self._engines.kafka_bootstrap, membership=QUICK)
        await log.start()
        self._logs.append(log)
        return log

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self._engines.kill_kafka)
        try:
            yield
        finally:
            await asyncio.to_thread(self._engines.start_kafka)

    async def acknowledged_before_death(self, topic: str) -> list[bytes]:
        values = [b"value %d" % number for number in range(200)]
        for value in values:
            await self._logs[0].append(topic, [Entry(b"key", value)])
        async with self.outage():
            return values

    async def close(self) -> None:
        for log in self._logs:
            await log.stop()


def entries(key: bytes, values: Sequence[bytes]) -> list[Entry]:
    """Entries of one key."""
    return [Entry(key, value) for value in values]
