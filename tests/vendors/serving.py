"""What all local vendor servers share: HTTP/1.1, limits that are watched, misbehaviour on demand, a catalogue that tests change.

Owns: VendorServer, Request, Reply, Limits, Fault. Does not own: any vendor's addresses (akeneo.py and its neighbours), the command line
(command.py), fixtures (tests/fetchers/conftest.py). Next stop: akeneo.py.

A limit that is broken is answered as the vendor does and remembered in `violations`; whoever uses a server asserts that there are none.
The state that an answer carries is taken when the request arrives; with `delay_s` it is sent that much later.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, Literal, Self, cast
from urllib.parse import parse_qs

import httptools
import orjson

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}
Misbehaviour = Literal["status", "nothing", "half", "wrong", "endless", "close", "empty"]


@dataclass(slots=True)
class Request:
    """One request as it came. query: name -> its values, in order. headers: lower-case names."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body or b"null")


@dataclass(slots=True)
class Reply:
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


def reply(data: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, orjson.dumps(data), {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass(slots=True)
class Limits:
    """open_at_once: requests under way. per: (requests, seconds) pairs, over any window of that length."""

    open_at_once: int = 1_000
    per: tuple[tuple[int, float], ...] = ()


@dataclass(slots=True)
class Fault:
    """One misbehaviour.

    status: answer with it (and with retry_after, seconds or a date, where given). nothing: never answer. half: end the connection in the
    middle of the body. wrong: 200 with text that is no JSON. empty: 200 with `{}`. endless: a body without end. close: end the connection
    at once. times: how often, None for ever. only: on paths that contain this text.
    """

    kind: Misbehaviour
    status: int = 500
    retry_after: str = ""
    times: int | None = 1
    only: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class VendorServer:
    """A local server of one vendor: `async with Akeneo() as server: server.url`.

    states: kind -> id -> the vendor's JSON as bytes. old: the state before the last put(), given instead while `stale` is positive (each
    answer counts it down). date_offset_s: how far the vendor's clock (its Date header) is ahead of ours.
    """

    limits = Limits()

    def __init__(self, *, delay_s: float = 0.0, now: Callable[[], float] = time.time) -> None:
        self.delay_s, self.date_offset_s, self.stale = delay_s, 0.0, 0
        self.states: dict[str, dict[str, bytes]] = {}
        self.old: dict[str, dict[str, bytes | None]] = {}
        self.faults: list[Fault] = []
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        self.open = self.peak_open = 0
        self.port = 0
        self._now = now
        self._arrivals: tuple[deque[float], ...] = tuple(deque() for _ in self.limits.per)
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._date: tuple[int, str] = (0, "")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, request: Request) -> Reply:
        """The vendor's own behaviour."""
        raise NotImplementedError

    # What tests change.

    def put(self, kind: str, thing: str, state: Any) -> None:
        held = self.states.setdefault(kind, {})
        self.old.setdefault(kind, {})[thing] = held.get(thing)
        held[thing] = state if isinstance(state, bytes) else orjson.dumps(state)

    def remove(self, kind: str, thing: str) -> None:
        self.old.setdefault(kind, {})[thing] = self.states.setdefault(kind, {}).pop(thing, None)

    def state(self, kind: str, thing: str) -> bytes | None:
        """The state of a thing; the one before it while old states are given."""
        if self.stale > 0 and thing in self.old.get(kind, ()):
            return self.old[kind][thing]
        return self.states.get(kind, {}).get(thing)

    def violated(self, what: str) -> None:
        self.violations.append(what)

    def refuse_unknown(self, request: Request, known: frozenset[str]) -> Reply | None:
        """The answer to query parameters that the vendor does not document."""
        unknown = sorted({name.partition("[")[0] for name in request.query} - known)
        if not unknown:
            return None
        self.violated(f"{request.method} {request.path}: unknown query {', '.join(unknown)}")
        return reply({"message": f"unknown query {', '.join(unknown)}"}, 400)

    # How it runs.

    async def start(self, port: int = 0) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for connection in list(self._connections):
            connection.end()
        if self._server:
            await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def date(self) -> str:
        second = int(self._now() + self.date_offset_s)
        if self._date[0] != second:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]

    def arrived(self, request: Request) -> Reply | Fault:
        """Counts the request, watches the limits, decides what comes of it."""
        self.counts[f"{request.method} {request.path}"] += 1
        broken = self._broken()
        if broken:
            self.violated(f"{request.method} {request.path}: {broken}")
            return reply({"message": broken}, 429, Retry_After="1")
        for fault in self.faults:
            if fault.only in request.path and fault.times != 0:
                fault.times = None if fault.times is None else fault.times - 1
                if fault.kind == "status":
                    extra = {"Retry-After": fault.retry_after} if fault.retry_after else {}
                    return Reply(fault.status, b'{"message":"made to fail"}', {**extra, **fault.headers})
                return fault
        answer = self.answer(request)
        self.stale = max(0, self.stale - 1)
        return answer

    def _broken(self) -> str:
        now = time.monotonic()
        found = f"{self.open} requests at once" if self.open > self.limits.open_at_once else ""
        for (count, seconds), arrivals in zip(self.limits.per, self._arrivals, strict=True):
            while arrivals and arrivals[0] <= now - seconds:
                arrivals.popleft()
            arrivals.append(now)
            found = found or (f"{len(arrivals)} requests in {seconds} s" if len(arrivals) > count else "")
        return found

    def control(self, request: Request) -> Reply:
        """Addresses below /-/ for tests in other processes; they count for nothing."""
        what = request.path.removeprefix("/-/")
        if request.method == "GET" and what == "report":
            counts = {"calls": self.counts.total(), "peak_open": self.peak_open, "counts": dict(self.counts)}
            return reply({"violations": self.violations, **counts})
        data = request.json()
        if what == "faults":
            self.faults = [Fault(**one) for one in data]
        elif what == "put":
            self.put(data["kind"], data["id"], data["state"])
        elif what == "remove":
            self.remove(data["kind"], data["id"])
        elif what == "set":
            self.delay_s, self.stale = data.get("delay_s", self.delay_s), data.get("stale", self.stale)
        elif what == "reset":
            self.violations, self.counts, self.peak_open = [], Counter(), self.open
        else:
            return reply({"message": "no such control"}, 404)
        return reply({"done": what})


class _Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, server: VendorServer) -> None:
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
        self._server._connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._server._connections.discard(self)
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
