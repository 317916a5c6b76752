"""A vendor in memory and the loop that fetches from it: a catalogue, answers that misbehave in turn, an account of every call.

Owns: Vendor, Fault, Fetches. Does not own: log, store and clock (world.py), real HTTP (tests/fetchers/).
Next stop: tests/consumers/test_fetching.py.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import orjson

from app.domain.keys import record_key
from app.domain.order import CHANGE, DELETION, order
from app.errors import Malformed
from app.ports import Clock, Doc, EventLog, LogRecord, Store
from app.sources.fetching import FETCHED, VARIANTS, Found, Page, task_key
from app.sources.source import FetchTask
from app.tasks.documents import Task, read
from app.tasks.verdicts import Pace
from consumers.fetch_pages import Engines
from consumers.fetching import Fetching, System, Terms
from consumers.tasks import request_fetches
from schemas import letter as wire
from schemas import topics
from schemas.event import Event
from schemas.letter import Letter, Outcome
from tests.consumers.world import NOW_US, SECOND_US, SOURCE, SetClock

SYSTEM = "pim"
_looks = itertools.count()


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one call. error: raised, after `pages` pages. silent: so many things are left out of the answer.

    holds: the call stays open until this is set. stale: the answer is that of the catalogue as it was then.
    """

    error: BaseException | None = None
    pages: int = 0
    silent: int = 0
    holds: asyncio.Event | None = None
    stale: dict[tuple[str, str], tuple[int, Any]] | None = None


@dataclass
class Vendor:
    """A Fetcher. things: (kind, thing) -> (its own time in µs, state); `faults` are used up by the calls in turn.

    behind_us: how far its clock is behind ours. whole_seconds: it tells starts of calls as the Outbound port does. calls: (kind, things) of
    every call, `most_open` at a time. meanwhile: done during each.
    """

    clock: Clock
    system: str = SYSTEM
    concurrency: int = 2
    per_call: dict[str, int] = field(default_factory=lambda: {"product": 10, "model": 10, VARIANTS: 1})
    things: dict[tuple[str, str], tuple[int, Any]] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    behind_us: int = 0
    whole_seconds: bool = False
    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    called_us: list[int] = field(default_factory=list)
    rejects: dict[str, str] = field(default_factory=dict)
    meanwhile: Callable[[], Awaitable[object]] | None = None
    open: int = 0
    most_open: int = 0

    def put(self, thing: str, updated_us: int = NOW_US - 60 * SECOND_US, kind: str = "product", **leaves: Any) -> None:
        """Saves a thing."""
        self.things[kind, thing] = (updated_us, {"leaves": leaves})

    async def fetch(self, kind: str, things: Sequence[str]) -> AsyncIterator[Page]:
        assert len(things) <= self.per_call[kind], "a call asked for more than the vendor allows"
        self.calls.append((kind, tuple(things)))
        self.called_us.append(self.clock.now_us())
        began_us = self.clock.now_us() - self.behind_us
        if self.whole_seconds:
            began_us = (began_us - 1) // SECOND_US * SECOND_US
        fault = self.faults.popleft() if self.faults else Fault()
        held = dict(self.things if fault.stale is None else fault.stale)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            if self.meanwhile is not None:
                await self.meanwhile()
            await (fault.holds.wait() if fault.holds else asyncio.sleep(0))
            pages = self._variants(things[0], held, began_us) if kind == VARIANTS else self._pages(kind, things, held, began_us, fault)
            for number, page in enumerate(pages):
                if fault.error is not None and number >= fault.pages:
                    break
                yield page
                await asyncio.sleep(0)
            if fault.error is not None:
                raise fault.error
        finally:
            self.open -= 1

    def _pages(self, kind: str, things: Sequence[str], held: dict[Any, Any], began_us: int, fault: Fault) -> list[Page]:
        asked = [thing for thing in things if thing not in self.rejects][: len(things) - fault.silent]
        none = (0, None)
        found = [Found(kind, thing, held.get((kind, thing), none)[1], held.get((kind, thing), none)[0]) for thing in asked]
        middle = (len(found) + 1) // 2
        pages = [Page(began_us, part, [one.thing for one in part]) for part in (found[:middle], found[middle:]) if part]
        rejected = {thing: self.rejects[thing] for thing in things if thing in self.rejects}
        return [*pages, Page(began_us, rejected=rejected)] if rejected else pages

    def _variants(self, model: str, held: dict[Any, Any], began_us: int) -> list[Page]:
        below = [Found(kind, thing, state, at) for (kind, thing), (at, state) in sorted(held.items()) if thing.startswith(f"{model}-")]
        return [*(Page(began_us, [one]) for one in below), Page(began_us, done=(model,))]


class StepClock(SetClock):
    """The Clock port for a loop that works: time passes only for who has slept, in steps, and engines have time to work in between.

    slower: by so much, where the first looks have to come within a second.
    """

    slower = 1

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.002)
        self.at_us += int(seconds * 1e6 / self.slower)


class States:
    """The source that reads what the vendor brings: an event says the state whole. A state with `unfit` cannot be kept."""

    name, system = SOURCE, SYSTEM

    def __init__(self, era: int = 0) -> None:
        self.era = era

    def fetched(self, found: Found, *, began_us: int, at_least: int, arrived_us: int) -> Event:
        if found.state is not None and "unfit" in found.state["leaves"]:
            raise Malformed("a state that cannot be kept")
        value = {"thing": found.thing, "state": found.state, "at_least": at_least, "updated": found.updated_us}
        return Event(
            id=f"{found.thing}:{began_us}",
            source=self.name,
            type=f"{FETCHED}{found.kind}",
            key=record_key(found.kind, self.system, found.thing),
            value=orjson.dumps(value),
            arrived_us=arrived_us,
            fetched_us=began_us,
        )


def wish(
    thing: str = "a", at_us: int = NOW_US - 3600 * SECOND_US, *, kind: str = "product", deletion: bool = False, **more: Any
) -> FetchTask:
    """A wish of an event of this time, due at once."""
    text = order(era=0, source=at_us, rank=DELETION if deletion else CHANGE, event_hash="a", version=1)
    fields: dict[str, Any] = {"due_us": NOW_US - SECOND_US, "reason": "said", **more}
    return FetchTask(
        key=task_key(kind, SYSTEM, thing),
        system=SYSTEM,
        source=SOURCE,
        kind=kind,
        thing=thing,
        trigger_us=at_us,
        trigger_order=text,
        deletion=deletion,
        **fields,
    )


@dataclass
class Fetches:
    """The loop over one vendor, on engines that the test gives.

    lease_s: long, since the clock runs ahead while a busy machine answers a renewal; what is paused waits from renewal to renewal.
    """

    lease_s: ClassVar[float] = 300.0

    log: EventLog
    store: Store
    clock: SetClock
    vendor: Vendor
    pace: Pace = field(default_factory=Pace)
    owner: str = "me"
    era: int = 0
    more: dict[str, Any] = field(default_factory=dict)

    def loop(self, owner: str = "", **terms: Any) -> Fetching:
        """A new process's loop."""
        engines = Engines(self.log, self.store, self.clock, lambda: 0.5, self.pace, code_version="test", **self.more)
        systems: Any = {SYSTEM: System(self.vendor, States(self.era))}  # type: ignore[arg-type]  # as much of a source as is needed
        return Fetching(engines, systems, Terms(owner or self.owner, **{"lease_s": self.lease_s, **terms}))

    def slowed(self, times: int) -> None:
        """Lets time pass by so much more slowly from now on."""
        assert isinstance(self.clock, StepClock)
        self.clock.slower = times

    async def ask(self, *wishes: FetchTask) -> None:
        await request_fetches(self.store, wishes, self.clock.now_us())

    async def until(self, is_so: Callable[[], Awaitable[object]], loop: Fetching | None = None, within_s: float = 20.0) -> Fetching:
        """Runs a loop until something is so, then stops it."""
        loop = loop or self.loop()
        async with self.running(loop) as task, asyncio.timeout(within_s):
            while not await is_so():
                if task.done():
                    task.result()
                    raise AssertionError("the loop has ended")
                await asyncio.sleep(0.001)
        return loop

    async def rest(self, **more: Any) -> Fetching:
        """Runs a loop until no task waits."""
        return await self.until(self.nothing_waits, **more)

    @asynccontextmanager
    async def running(self, loop: Fetching) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(loop.run())
        try:
            yield task
        finally:
            loop.stop()
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is not None and sys.exc_info()[0] is None:
                task.result()

    async def nothing_waits(self) -> bool:
        return not await self.store.tasks.count(["waiting"])

    async def task(self, thing: str = "a", kind: str = "product") -> Task:
        return read(await self.doc(thing, kind))

    async def doc(self, thing: str = "a", kind: str = "product") -> Doc:
        key = task_key(kind, SYSTEM, thing)
        return (await self.store.tasks.load([key]))[key]

    async def hurry(self, thing: str = "a", **numbers: int) -> None:
        """Makes a task due now."""
        doc = await self.doc(thing)
        await self.store.tasks.save([replace(doc, numbers={**doc.numbers, "due_us": self.clock.now_us(), **numbers})])

    async def events(self) -> list[dict[str, Any]]:
        """The fetched states on the slow lane: the value, and `began` and `kind` of each."""
        found = []
        for record in await self.all_of(topics.EVENTS_SLOW):
            event = Event.read(record.key, record.value, record.headers)
            if event.type.startswith(FETCHED):
                found.append({**orjson.loads(event.value), "began": event.fetched_us, "kind": event.type.removeprefix(FETCHED)})
        return found

    async def states(self) -> list[tuple[str, Any]]:
        """(thing, its leaves or None) of every event, sorted."""
        return sorted(((one["thing"], one["state"] and one["state"]["leaves"]) for one in await self.events()), key=str)

    async def letters(self) -> list[Letter]:
        return [one for one in await self.said() if isinstance(one, Letter)]

    async def outcomes(self) -> list[Outcome]:
        return [one for one in await self.said() if isinstance(one, Outcome)]

    async def said(self) -> list[Letter | Outcome]:
        """Everything on the topic of letters."""
        return [wire.read(record.key, record.value, record.headers) for record in await self.all_of(topics.DEAD_LETTERS)]

    async def all_of(self, topic: str) -> list[LogRecord]:
        """Every record of a topic."""
        total = sum((await self.log.ends(topic)).values())
        consumer = self.log.consumer(f"look-{next(_looks)}", [topic])
        await consumer.start()
        found: list[LogRecord] = []
        try:
            async with asyncio.timeout(15):
                while len(found) < total:
                    found += await consumer.poll(10_000, 0.2)
        finally:
            await consumer.stop()
        return found
