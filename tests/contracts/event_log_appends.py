"""The contract of the event log: what those who append are promised (L1-L3, L9-L11 of app/ports.py).

Owns: one test or more per promise. Does not own: consumer groups (event_log_groups.py beside it), engines (event_log_worlds.py).
Next stop: app/ports.py (EventLog, FencedWriter).
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import AsyncExitStack

import pytest

from app.errors import EntryRefused, Fenced, LogUnavailable
from app.ports import Entry, EventLog, TopicPartition
from tests.contracts.event_log_groups import Ground
from tests.contracts.event_log_worlds import SMALL_BYTES, World, collect, entries, values_of

TOO_LARGE = b"x" * (SMALL_BYTES + 1)


class AppendContract(Ground):
    """Every backend passes every test; a subclass gives the world."""

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
            assert asyncio.get_running_loop().time() - started < 12
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
