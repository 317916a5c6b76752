"""Accepted-and-durable webhooks per second on one API process, beside a bare echo and beside what people write.

Owns: which servers are loaded in which order, the check that the log holds what was answered. Does not own: the load (load.py), the other
servers (baselines/). Next stop: app/api/webhooks.py, which is what this measures.

The servers take turns, and each one's best round counts: all of them share two cores with whatever else this machine does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schemas import topics
from tests.bench import bodies
from tests.bench.load import CONNECTIONS, Load, Requests, need_wrk
from tests.bench.processes import baseline, cpu_s, peak_mb
from tests.bench.report import Row
from tests.bench.site import Bench, Site
from tests.bench.sizes import Sizes

TITLE = "Ingest: one API process, 64 keep-alive connections, signed uploads of 1.4 kB"
WARM_S = 1
PLAIN = "bench.plain"


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of one server. cpu_us: processor time of the server's process per answer, which noise on the machine hardly changes."""

    load: Load
    cpu_us: float
    mb: float


def run(bench: Bench) -> list[Row]:
    """The table. The maximum rate is left for the benchmark of latency."""
    need_wrk()
    sizes = bench.sizes
    uploads = bodies.uploads(sizes.requests, range(10_000), sizes.requests)
    requests = Requests(bench.folder / "requests.bin", (bodies.request(upload.body()) for upload in uploads))
    best: dict[str, Measured] = {}

    def keep(name: str, measured: Measured) -> None:
        if name not in best or measured.load.per_s > best[name].load.per_s:
            best[name] = measured

    with bench.site() as production:
        plain = [production.bootstrap(), production.topic(PLAIN)]
        asyncio.run(_create(*plain))
        for _ in range(sizes.rounds):
            keep("echo", _baseline(requests, sizes, "echo"))
            keep("bindery", _bindery(requests, sizes, production))
            keep("plain", _baseline(requests, sizes, "plain_api", *plain))
    for _ in range(sizes.rounds):
        with bench.site(production=False) as embedded:
            keep("embedded", _bindery(requests, sizes, embedded))
    bench.found["ingest_per_s"] = best["bindery"].load.per_s
    return _rows(best)


async def _create(bootstrap: str, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 12, 1)])
    finally:
        await admin.close()


def _measure(requests: Requests, sizes: Sizes, port: int, pid: int) -> tuple[Measured, range]:
    """What one round found, and how many records it may have left on a log."""
    warm = requests.post(port, WARM_S)
    before_s = cpu_s(pid)
    load = requests.post(port, sizes.ingest_s)
    measured = Measured(load, (cpu_s(pid) - before_s) / load.answers * 1e6, peak_mb(pid))
    answered = warm.answers + load.answers
    # A webhook that was answered 503 because the log was late may be durable all the same; and at the end of each load up to one request
    # per connection is, whose answer nobody waited for.
    return measured, range(answered - warm.refused - load.refused, answered + 2 * CONNECTIONS + 1)


def _baseline(requests: Requests, sizes: Sizes, module: str, *arguments: str) -> Measured:
    with baseline(module, *arguments) as (port, process):
        return _measure(requests, sizes, port, process.pid)[0]


def _bindery(requests: Requests, sizes: Sizes, where: Site) -> Measured:
    before = asyncio.run(_records(where))
    process = where.api()
    measured, durable = _measure(requests, sizes, where.deployment.port, process.pid)
    where.stop()
    held = asyncio.run(_records(where)) - before
    assert held in durable, f"between {durable.start} and {durable.stop - 1} records should be on the log, it holds {held}"
    return measured


async def _records(where: Site) -> int:
    """How many events of DAMs the log holds."""
    async with where.open() as made:
        return sum((await made.log.ends(topics.EVENTS_DAM)).values())


def _rows(best: Mapping[str, Measured]) -> list[Row]:
    echo, bindery, plain, embedded = (best[name] for name in ("echo", "bindery", "plain", "embedded"))
    a, b = "bare Starlette echo", "FastAPI + send_and_wait"
    return [
        Row("webhooks per second, Kafka", bindery.load.per_s, "/s", echo.load.per_s, a, 0.75),
        Row("", bindery.load.per_s, "/s", plain.load.per_s, b, 5.0),
        Row("p99 of the answer", bindery.load.p99_ms, "ms", plain.load.p99_ms, b, 1.0, at_least=False),
        Row("", bindery.load.p99_ms, "ms", echo.load.p99_ms, a),
        Row("p50 of the answer", bindery.load.p50_ms, "ms", plain.load.p50_ms, b),
        Row("webhooks per second, embedded", embedded.load.per_s, "/s", bindery.load.per_s, "the same on Kafka"),
        Row("", embedded.load.per_s, "/s", echo.load.per_s, a),
        Row("p99 of the answer, embedded", embedded.load.p99_ms, "ms", plain.load.p99_ms, b),
        Row("processor time per webhook, Kafka", bindery.cpu_us, "µs", echo.cpu_us, a),
        Row("", bindery.cpu_us, "µs", plain.cpu_us, b),
        Row("processor time per webhook, embedded", embedded.cpu_us, "µs", echo.cpu_us, a),
        Row("answers that were not 200, of a thousand", 1e3 * bindery.load.refused / bindery.load.answers, ""),
        Row("peak memory of the API process", bindery.mb, "MB", plain.mb, b),
        Row("peak memory of the API process, embedded", embedded.mb, "MB"),
    ]
