"""From events on the log to stored and published bindings, beside a plain consumer that makes one upsert an event.

Owns: what is drained by whom, and the check of what came out. Does not own: filling (catalogue.py), timing (drain.py).
Next stop: consumers/projector.py and consumers/binder.py, which is what this measures.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import orjson

from app.bootstrap import GROUPS, Parts
from consumers.binder import GROUP as BINDER
from consumers.binder import entry_of
from schemas import topics
from tests.bench import bodies, catalogue
from tests.bench.drain import Drained, drain, lags_at, lags_of
from tests.bench.processes import stop
from tests.bench.report import Row
from tests.bench.site import Bench, Site
from tests.bench.sizes import Sizes

TITLE = "Bind: Cloudinary uploads on the log, drained to stored and published bindings"
PIPELINE = [(group, GROUPS[group]) for group in ("bindery.projector", BINDER)]
ROLES = ("projector", "binder")
PLAIN = "bench.plain"


def run(bench: Bench) -> list[Row]:
    """The table."""
    sizes = bench.sizes
    with bench.site() as one:
        total = asyncio.run(_fill(one, sizes))
        plain = asyncio.run(_plain(one, total))
        alone = asyncio.run(_drained(one, total, 1))
        one.stop()
        requests = asyncio.run(_check(one, sizes))
    with bench.site() as two:
        total = asyncio.run(_fill(two, sizes))
        both = asyncio.run(_drained(two, total, 2))
        two.stop()
        asyncio.run(_check(two, sizes))
    with bench.site(production=False) as embedded:
        total = asyncio.run(_fill(embedded, sizes))
        small = asyncio.run(_drained_embedded(embedded, total))
        embedded.stop()
        asyncio.run(_check(embedded, sizes))
    a = "one upsert an event"
    return [
        Row("events per second, one process", alone.per_s, "/s", plain.per_s, a, 0.4),
        Row("events per second, two processes", both.per_s, "/s", alone.per_s, "one process"),
        Row("", both.per_s, "/s", plain.per_s, a),
        Row("events per second, embedded", small.per_s, "/s", alone.per_s, "Kafka and MongoDB"),
        Row("", small.per_s, "/s", plain.per_s, a),
        Row("processor time per event", alone.cpu_us, "µs", plain.cpu_us, a),
        Row("Kafka's processor time per event", alone.engines_cpu_us[0], "µs", plain.engines_cpu_us[0], a),
        Row("MongoDB's processor time per event", alone.engines_cpu_us[1], "µs", plain.engines_cpu_us[1], a),
        Row("bind requests per event", requests / total, ""),
        Row("peak memory, one process", alone.peaks_mb[0], "MB", plain.peaks_mb[0], a),
        Row("peak memory, each of two processes", max(both.peaks_mb), "MB", plain.peaks_mb[0], a),
        Row("peak memory, embedded", small.peaks_mb[0], "MB", plain.peaks_mb[0], a),
    ]


async def _fill(where: Site, sizes: Sizes) -> int:
    """Products in the store, uploads on the log; how many events."""
    numbers = range(sizes.skus)
    async with where.open() as made:
        await catalogue.save(made.store.records, catalogue.products(numbers))
        return await catalogue.fill_log(made, bodies.uploads(sizes.assets, numbers, sizes.events))


async def _plain(where: Site, total: int) -> Drained:
    assert where.engines is not None
    database, group = where.deployment.settings().mongodb_database, where.topic(PLAIN)
    arguments = [where.bootstrap(), where.engines.mongo_uri, database, where.topic(topics.EVENTS_DAM), group]
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.baselines.plain_consumer", *arguments])
    try:
        async with where.open() as made:
            return await drain(lags_of(made, [(PLAIN, [topics.EVENTS_DAM])]), total, [process], where.engine_pids())
    finally:
        stop(process)


async def _drained(where: Site, total: int, count: int) -> Drained:
    await asyncio.to_thread(where.settle)
    processes = [where.deployment.start("consume", *ROLES) for _ in range(count)]
    async with where.open() as made:
        return await drain(lags_of(made, PIPELINE), total, processes, where.engine_pids())


async def _drained_embedded(where: Site, total: int) -> Drained:
    process = where.serve(*ROLES)
    return await drain(lags_at(where.deployment.url, where.deployment.ops, PIPELINE), total, [process])


async def _check(where: Site, sizes: Sizes) -> int:
    """Every SKU has all its assets, live, in their last version, and what is stored is what was published last. How many bind requests."""
    async with where.open() as made:
        published = await _published(made, sizes.skus)
        assets, version = sizes.assets // sizes.skus, bodies.FIRST_VERSION + sizes.events // sizes.assets
        after, count = "", 0
        while page := await made.store.bindings.page(after=after, limit=catalogue.PAGE):
            after = page[-1].id
            count += len(page)
            for doc in page:
                shown = orjson.loads(doc.body)["bindings"]
                told = [(binding["state"], binding["content"]["version"]) for binding in shown]
                assert told == [("live", version)] * assets, f"{doc.id}: {told}"
                assert published[doc.id] == entry_of(doc).value, f"{doc.id}: stored and published differ"
        assert count == len(published) == sizes.skus, f"{count} SKUs are stored, {len(published)} published, {sizes.skus} expected"
        return sum((await made.log.ends(topics.BIND_REQUESTS)).values())


async def _published(made: Parts, skus: int) -> dict[str, bytes]:
    """SKU -> its last value in the topic."""
    last: dict[str, bytes] = {}
    consumer = made.log.consumer("bench.check", [topics.SKU_BINDINGS])
    await consumer.start()
    try:
        quiet, deadline_s = 0, time.monotonic() + 60
        while (quiet < 3 or len(last) < skus) and time.monotonic() < deadline_s:
            records = await consumer.poll(5_000, 0.3)
            quiet = 0 if records else quiet + bool(consumer.assignment())
            for record in records:
                last[(record.key or b"").decode()] = record.value or b""
    finally:
        await consumer.stop()
    return last
