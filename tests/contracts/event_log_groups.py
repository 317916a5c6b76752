"""The contract of the event log: what a member of a consumer group is promised (L4-L8 of app/ports.py).

Owns: one test or more per promise, and what every part of the contract starts from. Does not own: appending (event_log_appends.py beside
it), engines (event_log_worlds.py). Next stop: app/ports.py (LogConsumer).
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from app.errors import LogUnavailable, Revoked
from app.ports import Entry, EventLog, FencedWriter, LogConsumer, TopicPartition
from tests.contracts.event_log_worlds import World, collect, entries


class Ground:
    """A started log in a world, and members and writers that end with the test."""

    @pytest.fixture
    async def log(self, world: World) -> EventLog:
        return await world.log()

    @pytest.fixture
    async def stack(self) -> AsyncIterator[AsyncExitStack]:
        async with AsyncExitStack() as stack:
            yield stack

    async def member(self, stack: AsyncExitStack, log: EventLog, group: str, topic: str) -> LogConsumer:
        """A started member that leaves at the end of the test."""
        consumer = log.consumer(group, [topic])
        stack.push_async_callback(consumer.stop)
        await consumer.start()
        return consumer

    async def writer(self, stack: AsyncExitStack, log: EventLog, name: str = "") -> FencedWriter:
        """An opened writer that is closed at the end of the test."""
        writer = log.fenced_writer(name or f"writer {uuid.uuid4()}")
        stack.push_async_callback(writer.close)
        await writer.open()
        return writer


class GroupContract(Ground):
    """Every backend passes every test; a subclass gives the world."""

    async def test_L4_a_new_group_starts_at_the_earliest_record(self, world: World, log: EventLog, stack: AsyncExitStack) -> None:
        """Records from before the group existed are read from offset 0."""
        topic = world.topic("one")
        await log.append(topic, entries(b"key", [b"a", b"b", b"c"]))
        found = await collect(await self.member(stack, log, "g" + topic, topic), 3)
        assert [(record.offset, record.value) for record in found] == [(0, b"a"), (1, b"b"), (2, b"c")]

    async def test_L4_what_was_not_committed_is_read_again_by_the_next_owner(
        self, world: World, log: EventLog, stack: AsyncExitStack
    ) -> None:
        """A member that leaves without a commit leaves everything to the next, which need not wait for a time-out."""
        topic, group = world.topic("one"), "g" + world.topic("one")
        await log.append(topic, entries(b"key", [b"a", b"b"]))
        first = log.consumer(group, [topic])
        await first.start()
        await collect(first, 2)
        await first.stop()
        assert first.assignment() == frozenset()
        second = await self.member(stack, log, group, topic)
        assert [record.value for record in await collect(second, 2, within_s=15)] == [b"a", b"b"]

    async def test_L5_commit_takes_next_offsets_and_moves_nothing_else(self, world: World, log: EventLog, stack: AsyncExitStack) -> None:
        """The next owner starts at the committed offset of one partition and at the beginning of the other."""
        topic, group = world.topic("two"), "g" + world.topic("two")
        await asyncio.gather(*(log.append(topic, entries(b"key %d" % number, [b"v"] * 3)) for number in range(10)))
        first = log.consumer(group, [topic])
        await first.start()
        await collect(first, 30)
        await first.commit({TopicPartition(topic, 1): 2})
        await first.stop()
        found = await collect(await self.member(stack, log, group, topic), 28)
        assert {number: min(record.offset for record in found if record.partition == number) for number in (0, 1)} == {0: 0, 1: 2}
        assert len(found) == 28

    async def test_L5_commit_after_the_partition_moved_is_revoked(self, world: World, log: EventLog, stack: AsyncExitStack) -> None:
        """A member that lost a partition cannot commit what it had polled from it, and the new owner reads that again."""
        topic, group = world.topic("two"), "g" + world.topic("two")
        await asyncio.gather(*(log.append(topic, [Entry(b"key %d" % number, b"v")]) for number in range(20)))
        first = await self.member(stack, log, group, topic)
        polled = {(record.partition, record.offset) for record in await collect(first, 20)}
        assert {partition for partition, _ in polled} == {0, 1}
        second = log.consumer(group, [topic])
        stack.push_async_callback(second.stop)
        joining = asyncio.create_task(second.start())
        async with asyncio.timeout(30):
            while not (
                second.assignment() and second.assignment() | first.assignment() == {TopicPartition(topic, 0), TopicPartition(topic, 1)}
            ):
                await first.poll(10, 0.05)
        await joining
        for lost in second.assignment():
            upto = 1 + max(offset for partition, offset in polled if partition == lost.partition)
            with pytest.raises(Revoked):
                await first.commit({lost: upto})
        moved = {each.partition for each in second.assignment()}
        expected = {place for place in polled if place[0] in moved}
        assert {(record.partition, record.offset) for record in await collect(second, len(expected))} == expected

    async def test_L6_callbacks_come_before_partitions_move(self, world: World, log: EventLog, stack: AsyncExitStack) -> None:
        """on_assigned precedes the first records of a member, and the old owner's on_revoked ends before the new owner is assigned."""
        topic, group = world.topic("two"), "g" + world.topic("two")
        await asyncio.gather(*(log.append(topic, [Entry(b"key %d" % number, b"v")]) for number in range(10)))
        story: list[str] = []
        may_go = asyncio.Event()

        async def revoked(partitions: frozenset[TopicPartition]) -> None:
            assert partitions == {TopicPartition(topic, 0), TopicPartition(topic, 1)}
            story.append("first is asked")
            # The old owner still owns everything: it finishes its batch and commits.
            await first.commit({TopicPartition(topic, 0): 1})
            await may_go.wait()
            story.append("first has let go")

        async def assigned(_: frozenset[TopicPartition]) -> None:
            story.append("assigned")

        first = log.consumer(group, [topic], on_assigned=assigned, on_revoked=revoked)
        stack.push_async_callback(first.stop)
        await first.start()
        await collect(first, 10)
        assert story == ["assigned"]
        second = log.consumer(group, [topic], on_assigned=assigned)
        stack.push_async_callback(second.stop)
        joining = asyncio.create_task(second.start())
        async with asyncio.timeout(30):
            while "first is asked" not in story:
                await first.poll(10, 0.05)
            may_go.set()
            while not (second.assignment() and story.count("assigned") >= 2):
                await asyncio.gather(first.poll(10, 0.05), second.poll(10, 0.05))
        await joining
        assert story[:3] == ["assigned", "first is asked", "first has let go"]

    async def test_L6_a_failed_on_assigned_is_called_again_before_any_record(
        self, world: World, log: EventLog, stack: AsyncExitStack
    ) -> None:
        """The callback's error comes out of poll(), and no record is given before the callback has succeeded."""
        topic, tries = world.topic("one"), []
        await log.append(topic, [Entry(b"key", b"v")])

        async def assigned(_: frozenset[TopicPartition]) -> None:
            tries.append(1)
            if len(tries) < 3:
                raise LogUnavailable("not yet")

        consumer = log.consumer("g" + topic, [topic], on_assigned=assigned)
        stack.push_async_callback(consumer.stop)
        await consumer.start()
        for _ in range(2):
            with pytest.raises(LogUnavailable, match="not yet"):
                await consumer.poll(10, 5)
        assert len(await collect(consumer, 1)) == 1
        assert len(tries) == 3

    async def test_L7_rewind_goes_back_to_the_commits(self, world: World, log: EventLog, stack: AsyncExitStack) -> None:
        """After rewind() the next polls give again what was polled and not committed, of every partition."""
        topic = world.topic("two")
        await asyncio.gather(*(log.append(topic, entries(b"key %d" % number, [b"v"] * 5)) for number in range(8)))
        consumer = await self.member(stack, log, "g" + topic, topic)
        before = {(record.partition, record.offset) for record in await collect(consumer, 40)}
        await consumer.commit({TopicPartition(topic, 0): 3})
        await consumer.rewind()
        expected = {place for place in before if place >= (0, 3)}
        again = [(record.partition, record.offset) for record in await collect(consumer, len(expected), max_records=7)]
        assert sorted(again) == sorted(expected)
        assert [offset for partition, offset in again if partition == 0] == sorted(
            offset for partition, offset in expected if partition == 0
        )

    async def test_L8_records_come_in_order_and_once(self, world: World, log: EventLog, stack: AsyncExitStack) -> None:
        """Whatever the size of polls, and while appends go on, each partition's offsets come without gap, repetition or disorder."""
        topic, total = world.topic("four"), 600
        consumer = await self.member(stack, log, "g" + topic, topic)

        async def append() -> None:
            for number in range(total // 10):
                await log.append(topic, [Entry(b"%d-%d" % (number, nth), b"v") for nth in range(10)])

        appending = asyncio.create_task(append())
        found = [record for size in (1, 3, 50) for record in await collect(consumer, total // 4, max_records=size)]
        found += await collect(consumer, total - len(found))
        await appending
        assert list(await consumer.poll(10, 0.1)) == []
        for partition in range(4):
            offsets = [record.offset for record in found if record.partition == partition]
            assert offsets == list(range(len(offsets)))
        assert len(found) == total

    async def test_L8_a_long_partition_does_not_starve_a_short_one(self, world: World, log: EventLog, stack: AsyncExitStack) -> None:
        """A single record is polled long before the backlog of its neighbour has ended."""
        topic, value = world.topic("two"), b"z" * 500
        [place] = await log.append(topic, [Entry(b"long", b"first")])
        for _ in range(10):
            await log.append(topic, entries(b"long", [value] * 500))
        candidates = [(key, (await log.append(topic, [Entry(key, b"s")]))[0].partition) for key in (b"short %d" % nth for nth in range(20))]
        shorts = {key for key, partition in candidates if partition != place.partition}
        assert shorts
        consumer = await self.member(stack, log, "g" + topic, topic)
        polled = 0
        async with asyncio.timeout(30):
            while True:
                records = await consumer.poll(100, 0.5)
                if any(record.key in shorts for record in records):
                    break
                polled += len(records)
        assert polled <= 1000
