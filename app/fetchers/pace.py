"""How many calls a vendor allows: a token bucket, and the times at which it wants to be left alone.

Owns: Pace, retry_after_s(). Does not own: calls (calls.py). Next stop: calls.py.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from app.domain.instants import http_date_us
from app.ports import Clock

# The longest that a vendor's own word is believed; beyond it, somebody should look.
LONGEST_S = 6 * 3600.0
# As a time to wait it would be thirty years; as an instant it was in 2001.
EPOCH_FROM_S = 1e9


class Pace:
    """At most `burst` calls at once and `per_s` a second after that: over any t seconds at most burst + per_s * t."""

    def __init__(self, clock: Clock, per_s: float, burst: int) -> None:
        self._clock, self._per_s, self._burst = clock, per_s, burst
        self._free, self._counted_s = float(burst), clock.monotonic_s()
        self._order = asyncio.Lock()

    async def turn(self) -> None:
        """Returns when the next call may be made; callers go in the order in which they came."""
        async with self._order:
            self._count()
            # A rounding error short of a whole call is a whole call: the sleep for it would be too short for any clock.
            while self._free < 1.0 - 1e-6:
                await self._clock.sleep((1.0 - self._free) / self._per_s)
                self._count()
            self._free -= 1.0

    def _count(self) -> None:
        now_s = self._clock.monotonic_s()
        self._free = min(float(self._burst), self._free + (now_s - self._counted_s) * self._per_s)
        self._counted_s = now_s


def retry_after_s(headers: Mapping[str, str], now_us: int, *, also: str = "") -> float:
    """How long the vendor asks to be left alone, in seconds: by Retry-After (RFC 9110, 10.2.3), or by a header of its own.

    Both may hold a number of seconds or an instant (a date, or seconds since 1970), which is compared with the answer's own Date where
    there is one. 0 where there is nothing to read; never more than six hours.
    """
    here_s = _instant_s(headers.get("date", ""))
    now_s = now_us / 1e6 if here_s is None else here_s
    for name in ("retry-after", also):
        said = headers.get(name, "").strip()
        number = said.replace(".", "", 1)
        if number.isascii() and number.isdigit():
            left_s = float(said) if float(said) < EPOCH_FROM_S else float(said) - now_s
        elif (at_s := _instant_s(said)) is not None:
            left_s = at_s - now_s
        else:
            continue
        return min(max(left_s, 0.0), LONGEST_S)
    return 0.0


def _instant_s(text: str) -> float | None:
    """An HTTP date or an ISO 8601 instant, as seconds since 1970; None where it is neither."""
    at_us = http_date_us(text)
    if at_us is not None:
        return at_us / 1e6
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
