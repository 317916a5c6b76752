"""Answers leave in one write each, whole, in order, and however large they are.

Owns: app/api/one_write.py. Next stop: app/process.py, which serves with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from app.api.one_write import HOLD_BYTES, Held, OneWriteProtocol
from tests.functional.deployment import free_port

LARGE = b"x" * (20 * HOLD_BYTES)


class Wire(asyncio.Transport):
    """A transport that keeps what each write handed to it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


async def answering(scope: Any, receive: Any, send: Any) -> None:
    """`/large` streams a large body in pieces, anything else gets its own path back."""
    pieces = (
        [LARGE[start : start + 10_000] for start in range(0, len(LARGE), 10_000)] if scope["path"] == "/large" else [scope["path"].encode()]
    )
    length = b"%d" % sum(map(len, pieces))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    for number, piece in enumerate(pieces, start=1):
        await send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces)})


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    """The application on a free port, with this protocol."""
    port = free_port()
    config = uvicorn.Config(answering, "127.0.0.1", port, http=OneWriteProtocol, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        await serving


async def answer(reader: asyncio.StreamReader) -> bytes:
    """The body of the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = (line.split(b":")[1] for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
    return await reader.readexactly(int(length))


async def test_head_and_body_leave_in_one_write() -> None:
    """What is written within one turn of the event loop reaches the transport together, in order."""
    wire = Wire()
    held = Held(wire, asyncio.get_running_loop())
    held.write(b"head ")
    held.write(b"body")
    await asyncio.sleep(0)
    assert wire.writes == [b"head body"]


async def test_a_large_answer_does_not_pile_up() -> None:
    """Beyond its bound nothing is held, so that a slow reader slows the writer."""
    wire = Wire()
    held = Held(wire, asyncio.get_running_loop())
    held.write(b"head")
    held.write(LARGE)
    assert wire.writes == [b"head" + LARGE]


async def test_closing_writes_what_is_held() -> None:
    """An answer that ends its connection arrives all the same, and nothing is written after it."""
    wire = Wire()
    held = Held(wire, asyncio.get_running_loop())
    held.write(b"last")
    held.close()
    held.write(b"never")
    await asyncio.sleep(0)
    assert (wire.writes, wire.closed) == ([b"last"], True)


async def test_answers_arrive_whole_and_in_order() -> None:
    """Three requests sent at once on one connection, the middle one with a large streamed answer, get their answers in that order."""
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n" % path for path in (b"/one", b"/large", b"/two")))
        assert [await answer(reader) for _ in range(3)] == [b"/one", LARGE, b"/two"]
        writer.close()


async def test_a_connection_that_is_to_be_closed_gets_its_answer_first() -> None:
    """With `connection: close` the whole answer comes, then the end."""
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b"\r\n\r\n/last")
        writer.close()
