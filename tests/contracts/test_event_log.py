"""The contract of the event log, promise by promise (L1-L11 of app/ports.py), on every backend.

Owns: one test or more per numbered promise. Does not own: how an engine is made or taken away (tests/contracts/event_log_worlds.py).
Next stop: app/ports.py.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.errors import EntryRefused, Fenced, LogUnavailable, Revoked
from app.ports import Entry, EventLog, FencedWriter, LogConsumer, TopicPartition
from tests.contracts.event_log_worlds import SMALL_BYTES, KafkaWorld, SqliteWorld, World, collect, entries, values_of

if TYPE_CHECKING:
    from deploy.engines import Engines

TOO_LARGE = b"x" * (SMALL_BYTES + 1)


class EventLogContract:
    """Every backend passes every test; a subclass gives the world."""

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

    async def test_L1_what_was_acknowledged_survives_a_kill(self, world: World, log: EventLog) -> None:
        """Every value whose append returned is read after the engine was killed and came back."""
        topic = world.topic("one")
        acknowledged = await world.acknowledged_before_death(topic)
        assert len(acknowledged) >= 200
        found = await values_of(await world.log(), topic)
        assert found[: len(acknowledged)] == acknowledged

    async def test_L2_entries_of_a_key_keep_the_order_of_their_appends(self, world: World, log: EventLog) -> None:
        """Thirty keys appended by many callers at once are each in one partition, in the order of the calls."""
        topic = world.topic("four")
        keys = [b"key %d" % number for number in range(30)]
        calls = [
            log.append(topic, [*entries(key, [b"%s:%d" % (key, nth), b"%s:%d+" % (key, nth)]), Entry(b"other %d" % nth, b"other")])
            for nth in range(40)
            for key in keys
        ]
        positions = await asyncio.gather(*calls)
        found = await values_of(log, topic)
        for number, key in enumerate(keys):
            assert len({each.partition for call in positions[number :: len(keys)] for each in call[:2]}) == 1
            mine = [value for value in found if value.startswith(key + b":")]
            assert mine == [b"%s:%d%s" % (key, nth, mark) for nth in range(40) for mark in (b"", b"+")]

    async def test_L2_positions_are_where_the_entries_are_read(self, world: World, log: EventLog) -> None:
        """append() answers partition and offset of each entry, in the order of the entries, with everything that was in it."""
        topic = world.topic("four")
        sent = [Entry(b"key %d" % number, bytes([number]) * number, [("name", b"\xff\x00"), ("naïve", b"")]) for number in range(20)]
        positions = await log.append(topic, sent)
        async with AsyncExitStack() as stack:
            found = await collect(await self.member(stack, log, "g-positions" + topic, topic), 20)
        by_place = {(record.partition, record.offset): record for record in found}
        for entry, place in zip(sent, positions, strict=True):
            record = by_place[place]
            assert (record.topic, record.key, record.value, list(record.headers)) == (topic, entry.key, entry.value, list(entry.headers))
            assert abs(record.timestamp - found[0].timestamp) < 60_000

    async def test_L3_a_refused_entry_harms_nobody_else(self, world: World, log: EventLog) -> None:
        """Of many appends to one partition at once only the one with the oversized entry fails, and the next one goes through."""
        topic = world.topic("small")
        good = [b"%d " % number + b"y" * 900 for number in range(40)]
        values = [*good[:20], TOO_LARGE, *good[20:]]
        answers = await asyncio.gather(*(log.append(topic, [Entry(b"key", value)]) for value in values), return_exceptions=True)
        assert [type(answer) for answer in answers if isinstance(answer, BaseException)] == [EntryRefused]
        assert isinstance(answers[20], EntryRefused)
        with pytest.raises(EntryRefused):
            await log.append(topic, [Entry(b"key", TOO_LARGE)])
        await log.append(topic, [Entry(b"key", b"after")])
        await asyncio.gather(*(log.append(topic, [Entry(b"key %d" % number, b"elsewhere")]) for number in range(10)))
        assert [value for value in await values_of(log, topic) if value != b"elsewhere"] == [*good, b"after"]

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
        assert [record.value for record in await collect(second, 2, within_s=5)] == [b"a", b"b"]

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
        async with asyncio.timeout(20):
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
        async with asyncio.timeout(20):
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
        async with asyncio.timeout(15):
            while True:
                records = await consumer.poll(100, 0.5)
                if any(record.key in shorts for record in records):
                    break
                polled += len(records)
        assert polled <= 1000

    async def test_L9_a_fenced_zombie_appends_nothing(self, world: World, log: EventLog, stack: AsyncExitStack) -> None:
        """Once a writer of the same name is opened, the old one raises Fenced, and what it tried is never read."""
        topic, name = world.topic("two"), "writer " + uuid.uuid4().hex
        old = await self.writer(stack, log, name)
        await old.append(topic, entries(b"key", [b"before"]))
        new = await self.writer(stack, await world.log(), name)
        with pytest.raises(Fenced):
            await old.append(topic, [Entry(b"key %d" % number, b"zombie") for number in range(5)])
        await new.append(topic, entries(b"key", [b"after"]))
        assert await values_of(log, topic) == [b"before", b"after"]
        # The fenced one may come back by opening again, and then the other is the zombie.
        await old.open()
        await old.append(topic, entries(b"key", [b"again"]))
        with pytest.raises(Fenced):
            await new.append(topic, entries(b"key", [b"zombie"]))
        assert b"zombie" not in await values_of(log, topic)

    async def test_L10_a_fenced_append_is_all_or_nothing(self, world: World, log: EventLog, stack: AsyncExitStack) -> None:
        """An append of which the log refuses one entry ends in EntryRefused, at the latest after some tries, and leaves nothing behind."""
        topic = world.topic("small")
        writer = await self.writer(stack, log)
        batch = [Entry(b"key %d" % number, b"lost") for number in range(8)]

        async def persist() -> None:
            for _ in range(10):
                try:
                    await writer.append(topic, [*batch, Entry(b"key", TOO_LARGE), *batch])
                except LogUnavailable:
                    # What an owner does: nothing is known of the append, so it opens the writer again and repeats.
                    await writer.open()

        with pytest.raises(EntryRefused):
            await persist()
        await writer.open()
        whole = [Entry(b"key %d" % number, b"kept %d" % number + b" " * 900) for number in range(8)]
        await writer.append(topic, whole)
        await writer.append(topic, [])
        assert sorted(await values_of(log, topic)) == sorted(entry.value for entry in whole)

    async def test_L11_an_outage_is_log_unavailable_and_passes(self, world: World, log: EventLog, stack: AsyncExitStack) -> None:
        """Appends and ping fail within their deadlines while the engine is away; afterwards the same objects work."""
        topic = world.topic("one")
        consumer = await self.member(stack, log, "g" + topic, topic)
        writer = await self.writer(stack, log)
        await log.append(topic, [Entry(b"key", b"before")])
        await collect(consumer, 1)
        async with world.outage():
            started = asyncio.get_running_loop().time()
            for _ in range(2):
                with pytest.raises(LogUnavailable):
                    await log.append(topic, [Entry(b"key", b"during")], deadline_s=0.5)
            with pytest.raises(LogUnavailable):
                await log.ping()
            assert asyncio.get_running_loop().time() - started < 4
        await log.append(topic, [Entry(b"key", b"after")], deadline_s=20)
        await log.ping()
        await writer.open()
        await writer.append(topic, [Entry(b"key", b"written")])
        found = [record.value for record in await collect(consumer, 2)]
        while found[-1] != b"written":
            found += [record.value for record in await collect(consumer, 1)]
        assert [value for value in found if value != b"during"] == [b"after", b"written"]
        assert found.count(b"during") <= 2

    async def test_questions_are_answered_from_the_log(self, world: World, log: EventLog, stack: AsyncExitStack) -> None:
        """partitions, ends and lag follow appends and commits."""
        topic, group = world.topic("two"), "g" + world.topic("two")
        assert await log.partitions(topic) == 2
        assert await log.ends(topic) == {0: 0, 1: 0}
        positions = [each for number in range(20) for each in await log.append(topic, [Entry(b"key %d" % number, b"v")])]
        ends = {number: sum(each.partition == number for each in positions) for number in (0, 1)}
        assert await log.ends(topic) == ends
        assert await log.lag(group, [topic]) == {TopicPartition(topic, number): end for number, end in ends.items()}
        consumer = await self.member(stack, log, group, topic)
        await collect(consumer, 20)
        await consumer.commit({TopicPartition(topic, 0): ends[0], TopicPartition(topic, 1): 1})
        assert await log.lag(group, [topic]) == {TopicPartition(topic, 0): 0, TopicPartition(topic, 1): ends[1] - 1}

    async def test_an_empty_append_and_a_stopped_log_answer_at_once(self, world: World, log: EventLog) -> None:
        """No entries are no work; after stop() an append is LogUnavailable, not a wait."""
        assert list(await log.append(world.topic("one"), [])) == []
        await log.stop()
        with pytest.raises(LogUnavailable):
            await log.append(world.topic("one"), [Entry(b"key", b"v")])


class TestSqliteLog(EventLogContract):
    """The embedded log."""

    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[SqliteWorld]:
        world = SqliteWorld(tmp_path)
        yield world
        await world.close()


class TestKafkaLog(EventLogContract):
    """Apache Kafka."""

    @pytest.fixture
    async def world(self, engines: Engines) -> AsyncIterator[KafkaWorld]:
        world = KafkaWorld(engines)
        await world.prepare()
        yield world
        await world.close()
