"""A TCP server that answers exactly what a test says: half an answer, an endless one, none.

Owns: RawServer, served(). Does not own: what is expected of callers. Next stop: tests/contracts/test_outbound.py.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """requests: heads and bodies as they came, one each. connections: how many there were. gone: set when a connection has ended."""

    def __init__(self, *answers: bytes | Behaviour) -> None:
        self._answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self.gone = asyncio.Event()
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while head := await self._request(reader):
                self.requests.append(head)
                answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(reader, writer)
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            writer.close()
            self.gone.set()
            self._tasks.discard(task)

    async def end(self) -> None:
        """Ends the connections that are still open."""
        for task in list(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _request(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""
        lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return head + (await reader.readexactly(int(lengths[0])) if lengths else b"")


@contextlib.asynccontextmanager
async def served(
    *answers: bytes | Behaviour, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[RawServer]:
    """A running server; the last answer is given again and again."""
    raw = RawServer(*answers)
    server = await asyncio.start_server(raw.handle, host, port, ssl=tls)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        await raw.end()
        await server.wait_closed()


def answer(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    """A complete answer with its length, unless the headers say otherwise."""
    lines = list(headers)
    if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in lines):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "", "")).encode() + body
