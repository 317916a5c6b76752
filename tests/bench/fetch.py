"""Thin events of Akeneo, worked off against a local Akeneo: what the vendor's limits allow, and how much of it is used.

Owns: what is fetched by whom, the check of what came. Does not own: the vendor (tests/vendors/akeneo.py), timing (drain.py).
Next stop: consumers/fetching.py, which is what this measures.

The bound is the vendor's: 4 calls at once, 100 products a call, 50 ms an answer. The vendor's server, the engines and the process that
fetches share this machine's cores.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

import httpx
import orjson
from prometheus_client.parser import text_string_to_metric_families

from app.bootstrap import Parts
from app.ports import Entry
from schemas import topics
from schemas.event import Event
from tests.bench.drain import Drained, Lags, drain, lags_at, lags_of
from tests.bench.report import Row
from tests.bench.site import Bench, Site
from tests.functional.test_stories import akeneo
from tests.vendors.akeneo import API, product_uuid
from tests.vendors.command import Running, running

TITLE = "Fetch: thin Akeneo events, 4 calls at once, 100 products a call, 50 ms an answer"
OPEN, PER_CALL, ANSWER_S = 4, 100, 0.05
SAVED_AT = "2026-08-24T09:15:40Z"
PROJECTOR = [("bindery.projector", topics.LIVE)]
ACCESS = {"TEST_AKENEO_ID": "client", "TEST_AKENEO_SECRET": "s3cr3t", "TEST_AKENEO_USER": "bindery", "TEST_AKENEO_PASSWORD": "pa55word"}
CONFIGURATION = """
version: 1
sources:
  akeneo-main:
    preset: akeneo-event-platform
    system: akeneo
    secrets: [env:TEST_SECRET]
    api:
      url: {url}
      client_id: env:TEST_AKENEO_ID
      client_secret: env:TEST_AKENEO_SECRET
      username: env:TEST_AKENEO_USER
      password: env:TEST_AKENEO_PASSWORD
"""


def run(bench: Bench) -> list[Row]:
    """The table."""
    os.environ.update(ACCESS)
    things = bench.sizes.fetched
    found = {}
    for production in (True, False):
        delay_ms = str(ANSWER_S * 1000)
        with running("akeneo", "--delay-ms", delay_ms, "--products", str(things)) as vendor, bench.site(production=production) as site:
            (site.deployment.folder / "bindery.yaml").write_text(CONFIGURATION.format(url=vendor.url))
            asyncio.run(_wished(site, things))
            drained = asyncio.run(_fetched(site, things))
            site.stop()
            asyncio.run(_check(site, things))
            found[production] = (drained, _calls(vendor))
    (real, calls), (small, calls_small) = found[True], found[False]
    bound, fewest = OPEN * PER_CALL / ANSWER_S, -(-things // PER_CALL)
    which = f"{OPEN} x {PER_CALL} in {ANSWER_S * 1000:g} ms"
    return [
        Row("events per second, Kafka and MongoDB", real.per_s, "/s", bound, which, 0.8),
        Row("events per second, embedded", small.per_s, "/s", bound, which, 0.8),
        Row("calls, Kafka and MongoDB", calls, "", fewest, "the fewest possible", 1.05, at_least=False),
        Row("calls, embedded", calls_small, "", fewest, "the fewest possible", 1.05, at_least=False),
        Row("processor time per event, Kafka and MongoDB", real.cpu_us, "µs"),
        Row("Kafka's processor time per event", real.engines_cpu_us[0], "µs"),
        Row("MongoDB's processor time per event", real.engines_cpu_us[1], "µs"),
        Row("processor time per event, embedded", small.cpu_us, "µs"),
        Row("peak memory, the process that fetches", real.peaks_mb[0], "MB"),
        Row("peak memory, embedded", small.peaks_mb[0], "MB"),
    ]


async def _wished(site: Site, things: int) -> None:
    """Thin events through the log and a projector, until each is a task that waits."""
    async with site.open() as made:
        source = made.configuration.sources["akeneo-main"]
        # Long enough ago for the preset's delay to be over.
        arrived_us = made.clock.now_us() - 60_000_000
        entries: list[Entry] = []
        for number in range(things):
            body = akeneo("product.updated", {"product": {"uuid": product_uuid(number)}}, SAVED_AT)
            entries += [Entry(event.key.encode(), event.value, event.headers()) for event in source.receive(body, arrived_us, {}).events]
        for start in range(0, things, 2_000):
            await made.log.append(topics.EVENTS_PIM, entries[start : start + 2_000])
    if site.engines is None:
        process = site.serve("projector")
        site.deployment.ready()
        await drain(lags_at(site.deployment.url, site.deployment.ops, PROJECTOR), things, [process])
    else:
        process = site.deployment.start("consume", "projector")
        async with site.open() as made:
            await drain(lags_of(made, PROJECTOR), things, [process])
    site.stop()
    site.deployment.processes.clear()


async def _fetched(site: Site, things: int) -> Drained:
    """From the first state on the log to the last."""
    if site.engines is None:
        process = site.serve("fetcher")
        return await drain(_unfinished(site, things), things, [process])
    await asyncio.to_thread(site.settle)
    process = site.deployment.start("consume", "fetcher")
    async with site.open() as made:
        return await drain(_missing(made, things), things, [process], site.engine_pids())


def _missing(made: Parts, things: int) -> Lags:
    async def ask() -> Sequence[int]:
        return [things - sum((await made.log.ends(topics.EVENTS_SLOW)).values())]

    return ask


def _unfinished(site: Site, things: int) -> Lags:
    """By the process's own count: counting what waits would cost the store more than it works."""
    client = httpx.AsyncClient(base_url=site.deployment.url, headers=site.deployment.ops, timeout=30)

    async def ask() -> Sequence[int]:
        text = (await client.get("/metrics")).raise_for_status().text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        done = sum(sample.value for sample in samples if sample.name == "bindery_fetch_tasks_total")
        return [things - int(done)]

    return ask


async def _check(site: Site, things: int) -> None:
    """No task waits, and every product's state is on the log, once."""
    async with site.open() as made:
        waiting = await made.store.tasks.count(["waiting"])
        total = sum((await made.log.ends(topics.EVENTS_SLOW)).values())
        consumer = made.log.consumer("bench.check", [topics.EVENTS_SLOW])
        await consumer.start()
        found: set[str] = set()
        read = 0
        try:
            async with asyncio.timeout(60):
                while read < total:
                    records = await consumer.poll(5_000, 0.3)
                    read += len(records)
                    for record in records:
                        event = Event.read(record.key, record.value, record.headers)
                        assert orjson.loads(event.value)["state"]["uuid"] in event.key
                        found.add(event.key)
        finally:
            await consumer.stop()
        assert (waiting, total, len(found)) == (0, things, things), f"{waiting} wait, {total} states of {len(found)} things of {things}"


def _calls(vendor: Running) -> int:
    """Calls for products. Raises AssertionError where one of the vendor's limits was broken."""
    report = vendor.report()
    assert report["violations"] == [], report["violations"][:5]
    return sum(count for call, count in report["counts"].items() if f"{API}/products" in call)
