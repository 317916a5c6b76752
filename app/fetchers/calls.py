"""Calls to one vendor's API: its host, its limits, what its statuses mean.

Owns: Calls, Vendor, Limits, Rejected, Credentials, parsed(), member(), itself(). Does not own: connections (app/outbound/client.py), tokens
(tokens.py), what is asked for (one module per vendor). Next stop: akeneo.py.

    2xx, 404, 410                    the answer; the caller knows what they mean
    other 4xx                        Rejected: this wish is to blame, not the vendor
    401                              once more with renewed credentials, then VendorDenied
    403                              VendorDenied
    420, 429, 503 with Retry-After   VendorBusy; until then no call leaves this process, each is VendorResting
    3xx, 408, other 5xx, no JSON     VendorDown

Messages name system, method, path and status, no query, no header and no body: all three may hold secrets.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit

import orjson

from app.errors import VendorBusy, VendorDenied, VendorDown, VendorResting
from app.fetchers.pace import Pace, retry_after_s
from app.ports import Answer, Clock, Outbound

# Enough for 100 products of 300 kB each; four of these at once are what memory has to hold.
MAX_BYTES = 33_554_432


class Rejected(Exception):
    """The vendor will never answer this wish: 400, 404 of an address, 413, 414, 422 and their kin; status 0 where it was not even asked.
    Not seen outside app/fetchers."""

    def __init__(self, message: str, answer: Answer) -> None:
        super().__init__(message)
        self.answer = answer


class Credentials(Protocol):
    """How calls are allowed."""

    async def headers(self) -> Mapping[str, str]:
        """Raises VendorDown, VendorBusy, VendorDenied where they have to be fetched first."""
        ...

    async def renewed(self, refused: Mapping[str, str]) -> bool:
        """Whether there may be better ones than these, which were answered with 401."""
        ...


class Fixed:
    """Credentials that never change."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    async def headers(self) -> Mapping[str, str]:
        return self._headers

    async def renewed(self, refused: Mapping[str, str]) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a vendor allows, and how it speaks.

    Over any t seconds at most burst + per_s * t calls go out. busy_s: how long to stay away after a 429 that names no time. reset: a header
    of the vendor's own that names the time. missing: statuses that say that a thing does not exist.
    """

    open_at_once: int
    per_s: float
    burst: int
    busy_s: float = 0.0
    reset: str = ""
    timeout_s: float = 30.0
    missing: Collection[int] = (404, 410)


@dataclass(frozen=True, slots=True)
class Vendor:
    """What every fetcher is built with. shared_by: how many systems call the same host, each of which gets an equal part of its limits."""

    system: str
    outbound: Outbound
    clock: Clock
    shared_by: int = 1


class Calls:
    """The API of one system. base: scheme, host, port and leading path, below which every call goes. open_at_once: calls, its part."""

    def __init__(self, vendor: Vendor, base: str, credentials: Credentials, limits: Limits) -> None:
        self.system, self.open_at_once = vendor.system, max(1, limits.open_at_once // vendor.shared_by)
        self._base, self._credentials, self._limits = base.rstrip("/"), credentials, limits
        self._outbound, self._clock = vendor.outbound, vendor.clock
        self._host = urlsplit(base).hostname or ""
        self._slots = asyncio.Semaphore(self.open_at_once)
        self._pace = Pace(vendor.clock, limits.per_s / vendor.shared_by, max(1, limits.burst // vendor.shared_by))
        self._alone_until_s = 0.0

    async def call(
        self, method: str, path: str, *, query: Sequence[tuple[str, str]] = (), json: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One call. path: from the base, quoted; or what link() gave. Raises as the table above says.

        Failure policy: never tries again by itself, credentials that ran out apart; the task does, by what is raised.
        """
        url = path if path.startswith("http") else self._base + path
        if not {".", ".."}.isdisjoint(unquote(urlsplit(url).path).split("/")):
            # Clients and servers resolve such steps, also where they are escaped: the answer would be about something else.
            raise Rejected(f"{self.system} cannot be asked for a thing whose id has a step of dots only", Answer(0, {}, b"", 0))
        url += f"?{urlencode(query, quote_via=quote)}" if query else ""
        body = b"" if json is None else orjson.dumps(json)
        more = {"Accept": "application/json", **({} if json is None else {"Content-Type": "application/json"}), **(headers or {})}
        async with self._slots:
            allowed = await self._credentials.headers()
            answer = await self._send(method, url, {**more, **allowed}, body)
            if answer.status == 401 and await self._credentials.renewed(allowed):
                answer = await self._send(method, url, {**more, **await self._credentials.headers()}, body)
        return self._judged(method, url, answer)

    async def grant(self, path: str, headers: Mapping[str, str], body: bytes) -> Any:
        """The JSON of a token endpoint. Called by credentials while a call waits for them, so it counts as a part of that call.

        Failure policy: as call(); what the endpoint refuses is VendorDenied.
        """
        answer = await self._send("POST", self._base + path, {"Accept": "application/json", **headers}, body)
        try:
            answer = self._judged("POST", self._base + path, answer)
        except Rejected as refused:
            raise VendorDenied(f"{refused}: it gives us no token; check the credentials in `api`") from None
        if self.missing(answer):
            raise VendorDenied(f"{self.system} has no token endpoint at {path}; check `api.url`")
        return parsed(self.system, answer)

    def link(self, href: str) -> str:
        """The address of a link in an answer. Raises VendorDown where it leads to another origin: our credentials would go with it."""
        try:
            url = urljoin(self._base + "/", href)
            scheme, host, port = _origin(url)
        except ValueError:
            raise VendorDown(f"{self.system} links to something that is no address") from None
        if (scheme, host, port) != _origin(self._base):
            raise VendorDown(f"{self.system} links to {scheme}://{host}:{port}, and `api.url` names another place; write this one there")
        return url

    def missing(self, answer: Answer) -> bool:
        """Whether the answer says that there is no such thing."""
        return answer.status in self._limits.missing

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self._leave_alone()
        await self._pace.turn()
        self._leave_alone()
        limits, hosts = self._limits, (self._host,)
        return await self._outbound.call(
            method, url, headers=headers, body=body, timeout_s=limits.timeout_s, max_bytes=MAX_BYTES, private=hosts
        )

    def _leave_alone(self) -> None:
        left_s = self._alone_until_s - self._clock.monotonic_s()
        if left_s > 0:
            raise VendorResting(f"{self.system} asked to be left alone for another {left_s:.0f} s", left_s)

    def _judged(self, method: str, url: str, answer: Answer) -> Answer:
        status = answer.status
        if 200 <= status < 300 or status in self._limits.missing:
            return answer
        said = f"{self.system} answers {method} {urlsplit(url).path} with {status}"
        if status in (420, 429) or (status == 503 and "retry-after" in answer.headers):
            wait_s = retry_after_s(answer.headers, self._clock.now_us(), also=self._limits.reset) or self._limits.busy_s
            self._alone_until_s = max(self._alone_until_s, self._clock.monotonic_s() + wait_s)
            raise VendorBusy(said, wait_s)
        if status in (401, 403):
            raise VendorDenied(f"{said}; check the credentials in `api` and the rights of their owner")
        if 300 <= status < 400:
            raise VendorDown(f"{said}, a redirect, which is not followed; write the address that it leads to into `api.url`")
        if status == 408 or not 400 <= status < 500:
            raise VendorDown(said)
        raise Rejected(said, answer)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def parsed(system: str, answer: Answer) -> Any:
    """The JSON of an answer. Raises VendorDown: half an answer, or a page for people, says nothing about things."""
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise VendorDown(f"{system} answers {answer.status} with {len(answer.body)} bytes that are no JSON") from None


def member(system: str, data: Any, *names: str, kind: type | tuple[type, ...] = list) -> Any:
    """What stands at a path of an answer. Raises VendorDown where it is missing or of another type: an answer without its list must never
    look like a list without things, which would delete them."""
    for name in names:
        data = data.get(name) if isinstance(data, dict) else None
    if not isinstance(data, kind):
        raise VendorDown(f"{system} answers without {'.'.join(names) or 'an object'}, or with {type(data).__name__} in its place")
    return data


def itself(system: str, thing: str, data: Any, *names: str) -> Any:
    """The answer, where it is about this thing: its id stands at the path. Raises VendorDown else."""
    if str(member(system, data, *names, kind=(str, int))).casefold() != thing.casefold():
        raise VendorDown(f"{system} answers with another thing than it was asked for")
    return data
