"""One member of a consumer group on Kafka.

Owns: L4-L8: positions within an assignment, callbacks, fair polls. Does not own: what a batch means (consumers/).
Next stop: consumers/runner.py.

What aiokafka 0.14 does and this module answers: it rebalances eagerly and swallows errors of its listener; getmany() may wait for an
assignment without end, and a cancelled one breaks its idle clock, so it is never cancelled; an error within getmany() loses records that
it had already taken from the buffer, so positions are put back.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalGenerationError, IllegalStateError, RebalanceInProgressError, UnknownMemberIdError
from aiokafka.structs import TopicPartition as KafkaPartition

from app.backends.kafka.connection import FAILURES, TROUBLE, Connection, close_consumer
from app.errors import BinderyError, LogUnavailable, Revoked
from app.ports import LogRecord, OnAssigned, OnRevoked, TopicPartition

log_line = structlog.get_logger(__name__)

ANSWER_S = 10.0
STOP_S = 2.0
GRACE_S = 0.05
REJOIN_AFTER = 5  # polls that failed in a row: whatever is broken in the client, a new one is made
LOST = (CommitFailedError, IllegalGenerationError, UnknownMemberIdError, RebalanceInProgressError, IllegalStateError)


@dataclass(frozen=True, slots=True)
class Membership:
    """How a group notices that a member is gone. A batch must be drained within session_timeout_s when partitions move."""

    session_timeout_s: float = 30.0
    heartbeat_s: float = 3.0
    max_poll_interval_s: float = 300.0

    def options(self) -> dict[str, Any]:
        session_ms = int(self.session_timeout_s * 1000)
        return {
            "session_timeout_ms": session_ms,
            "heartbeat_interval_ms": int(self.heartbeat_s * 1000),
            "max_poll_interval_ms": int(self.max_poll_interval_s * 1000),
            "rebalance_timeout_ms": session_ms,
            # Joining is one request that the broker answers when every member has joined.
            "request_timeout_ms": session_ms + 10_000,
        }


class KafkaConsumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """LogConsumer of one group; records are aiokafka's own, not copied.

    Failure policy: what brokers or network do is LogUnavailable, and the next call tries again; while brokers are away poll() returns
    nothing and aiokafka reconnects. An error of on_assigned comes out of poll() and the callback is called again by the next; one of
    on_revoked comes out of poll() too, since it cannot keep the partitions.
    """

    def __init__(self, connection: Connection, membership: Membership, group: str, topics: Collection[str]) -> None:
        self.on_assigned: OnAssigned | None = None
        self.on_revoked: OnRevoked | None = None
        self._connection, self._membership, self._group, self._topics = connection, membership, group, tuple(topics)
        self._consumer: AIOKafkaConsumer | None = None
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._announced = False
        self._moving = False
        self._generation = 0  # raised when an assignment ends or begins, and when positions are put back: records of before do not count
        self._changed = asyncio.Event()
        self._handed: dict[TopicPartition, int] = {}
        self._fetching: asyncio.Task[tuple[int, Mapping[Any, list[Any]]]] | None = None
        self._seek: Literal["", "handed", "committed"] = ""  # where positions must go before the next read
        self._trouble: BinderyError | None = None
        self._failures = 0  # of polls in a row
        self._turn = 0

    async def start(self) -> None:
        """Joins the group. Raises LogUnavailable, also where a topic does not exist."""
        consumer = AIOKafkaConsumer(
            **{**self._connection.options("consumer"), **self._membership.options()},
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        self._consumer = consumer
        consumer.subscribe(self._topics, listener=self)
        try:
            await consumer.start()
        except BaseException as error:
            await self.stop()
            if isinstance(error, FAILURES):
                what = f"group {self._group} cannot read {', '.join(self._topics)}; `bindery topics apply` creates what is missing"
                raise self._connection.unavailable(what, error) from error
            raise
        self._failures = 0

    def assignment(self) -> frozenset[TopicPartition]:
        return self._assigned

    async def poll(self, max_records: int, timeout_s: float) -> Sequence[LogRecord]:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        while True:
            if self._trouble is not None:
                trouble, self._trouble = self._trouble, None
                raise trouble
            if self._failures >= REJOIN_AFTER:
                await self.stop()
                await self.start()
            self._changed.clear()
            try:
                got = await self._fetch(max_records, deadline_s - loop.time()) if await self._ready() else None
                if got:
                    self._failures = 0
                    return got
                left_s = deadline_s - loop.time()
                if left_s <= 0:
                    return []
                if got is None:
                    await self._wait_for_assignment(max_records, left_s)
            except TROUBLE as error:
                self._seek = self._seek or "handed"
                self._failures += 1
                raise self._connection.unavailable(f"group {self._group} cannot read", error) from error
            self._failures = 0

    async def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Raises Revoked where a partition is not owned, or was lost and came back since the records were polled; LogUnavailable."""
        lost = sorted(each for each, offset in next_offsets.items() if offset > self._handed.get(each, -1))
        if lost:
            raise Revoked(f"Group {self._group}: {lost} moved since these records were polled; the next owner reads them again.")
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._client().commit({KafkaPartition(*each): offset for each, offset in next_offsets.items()})
        except LOST as error:
            raise Revoked(f"Group {self._group} moved its partitions meanwhile; the next owner reads the records again.") from error
        except TROUBLE as error:
            raise self._connection.unavailable(f"group {self._group} cannot commit", error) from error

    async def rewind(self) -> None:
        """Raises LogUnavailable; the next poll puts the positions back then."""
        self._seek = "committed"
        if self._announced and not self._moving:
            await self._put_back()

    async def stop(self) -> None:
        """Failure policy: a group that cannot be left in order within two seconds is left to notice by itself."""
        fetching, self._fetching = self._fetching, None
        if fetching is not None:
            fetching.cancel()
            await asyncio.gather(fetching, return_exceptions=True)
        consumer, self._consumer = self._consumer, None
        self._forget(frozenset())
        if consumer is None:
            return
        await close_consumer(
            consumer, STOP_S, lambda _, error: log_line.warning("kafka.left_without_goodbye", group=self._group, error=type(error).__name__)
        )

    async def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        """aiokafka's listener: partitions are about to move, and getmany() would wait for them from here on."""
        self._moving = True
        partitions = _ours(revoked)
        if partitions and self.on_revoked is not None:
            try:
                await self.on_revoked(partitions)
            except BinderyError as error:
                self._trouble = error
        self._forget(frozenset())

    async def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        """aiokafka's listener: the new assignment; on_assigned is awaited by the next poll, where its errors are heard."""
        self._forget(_ours(assigned))
        self._moving = False
        self._changed.set()

    def _forget(self, assigned: frozenset[TopicPartition]) -> None:
        self._generation += 1
        self._assigned, self._announced = assigned, False
        self._handed, self._seek = {}, ""

    def _client(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise LogUnavailable(f"The consumer of group {self._group} is not running; start it first.")
        return self._consumer

    async def _ready(self) -> bool:
        """Whether there is something to read from: an announced assignment, its positions in order."""
        self._client()
        if not self._assigned or self._moving:
            return False
        if not self._announced:
            generation = self._generation
            if self.on_assigned is not None:
                await self.on_assigned(self._assigned)
            if generation != self._generation:
                return False
            self._announced = True
        if self._seek:
            await self._put_back()
        return self._announced and not self._seek and not self._moving

    async def _fetch(self, max_records: int, timeout_s: float) -> list[LogRecord] | None:
        """Records, [] when none came in time, None when the assignment moved meanwhile."""
        if self._fetching is None:
            buffered = await self._buffered(max_records)
            if buffered or timeout_s <= 0:
                return self._hand_out(buffered)
            self._fetching = asyncio.create_task(self._wait_for_records(max_records, timeout_s))
        await asyncio.wait({self._fetching}, timeout=max(0.0, timeout_s) + GRACE_S)
        if not self._fetching.done():
            return []
        fetching, self._fetching = self._fetching, None
        generation, found = fetching.result()
        if generation != self._generation or self._moving:
            # Of an assignment that is over, or from before the positions were put back: whoever owns them reads them again.
            return None
        return self._hand_out([record for records in found.values() for record in records])

    async def _wait_for_assignment(self, max_records: int, timeout_s: float) -> None:
        """Waits for partitions, or for the error that keeps the group from giving any, which aiokafka tells through getmany() alone."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._wait_for_records(max_records, timeout_s))
        changed = asyncio.create_task(self._changed.wait())
        try:
            # A fetch that has ended well is looked at once there is an assignment.
            waiting = {changed} if self._fetching.done() else {changed, self._fetching}
            await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
        if self._fetching.done() and self._fetching.exception() is not None:
            fetching, self._fetching = self._fetching, None
            fetching.result()

    async def _wait_for_records(self, max_records: int, timeout_s: float) -> tuple[int, Mapping[Any, list[Any]]]:
        found = await self._client().getmany(timeout_ms=int(timeout_s * 1000), max_records=max_records)
        return self._generation, found

    async def _buffered(self, max_records: int) -> list[LogRecord]:
        """What has arrived already, each partition its share; the partitions take turns at being first."""
        client = self._client()
        places = sorted(self._assigned)
        self._turn += 1
        turn = self._turn % len(places)
        active = [KafkaPartition(*each) for each in (*places[turn:], *places[:turn])]
        got: dict[Any, list[LogRecord]] = {each: [] for each in active}
        left = max_records
        while left > 0 and active:
            share = max(1, left // len(active))
            more = []
            for place in active:
                if left <= 0:
                    break
                # With time-out 0 and an assignment in force this does not suspend.
                records = (await client.getmany(place, timeout_ms=0, max_records=min(share, left))).get(place, [])
                got[place] += records
                left -= len(records)
                if len(records) == share:
                    more.append(place)
            active = more
        return [record for records in got.values() for record in records]

    def _hand_out(self, records: list[LogRecord]) -> list[LogRecord]:
        for record in records:
            self._handed[TopicPartition(record.topic, record.partition)] = record.offset + 1
        return records

    async def _put_back(self) -> None:
        client, generation = self._client(), self._generation
        known = self._handed if self._seek == "handed" else {}
        offsets: dict[Any, int | None] = {KafkaPartition(*each): known.get(each) for each in self._assigned}
        unknown = [place for place, offset in offsets.items() if offset is None]
        try:
            async with asyncio.timeout(ANSWER_S):
                offsets.update(zip(unknown, await asyncio.gather(*map(client.committed, unknown)), strict=True))
                if generation != self._generation or self._moving:
                    return
                # From here to the last seek nothing is awaited, so that no record of before can carry the new number.
                self._generation += 1
                for place, offset in offsets.items():
                    if offset is not None:
                        client.seek(place, offset)
                if fresh := [place for place, offset in offsets.items() if offset is None]:
                    await client.seek_to_beginning(*fresh)
        except TROUBLE as error:
            raise self._connection.unavailable(f"group {self._group} cannot go back to its commits", error) from error
        self._seek = ""


def _ours(partitions: Collection[Any]) -> frozenset[TopicPartition]:
    return frozenset(TopicPartition(each.topic, each.partition) for each in partitions)
