"""A real HTTP server on the embedded engines, in a thread of the test process.

Owns: starting and stopping it, asking it, looking behind its back. Does not own: what it is made of (parts.py), what is asked (the tests).
Next stop: tests/api/conftest.py.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn

from app.api.access import Access
from app.api.application import create_app
from app.api.deps import Api, Asks, Limits
from app.api.webhooks import Webhooks
from app.ports import LogRecord
from app.sources.source import Sources
from consumers.control import ControlProjection
from consumers.inputs import load_inputs
from consumers.sweeps import request_entries, request_sweep
from schemas import topics
from tests.api.parts import NOW_US, SECRETS, SOURCES, TOKENS, BreakableLog, BreakableStore, Hmac, SetClock, configuration

__all__ = ["NOW_US", "Running", "event", "eventually", "ids", "is_problem"]

T = TypeVar("T")


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
        self.client = httpx.Client(base_url=self.url, timeout=30)
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
        for each in SOURCES:
            each.topics.clear()
        self.wanted_keys: list[str] = []
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
            want_key=self.wanted_keys.append,
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

    def projected(self) -> None:
        """Has the control topic worked off, from its beginning: doing it again changes nothing."""
        self.do(ControlProjection(self.store).process(self.on_log(topics.CONTROL)))

    @property
    def door(self) -> Webhooks:
        """The webhook door of the application."""
        door: Webhooks = vars(self.app)["webhooks_door"]
        return door

    def attended(self) -> None:
        """One turn of the loop beside the door."""
        self.do(self.app.state.attendance.once())

    def source(self, name: str) -> dict[str, Any]:
        """The source as `GET /v1/sources` shows it."""
        items: list[dict[str, Any]] = self.client.get("/v1/sources").json()["items"]
        return next(item for item in items if item["name"] == name)

    def ops(self, path: str, **body: Any) -> httpx.Response:
        """Posts with every right."""
        return self.client.post(path, json={"why": "a test", **body}, headers=self.bearer("ops"))

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


def eventually(ask: Callable[[], T], within_s: float = 20.0) -> T:
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
