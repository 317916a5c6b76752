"""Consumer groups of the embedded log: one process, so a rebalance is a method call.

Owns: who owns which partition, positions within an assignment, callbacks. Does not own: reading (log_reader.py), committed positions on
disk (log_committer.py writes them). Next stop: app/backends/sqlite/log.py.

The newest member takes the partitions of its topics over, eagerly: all are revoked, then assigned anew. When it leaves, the one before it
gets them back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from app.backends.sqlite.log_format import Record
from app.backends.sqlite.log_reader import Reader, Want
from app.errors import BinderyError, Revoked
from app.ports import OnAssigned, OnRevoked, TopicPartition

Commit = Callable[[str, Mapping[int, int]], Awaitable[None]]


class Arrivals:
    """What the event loop knows of the ends of partitions, and who waits for more."""

    def __init__(self) -> None:
        self.slots: Mapping[TopicPartition, int] = {}
        self.ends: dict[int, int] = {}
        self._waiting: set[asyncio.Event] = set()

    def advance(self, ends: Mapping[int, int]) -> None:
        """Takes the new ends of a commit and wakes every poll."""
        self.ends.update(ends)
        if ends:
            for event in self._waiting:
                event.set()

    def watch(self, event: asyncio.Event) -> None:
        self._waiting.add(event)

    def forget(self, event: asyncio.Event) -> None:
        self._waiting.discard(event)


class Group:
    """The members of one group, the oldest first."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._members: list[SqliteConsumer] = []
        self._rebalancing = asyncio.Lock()

    async def join(self, member: "SqliteConsumer") -> None:
        async with self._rebalancing:
            self._members.append(member)
            await self._rebalance()

    async def leave(self, member: "SqliteConsumer") -> None:
        async with self._rebalancing:
            if member in self._members:
                self._members.remove(member)
                await self._rebalance()

    async def _rebalance(self) -> None:
        for member in self._members:
            await member.revoke()
        taken: set[TopicPartition] = set()
        for member in reversed(self._members):
            share = member.wanted() - taken
            taken |= share
            member.assign(share)


class SqliteConsumer:
    """A member of a group (L4-L8)."""

    def __init__(self, group: Group, topics: Collection[str], arrivals: Arrivals, reader: Reader, commit: Commit) -> None:
        self.on_assigned: OnAssigned | None = None
        self.on_revoked: OnRevoked | None = None
        self._group, self._topics, self._arrivals, self._reader, self._commit = group, frozenset(topics), arrivals, reader, commit
        self._arrived = asyncio.Event()
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._announced = True
        self._generation = 0
        self._positions: dict[TopicPartition, int] | None = None
        self._handed: dict[TopicPartition, int] = {}
        self._trouble: BinderyError | None = None
        self._turn = 0

    async def start(self) -> None:
        self._arrivals.watch(self._arrived)
        await self._group.join(self)

    def assignment(self) -> frozenset[TopicPartition]:
        return self._assigned

    async def poll(self, max_records: int, timeout_s: float) -> Sequence[Record]:
        """Failure policy: LogUnavailable leaves the positions as they were. An error of on_assigned comes out here, and it is called again
        by the next poll; one of on_revoked comes out here too, since it cannot keep the partitions.
        """
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        while True:
            if self._trouble is not None:
                trouble, self._trouble = self._trouble, None
                raise trouble
            self._arrived.clear()
            generation = self._generation
            if await self._ready():
                got = await self._next(max_records)
                if generation != self._generation:
                    continue
                if got:
                    return got
            try:
                async with asyncio.timeout_at(deadline_s):
                    await self._arrived.wait()
            except TimeoutError:
                return []

    async def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Raises Revoked where a partition is not owned, or was lost and came back since the records were polled; LogUnavailable."""
        lost = sorted(each for each, offset in next_offsets.items() if offset > self._handed.get(each, -1))
        if lost:
            raise Revoked(f"Group {self._group.name}: {lost} moved since these records were polled; the next owner reads them again.")
        await self._commit(self._group.name, {self._arrivals.slots[each]: offset for each, offset in next_offsets.items()})

    async def rewind(self) -> None:
        self._positions = None
        self._arrived.set()

    async def stop(self) -> None:
        self._arrivals.forget(self._arrived)
        self._take(frozenset())
        await self._group.leave(self)

    def wanted(self) -> set[TopicPartition]:
        """Every partition of the member's topics."""
        return {each for each in self._arrivals.slots if each.topic in self._topics}

    async def revoke(self) -> None:
        """Awaits on_revoked, then takes everything away."""
        if self._assigned and self.on_revoked is not None:
            try:
                await self.on_revoked(self._assigned)
            except BinderyError as error:
                self._trouble = error
        self._take(frozenset())

    def assign(self, partitions: Collection[TopicPartition]) -> None:
        """Gives partitions; on_assigned is awaited by the next poll."""
        self._take(frozenset(partitions))
        self._arrived.set()

    def _take(self, partitions: frozenset[TopicPartition]) -> None:
        self._generation += 1
        self._assigned, self._announced = partitions, not partitions
        self._positions, self._handed = None, {}

    async def _ready(self) -> bool:
        """Whether there is something to read from: the assignment is announced and its positions are known."""
        generation, assigned = self._generation, self._assigned
        if not self._announced:
            if self.on_assigned is not None:
                await self.on_assigned(assigned)
            if generation != self._generation:
                return False
            self._announced = True
        if assigned and self._positions is None:
            committed = await self._reader.committed(self._group.name)
            if generation == self._generation:
                self._positions = {each: committed.get(self._arrivals.slots[each], 0) for each in assigned}
                for each, offset in self._positions.items():
                    self._handed.setdefault(each, offset)
        return bool(assigned) and generation == self._generation

    async def _next(self, max_records: int) -> list[Record]:
        positions = self._positions
        assert positions is not None
        slots, ends = self._arrivals.slots, self._arrivals.ends
        wants = [Want(*each, slots[each], offset) for each, offset in positions.items() if offset < ends[slots[each]]]
        if not wants:
            return []
        # The partitions take turns at being first, so that none waits for another that never ends.
        self._turn += 1
        turn = self._turn % len(wants)
        got = await self._reader.records([*wants[turn:], *wants[:turn]], max_records)
        if positions is not self._positions:
            # Rewound or moved while the thread was reading.
            return []
        for record in got:
            each = TopicPartition(record.topic, record.partition)
            positions[each] = record.offset + 1
            self._handed[each] = max(self._handed[each], record.offset + 1)
        return got
