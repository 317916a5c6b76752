"""A small service for letters: embedded engines on files, a source whose mapping can be mended, the stages run by hand.

Owns: World and its source. Does not own: what is checked (the tests). Next stop: tests/letters/test_replays.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from app.backends.sqlite.log import SqliteLog
from app.backends.sqlite.store import SqliteStore
from app.domain import order
from app.domain.facets import Change, EventRef
from app.domain.instants import rfc3339
from app.domain.letter_states import Known, state_of
from app.errors import Malformed, Unmappable
from app.letters import documents
from app.ports import Entry, LogRecord, TopicPartition
from app.sources.source import FetchTask, Projected, Received, Receiver, Source, Sources, Unread
from consumers.letters import LettersProjection
from consumers.projector import Projector
from consumers.replayer import Replayer
from consumers.runner import Stage
from schemas import topics
from schemas.event import Event

NOW_US = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z
SECOND_US = 1_000_000
SOURCE = "dam"
ERA_NOW = 9


class HandClock:
    """The Clock port with an instant that only tests move; a microsecond passes at every look, so that no two are the same."""

    def __init__(self, at_us: int = NOW_US) -> None:
        self.at_us = at_us

    def now_us(self) -> int:
        self.at_us += 1
        return self.at_us

    def monotonic_s(self) -> float:
        return self.at_us / 1e6

    async def sleep(self, seconds: float) -> None:
        self.at_us += int(seconds * 1e6)


@dataclass
class Reading:
    """Receiver and projector of the source. Until it is mended it reads neither `odd` requests nor events without `sku`."""

    mended: bool = False

    def receive(self, body: bytes, arrived_us: int, headers: Mapping[str, str]) -> Received:
        event_id = sha256(body).hexdigest()[:16]
        try:
            data = json.loads(body)
        except ValueError:
            return Received(unread=[Unread(body, "", event_id, "", Malformed("dam: the body is not JSON"))])
        if data.get("explode"):
            raise KeyError("a defect")
        if data.get("odd") and not self.mended:
            return Received(unread=[Unread(body, "", event_id, "changed", Unmappable("dam: things[0]: expected an object, found str"))])
        return Received([self._event(thing, arrived_us) for thing in data["things"]])

    def _event(self, thing: Mapping[str, Any], arrived_us: int) -> Event:
        made = event(thing["id"], arrived_us=arrived_us, **{k: v for k, v in thing.items() if k != "id"})
        return replace(made, era=ERA_NOW)

    def project(self, event: Event, version: int) -> Projected:
        data = json.loads(event.value)
        if "sku" not in data and not self.mended:
            raise Unmappable("dam, event changed: metadata[3].sku: expected str, found nothing")
        if data.get("hopeless"):
            raise Unmappable("dam, event changed: rights: expected an object, found list")
        sku = data.get("sku", "MENDED")
        at = order.order(era=event.era, source=data["at_us"], rank=order.CHANGE, event_hash=order.event_hash(event.value), version=version)
        leaves = {"claims.sku": [[sku, sku]], "status": "active"}
        full = ("",) if data.get("full") else ()
        return Projected([Change(event.key, at, leaves, EventRef(event.source, event.id, event.type), full)])

    def settling(self, change: Change, event: Event) -> FetchTask | None:
        return None


class Genuine:
    """A verifier that believes everybody."""

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        return ""

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        return {}


def event(thing: str, *, at_us: int = NOW_US - 10 * SECOND_US, arrived_us: int = NOW_US, **said: Any) -> Event:
    """An event about an asset; without `sku` it cannot be read before the mapping is mended."""
    value = json.dumps({"at_us": at_us, **said}).encode()
    return Event(f"e-{thing}-{at_us}", SOURCE, "changed", f"asset/{SOURCE}/{thing}", value, arrived_us, era=3, time=rfc3339(at_us))


@dataclass
class World:
    """One deployment in a folder. Opening a second one on the same folder is a restart."""

    folder: Path
    clock: HandClock = field(default_factory=HandClock)
    mapping: Reading = field(default_factory=Reading)
    version: int = 1

    async def __aenter__(self) -> World:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = SqliteLog(self.folder / "log.db", dict.fromkeys(topics.ALL, 1), self.clock)
        self.store = SqliteStore(self.folder / "store.db")
        await self.store.start()
        await self.log.start()
        # Nothing is fetched or recorded here, so that side of a receiver is not there.
        source = Source(SOURCE, "dam", SOURCE, "by-hand", Genuine(), cast("Receiver", self.mapping), self.mapping, era=ERA_NOW)
        self.sources = Sources({SOURCE: source})
        self.live = self._projector("live", topics.LIVE)
        self.slow = self._projector("slow", topics.SLOW)
        self.letters = LettersProjection(self.store, self.clock)
        self.replayer = self.new_replayer()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.log.stop()
        await self.store.stop()

    def new_replayer(self) -> Replayer:
        return Replayer(self.log, self.store, self.clock, self.sources, version=self.version, code_version="test")

    def _projector(self, group: str, lane: Sequence[str]) -> Projector:
        return Projector(self.log, self.store, self.clock, self.sources, lane=lane, group=group, version=self.version, code_version="test")

    async def send(self, *events: Event) -> None:
        """Puts events on the live lane."""
        await self.log.append(topics.EVENTS_DAM, [Entry(e.key.encode(), e.value, e.headers()) for e in events])

    async def drain(self, *stages: Stage) -> None:
        """Runs these stages (default: live, slow, letters) until none has anything to do."""
        for stage in stages or (self.live, self.slow, self.letters):
            consumer = self.log.consumer(stage.group, stage.topics)
            await consumer.start()
            while records := await consumer.poll(100, 0.0):
                await stage.process(records)
                await consumer.commit({TopicPartition(r.topic, r.partition): r.offset + 1 for r in records})
            await consumer.stop()

    async def replay(self, steps: int = 50, until: Callable[[], bool] = lambda: False) -> None:
        """Lets the replayer work, a second at a time."""
        for _ in range(steps):
            if until():
                return
            await self.replayer.run_once()
            self.clock.at_us += SECOND_US

    async def fail(self, *things: str, **said: Any) -> list[str]:
        """Makes letters of events that cannot be read; their ids."""
        before = {known.id for known in await self.known()}
        await self.send(*(event(thing, **said) for thing in things))
        await self.drain(self.live, self.letters)
        return [known.id for known in await self.known() if known.id not in before]

    async def known(self) -> list[Known]:
        """Every letter in the store."""
        return [documents.load(doc) for doc in await self.store.letters.matching(["letter"])]

    async def states(self) -> dict[str, str]:
        """Letter id -> state."""
        return {known.id: state_of(known) for known in await self.known()}

    async def on(self, topic: str) -> list[LogRecord]:
        """Every record of a topic."""
        consumer = self.log.consumer(f"look-{self.clock.now_us()}", [topic])
        await consumer.start()
        found: list[LogRecord] = []
        while records := await consumer.poll(1000, 0.0):
            found += records
        await consumer.stop()
        return found
