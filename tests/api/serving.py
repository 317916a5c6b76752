"""A real HTTP server on the embedded engines, in a thread of the test process.

Owns: starting and stopping it, a clock that tests set, engines that tests take down, a source small enough to sign by hand.
Does not own: what is asked (the tests). Next stop: tests/api/conftest.py.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn

from app.api.access import ROLES, Access, Token
from app.api.application import create_app
from app.api.deps import Api, Asks, Limits
from app.backends.sqlite.log import SqliteLog
from app.backends.sqlite.store import SqliteStore
from app.configuration import Configuration
from app.domain.policy import Policy
from app.errors import EntryRefused, LogUnavailable, Malformed, Misconfigured, StoreUnavailable, Unmappable
from app.ports import Entry, LogRecord, Position
from app.sources.source import Projected, Received, Side, Source, Sources, Unread
from consumers.inputs import load_inputs
from consumers.sweeps import request_entries, request_sweep
from schemas import topics
from schemas.event import Event

T = TypeVar("T")

NOW_US = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z
SECRETS = ("first-secret", "second-secret")
TOLERANCE_S = 300


class SetClock:
    """The Clock port with an instant that tests set; waiting takes real time."""

    def __init__(self) -> None:
        self.at_us = NOW_US

    def now_us(self) -> int:
        return self.at_us

    def monotonic_s(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class BreakableLog(SqliteLog):
    """The embedded log, which can be down, slow, or more easily displeased than it is."""

    down = False
    stuck: asyncio.Event | None = None
    refuses: Callable[[Entry], bool] = staticmethod(lambda entry: False)

    async def append(self, topic: str, entries: Sequence[Entry], *, deadline_s: float = 10.0) -> Sequence[Position]:
        if self.down:
            raise LogUnavailable("taken down by the test")
        if any(self.refuses(entry) for entry in entries):
            raise EntryRefused("refused by the test")
        if self.stuck is not None:
            try:
                await asyncio.wait_for(self.stuck.wait(), deadline_s)
            except TimeoutError:
                raise LogUnavailable(f"no acknowledgement within {deadline_s} s") from None
        return await super().append(topic, entries, deadline_s=deadline_s)

    async def hang(self) -> None:
        """From now on nothing is acknowledged."""
        self.stuck = asyncio.Event()

    async def go_on(self) -> None:
        """What hangs is acknowledged."""
        held, self.stuck = self.stuck, None
        assert held is not None
        held.set()

    async def ping(self) -> None:
        if self.down:
            raise LogUnavailable("taken down by the test")
        await super().ping()


class BreakableStore(SqliteStore):
    """The embedded store, which can be down for pings."""

    down = False

    async def ping(self) -> None:
        if self.down:
            raise StoreUnavailable("taken down by the test")
        await super().ping()


@dataclass(frozen=True)
class Hmac:
    """A verifier: HMAC-SHA256 over timestamp and body, any of several secrets, not older than TOLERANCE_S."""

    secrets: tuple[str, ...] = SECRETS

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        stamp = headers.get("x-timestamp", "")
        if not stamp.isdecimal() or abs(now_s - int(stamp)) > TOLERANCE_S:
            return "the header x-timestamp is absent or too old"
        known = [hmac.compare_digest(_digest(secret, stamp, body), headers.get("x-signature", "")) for secret in self.secrets]
        return "" if any(known) else "the header x-signature fits none of the secrets"

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        if not self.secrets:
            raise Misconfigured("no secret")
        stamp = str(int(now_s))
        return {"x-timestamp": stamp, "x-signature": _digest(self.secrets[0], stamp, body)}


def _digest(secret: str, stamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, sha256).hexdigest()


@dataclass(frozen=True)
class Pieces:
    """A receiver: a list is several events, `id` and `thing` are needed of each; `explode` shows a defect, `challenge` is echoed."""

    name: str

    def receive(self, body: bytes, arrived_us: int, headers: Mapping[str, str]) -> Received:
        try:
            data = json.loads(body)
        except ValueError:
            return Received(unread=[Unread(body, "", sha256(body).hexdigest()[:16], "unknown", Malformed("not JSON"), replayable=True)])
        received = Received(answer=data["challenge"].encode() if isinstance(data, dict) and "challenge" in data else None)
        for nth, piece in enumerate(data if isinstance(data, list) else [data]):
            value = json.dumps(piece).encode()
            if not isinstance(piece, dict):
                received.unread.append(Unread(value, "", f"piece-{nth}", "unknown", Unmappable("an object was expected")))
                continue
            if "explode" in piece:
                raise ZeroDivisionError("secret internals")
            if "challenge" in piece:
                continue
            if isinstance(piece.get("thing"), str) and isinstance(piece.get("id"), str):
                received.events.append(Event(piece["id"], self.name, "changed", f"asset/{self.name}/{piece['thing']}", value, arrived_us))
            else:
                received.unread.append(Unread(value, "", str(piece.get("id", f"piece-{nth}")), "changed", Unmappable("thing: is absent")))
        return received


class Anybody:
    """A verifier that takes every request for genuine."""

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        return ""

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        return {}


class NoChange:
    """A projector that is never asked by the doors."""

    def project(self, event: Event, version: int) -> Projected:
        return Projected()


def source(name: str, side: Side = "dam", **more: Any) -> Source:
    """A source with these names for everything."""
    return Source(name, side, name, "by-hand", Hmac(), Pieces(name), NoChange(), **more)


SOURCES = (
    source("dam-1"),
    source("dam-2"),
    source("pim-1", "pim"),
    source("old", retired=True),
    source("torn", broken="env:NOWHERE is not set"),
    source("small", max_body_bytes=2_000),
    source("paced", rate_per_s=2.0),
    replace(source("open"), verifier=Anybody()),
)
TOKENS = (
    *(Token.of(role, [role], f"token-of-{role}") for role in ROLES),
    Token.of("everybody", ROLES, "token-of-everybody"),
)


def configuration(sources: Sources) -> Configuration:
    """Sources, default policy, SKUs compared in upper case."""
    return Configuration(
        version=1,
        numbered=True,
        sources=sources,
        policy=Policy(),
        hash="0" * 32,
        hot_fields=(),
        normalise_sku=lambda sku: sku.strip().upper(),
        raw={},
    )


@dataclass
class Running:
    """The server, and how to look behind its back."""

    folder: Path
    limits: Limits = field(default_factory=Limits)
    reads_open: bool = True
    clock: SetClock = field(default_factory=SetClock)
    readiness: Mapping[str, Any] = field(default_factory=dict)
    doors: Mapping[str, bool] = field(default_factory=dict)
    partitions: int = 2

    def __enter__(self) -> Running:
        self._started = threading.Event()
        self._failed: BaseException | None = None
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(20)
        if self._failed:
            raise self._failed
        self.client = httpx.Client(base_url=self.url, timeout=10)
        return self

    def __exit__(self, *exc: object) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join(15)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failed = error
            self._started.set()
            raise

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        counts = {**dict.fromkeys(topics.ALL, 1), topics.BIND_REQUESTS: self.partitions}
        self.log = BreakableLog(self.folder / "log.db", counts, self.clock)
        self.store = BreakableStore(self.folder / "store.db")
        await self.store.start()
        await self.log.start()
        sources = Sources({each.name: each for each in SOURCES})
        self.api = Api(
            log=self.log,
            store=self.store,
            clock=self.clock,
            configuration=configuration(sources),
            access=Access(TOKENS, reads_open=self.reads_open),
            asks=Asks(load_inputs, request_entries, request_sweep),
            code_version="0.0.test",
            limits=self.limits,
            readiness=self.readiness,
            groups={"bindery.binder": (topics.BIND_REQUESTS,)},
        )
        self.app = create_app(self.api, **self.doors)
        config = uvicorn.Config(self.app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=3)
        self._server = uvicorn.Server(config)
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.005)
        self._started.set()
        await serving
        await self.log.stop()
        await self.store.stop()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs it in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def on_log(self, topic: str) -> list[LogRecord]:
        """Every record of a topic, by a group of its own."""
        return self.do(self._on_log(topic))

    async def _on_log(self, topic: str) -> list[LogRecord]:
        waiting = sum((await self.log.ends(topic)).values())
        consumer = self.log.consumer(f"test-{time.monotonic_ns()}", [topic])
        await consumer.start()
        found: list[LogRecord] = []
        while len(found) < waiting:
            found += await consumer.poll(1000, 1.0)
        await consumer.stop()
        return found

    def signed(self, body: bytes, secret: str = SECRETS[0], age_s: int = 0) -> dict[str, str]:
        """The headers a sender would send now."""
        return Hmac((secret,)).sign(body, self.clock.at_us / 1e6 - age_s)

    def deliver(self, name: str, data: Any, headers: Mapping[str, str] | None = None, client: httpx.Client | None = None) -> httpx.Response:
        """Posts a webhook; bytes go out as they are."""
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        return (client or self.client).post(f"/webhooks/{name}", content=body, headers=headers or self.signed(body))

    def bearer(self, role: str) -> dict[str, str]:
        """The header of a token with this role."""
        return {"authorization": f"Bearer token-of-{role}"}


def eventually(ask: Callable[[], T], within_s: float = 5.0) -> T:
    """The first truthy answer."""
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"nothing came within {within_s} s"
        time.sleep(0.01)
    return answer


def event(nth: int | str = 1, **more: Any) -> dict[str, Any]:
    """What a sender says of one thing."""
    return {"id": f"event-{nth}", "thing": f"thing-{nth}", **more}


def ids(records: Collection[LogRecord]) -> list[str]:
    """The event ids of log records."""
    return [dict(record.headers)["ce_id"].decode() for record in records]


def is_problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The problem that an answer is; fails where it is none, or another one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"urn:bindery:problem:{kind}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"].startswith("/")
    return problem
