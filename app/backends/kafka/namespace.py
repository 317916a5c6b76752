"""Several deployments on one cluster: every name on the brokers begins with the deployment's name space.

Owns: the prefix on topics, groups and transactional ids. Does not own: anything else of the log (log.py).
Next stop: app/backends/kafka/log.py.
"""

from collections.abc import Collection, Mapping, Sequence

from app.ports import Entry, EventLog, FencedWriter, LogConsumer, OnAssigned, OnRevoked, Position, TopicPartition


class Namespaced:
    """An EventLog whose names on the brokers begin with `prefix`; records that are read bear the name on the brokers.

    Failure policy: that of the log behind it.
    """

    def __init__(self, log: EventLog, prefix: str) -> None:
        self._log, self._prefix = log, prefix

    async def start(self) -> None:
        await self._log.start()

    async def append(self, topic: str, entries: Sequence[Entry], *, deadline_s: float = 10.0) -> Sequence[Position]:
        return await self._log.append(self._prefix + topic, entries, deadline_s=deadline_s)

    def consumer(
        self, group: str, topics: Collection[str], *, on_assigned: OnAssigned | None = None, on_revoked: OnRevoked | None = None
    ) -> LogConsumer:
        names = [self._prefix + topic for topic in topics]
        return self._log.consumer(self._prefix + group, names, on_assigned=on_assigned, on_revoked=on_revoked)

    def fenced_writer(self, name: str) -> FencedWriter:
        return _Writer(self._log.fenced_writer(self._prefix + name), self._prefix)

    async def partitions(self, topic: str) -> int:
        return await self._log.partitions(self._prefix + topic)

    async def lag(self, group: str, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        behind = await self._log.lag(self._prefix + group, [self._prefix + topic for topic in topics])
        return {TopicPartition(at.topic.removeprefix(self._prefix), at.partition): count for at, count in behind.items()}

    async def ends(self, topic: str) -> Mapping[int, int]:
        return await self._log.ends(self._prefix + topic)

    async def ping(self) -> None:
        await self._log.ping()

    async def stop(self) -> None:
        await self._log.stop()


class _Writer:
    def __init__(self, writer: FencedWriter, prefix: str) -> None:
        self._writer, self._prefix = writer, prefix

    async def open(self) -> None:
        await self._writer.open()

    async def append(self, topic: str, entries: Sequence[Entry]) -> None:
        await self._writer.append(self._prefix + topic, entries)

    async def close(self) -> None:
        await self._writer.close()
