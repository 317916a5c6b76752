"""What the Kafka log does beyond the contract: partitions as other producers choose them, topics, buffers, brokers that are not there.

Owns: tests of single parts of app/backends/kafka. Does not own: L1-L11 (tests/contracts/test_event_log.py).
Next stop: app/backends/kafka/appender.py.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError
from aiokafka.partitioner import murmur2 as reference
from hypothesis import given
from hypothesis import strategies as st

from app.backends.kafka import appender, topics
from app.backends.kafka.consumer import REJOIN_AFTER
from app.backends.kafka.log import KafkaLog
from app.backends.kafka.partitioner import murmur2, partition_of
from app.backends.kafka.quiet import OncePerWhile
from app.backends.kafka.topics import Topic, differences, wanted
from app.errors import LogUnavailable, Misconfigured
from app.ports import Entry
from schemas.topics import ALL
from tests.contracts.event_log_worlds import SMALL_BYTES, KafkaWorld, collect, entries, values_of

if TYPE_CHECKING:
    from deploy.engines import Engines


@pytest.fixture
async def world(engines: Engines) -> AsyncIterator[KafkaWorld]:
    world = KafkaWorld(engines)
    await world.prepare()
    yield world
    await world.close()


@given(st.binary(max_size=70))
def test_the_hash_is_the_one_of_other_clients(key: bytes) -> None:
    """Every key hashes as in aiokafka's own port of the Java client."""
    assert murmur2(key) == reference(key)


@pytest.mark.parametrize(
    ("key", "value"),
    # From UtilsTest.testMurmur2 of apache/kafka, signed there.
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536), (b"abc", 479470107)],
)
def test_the_hash_is_the_one_of_java(key: bytes, value: int) -> None:
    """Known values of the Java client come out."""
    assert murmur2(key) == value % 2**32
    assert partition_of(key, 12) == (value % 2**32 & 0x7FFFFFFF) % 12


def test_every_topic_of_the_schemas_is_wanted() -> None:
    """The registry and the settings file name the same topics, and a null setting is left to the brokers."""
    found = {topic.name: topic for topic in wanted()}
    assert set(found) == set(ALL)
    assert "min.insync.replicas" not in found[ALL[0]].config
    assert found["bindery.sku.bindings.v1"].config["cleanup.policy"] == "compact"


def test_a_topics_file_of_another_shape_is_refused() -> None:
    """The error names the file and what was expected."""
    with pytest.raises(Misconfigured, match=r"topics\.yaml: expected"):
        wanted("topics: [a, b]")


def test_differences_are_told_in_words() -> None:
    """Missing topics, other partition counts, replicas and settings are each a sentence; what is as wanted is silent."""
    spec = [
        Topic("new", 3, config={"cleanup.policy": "delete"}),
        Topic("grown", 12),
        Topic("set", 1, 3, {"retention.ms": "5", "cleanup.policy": "compact"}),
        Topic("fine", 2, -1, {"retention.ms": "5"}),
    ]
    found = {
        "grown": Topic("grown", 6, 1),
        "set": Topic("set", 1, 1, {"retention.ms": "7", "cleanup.policy": "compact"}),
        "fine": Topic("fine", 2, 3, {"retention.ms": "5", "segment.ms": "1"}),
    }
    words = [str(each) for each in differences(spec, found)]
    assert [word.split(":")[0] for word in words] == ["new", "grown", "set", "set"]
    assert words[0] == "new: missing: 3 partitions, cleanup.policy=delete"
    assert "has 6 partitions, wanted 12: never changed in place" in words[1]
    assert "has 1 replicas, wanted 3" in words[2]
    assert "retention.ms is 7, wanted 5" in words[3]
    assert [each.missing for each in differences(spec, found)] == [True, False, False, False]


async def test_apply_creates_what_is_missing_and_changes_nothing_else(engines: Engines) -> None:
    """A dry run only tells; the second run creates; the third has nothing to say; a changed count is told and not done."""
    name = f"apply.{uuid.uuid4().hex[:8]}"
    spec = [Topic(name, 3, -1, {"cleanup.policy": "compact", "max.message.bytes": "2000000"})]
    admin = AIOKafkaAdminClient(bootstrap_servers=engines.kafka_bootstrap)
    await admin.start()
    try:
        for dry_run in (True, False):
            assert [each.missing for each in await topics.apply(admin, spec, dry_run=dry_run)] == [True]
        assert await topics.apply(admin, spec, dry_run=False) == []
        [difference] = await topics.apply(admin, [Topic(name, 5)], dry_run=False)
        assert "has 3 partitions, wanted 5" in difference.words
        assert [len(each["partitions"]) for each in await admin.describe_topics([name])] == [3]
    finally:
        await admin.close()


async def test_other_producers_choose_the_same_partitions(world: KafkaWorld, engines: Engines) -> None:
    """A key appended here and sent by a plain producer lands in one partition."""
    log, topic = await world.log(), world.topic("four")
    plain = AIOKafkaProducer(bootstrap_servers=engines.kafka_bootstrap)
    await plain.start()
    try:
        for key in (b"a", b"asset/cloudinary-eu/x", "produkt/ä".encode(), b""):
            [place] = await log.append(topic, [Entry(key, b"v")])
            assert (await plain.send_and_wait(topic, b"v", key=key)).partition == place.partition
    finally:
        await plain.stop()


async def test_an_unknown_topic_is_told_by_name(world: KafkaWorld) -> None:
    """An append to a topic that does not exist ends at its deadline with the command that creates it; others are not held up."""
    log = await world.log()
    lost = asyncio.create_task(log.append("contract.nowhere", [Entry(b"key", b"v")], deadline_s=1.0))
    await log.append(world.topic("one"), [Entry(b"key", b"v")], deadline_s=20.0)
    with pytest.raises(LogUnavailable, match=r"contract\.nowhere.*topics apply"):
        await lost


async def test_a_writer_finds_the_batch_size_a_topic_takes(world: KafkaWorld) -> None:
    """Where the topic takes less than a batch, the writer opened again sends smaller ones, and everything arrives once."""
    log, topic = await world.log(), world.topic("small")
    values = [b"%d " % number + b"x" * (SMALL_BYTES // 8) for number in range(60)]
    writer = log.fenced_writer(f"writer {uuid.uuid4()}")
    await writer.open()
    for _ in range(12):
        try:
            await writer.append(topic, [Entry(value, value) for value in values])
            break
        except LogUnavailable:
            await writer.open()
    await writer.close()
    assert sorted(await values_of(log, topic)) == sorted(values)


async def test_a_closed_writer_asks_to_be_opened(world: KafkaWorld) -> None:
    """An append without open() is LogUnavailable, as after any failure."""
    writer = (await world.log()).fenced_writer(f"writer {uuid.uuid4()}")
    with pytest.raises(LogUnavailable, match="open it first"):
        await writer.append(world.topic("one"), entries(b"key", [b"v"]))


async def test_a_full_buffer_is_log_unavailable_at_once(world: KafkaWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would exceed the bytes that may wait is refused without waiting, and there is room again when they are acknowledged."""
    monkeypatch.setattr(appender, "HELD_BYTES", 100_000)
    log, topic = await world.log(), world.topic("two")
    answers = await asyncio.gather(
        *(log.append(topic, [Entry(b"%d" % number, b"x" * 9_000)]) for number in range(20)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert [type(answer) for answer in refused] == [LogUnavailable] * (20 - 11)
    assert len(await log.append(topic, [Entry(b"key", b"x" * 9_000)])) == 1


async def test_a_cluster_that_is_not_there_is_log_unavailable() -> None:
    """start() fails with the address, leaves nothing open, and may be called again; so do the calls of a log that never started."""
    log = KafkaLog("127.0.0.1:1")
    for _ in range(2):
        with pytest.raises(LogUnavailable, match=r"127\.0\.0\.1:1"):
            await log.start()
    for call in (log.append("t", [Entry(b"k", b"v")]), log.ping(), log.ends("t"), log.lag("g", ["t"]), log.consumer("g", ["t"]).start()):
        with pytest.raises(LogUnavailable):
            await call
    consumer = log.consumer("g", ["t"])
    with pytest.raises(LogUnavailable):
        await consumer.poll(1, 0)
    await consumer.stop()


async def test_an_assertion_of_the_client_is_an_outage_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka asserts while a broker registers anew; a writer, a log and a consumer that are opened then can be opened again later."""

    async def asserts(_: object) -> None:
        raise AssertionError("Did we not perform bootstrap?")

    for client in (AIOKafkaProducer, AIOKafkaConsumer):
        monkeypatch.setattr(client, "start", asserts)
    log = KafkaLog("127.0.0.1:1")
    for opening in (log.fenced_writer("w").open, log.start, log.consumer("g", ["t"]).start):
        with pytest.raises(LogUnavailable, match="bootstrap"):
            await opening()


async def test_no_error_ends_the_way_back_to_a_producer(world: KafkaWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a new producer cannot be made for reasons nobody knew of, another is made a moment later, and appends go through."""
    log, topic = await world.log(), world.topic("one")
    await log.partitions(topic)
    surprises: list[Exception] = [ZeroDivisionError("surprise"), AssertionError("surprise")]
    start = AIOKafkaProducer.start

    async def starts(producer: AIOKafkaProducer) -> None:
        if surprises:
            raise surprises.pop()
        await start(producer)

    monkeypatch.setattr(AIOKafkaProducer, "start", starts)
    spent = log._appender._producer
    assert spent is not None
    log._appender._replace(spent, 0.0)
    assert len(await log.append(topic, [Entry(b"key", b"v")], deadline_s=20)) == 1
    assert not surprises


async def test_a_member_whose_polls_succeed_in_between_does_not_join_anew(world: KafkaWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures count in a row only: with records between them the partitions stay, and each record comes once."""
    log, topic = await world.log(), world.topic("one")
    values = [b"%d" % number for number in range(REJOIN_AFTER + 2)]
    await log.append(topic, entries(b"key", values))
    assignments: list[object] = []

    async def assigned(partitions: object) -> None:
        assignments.append(partitions)

    consumer = log.consumer(f"g {uuid.uuid4()}", [topic], on_assigned=assigned)
    await consumer.start()
    found = [record.value for record in await collect(consumer, 1, max_records=1)]
    getmany, failing = AIOKafkaConsumer.getmany, False

    async def fails(client: AIOKafkaConsumer, *args: object, **options: object) -> object:
        if failing:
            raise KafkaConnectionError("gone for a moment")
        return await getmany(client, *args, **options)

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", fails)
    while len(found) < len(values):
        failing = True
        with pytest.raises(LogUnavailable):
            await consumer.poll(1, 0)
        failing = False
        found += [record.value for record in await collect(consumer, 1, max_records=1)]
    await consumer.stop()
    assert (found, len(assignments)) == (values, 1)


@pytest.mark.crash
async def test_leaving_a_frozen_broker_is_soon_over(world: KafkaWorld, engines: Engines) -> None:
    """While the broker accepts and never answers, a log with an append under way, a member and a writer each stop within seconds."""
    log, topic = await world.log(), world.topic("one")
    await log.append(topic, [Entry(b"key", b"v")])
    consumer, writer = log.consumer(f"g {uuid.uuid4()}", [topic]), log.fenced_writer(f"writer {uuid.uuid4()}")
    await consumer.start()
    await writer.open()
    await writer.append(topic, [Entry(b"key", b"v")])
    await collect(consumer, 2)
    assert engines.kafka_pid is not None
    os.kill(engines.kafka_pid, signal.SIGSTOP)
    try:
        appending = asyncio.create_task(log.append(topic, [Entry(b"key", b"lost")]))
        writing = asyncio.create_task(writer.append(topic, [Entry(b"key", b"lost")]))
        await asyncio.wait({appending, writing}, timeout=0.5)
        assert not appending.done()
        writing.cancel()
        for leaving in (asyncio.wait({writing}), consumer.stop(), writer.close(), log.stop()):
            began = time.monotonic()
            await leaving
            assert time.monotonic() - began < 6
        with pytest.raises(LogUnavailable):
            await appending
    finally:
        os.kill(engines.kafka_pid, signal.SIGCONT)


def test_repeated_messages_of_an_outage_are_counted_not_printed() -> None:
    """Of a hundred alike within the while one passes, and the next one later tells how many there were."""
    quiet = OncePerWhile()

    def passes(at_s: float, text: str) -> str:
        record = logging.LogRecord("aiokafka", logging.ERROR, "", 0, text, (1,), None)
        record.created = at_s
        return record.getMessage() if quiet.filter(record) else ""

    assert [passes(100 + nth / 100, "down %s") for nth in range(100)] == ["down 1"] + [""] * 99
    assert passes(100, "other %s") == "other 1"
    assert passes(111, "down %s") == "down 1 (and 99 more like this)"
