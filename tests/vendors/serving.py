"""What all local vendor servers share: HTTP/1.1, limits that are watched, misbehaviour on demand, a catalogue that tests change.

Owns: VendorServer. Does not own: the wire (connections.py), what requests and faults are (messages.py), any vendor's addresses (akeneo.py
and its neighbours), the command line (command.py), fixtures (tests/fetchers/conftest.py). Next stop: akeneo.py.

A limit that is broken is answered as the vendor does and remembered in `violations`; whoever uses a server asserts that there are none.
The state that an answer carries is taken when the request arrives; with `delay_s` it is sent that much later.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from email.utils import formatdate
from typing import Any, Self

import orjson

from tests.vendors.connections import Connection
from tests.vendors.messages import Fault, Limits, Reply, Request, reply


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
        self.calls = self.open = self.peak_open = 0
        self.port = 0
        self._now = now
        # By which limits and tokens are watched; a test may hold it still.
        self.monotonic_s: Callable[[], float] = time.monotonic
        self._arrivals: tuple[deque[float], ...] = tuple(deque() for _ in self.limits.per)
        self.connections: set[Connection] = set()
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
        self._server = await loop.create_server(lambda: Connection(self), "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for connection in list(self.connections):
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
        self.calls += 1
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
        now = self.monotonic_s()
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
            counts = {"calls": self.calls, "peak_open": self.peak_open, "counts": dict(self.counts)}
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
            self.violations, self.counts, self.calls, self.peak_open = [], Counter(), 0, self.open
        else:
            return reply({"message": "no such control"}, 404)
        return reply({"done": what})
