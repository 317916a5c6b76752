"""Work in flight at the webhook door: bounded in requests and bytes, in requests per second, and in the time a body may take.

Owns: the bounds and the watch over slow bodies. Does not own: what is answered (app/api/webhooks.py). Next stop: app/api/webhooks.py.
"""

import asyncio

from app.api.deps import Limits
from app.api.metrics import Counts

TICK_S = 0.1


class Flight:
    """How much all requests together, and those of one source, hold at a time."""

    def __init__(self, limits: Limits) -> None:
        self._requests, self._bytes = limits.requests, limits.bytes
        self._requests_of_one = max(1, int(limits.requests * limits.share))
        self._bytes_of_one = int(limits.bytes * limits.share)
        self.requests = self.bytes = 0

    def enter(self, counts: Counts, size: int) -> bool:
        """Takes a place for a request with a body of `size` bytes (0: not known yet). False where there is none: no leave() then."""
        if self.requests >= self._requests or counts.in_flight >= self._requests_of_one or not self.grow(counts, size):
            return False
        self.requests += 1
        counts.in_flight += 1
        return True

    def grow(self, counts: Counts, size: int) -> bool:
        """Takes room for more bytes. False where there is none."""
        if self.bytes + size > self._bytes or counts.bytes_in_flight + size > self._bytes_of_one:
            return False
        self.bytes += size
        counts.bytes_in_flight += size
        return True

    def leave(self, counts: Counts, size: int) -> None:
        """Gives back the place and all the bytes that were taken for it."""
        self.requests -= 1
        self.bytes -= size
        counts.in_flight -= 1
        counts.bytes_in_flight -= size


class Pace:
    """Requests per second of one source: at most a second's worth at once."""

    def __init__(self, rate_per_s: float) -> None:
        self._rate = rate_per_s
        self._room = self._most = max(1.0, rate_per_s)
        self._at_s = 0.0

    def admits(self, now_s: float) -> bool:
        """Whether one more may come now (seconds of a monotonic clock)."""
        self._room = min(self._most, self._room + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        if self._room < 1:
            return False
        self._room -= 1
        return True


class Watch:
    """Interrupts tasks that wait too long, to within TICK_S.

    One timer for all of them: a timer each (asyncio.timeout) costs 4 µs a request, a tenth of all that the door may cost.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[asyncio.Task[object], float] = {}
        self._ticking = False

    def begin(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[object]) -> None:
        """From now on this task may wait; end() must follow."""
        self._due[task] = loop.time() + self._seconds
        if not self._ticking:
            self._ticking = True
            loop.call_later(TICK_S, self._tick, loop)

    def end(self, task: asyncio.Task[object]) -> bool:
        """True where the task was interrupted: its CancelledError is then this watch's doing."""
        return self._due.pop(task, None) is None

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task in [task for task, due in self._due.items() if due <= now]:
            del self._due[task]
            task.cancel()
        self._ticking = bool(self._due)
        if self._ticking:
            loop.call_later(TICK_S, self._tick, loop)
