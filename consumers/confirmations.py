"""Confirms subscriptions: visits the address that Amazon SNS gave, for topics that the configuration or a person let in.

Owns: when to visit and when to try again. Does not own: which topics are let in (app/kept/topics.py), the call (app/ports.py: Outbound).
Next stop: app/ports.py.

Each wanted topic is a task: it has a due time and attempts, and whoever takes it moves the due time first, so that two processes do not do
it at once and a process that dies is replaced. Visiting an address twice confirms the same subscription once more.
"""

import asyncio
from dataclasses import replace

import structlog

from app.errors import BinderyError, EngineDown
from app.kept import topics
from app.kept.topics import Topic
from app.ports import Clock, Doc, Outbound, StoreView
from app.sources.handshakes import is_of_sns
from consumers.runner import Health
from consumers.turns import take_turns

log_line = structlog.get_logger(__name__)

TICK_S = 1.0
TIMEOUT_S = 10.0
MAX_BYTES = 65_536
# A token of SNS is good for three days.
PAUSES_S = (30, 60, 600, 3_600, 6 * 3_600)
MOST_ATTEMPTS = 16


class Confirmations:
    """Looks for wanted topics every second."""

    def __init__(self, store: StoreView, outbound: Outbound, clock: Clock) -> None:
        self.health = Health()
        self._requests, self._outbound, self._clock = store.requests, outbound, clock
        self._stop = asyncio.Event()

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        """Until stopped. Failure policy: EngineDown pauses and goes on in place; what is wanted stays wanted."""
        await take_turns("confirmations", self._turn, self.health, self._clock, self._stop)

    async def _turn(self) -> float:
        self.health.records += await self.run_once()
        return TICK_S

    async def run_once(self) -> int:
        """Visits what is due; how many visits there were."""
        visits = 0
        for doc in await self._requests.matching([topics.WANTED]):
            topic, now_us = topics.read(doc), self._clock.now_us()
            if topic.due_us > now_us:
                continue
            taken = replace(topic, attempts=topic.attempts + 1, due_us=now_us + _pause_us(topic.attempts))
            if await topics.change(self._requests, doc, taken):
                await self._visit(replace(doc, version=doc.version + 1), taken)
                visits += 1
        return visits

    async def _visit(self, doc: Doc, topic: Topic) -> None:
        """Failure policy: what the outside does wrong is noted on the topic, which is tried again or given up."""
        error, final = "", False
        if not is_of_sns(topic.url):
            error, final = "the message named no address of Amazon SNS to confirm it at", True
        else:
            try:
                answer = await self._outbound.call("GET", topic.url, timeout_s=TIMEOUT_S, max_bytes=MAX_BYTES)
            except EngineDown:
                raise
            except BinderyError as failed:
                error = str(failed)
            else:
                if answer.status != 200:
                    # A token that is over or wrong stays so; the sender has to ask again.
                    error, final = f"Amazon SNS answered {answer.status}", 400 <= answer.status < 500 and answer.status != 429
        now_us = self._clock.now_us()
        if not error:
            after = replace(topic, state="confirmed", changed_us=now_us, last_error="")
        elif final or topic.attempts >= MOST_ATTEMPTS:
            after = replace(topic, state="failed", changed_us=now_us, last_error=f"{error}; have the sender ask for confirmation again")
        else:
            after = replace(topic, last_error=error)
        # Whoever changed it meanwhile (a newer confirmation, say) knows better.
        if await topics.change(self._requests, doc, after):
            log_line.info(
                "confirmation.visited", source=topic.source, topic=topic.topic, state=after.state, attempt=topic.attempts, error=error
            )


def _pause_us(attempts: int) -> int:
    return int(PAUSES_S[min(attempts, len(PAUSES_S) - 1)] * 1_000_000)
