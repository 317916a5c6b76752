"""Fetchers against local vendors, over the real client.

Owns: World, Brought. Does not own: the vendors (tests/vendors/). Next stop: tests/fetchers/test_akeneo.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from app.backends.system_clock import SystemClock
from app.fetchers.calls import Vendor
from app.outbound.client import HttpOutbound
from app.ports import Clock
from app.sources.fetching import Fetcher, Page
from tests.vendors.serving import VendorServer

S = TypeVar("S", bound=VendorServer)


@dataclass
class Brought:
    """What the pages of a wish brought, together. states: (kind, thing) -> state. absent: things that the vendor does not have."""

    pages: list[Page] = field(default_factory=list)
    states: dict[tuple[str, str], Any] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    rejected: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def add(self, page: Page) -> None:
        self.pages.append(page)
        for found in page.found:
            if found.state is None:
                self.absent.add(found.thing)
            else:
                self.states[found.kind, found.thing] = found.state
        self.rejected.update(page.rejected)
        self.done += page.done


class World:
    """Servers that are stopped, and asked for violations, at the end of the test."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.outbound = HttpOutbound(self.clock)
        self._servers: list[VendorServer] = []

    async def serve(self, server: S) -> S:
        self._servers.append(await server.start())
        return server

    def vendor(self, clock: Clock | None = None, shared_by: int = 1) -> Vendor:
        return Vendor("the-system", self.outbound, clock or self.clock, shared_by)

    async def stop(self) -> None:
        await self.outbound.stop()
        for server in self._servers:
            await server.stop()

    def violations(self) -> list[str]:
        return [what for server in self._servers for what in server.violations]


async def collect(fetcher: Fetcher, kind: str, things: Sequence[str], brought: Brought) -> None:
    """Adds the pages of a wish; what came before an error stays."""
    async for page in fetcher.fetch(kind, things):
        brought.add(page)


async def fetched(fetcher: Fetcher, kind: str, things: Sequence[str]) -> Brought:
    """Everything that a wish brings."""
    brought = Brought()
    await collect(fetcher, kind, things, brought)
    return brought
