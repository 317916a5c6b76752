"""The production event log: L1-L11 of the port on Apache Kafka.

Owns: one appender, one client for questions, the making of consumers and writers. Does not own: appending (appender.py), reading
(consumer.py), transactions (writer.py), topics (topics.py). Next stop: app/backends/kafka/appender.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import TopicPartition as KafkaPartition

from app.backends.kafka.appender import Appender
from app.backends.kafka.connection import FAILURES, Connection, close_by_steps, close_consumer
from app.backends.kafka.consumer import KafkaConsumer, Membership
from app.backends.kafka.quiet import quieten
from app.backends.kafka.writer import KafkaFencedWriter
from app.errors import LogUnavailable
from app.ports import Entry, OnAssigned, OnRevoked, Position, TopicPartition

log_line = structlog.get_logger(__name__)

PING_S = STOP_S = 2.0
ANSWER_S = 10.0
MAX_ENTRY_BYTES = 1_000_000
T = TypeVar("T")


class KafkaLog:
    """EventLog on the brokers at `bootstrap_servers` ("host:port,host:port").

    `security`: aiokafka's options security_protocol, ssl_context, sasl_mechanism, sasl_plain_username, sasl_plain_password and so on.

    Failure policy: what brokers and network do is LogUnavailable; every call after it tries again.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        client_id: str = "bindery",
        security: Mapping[str, Any] | None = None,
        membership: Membership | None = None,
        max_entry_bytes: int = MAX_ENTRY_BYTES,
    ) -> None:
        self._connection = Connection(bootstrap_servers, client_id, security or {})
        self._membership = membership or Membership()
        self._max_entry_bytes = max_entry_bytes
        self._appender = Appender(self._connection, max_entry_bytes=max_entry_bytes)
        # Two clients that only ask: a consumer without a group knows offsets, an admin client knows groups.
        self._offsets: AIOKafkaConsumer | None = None
        self._groups: AIOKafkaAdminClient | None = None

    async def start(self) -> None:
        """Connects. Raises LogUnavailable; start() may be called again then."""
        quieten()
        try:
            await self._appender.start()
            options = self._connection.options("questions")
            self._offsets = AIOKafkaConsumer(**options, enable_auto_commit=False)
            self._groups = AIOKafkaAdminClient(**options)
            async with asyncio.timeout(ANSWER_S):
                await self._offsets.start()
                await self._groups.start()
        except BaseException as error:
            await self.stop()
            if isinstance(error, FAILURES):
                raise self._connection.unavailable("cannot connect", error) from error
            raise

    async def stop(self) -> None:
        """Gives appends under way a moment, fails the rest with LogUnavailable; two seconds in all. Leaves consumers and writers alone."""
        offsets, self._offsets = self._offsets, None
        groups, self._groups = self._groups, None
        # The two that only ask owe nobody a goodbye.
        asking = [] if offsets is None else [close_consumer(offsets, STOP_S, _unclosed)]
        if groups is not None:
            steps = groups.close, groups._client.close  # noqa: SLF001 - aiokafka has no public way to give one up
            asking.append(close_by_steps(steps, STOP_S, _unclosed))
        await asyncio.gather(self._appender.stop(), *asking)

    async def append(self, topic: str, entries: Sequence[Entry], *, deadline_s: float = 10.0) -> Sequence[Position]:
        """Raises EntryRefused, LogUnavailable."""
        return await self._appender.append(topic, entries, deadline_s)

    def consumer(
        self, group: str, topics: Collection[str], *, on_assigned: OnAssigned | None = None, on_revoked: OnRevoked | None = None
    ) -> KafkaConsumer:
        member = KafkaConsumer(self._connection, self._membership, group, topics)
        member.on_assigned, member.on_revoked = on_assigned, on_revoked
        return member

    def fenced_writer(self, name: str) -> KafkaFencedWriter:
        return KafkaFencedWriter(self._connection, name, max_entry_bytes=self._max_entry_bytes)

    async def partitions(self, topic: str) -> int:
        """Raises LogUnavailable, also where the topic does not exist."""
        return await self._appender.partitions(topic)

    async def lag(self, group: str, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        """Records not yet committed by the group; without a commit, all that are kept. Raises LogUnavailable.

        Where transactions were written, their markers count as records, so that a group that has read everything may lag by a few.
        """
        places = [KafkaPartition(topic, number) for topic in topics for number in range(await self.partitions(topic))]

        async def ask(offsets: AIOKafkaConsumer) -> tuple[Any, Any, Any]:
            committed = self._running(self._groups).list_consumer_group_offsets(group, partitions=places)
            return await asyncio.gather(offsets.end_offsets(places), offsets.beginning_offsets(places), committed)

        ends, beginnings, committed = await self._ask(f"the lag of group {group}", ask)
        starts = {each: max(committed[each].offset if each in committed else 0, beginnings[each]) for each in places}
        return {TopicPartition(*each): max(0, ends[each] - starts[each]) for each in places}

    async def ends(self, topic: str) -> Mapping[int, int]:
        """Raises LogUnavailable."""
        places = [KafkaPartition(topic, number) for number in range(await self.partitions(topic))]
        ends: Mapping[Any, int] = await self._ask(f"the ends of {topic}", lambda offsets: offsets.end_offsets(places))
        return {place.partition: offset for place, offset in ends.items()}

    async def ping(self) -> None:
        """Asks a broker for the topics. Raises LogUnavailable when none answers within two seconds."""
        await self._ask("ping", lambda offsets: offsets.topics(), PING_S)

    async def _ask(self, what: str, question: Callable[[AIOKafkaConsumer], Awaitable[T]], deadline_s: float = ANSWER_S) -> T:
        try:
            async with asyncio.timeout(deadline_s):
                return await question(self._running(self._offsets))
        except FAILURES as error:
            raise self._connection.unavailable(f"no answer to {what}", error) from error

    def _running(self, client: Any) -> Any:
        if client is None:
            raise LogUnavailable(f"Kafka at {self._connection.bootstrap_servers}: not connected; start the log first.")
        return client


def _unclosed(step: Callable[[], Awaitable[object]], error: BaseException) -> None:
    log_line.info("kafka.client_closed_by_force", step=step.__qualname__, error=type(error).__name__)
