"""Downloads the public keys that verifiers miss, beside the door and never in its way.

Owns: KeyDownloads. Does not own: which addresses are keys' addresses (app/sources/keyring.py says so), HTTP (app/outbound/client.py).
Next stop: app/outbound/client.py.

Anyone can name an address in a forged request, so wishes are bounded, asked once each, and left alone for a while after a failure.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

import structlog

from app.errors import Misconfigured, VendorFailed
from app.ports import Clock, Outbound

log_line = structlog.get_logger(__name__)

_WAITING, _AT_ONCE, _REMEMBERED = 64, 4, 256
_TIMEOUT_S, _MAX_BYTES = 5.0, 65_536
_FIRST_S, _LONGEST_S = 2.0, 60.0
_LOOK_S = 30.0
# The server says for good that no key is there; anything else may pass.
_GONE = frozenset({301, 302, 303, 307, 308, 404, 410})


class Keys(Protocol):
    """Where keys are kept; app.sources.keyring.KeyRing is one."""

    def put(self, url: str, pem: bytes, now_s: float) -> None: ...
    def refused(self, url: str, why: str, now_s: float) -> None: ...
    def stale(self) -> frozenset[str]: ...


class KeyDownloads:
    """One per process that takes webhooks. allowed: whether an address may be a key's at all."""

    def __init__(self, outbound: Outbound, keys: Keys, clock: Clock, allowed: Callable[[str], bool]) -> None:
        self._outbound, self._keys, self._clock, self._allowed = outbound, keys, clock, allowed
        self._wanted: dict[str, None] = {}
        self._under_way: set[str] = set()
        self._rest: dict[str, tuple[float, float]] = {}
        self._woken = asyncio.Event()
        self._stopping = False

    def want(self, url: str) -> None:
        """Asks for a key; returns at once. What is not allowed, under way, resting after a failure, or one too many is passed over: the
        sender's next attempt asks again."""
        if not self._allowed(url) or url in self._under_way or len(self._wanted) >= _WAITING:
            return
        if self._clock.monotonic_s() >= self._rest.get(url, (0.0, 0.0))[0]:
            self._wanted[url] = None
            self._woken.set()

    async def run(self) -> None:
        """Downloads what is wanted, and anew what was used past its time, until stop().

        Failure policy: a download that fails rests, twice as long each time; the door answers 503 meanwhile and senders repeat.
        """
        while not self._stopping:
            for url in self._keys.stale():
                self.want(url)
            self._woken.clear()
            if not self._wanted:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), _LOOK_S)
                continue
            batch = list(self._wanted)[:_AT_ONCE]
            for url in batch:
                del self._wanted[url]
            self._under_way.update(batch)
            try:
                await asyncio.gather(*(self._download(url) for url in batch))
            finally:
                self._under_way.difference_update(batch)

    def stop(self) -> None:
        """Ends run() after the downloads under way."""
        self._stopping = True
        self._woken.set()

    async def _download(self, url: str) -> None:
        try:
            answer = await self._outbound.call("GET", url, timeout_s=_TIMEOUT_S, max_bytes=_MAX_BYTES)
        except (VendorFailed, Misconfigured) as failed:
            self._failed(url, str(failed))
            return
        except Exception as defect:  # Anybody can name the address, and the end of this loop is the end of the door.
            log_line.exception("keys.defect", url=url)
            self._failed(url, type(defect).__name__)
            return
        now_s = self._clock.now_us() / 1e6
        if answer.status in _GONE:
            self._refused(url, f"its server answers {answer.status}", now_s)
            return
        if answer.status != 200:
            self._failed(url, f"its server answers {answer.status}")
            return
        try:
            self._keys.put(url, answer.body, now_s)
        except ValueError as wrong:
            self._refused(url, str(wrong), now_s)
            return
        self._rest.pop(url, None)
        log_line.info("keys.downloaded", url=url)

    def _refused(self, url: str, why: str, now_s: float) -> None:
        self._keys.refused(url, why, now_s)
        self._failed(url, why)

    def _failed(self, url: str, why: str) -> None:
        rest_s = min(_LONGEST_S, self._rest.pop(url, (0.0, _FIRST_S / 2))[1] * 2)
        self._rest[url] = (self._clock.monotonic_s() + rest_s, rest_s)
        while len(self._rest) > _REMEMBERED:
            del self._rest[next(iter(self._rest))]
        log_line.warning("keys.not_downloaded", url=url, detail=why, rests_s=rest_s)
