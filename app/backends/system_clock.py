"""The clock of the operating system.

Owns: the only calls that ask for the real time. Does not own: what is done at which time. Next stop: app/ports.py (Clock).
"""

import asyncio
import time


class SystemClock:
    """C1-C3 of the port, from the operating system."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
