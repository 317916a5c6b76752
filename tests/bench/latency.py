"""How long after a webhook its binding can be read, at a steady rate, beside a bare produce→consume round trip at the same rate.

Owns: the paced senders, the probes, the bare round trip. Does not own: what is sent (bodies.py). Next stop: app/api/skus.py, where the
answer is read.

A probe posts a new version of an image and asks `GET /v1/skus/{sku}` until the answer holds that version. Probes have SKUs of their own and
run inside the steady stream, so they wait for what everybody waits for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.bench import bodies, catalogue
from tests.bench.bodies import Upload
from tests.bench.pace import Client, paced
from tests.bench.report import Row
from tests.bench.site import Bench, Site
from tests.bench.sizes import Sizes

TITLE = "Latency: from a webhook to its readable binding, one API process and one of projector and binder, at a steady rate"
BARE = "bench.bare"
SENDERS = 32
PROBERS = 4
LOOK_S = 0.005
PATIENCE_S = 30.0


def run(bench: Bench) -> list[Row]:
    """The table. The rate is a quarter of ingest's maximum, where that was measured in this run, and at most `most_per_s`."""
    sizes = bench.sizes
    rate = min(bench.found.get("ingest_per_s", float("inf")) / 4, sizes.most_per_s)
    with bench.site() as where:
        bare = uvloop.run(_bare(where.bootstrap(), where.topic(BARE), rate, sizes))
        asyncio.run(_fill(where, sizes))
        where.deployment.start("consume", "projector", "binder")
        where.api()
        ours = uvloop.run(_storm(where.deployment.port, rate, sizes))
        where.stop()
    a = f"bare produce→consume, {rate:,.0f}/s"
    return [
        Row(f"webhook → readable, {rate:,.0f}/s, p50", ours.at(0.5), "ms", bare.at(0.5), a),
        Row(f"webhook → readable, {rate:,.0f}/s, p99", ours.at(0.99), "ms", bare.at(0.99), a, 5.0, at_least=False),
        Row("probes", len(ours.ms), ""),
        Row("webhooks answered 503 and sent again", ours.refused, ""),
    ]


@dataclass(frozen=True, slots=True)
class Latencies:
    """ms: sorted, in milliseconds. refused: webhooks that were answered 503 and sent again, the wait included."""

    ms: Sequence[float]
    refused: int = 0

    def at(self, share: float) -> float:
        """The latency that this share of all does not exceed."""
        return self.ms[min(len(self.ms) - 1, int(len(self.ms) * share))]


async def _fill(where: Site, sizes: Sizes) -> None:
    async with where.open() as made:
        await catalogue.fill_store(made, range(sizes.skus))


async def _bare(bootstrap: str, topic: str, rate: float, sizes: Sizes) -> Latencies:
    """aiokafka alone: a record of the same size is sent, and read by a consumer of the same process."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 12, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, acks="all")
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await producer.start()
    await consumer.start()
    padding = b"x" * 1400
    taken: list[float] = []

    async def read() -> None:
        # A comprehension would lose what came before this task is cancelled.
        async for record in consumer:
            taken.append(time.perf_counter() - float(record.value[:20]))  # noqa: PERF401

    async def one(number: int) -> None:
        await producer.send_and_wait(topic, b"%020.9f" % time.perf_counter() + padding, key=b"%d" % number)

    reading = asyncio.create_task(read())
    await paced(rate, sizes.warm_s, one)
    taken.clear()
    await paced(rate, sizes.latency_s, one)
    await asyncio.sleep(0.5)
    reading.cancel()
    await consumer.stop()
    await producer.stop()
    return Latencies(sorted(seconds * 1e3 for seconds in taken))


async def _storm(port: int, rate: float, sizes: Sizes) -> Latencies:
    """The latencies of all probes."""
    client, readers = Client(port, SENDERS), Client(port, PROBERS)
    await client.connect()
    await readers.connect()
    probed = max(PROBERS, sizes.skus // 10)
    every = max(1, int(rate // 10))  # about ten probes a second
    versions: dict[int, int] = {}
    taken: list[float] = []
    refused: list[int] = []
    probing: asyncio.Queue[int] = asyncio.Queue()
    for sku in range(probed):
        probing.put_nowait(sku)

    async def post(sku: int, number: int) -> int:
        versions[sku] = versions.get(sku, 0) + 1
        request = bodies.request(Upload(sku, sku, versions[sku], number).body())
        status, answer = await client.ask(request)
        while status == 503:
            # As senders do, only sooner: the log was late, so the same again.
            refused.append(number)
            status, answer = await client.ask(request)
        assert status == 200, answer
        return bodies.FIRST_VERSION + versions[sku]

    async def background(number: int) -> None:
        await post(probed + number % (sizes.skus - probed), number)

    async def one(number: int) -> None:
        if number % every:
            await background(number)
            return
        sku = await probing.get()
        began_s = time.perf_counter()
        await _until_read(readers, sku, await post(sku, number))
        taken.append(time.perf_counter() - began_s)
        probing.put_nowait(sku)

    # The first binding says that the consumers have joined their groups; after some seconds every partition has been seen.
    await _until_read(readers, 0, await post(0, 0))
    await paced(rate, sizes.warm_s, background)
    await paced(rate, sizes.latency_s, one)
    return Latencies(sorted(seconds * 1e3 for seconds in taken), len(refused))


async def _until_read(client: Client, sku: int, version: int) -> None:
    request = f"GET /v1/skus/{bodies.sku_of(sku)} HTTP/1.1\r\nhost: bindery.test\r\n\r\n".encode()
    deadline_s = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < deadline_s:
        status, body = await client.ask(request)
        assert status == 200, body
        if orjson.loads(body)["bindings"][0]["content"]["version"] == version:
            return
        await asyncio.sleep(LOOK_S)
    raise AssertionError(f"version {version} of {bodies.sku_of(sku)} could not be read within {PATIENCE_S:g} s")
