"""What the webhook door takes from the store and gives to it, every few seconds and never for a request.

Owns: the loop beside an HTTP process's door. Does not own: the documents (app/kept/), the door (app/api/webhooks.py).
Next stop: app/kept/seen.py.

Taken: which SNS topics people accepted, which recordings go on, which first secrets other processes wrote. Given: what was counted.
"""

import asyncio
from collections import Counter

import structlog

from app.api.apart import Recorder
from app.api.deps import Api
from app.api.metrics import ACCEPTED, NOBODY, Counts
from app.api.webhooks import Webhooks
from app.errors import EngineDown
from app.kept import recordings, seen, topics
from app.kept.seen import Seen
from app.sources.source import Source

log_line = structlog.get_logger(__name__)

TICK_S = 2.0


class Attendance:
    """Of one process."""

    def __init__(self, api: Api, webhooks: Webhooks) -> None:
        self._api, self._webhooks = api, webhooks
        self._given: dict[str, Seen] = {}
        self._stop = asyncio.Event()
        self._learning = asyncio.Lock()

    def stop(self) -> None:
        """Asks the loop to give what was counted and to end."""
        self._stop.set()

    async def run(self) -> None:
        """Until stopped. Failure policy: EngineDown is told once and tried again at the next turn; the doors go on with what they know."""
        trouble = False
        while True:
            last = self._stop.is_set()
            try:
                await self.once()
                trouble = False
            except EngineDown as down:
                if not trouble:
                    log_line.warning("attendance.engine_down", error=type(down).__name__, detail=str(down))
                trouble = True
            if last:
                return
            try:
                await asyncio.wait_for(self._stop.wait(), TICK_S)
            except TimeoutError:
                continue

    async def once(self) -> None:
        """One turn. Failure policy: EngineDown passes through; what was counted is given at the next turn, perhaps a second time."""
        await self._webhooks.first_secrets.look()
        self._webhooks.renew()
        await self.learn()
        await self._give()

    async def learn(self) -> None:
        """What people asked for meanwhile: topics, recordings. Failure policy: StoreUnavailable passes through."""
        # One at a time: the loop and a route learn side by side, and an older answer must not undo a newer one.
        async with self._learning:
            await self._learn()

    async def _learn(self) -> None:
        requests, now_us = self._api.store.requests, self._api.clock.now_us()
        accepted = await topics.accepted(requests)
        going_on = {one.source: one for one in await recordings.active(requests) if one.active(now_us)}
        for name, door in self._webhooks.doors.items():
            # The very set that the verifier looks into: filled, never replaced.
            door.source.topics.update(accepted.get(name, ()))
            door.topics_known = True
            wanted = going_on.get(name)
            held = door.recorder.recording if door.recorder else None
            if wanted is None:
                door.recorder = None
            elif held is None or held.id != wanted.id:
                door.recorder = Recorder(self._api, wanted)

    def source(self, name: str) -> Source:
        """The source as its door stands for it now."""
        return self._webhooks.doors[name].source

    def waits(self, name: str) -> bool:
        """Whether the source waits for the handshake that brings its secret."""
        return self._webhooks.first_secrets.waits(name)

    def pending(self) -> dict[str, Seen]:
        """What was counted and not given yet, by source."""
        return {name: _less(now, self._given.get(name, Seen())) for name, now in self._counted().items()}

    def _counted(self) -> dict[str, Seen]:
        return {name: _counted(counts) for name, counts in self._webhooks.counts.items() if name != NOBODY}

    async def _give(self) -> None:
        counted = self._counted()
        fresh = {name: _less(now, self._given.get(name, Seen())) for name, now in counted.items()}
        fresh = {name: one for name, one in fresh.items() if one.last_delivery_us or one.refused or one.accepted}
        if fresh:
            await seen.add(self._api.store.requests, fresh)
            self._given.update({name: counted[name] for name in fresh})


def _counted(counts: Counts) -> Seen:
    return Seen(
        accepted=counts.outcomes[ACCEPTED],
        events=counts.events,
        letters=counts.letters,
        refused={kind: number for kind, number in counts.outcomes.items() if kind != ACCEPTED and number},
        last_delivery_us=counts.last_delivery_us,
        last_accepted_us=counts.last_accepted_us,
        last_error_us=counts.last_error_us,
        last_error=counts.last_error,
        last_order_us=counts.newest_order_us,
    )


def _less(now: Seen, given: Seen) -> Seen:
    """What was counted since. Instants are those of this time, 0 where nothing came."""
    return Seen(
        accepted=now.accepted - given.accepted,
        events=now.events - given.events,
        letters=now.letters - given.letters,
        refused=dict(Counter(now.refused) - Counter(given.refused)),
        last_delivery_us=now.last_delivery_us if now.last_delivery_us != given.last_delivery_us else 0,
        last_accepted_us=now.last_accepted_us if now.accepted != given.accepted else 0,
        last_error_us=now.last_error_us,
        last_error=now.last_error,
        last_order_us=now.last_order_us,
    )
