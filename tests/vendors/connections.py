"""HTTP/1.1 of the vendor servers: a request, its answer or misbehaviour, the next request.

Owns: Connection. Does not own: what is answered (serving.py and the vendors). Next stop: serving.py.
"""

import asyncio
from typing import Any, Protocol, cast
from urllib.parse import parse_qs

import httptools

from tests.vendors.messages import REASONS, Fault, Reply, Request


class Served(Protocol):
    """What a connection needs of its server."""

    delay_s: float
    open: int
    peak_open: int
    connections: set[Any]

    def arrived(self, request: Request) -> Reply | Fault: ...
    def control(self, request: Request) -> Reply: ...
    def date(self) -> str: ...


class Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, server: Served) -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.TimerHandle | asyncio.Task[None] | None = None
        self._counted = False
        self._clear()

    def _clear(self) -> None:
        self._target, self._body = b"", b""
        self._headers: dict[str, str] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._server.connections.discard(self)
        if self._waiting:
            self._waiting.cancel()
        self._done()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.end()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        path, _, query = self._target.decode("latin-1").partition("?")
        held = parse_qs(query, keep_blank_values=True) if query else {}
        request = Request(self._parser.get_method().decode(), path, held, self._headers, self._body)
        self._clear()
        if path.startswith("/-/"):
            self._send(self._server.control(request))
            return
        self._counted = True
        self._server.open += 1
        self._server.peak_open = max(self._server.peak_open, self._server.open)
        outcome = self._server.arrived(request)
        loop = asyncio.get_running_loop()
        if isinstance(outcome, Fault):
            self._misbehave(outcome)
        elif self._server.delay_s:
            self._waiting = loop.call_later(self._server.delay_s, self._send, outcome)
        else:
            self._send(outcome)

    def _done(self) -> None:
        if self._counted:
            self._counted = False
            self._server.open -= 1

    def _head(self, outcome: Reply, length: str) -> bytes:
        lines = [f"HTTP/1.1 {outcome.status} {REASONS.get(outcome.status, 'Answer')}", f"Date: {self._server.date()}", length]
        lines += ["Content-Type: application/json"] if "Content-Type" not in outcome.headers else []
        lines += [f"{name}: {value}" for name, value in outcome.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _send(self, outcome: Reply) -> None:
        self._waiting = None
        self._done()
        if self._transport and not self._transport.is_closing():
            self._transport.writelines([self._head(outcome, f"Content-Length: {len(outcome.body)}"), outcome.body])

    def _misbehave(self, fault: Fault) -> None:
        assert self._transport
        whole = Reply(200, b'{"_embedded":{"items":[{"uuid":"', {})
        if fault.kind == "close":
            self.end()
        elif fault.kind == "wrong":
            self._send(Reply(200, b"<html>Please come back later</html>", {"Content-Type": "text/html"}))
        elif fault.kind == "empty":
            self._send(Reply(200, b"{}"))
        elif fault.kind == "half":
            self._transport.writelines([self._head(whole, "Content-Length: 4096"), whole.body])
            self.end()
        elif fault.kind == "endless":
            self._transport.write(self._head(whole, "Transfer-Encoding: chunked"))
            self._waiting = asyncio.get_running_loop().create_task(self._endless())

    async def _endless(self) -> None:
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        while self._transport and not self._transport.is_closing():
            # What the kernel does not take is not piled up here.
            if self._transport.get_write_buffer_size() < 1_000_000:
                self._transport.write(chunk)
            await asyncio.sleep(0.001)

    def end(self) -> None:
        if self._transport:
            self._transport.close()
