"""How long consumers take for what waits on the log, seen from outside.

Owns: the clock over lags. Does not own: filling (catalogue.py), the consumers. Next stop: tests/bench/bind.py.

The clock starts when the first batch is seen to be committed and counts what is left then, so that starting a process, joining a group and
warming up count for nobody; it stops when no group has anything left.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

import httpx

from app.bootstrap import Parts
from app.errors import EngineDown
from tests.bench.processes import cpu_s, peak_mb

LOOK_S = 0.1
START_S, PATIENCE_S = 60.0, 600.0


@dataclass(frozen=True, slots=True)
class Drained:
    """events: what was left when the clock started. cpu_us, engines_cpu_us: processor time per event, of all the processes and of each
    engine (Kafka, MongoDB). peaks_mb: one a process."""

    events: int
    seconds: float
    cpu_us: float
    engines_cpu_us: tuple[float, ...]
    peaks_mb: tuple[float, ...]

    @property
    def per_s(self) -> float:
        return self.events / self.seconds


# The lag of each group, those that feed others first: where the first is empty and then the second, both are.
Lags = Callable[[], Awaitable[Sequence[int]]]


def lags_of(made: Parts, groups: Sequence[tuple[str, Collection[str]]]) -> Lags:
    """Asked through the port."""

    async def ask() -> Sequence[int]:
        return [sum((await made.log.lag(group, read)).values()) for group, read in groups]

    return ask


def lags_at(url: str, headers: dict[str, str], groups: Sequence[tuple[str, Collection[str]]]) -> Lags:
    """Asked over HTTP, where the log belongs to the service's process."""
    client = httpx.AsyncClient(base_url=url, headers=headers, timeout=30)

    async def ask() -> Sequence[int]:
        items = (await client.get("/v1/lag")).raise_for_status().json()["items"]
        return [sum(item["records"] for item in items if item["group"] == group) for group, _ in groups]

    return ask


async def drain(lags: Lags, total: int, processes: Sequence[subprocess.Popen[bytes]], engines: Sequence[int] = ()) -> Drained:
    """Waits until all groups are done. Raises RuntimeError where a process ends, or nothing moves for long."""
    # At the smallest sizes everything may be done by the first look; a figure of one event is then as good as any other.
    left = max(1, (await _look(lags, processes, START_S, lambda left: left[0] < total))[0])
    pids = [process.pid for process in processes]
    began_s, cpu_before = time.monotonic(), [cpu_s(pid) for pid in (*pids, *engines)]
    await _look(lags, processes, PATIENCE_S, lambda left: not any(left))
    seconds = time.monotonic() - began_s
    used = [(cpu_s(pid) - before) / left * 1e6 for pid, before in zip((*pids, *engines), cpu_before, strict=True)]
    return Drained(left, seconds, sum(used[: len(pids)]), tuple(used[len(pids) :]), tuple(map(peak_mb, pids)))


async def _look(
    lags: Lags, processes: Sequence[subprocess.Popen[bytes]], patience_s: float, satisfied: Callable[[Sequence[int]], bool]
) -> Sequence[int]:
    deadline_s = time.monotonic() + patience_s
    left: Sequence[int] = ()
    while time.monotonic() < deadline_s:
        if any(process.poll() is not None for process in processes):
            raise RuntimeError(f"a consumer ended with {[process.returncode for process in processes]}")
        try:
            left = await lags()
            if satisfied(left):
                return left
        except (httpx.TransportError, EngineDown):
            # The service does not listen yet, or Kafka has no coordinator yet.
            left = ()
        await asyncio.sleep(LOOK_S)
    raise RuntimeError(f"after {patience_s:g} s these many records are left in each group: {list(left)}")
