"""A small service on the embedded engines: stages run by hand, a source whose events spell out what they change, a clock that tests set.

Owns: World, events and changes in one line. Does not own: engines that misbehave (tests/consumers/disturbances.py).
Next stop: tests/consumers/test_projector.py.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from app.backends.sqlite.log import SqliteLog
from app.backends.sqlite.store import SqliteStore
from app.domain import facets
from app.domain.facets import Change, EventRef
from app.domain.order import CHANGE, order
from app.domain.policy import Policy
from app.ports import Doc, Entry, LogRecord, TopicPartition
from app.sources.source import FetchTask, Source, Sources
from consumers.binder import GROUP as BINDER_GROUP
from consumers.binder import Binder
from consumers.clock import DueClock
from consumers.projector import Projector
from consumers.runner import Runner, Stage
from consumers.sweeps import Sweeper, request_entries, request_sweep
from schemas import letter as wire
from schemas import topics
from schemas.event import Event
from schemas.letter import Letter, Outcome
from tests.consumers.spelled import Spelled

NOW_US = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z
SECOND_US = 1_000_000
SOURCE = "spelled"
SOURCES = (SOURCE, "source-1", "source-2")
SHOWN = {"url": "https://dam.example/a.jpg", "rights.from": 0}
_looks = itertools.count()
PARTITIONS = {**dict.fromkeys(topics.ALL, 1), topics.BIND_REQUESTS: 2}

Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


class SetClock:
    """The Clock port with an instant that tests set; who sleeps moves it on and lets others work."""

    def __init__(self, at_us: int = NOW_US) -> None:
        self.at_us = at_us

    def now_us(self) -> int:
        return self.at_us

    def monotonic_s(self) -> float:
        return self.at_us / 1e6

    async def sleep(self, seconds: float) -> None:
        self.at_us += int(seconds * 1e6)
        await asyncio.sleep(0)


def at(second: int, *, era: int = 0, rank: int = CHANGE, version: int = 1) -> str:
    """An order."""
    return order(era=era, source=second * SECOND_US, rank=rank, event_hash="a", version=version)


def whole(record: str, second: int, leaves: Mapping[str, Any] | None = None, *, era: int = 0, version: int = 1) -> Change:
    """A full state of a record."""
    return Change(record, at(second, era=era, version=version), {"status": "active", **(leaves or {})}, EventRef("", "", ""), ("",))


def partial(record: str, second: int, leaves: Mapping[str, Any], *, era: int = 0, version: int = 1) -> Change:
    """A change of some leaves."""
    return Change(record, at(second, era=era, version=version), dict(leaves), EventRef("", "", ""))


def deleted(record: str, second: int) -> Change:
    """A deletion."""
    return Change(record, at(second, rank=1), {"status": "deleted"}, EventRef("", "", ""), ("",))


def product(thing: str, second: int, sku: str, *gtins: str, links: Iterable[str] = (), **leaves: Any) -> Change:
    """A full state of a product of `pim`. links: "id:a" or "public_id:x" of the system `dam`, in the role packshots."""
    linked = [["dam", *link.split(":", 1)] for link in links]
    more = {"keys.gtin": [[gtin, gtin] for gtin in gtins], **({"links.packshots.*.*": linked} if linked else {})}
    return whole(f"product/pim/{thing}", second, {"keys.sku": [sku, sku], **more, **leaves})


def asset(thing: str, second: int, *skus: str, **leaves: Any) -> Change:
    """A full state of an asset of `dam` that may be shown; it claims these SKUs. Leaves as `claims__gtin`."""
    more = {name.replace("__", "."): value for name, value in leaves.items()}
    return whole(f"asset/dam/{thing}", second, {**SHOWN, "claims.sku": [[sku, sku] for sku in skus], **more})


def event(*changes: Change, tasks: Iterable[FetchTask] = (), fails: str = "", source: str = SOURCE, **more: Any) -> Event:
    """An event that changes this. fails: how reading it fails, "unmappable" or "defect"."""
    said = [{"record": c.record, "order": c.order, "leaves": c.leaves, "full": c.full} for c in changes]
    value = orjson.dumps({"changes": said, "tasks": [asdict(task) for task in tasks], "fails": fails})
    fields = {"id": "e1", "type": "saved", "key": changes[0].record if changes else "asset/dam/a", "arrived_us": NOW_US, **more}
    return Event(source=source, value=value, **fields)


@dataclass
class World:
    """One deployment in a folder. template: a folder in which one was made before; copying it is much faster than making one."""

    folder: Path
    clock: SetClock = field(default_factory=SetClock)
    template: Path | None = None
    log_type: type[SqliteLog] = SqliteLog

    async def __aenter__(self) -> World:
        if self.template is not None and not self.folder.exists():
            shutil.copytree(self.template, self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.log_type(self.folder / "log.db", PARTITIONS, self.clock)
        self.store = SqliteStore(self.folder / "store.db")
        await self.store.start()
        await self.log.start()
        spelled = Spelled()
        self.sources = Sources({name: Source(name, "dam", "dam", "by-hand", spelled, spelled, spelled) for name in SOURCES})
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.log.stop()
        await self.store.stop()

    def projector(self, *, version: int = 1, group: str = "live", lane: Sequence[str] = topics.LIVE, **more: Any) -> Projector:
        """A new one; by default for the live lane."""
        sources = more.pop("sources", self.sources)
        return Projector(self.log, self.store, self.clock, sources, lane=lane, group=group, version=version, code_version="test", **more)

    def binder(self, policy: Policy | None = None, *, version: int = 1, **more: Any) -> Binder:
        """A new one, which owns nothing yet."""
        return Binder(self.log, self.store, self.clock, policy or Policy(), version=version, **more)

    def sweeper(self, page: int = 500) -> Sweeper:
        """A new one."""
        return Sweeper(self.log, self.store, self.clock, binder_group=BINDER_GROUP, page=page)

    def due_clock(self, **more: Any) -> DueClock:
        """A new one, which remembers nothing."""
        return DueClock(self.log, self.store, self.clock, self.sweeper(), **more)

    async def send(self, *events: Event, topic: str = topics.EVENTS_DAM) -> None:
        """Puts events on a lane."""
        await self.log.append(topic, [Entry(e.key.encode(), e.value, e.headers()) for e in events])

    async def ask(self, *skus: str, at_us: int | None = None) -> None:
        """Appends bind requests."""
        await self.log.append(topics.BIND_REQUESTS, request_entries(skus, "person", at_us))

    async def ask_for_sweep(self, *sweeps: str) -> None:
        """Asks for passes."""
        await request_sweep(self.store, *sweeps)

    async def drain(self, stage: Stage, batch: int = 100) -> int:
        """Runs a stage until nothing waits for it, as a new member of its group; how many records that were."""
        consumer = self.log.consumer(stage.group, stage.topics)
        await consumer.start()
        count = 0
        try:
            while records := await consumer.poll(batch, 0.0):
                await stage.process(records)
                await consumer.commit({TopicPartition(r.topic, r.partition): r.offset + 1 for r in records})
                count += len(records)
        finally:
            await consumer.stop()
        return count

    async def project(self, *changes: Change, **more: Any) -> None:
        """Each change as an event, in one batch of a new projector."""
        await self.send(*(event(change, id=f"e{number}", **more) for number, change in enumerate(changes)))
        await self.drain(self.projector())

    async def settle(self, binder: Binder, page: int = 500) -> None:
        """Runs binder and sweeps until neither has anything to do."""
        for _ in range(200):
            if not (await self.drain(binder) + await self.sweeper(page).run_once() + await self.store.sweeps.count(["active"])):
                return
        raise AssertionError("binder and sweeps do not come to rest")

    async def caught_up(self, stage: Stage) -> bool:
        """Whether nothing waits for the group of this stage."""
        return not any((await self.log.lag(stage.group, stage.topics)).values())

    @asynccontextmanager
    async def running(self, runner: Runner) -> AsyncIterator[Until]:
        """The runner at work; gives a function that waits until something is so. What the runner raises comes out."""
        task = asyncio.create_task(runner.run())

        async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
            async with asyncio.timeout(10):
                while not await is_so():
                    if task.done():
                        await task
                        raise AssertionError("the runner has ended")
                    await asyncio.sleep(0.001)

        try:
            yield until
        finally:
            runner.stop()
            await task

    async def on(self, topic: str, group: str = "") -> list[LogRecord]:
        """Every record of a topic; with a group, every record that was not seen by it before."""
        consumer = self.log.consumer(group or f"look-{next(_looks)}", [topic])
        await consumer.start()
        found: list[LogRecord] = []
        while records := await consumer.poll(10_000, 0.0):
            found += records
            await consumer.commit({TopicPartition(r.topic, r.partition): r.offset + 1 for r in records})
        await consumer.stop()
        return found

    async def asked(self) -> list[str]:
        """SKUs of the bind requests since the last look, sorted, repetitions included."""
        return sorted((record.key or b"").decode() for record in await self.on(topics.BIND_REQUESTS, "asked"))

    async def letters(self) -> list[Letter]:
        """All letters on their topic."""
        return [one for one in await self.said_of_letters() if isinstance(one, Letter)]

    async def outcomes(self) -> list[Outcome]:
        """All outcomes on the topic of letters."""
        return [one for one in await self.said_of_letters() if isinstance(one, Outcome)]

    async def said_of_letters(self) -> list[Letter | Outcome]:
        return [wire.read(record.key, record.value, record.headers) for record in await self.on(topics.DEAD_LETTERS)]

    async def published(self, sku: str) -> list[tuple[int, Any]]:
        """(revision, content) of each value of this SKU in the topic of bindings."""
        values = [orjson.loads(r.value or b"") for r in await self.on(topics.SKU_BINDINGS) if r.key == sku.encode()]
        return [(value.pop("revision"), value) for value in values]

    async def is_consistent(self, *skus: str) -> bool:
        """What must hold at rest: no revision names two contents, and the topic ends on what is stored, for each SKU."""
        for sku in skus:
            doc, published = await self.binding(sku), await self.published(sku)
            stored = (doc.numbers["revision"], orjson.loads(doc.body))
            named: dict[int, object] = {}
            for revision, content in published:
                assert named.setdefault(revision, content) == content, f"revision {revision} of {sku} names two contents"
            assert not stored[0] or published[-1] == stored, f"the topic does not end on what is stored of {sku}"
        return True

    async def record(self, key: str) -> Doc | None:
        """A record as stored."""
        return (await self.store.records.load([key])).get(key)

    async def leaves(self, key: str) -> dict[str, Any]:
        """What is visible of a record."""
        doc = await self.record(key)
        assert doc is not None, f"{key} is not stored"
        return facets.visible(facets.load(key, doc.body, doc.version))

    async def binding(self, sku: str) -> Doc:
        """The stored answer of a SKU."""
        return (await self.store.bindings.load([sku]))[sku]

    async def content(self, sku: str) -> Any:
        """The stored answer, read."""
        return orjson.loads((await self.binding(sku)).body)

    async def shown(self, sku: str) -> list[str]:
        """Ids of the assets that the stored answer binds, in its order."""
        return [one["asset"]["id"] for one in (await self.content(sku))["bindings"]]
