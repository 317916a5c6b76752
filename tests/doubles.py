"""Doubles that several areas share: time that a test sets, an outside without a network.

Owns: HandClock, Call, Outside. Does not own: what an outside answers (each test says), doubles of one area (they live beside its tests).
Next stop: app/ports.py (Clock, Outbound).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import NamedTuple

from app.ports import Answer


class HandClock:
    """Time that passes only where a test says so, or by sleeping."""

    def __init__(self) -> None:
        self.at_s = 1_000.0

    def now_us(self) -> int:
        return int(self.at_s * 1e6)

    def monotonic_s(self) -> float:
        return self.at_s

    async def sleep(self, seconds: float) -> None:
        self.at_s += seconds
        await asyncio.sleep(0)


class Call(NamedTuple):
    """What an Outbound was asked for."""

    method: str
    url: str
    headers: Mapping[str, str] | None
    body: bytes
    timeout_s: float
    max_bytes: int
    private: Collection[str]


class Outside(ABC):
    """The Outbound port; a subclass says what is answered."""

    @abstractmethod
    async def answered(self, call: Call) -> Answer:
        """The answer to a call, or the error that it ends in."""

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_s: float = 10.0,
        max_bytes: int = 16_777_216,
        private: Collection[str] = (),
    ) -> Answer:
        return await self.answered(Call(method, url, headers, body, timeout_s, max_bytes, private))

    async def stop(self) -> None:
        """Nothing is open, so there is nothing to wait for but others."""
        await asyncio.sleep(0)
