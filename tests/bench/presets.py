"""What each preset costs at the door and in the projector, in units of parsing the same body with orjson; and what an append adds.

Owns: the choice of a sample per preset, the loops. Does not own: the samples and what must become of them (tests/sources/expectations.py).
Next stop: app/sources/receive.py and app/sources/project.py.
"""

from __future__ import annotations

import asyncio
import time

import orjson

from app.backends.sqlite.log import SqliteLog
from app.backends.system_clock import SystemClock
from app.ports import Entry
from schemas import topics
from tests.bench.micro import cost_us
from tests.bench.report import Row
from tests.bench.site import Bench
from tests.sources.expectations import Golden, goldens

TITLE = "Presets: verify, split and log entries at the door, and the mapping, beside orjson.loads of the same body"
AT_ONCE, APPENDS = 256, 40


def run(bench: Bench) -> list[Row]:
    """Two lines a preset, and one for the append that follows at the door."""
    rows = [row for golden in chosen() for row in _rows(golden, bench.sizes.micro_s / 4)]
    return [*rows, Row(f"append of one event, {AT_ONCE} at once, embedded log", asyncio.run(_append_us(bench)), "µs")]


def chosen() -> list[Golden]:
    """Of every preset the sample with the largest body that becomes an event."""
    best: dict[str, Golden] = {}
    for golden in goldens():
        if not golden.is_request or "handshake" in golden.words or not golden.received().events:
            continue
        held = best.get(golden.source.preset)
        if held is None or len(golden.body) > len(held.body):
            best[golden.source.preset] = golden
    return [best[preset] for preset in sorted(best)]


def _rows(golden: Golden, seconds: float) -> list[Row]:
    source, headers, body = golden.source, golden.headers, golden.body
    assert source.verify(headers, body, golden.now_s) == "", golden.name
    events = golden.received().events

    def door() -> None:
        source.verify(headers, body, golden.now_s)
        for event in source.receive(body, golden.arrived_us, headers).events:
            Entry(event.key.encode(), event.value, event.headers())

    def mapping() -> None:
        for event in events:
            source.project(event, 1)

    parsed, a = cost_us(lambda: orjson.loads(body), seconds), "orjson.loads"
    name = f"{source.preset} ({len(body)} bytes, {len(events)} event{'s' if len(events) > 1 else ''})"
    return [
        Row(f"{name}: door", cost_us(door, seconds), "µs", parsed, a),
        Row(f"{name}: mapping", cost_us(mapping, seconds), "µs", parsed, a),
    ]


async def _append_us(bench: Bench) -> float:
    """Processor time per event, all threads; the events of one Cloudinary upload, each its own append, as requests come."""
    log = SqliteLog(bench.folder / "presets.db", {topics.EVENTS_DAM: 1}, SystemClock())
    await log.start()
    (event,) = next(golden for golden in chosen() if golden.source.preset == "cloudinary").received().events[:1]
    entry = Entry(event.key.encode(), event.value, event.headers())
    try:
        began = time.process_time()
        for _ in range(APPENDS):
            await asyncio.gather(*(log.append(topics.EVENTS_DAM, [entry]) for _ in range(AT_ONCE)))
        return (time.process_time() - began) / (APPENDS * AT_ONCE) * 1e6
    finally:
        await log.stop()
