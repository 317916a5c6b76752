"""The loop that works fetch tasks off: for every system with a fetcher, one process at a time.

Owns: the loop of each system (own it, read ahead, keep calls open, renew), stopping. Does not own: leases (leases.py), what to fetch next
(fetch_queue.py), calls and pauses (fetch_calls.py), writing (fetch_pages.py). Next stop: consumers/leases.py, then fetch_calls.py.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from app.errors import EngineDown, Ownership
from app.sources.fetching import Fetcher
from app.sources.source import Source
from app.tasks.documents import WAITING
from consumers.configuration import refuse_if_stale
from consumers.fetch_calls import Calls
from consumers.fetch_counts import Counts
from consumers.fetch_pages import Engines, Pages
from consumers.fetch_queue import Queue
from consumers.leases import Lease
from consumers.runner import FIRST_BACKOFF_S, LONGEST_BACKOFF_S, Health, pause

log_line = structlog.get_logger(__name__)

RENEWALS = 4  # a lease
COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class System:
    """One system that can be fetched from. source: whose events the states become."""

    fetcher: Fetcher
    source: Source


@dataclass(frozen=True, slots=True)
class Terms:
    """owner: the name of this process, different from that of every other and of every earlier one. alone: no other process can be there.

    lease_s: how long a dead owner's systems wait. tick_s: how often an idle owner looks for what is due.
    """

    owner: str
    lease_s: float = 30.0
    tick_s: float = 0.25
    alone: bool = False


class Fetching:
    """The loops of all systems, as one.

    Failure policy: EngineDown pauses a system and goes on in place; a lost lease is sought again; ConfigurationStale and defects end it
    with the error. What vendors do wrong makes tasks wait and is no trouble of this process.
    """

    def __init__(self, engines: Engines, systems: Mapping[str, System], terms: Terms) -> None:
        self.health = Health(trouble="")
        self.counts = {name: Counts() for name in systems}
        self._stop = asyncio.Event()
        self._loops = [_Loop(engines, name, system, terms, self.counts[name], self._stop) for name, system in systems.items()]

    def stop(self) -> None:
        """Asks the loops to open no further call, and to end."""
        self._stop.set()

    async def run(self) -> None:
        loops = [asyncio.create_task(loop.run(), name=f"fetcher.{loop.name}") for loop in self._loops]
        waiting = asyncio.create_task(self._stop.wait())
        try:
            while not self._stop.is_set():
                await asyncio.wait({*loops, waiting}, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
                self._look()
                for loop in loops:
                    if loop.done():
                        loop.result()
            await asyncio.gather(*loops)
        finally:
            for task in (*loops, waiting):
                task.cancel()
            await asyncio.gather(*loops, waiting, return_exceptions=True)

    def _look(self) -> None:
        self.health.trouble = "; ".join(f"{loop.name}: {loop.trouble}" for loop in self._loops if loop.trouble)
        self.health.batches = sum(counts.pages for counts in self.counts.values())
        self.health.records = sum(sum(counts.tasks.values()) for counts in self.counts.values())


@dataclass(slots=True)
class _Loop:
    """The loop of one system."""

    engines: Engines
    name: str
    system: System
    terms: Terms
    counts: Counts
    stop: asyncio.Event
    trouble: str = ""
    renew_at_s: float = field(default=0.0, init=False)
    look_at_s: float = field(default=0.0, init=False)

    async def run(self) -> None:
        engines, terms = self.engines, self.terms
        lease = Lease(engines.store.owners, engines.clock, self.name, terms.owner, terms.lease_s, alone=terms.alone)
        backoff_s = FIRST_BACKOFF_S
        while not self.stop.is_set():
            try:
                if await lease.seek():
                    backoff_s = FIRST_BACKOFF_S
                    await self._own(lease)
                self.trouble = ""
                await pause(engines.clock, self.stop, min(terms.lease_s / RENEWALS, 1.0))
            except EngineDown as down:
                self.trouble = f"{type(down).__name__}: {down}"
                log_line.warning("fetch.engine_down", system=self.name, error=type(down).__name__, detail=str(down))
                await pause(engines.clock, self.stop, backoff_s)
                backoff_s = min(backoff_s * 2, LONGEST_BACKOFF_S)
            except Ownership as lost:
                log_line.warning("fetch.lost", system=self.name, detail=str(lost))

    async def _own(self, lease: Lease) -> None:
        """Works the system off until it is stopped or lost. Memory dies with this call; what it stands for waits in the store."""
        engines, system = self.engines, self.system
        queue = Queue(engines.store, engines.clock, self.name, system.fetcher.per_call)
        calls = Calls(engines, system.fetcher, Pages(engines, system.source, lease.check, self.counts), queue, lease, self.counts)
        beside: set[asyncio.Task[None]] = set()
        self.counts.owned, self.renew_at_s, self.look_at_s = True, 0.0, 0.0
        try:
            while not self.stop.is_set():
                calls.finished()
                for task in [task for task in beside if task.done()]:
                    beside.discard(task)
                    task.result()
                lease.check()
                self._begin(lease, queue, calls, beside)
                calls.refill(whole=queue.in_pass or any(task.get_name() == "read" for task in beside))
                await self._something(calls.under_way | beside, self._idle_s(lease, calls))
        finally:
            self.counts.owned = False
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await calls.close()
        await lease.release()

    def _begin(self, lease: Lease, queue: Queue, calls: Calls, beside: set[asyncio.Task[None]]) -> None:
        """Starts a renewal and the reading of the next tasks where it is time for them, each beside everything else."""
        names = {task.get_name() for task in beside}
        now_s = self.engines.clock.monotonic_s()
        if now_s >= self.renew_at_s and "renew" not in names:
            self.renew_at_s = now_s + self.terms.lease_s / RENEWALS
            beside.add(asyncio.create_task(self._renew(lease), name="renew"))
        fetcher = self.system.fetcher
        enough = 2 * fetcher.concurrency * max(fetcher.per_call.values(), default=1)
        if "read" not in names and queue.size < enough and (queue.in_pass or now_s >= self.look_at_s) and not calls.is_paused():
            beside.add(asyncio.create_task(self._read(queue), name="read"))

    async def _renew(self, lease: Lease) -> None:
        await lease.renew()
        self.counts.paused_until_us = lease.pause.until_us
        self.counts.waiting = await self.engines.store.tasks.count([WAITING, f"system:{self.name}"], at_most=COUNTED)

    async def _read(self, queue: Queue) -> None:
        # The configuration decides what a fetched state means, so an old one must not go on; asked for with every page.
        await asyncio.gather(queue.read(), refuse_if_stale(self.engines.store, self.engines.version))
        self.counts.oldest_due_us = queue.oldest_due_us
        if not queue.in_pass:
            self.look_at_s = self.engines.clock.monotonic_s() + self.terms.tick_s

    def _idle_s(self, lease: Lease, calls: Calls) -> float:
        """How long there is nothing to look for: a tick; while the system is left alone, until that or a renewal is over."""
        if not calls.is_paused():
            return self.terms.tick_s
        clock = self.engines.clock
        left_s = min((lease.pause.until_us - clock.now_us()) / 1e6, self.renew_at_s - clock.monotonic_s())
        return max(left_s, self.terms.tick_s)

    async def _something(self, under_way: set[asyncio.Task[None]], within_s: float) -> None:
        """Waits until anything under way has ended, the time is over, or the process is to stop."""
        stopping = asyncio.ensure_future(self.stop.wait())
        sleeping = asyncio.ensure_future(self.engines.clock.sleep(within_s))
        try:
            await asyncio.wait({stopping, sleeping, *under_way}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            sleeping.cancel()
