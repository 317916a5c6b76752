"""The clock: asks for a new decision when time alone changes an answer; works sweeps off in between.

Owns: what is due. Does not own: the decision. Next stop: consumers/binder.py.

There is no cursor: due is what the store says is due. What was asked for already is remembered in memory for a while, so that a slow binder
is not asked again and again; a restart forgets it, which costs a second request and no more.
"""

import asyncio
from collections.abc import Sequence

from app.ports import Clock, Doc, EventLog, Store
from consumers.runner import Health
from consumers.sweeps import Sweeper, request_entries
from consumers.turns import take_turns
from schemas import topics

ASK_AGAIN_US = 30_000_000
PAGE = 1000
LARGEST_PAGE = 16 * PAGE


class DueClock:
    """Looks for due SKUs every `tick_s`, and pages through sweeps as fast as the binder follows."""

    def __init__(self, log: EventLog, store: Store, clock: Clock, sweeper: Sweeper, *, tick_s: float = 0.5) -> None:
        self.health = Health()
        self._log, self._store, self._clock, self._sweeper, self._tick_s = log, store, clock, sweeper, tick_s
        self._asked: dict[tuple[str, int], int] = {}
        self._stop = asyncio.Event()

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        """Until stopped. Failure policy: EngineDown pauses and goes on in place; what is due stays due."""
        await take_turns("clock", self._turn, self.health, self._clock, self._stop)

    async def _turn(self) -> float:
        asked = await self.run_once()
        swept = await self._sweeper.run_once()
        self.health.records += asked + swept
        return 0.02 if swept else self._tick_s

    async def run_once(self) -> int:
        """Asks for every SKU that is due now and was not asked for lately; how many."""
        now_us = self._clock.now_us()
        await self._forget(now_us)
        asked, above, limit = 0, None, PAGE
        while True:
            page = await self._store.bindings.scan("due", above=above, upto=now_us, limit=limit)
            asked += await self._ask([doc for doc in page if (doc.id, doc.numbers["due_us"]) not in self._asked], now_us)
            if len(page) < limit:
                return asked
            first_us, last_us = page[0].numbers["due_us"], page[-1].numbers["due_us"]
            if first_us == last_us and limit < LARGEST_PAGE:
                limit *= 2  # more SKUs share this instant than the page holds
                continue
            # The last instant may go on behind the page. What is behind the largest page waits until the binder has decided that one.
            above, limit = last_us - 1 if first_us < last_us else last_us, PAGE

    async def _forget(self, now_us: int) -> None:
        """Drops what was asked long ago, so that it is asked again; not while the binder is far behind: that would add to the pile."""
        old = [key for key, until in self._asked.items() if until <= now_us]
        if old and await self._sweeper.binder_lag() > max(len(old), PAGE):
            self._asked |= dict.fromkeys(old, now_us + ASK_AGAIN_US)
            return
        for key in old:
            del self._asked[key]

    async def _ask(self, due: Sequence[Doc], now_us: int) -> int:
        for start in range(0, len(due), PAGE):
            docs = due[start : start + PAGE]
            await self._log.append(topics.BIND_REQUESTS, request_entries([doc.id for doc in docs], "clock", now_us))
            self._asked |= {(doc.id, doc.numbers["due_us"]): now_us + ASK_AGAIN_US for doc in docs}
        return len(due)
