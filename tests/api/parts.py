"""What a server of the tests is made of: a clock that tests set, engines that tests take down, sources small enough to sign by hand.

Owns: these doubles, each a small class that keeps the promises of what it stands for. Does not own: the server (serving.py).
Next stop: tests/api/serving.py.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from app.api.access import ROLES, Token
from app.backends.sqlite.log import SqliteLog
from app.backends.sqlite.store import SqliteStore
from app.configuration import Configuration
from app.domain.facets import Change
from app.domain.policy import Policy
from app.errors import EntryRefused, KeyMissing, LogUnavailable, Malformed, Misconfigured, StoreUnavailable, Unmappable
from app.ports import Entry, Position
from app.sources.credentials import UnacceptedTopic
from app.sources.fetching import Found
from app.sources.fields import Side
from app.sources.handshakes import Handshakes
from app.sources.source import FetchTask, Projected, Received, Source, Sources, Unread
from schemas.event import Event

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
    """A receiver: a list is several events, `id` and `thing` are needed of each, `time` may tell when; `explode` shows a defect,
    `challenge` is echoed."""

    name: str

    def receive(self, body: bytes, arrived_us: int, headers: Mapping[str, str]) -> Received:
        try:
            data = json.loads(body)
        except ValueError:
            return Received(unread=[Unread(body, "", sha256(body).hexdigest()[:16], "unknown", Malformed("not JSON"), replayable=True)])
        if isinstance(data, dict) and "notice" in data:
            return Received(notice=data["notice"])
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
                key, told = f"asset/{self.name}/{piece['thing']}", str(piece.get("time", ""))
                received.events.append(Event(piece["id"], self.name, "changed", key, value, arrived_us, time=told))
            else:
                received.unread.append(Unread(value, "", str(piece.get("id", f"piece-{nth}")), "changed", Unmappable("thing: is absent")))
        return received

    def redacted(self, body: bytes) -> bytes:
        return body.replace(b"hot-value", b"")

    def fetched(self, found: Found, *, began_us: int, at_least: int, arrived_us: int) -> Event:
        raise NotImplementedError("no door fetches anything")


@dataclass(frozen=True)
class Topical:
    """A verifier of messages that name a topic: genuine where it is accepted; `forged` is, too, but of nobody, `keyless` needs a key."""

    topics: set[str]

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        message = json.loads(body)
        if message.get("forged"):
            return "the signature does not fit"
        if message.get("keyless"):
            raise KeyMissing("https://keys.example.com/1.pem")
        return "" if message["TopicArn"] in self.topics else UnacceptedTopic(message["TopicArn"])

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        return {}


@dataclass(frozen=True)
class PathToken:
    """A verifier that wants a method and a token at the end of the path."""

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        return "" if (headers[":method"], headers[":path"]) == ("PUT", "/webhooks/below/a%2Fb/t0ken?q=1") else "not the path"

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        return {}


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

    def settling(self, change: Change, event: Event) -> FetchTask | None:
        return None


def source(name: str, side: Side = "dam", **more: Any) -> Source:
    """A source with these names for everything."""
    return Source(name, side, name, "by-hand", Hmac(), Pieces(name), NoChange(), **more)


TOPICS: set[str] = set()
SOURCES = (
    source("dam-1"),
    source("dam-2"),
    source("pim-1", "pim"),
    source("old", retired=True),
    source("torn", broken="env:NOWHERE is not set"),
    source("small", max_body_bytes=2_000),
    source("paced", rate_per_s=2.0),
    replace(source("open"), verifier=Anybody()),
    source("lenient", quarantine=True, private_headers=frozenset({"x-signature"})),
    source("challenged", handshakes=Handshakes(challenge="challenge")),
    replace(
        source("below", methods=frozenset({"PUT"}), below=True, wants_request=True, private_headers=frozenset({":path"})),
        verifier=PathToken(),
    ),
    replace(source("sns", handshakes=Handshakes(sns=True), topics=TOPICS), verifier=Topical(TOPICS)),
    replace(source("sns-pinned", handshakes=Handshakes(sns=True, pinned=True)), verifier=Topical({"arn:aws:sns:eu-west-1:1:pinned"})),
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
