"""One system's fetches while it is ours: calls kept open, pages written beside them, pauses when the vendor fails.

Owns: how many calls are open, what a failed call means for its system. Does not own: whose turn it is (leases.py), which tasks
(fetch_queue.py), what a page becomes (fetch_pages.py), HTTP (app/fetchers/). Next stop: consumers/fetch_pages.py.

`concurrency` calls are open as long as there is work: a call that ends is replaced at once, while its page is still being written. A failed
call pauses the whole system, for longer each time, at least for what the vendor asks; then one call probes it, and only its success ends
the pause. Tasks count an attempt only where they were in a call that failed. The pause stands in the lease, so that it outlives its owner.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from typing import Any

import structlog

from app.domain.failures import SPREAD, ToLetter, reaction
from app.domain.letters import plain, told
from app.errors import Misconfigured, VendorBusy, VendorDenied, VendorDown, VendorFailed, VendorResting
from app.sources.fetching import Fetcher, Page
from app.tasks.documents import Task
from app.tasks.verdicts import SECOND_US, Verdict
from consumers.fetch_counts import Counts
from consumers.fetch_pages import Call, Engines, Pages
from consumers.fetch_queue import Queue
from consumers.leases import Lease, Pause

log_line = structlog.get_logger(__name__)

# A fetcher bounds its own calls; this bounds a fetcher that does not.
PAGE_WITHIN_S = 600.0
MOST_ERROR = 500
STOP_WITHIN_S = 4.0
LONGEST_WAIT_S = 86_400.0


class Calls:
    """The open calls of one system. `tasks` holds what is under way; whoever waits for them passes their errors on (finished())."""

    def __init__(self, engines: Engines, fetcher: Fetcher, pages: Pages, queue: Queue, lease: Lease, counts: Counts) -> None:
        self._engines, self._fetcher, self._pages, self._queue, self._lease = engines, fetcher, pages, queue, lease
        self._counts = counts
        self._open: set[asyncio.Task[None]] = set()
        self._writing: set[asyncio.Task[None]] = set()
        self._whole = self._closing = False
        self._pause = 0  # counts the pauses, so that a call opened before one does not end it

    @property
    def under_way(self) -> set[asyncio.Task[None]]:
        """Calls and writes that have not ended."""
        return self._open | self._writing

    def finished(self) -> None:
        """Forgets what has ended. Raises what ended it: EngineDown, Ownership, a defect."""
        for group in (self._open, self._writing):
            for task in [task for task in group if task.done()]:
                group.discard(task)
                task.result()
        self._counts.open = len(self._open)

    def is_paused(self) -> bool:
        """Whether no call may be opened now."""
        return self._lease.pause.failures > 0 and self._engines.clock.now_us() < self._lease.pause.until_us

    def refill(self, *, whole: bool) -> None:
        """Opens calls as long as the vendor, the lease and memory allow. whole: only full ones, more tasks are being read."""
        for task in self._queue.unfetchable:
            verdict = Verdict("rejected", f"nothing here can fetch a {plain(task.kind, 50)} of {self._lease.system}")
            self._write(self._settle(Call(task.kind, {task.thing: task}), verdict))
        self._queue.unfetchable.clear()
        self._whole = whole
        while (call := self._another(beside=len(self._open))) is not None:
            self._open.add(asyncio.create_task(self._slot(call)))

    def _another(self, beside: int) -> Call | None:
        """The next call, where one may be opened beside so many."""
        probing = self._lease.pause.failures > 0
        most = 1 if probing else self._fetcher.concurrency
        if beside >= most or self._is_full() or self.is_paused() or not self._lease.allows_call():
            return None
        wanted = self._queue.next_call(whole=self._whole)
        return None if wanted is None else Call(*wanted, pause=self._pause, probe=probing)

    def _is_full(self) -> bool:
        """Whether as many pages wait to be written as memory should hold."""
        return len(self._writing) > 2 * self._fetcher.concurrency

    def _write(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._writing.add(task)
        return task

    async def _slot(self, call: Call | None) -> None:
        """One call after the other, with nothing in between that would leave the vendor idle."""
        while call is not None and not self._closing:
            await self._run(call)
            call = self._another(beside=sum(not task.done() for task in self._open) - 1)

    async def _run(self, call: Call) -> None:
        """One call; its pages are handed on as they come."""
        failed: Verdict | None = None
        pages = self._fetcher.fetch(call.kind, list(call.tasks))
        try:
            while (page := await self._next(pages)) is not None:
                await self._answered(call)
                call.last = self._write(self._write_page(call, page, call.claim(page), call.last))
                await self._room()
            if call.open:
                failed = Verdict("failed", "the answer did not tell of it", down=True)
        except VendorResting as resting:
            await self._put_off(call, resting)
            return
        except (VendorFailed, Misconfigured, TimeoutError) as error:
            failed = await self._failed(call, error)
        except Exception as error:
            # A defect of a fetcher: its tasks wait on the ladder, and the system's other tasks go on (promise P5).
            if not isinstance(reaction(error, "map"), ToLetter):
                raise
            log_line.exception("fetch.defect", system=self._lease.system, kind=call.kind)
            self._counts.calls["defect"] += 1
            failed = Verdict("failed", told(error), down=True)
        finally:
            if isinstance(pages, AsyncGenerator):
                await pages.aclose()
        if failed is None:
            self._counts.calls["answered"] += 1
        else:
            self._write(self._settle(call, failed))

    async def _next(self, pages: AsyncIterator[Page]) -> Page | None:
        self._lease.check()
        async with asyncio.timeout(PAGE_WITHIN_S):
            return await anext(pages, None)

    async def _room(self) -> None:
        """Waits while more pages wait to be written than memory should hold."""
        if self._is_full():
            await asyncio.wait(self._writing, return_when=asyncio.FIRST_COMPLETED)

    async def _write_page(self, call: Call, page: Page, claimed: Sequence[Task], before: "asyncio.Task[None] | None") -> None:
        await self._pages.write(call, page, claimed, before)
        self._counts.pages += 1
        for task in claimed:
            self._queue.release(task, task.doc.version + 1)

    async def _settle(self, call: Call, verdict: Verdict) -> None:
        if call.last is not None:
            await call.last
        tasks = [call.tasks[thing] for thing in call.open]
        await self._pages.settle([(task, call.blamed.get(task.thing, verdict)) for task in tasks])
        for task in tasks:
            self._queue.release(task, task.doc.version + 1)

    async def _answered(self, call: Call) -> None:
        """A probe that brings a page ends the pause."""
        if call.probe and call.pause == self._pause and self._lease.pause.failures:
            call.probe = False
            log_line.info("fetch.recovered", system=self._lease.system, after_failures=self._lease.pause.failures)
            self._counts.paused_until_us = 0
            await self._lease.note(Pause())

    async def _put_off(self, call: Call, resting: VendorResting) -> None:
        """The vendor was not asked, since it wants to be left alone, though a person or another call hurried: nothing counts as tried."""
        before = self._lease.pause
        until_us = max(before.until_us, self._engines.clock.now_us() + int(min(resting.retry_after_s, LONGEST_WAIT_S) * SECOND_US))
        self._queue.clear()
        for task in (call.tasks[thing] for thing in call.open):
            self._queue.release(task, task.doc.version)
        self._counts.paused_until_us = until_us
        await self._lease.note(Pause(max(before.failures, 1), until_us, before.error or plain(str(resting), MOST_ERROR)))

    async def _failed(self, call: Call, error: Exception) -> Verdict:
        """Pauses the system; what the call's tasks count as."""
        outcome = "busy" if isinstance(error, VendorBusy) else "denied" if isinstance(error, VendorDenied | Misconfigured) else "down"
        self._counts.calls[outcome] += 1
        why = plain(str(error) or "no answer in time", MOST_ERROR)
        asked_s = min(error.retry_after_s, LONGEST_WAIT_S) if isinstance(error, VendorBusy) else 0.0
        engines, before = self._engines, self._lease.pause
        ladder_s, now_us = engines.pace.pauses_s, engines.clock.now_us()
        if call.pause == self._pause:
            # Calls that were open beside it and fail as well are the same failure.
            self._pause += 1
            failures = before.failures + 1
            step_s = ladder_s[min(failures, len(ladder_s)) - 1] * (1 - SPREAD + 2 * SPREAD * engines.jitter())
        else:
            failures, step_s = max(before.failures, 1), 0.0
        until_us = max(before.until_us, now_us + int(max(step_s, asked_s) * SECOND_US))
        self._queue.clear()
        self._counts.paused_until_us = until_us
        log_line.warning("fetch.paused", system=self._lease.system, outcome=outcome, failures=failures, detail=why)
        await self._lease.note(Pause(failures, until_us, why))
        return Verdict("failed", why, retry_after_s=asked_s, down=isinstance(error, VendorDown | TimeoutError))

    async def close(self) -> None:
        """Ends the open calls, and gives what is being written a little time to end."""
        self._closing = True
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        if self._writing:
            _, late = await asyncio.wait(self._writing, timeout=STOP_WITHIN_S)
            for task in late:
                task.cancel()
        await asyncio.gather(*self._writing, return_exceptions=True)
        self._open.clear()
        self._writing.clear()
        self._counts.open = 0
