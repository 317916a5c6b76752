"""Requests at a steady rate, whether or not the earlier ones have been answered.

Owns: the pace, a small HTTP client. Does not own: what is asked. Next stop: tests/bench/latency.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


async def paced(rate: float, seconds: float, one: Callable[[int], Awaitable[None]]) -> None:
    """Calls one(0), one(1), … at their times, whether or not the earlier ones have ended; waits for all of them."""
    began_s, running = time.perf_counter(), set()
    for number in range(int(rate * seconds)):
        wait_s = began_s + number / rate - time.perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        task = asyncio.ensure_future(one(number))
        running.add(task)
        task.add_done_callback(running.discard)
    # Errors come out here, the first of them.
    while running:
        await asyncio.gather(*running)


class Client:
    """Keep-alive connections that carry one request each at a time; as little HTTP as the answers of this API need."""

    def __init__(self, port: int, connections: int) -> None:
        self._port = port
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._count = connections

    async def connect(self) -> None:
        for _ in range(self._count):
            self._free.put_nowait(await asyncio.open_connection("127.0.0.1", self._port))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        reader, writer = connection = await self._free.get()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        body = await reader.readexactly(int(lengths[0].split(b":")[1]))
        self._free.put_nowait(connection)
        return int(head.split(b" ", 2)[1]), body
