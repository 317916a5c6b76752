"""What a page of an answer becomes: events on the slow lane, letters, finished tasks.

Owns: the order of these writes. Does not own: the rules (app/tasks/verdicts.py), calls (consumers/fetch_calls.py).
Next stop: app/tasks/verdicts.py, then consumers/projector.py, which reads the events.

A page, in steps that are safe to repeat: 1. append what was found, as full states, and what is said of letters; 2. finish the tasks by
compare-and-set on their documents. A crash in between fetches again; the same state merges to the same record. A task that was asked for
meanwhile loses the race, is read again and keeps waiting.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from app.domain.failures import ToLetter, reaction
from app.domain.letters import told
from app.errors import EntryRefused, Refused
from app.ports import Clock, Doc, Entry, EventLog, Store
from app.sources.fetching import Found, Page
from app.sources.source import FetchTask, Source
from app.tasks.documents import Task, read
from app.tasks.letters import GivenUp, letters_of, resolved
from app.tasks.verdicts import Pace, Verdict, applied, gives_up, is_told, judge
from consumers.fetch_counts import Counts
from consumers.tasks import request_fetches
from schemas import topics
from schemas.event import Event

log_line = structlog.get_logger(__name__)

Checkpoint = Callable[[str], None]
YIELD_EVERY = 25


@dataclass(frozen=True, slots=True)
class Engines:
    """What pages are written with. jitter: draws a number in [0, 1). pace: the times of the rules."""

    log: EventLog
    store: Store
    clock: Clock
    jitter: Callable[[], float]
    pace: Pace = field(default_factory=Pace)
    version: int = 0
    code_version: str = ""
    checkpoint: Checkpoint = lambda name: None


@dataclass(slots=True)
class Call:
    """One call, from its opening until its last page is written.

    tasks: by thing. open: things that no page has finished yet. verdicts: of what was found so far. blamed: of what can never be written.
    last: the writing of its newest page. pause: how many pauses the system had when it was opened. probe: it may end the present one.
    """

    kind: str
    tasks: dict[str, Task]
    pause: int = 0
    probe: bool = False
    open: dict[str, None] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    blamed: dict[str, Verdict] = field(default_factory=dict)
    last: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self.open = dict.fromkeys(self.tasks)

    def claim(self, page: Page) -> list[Task]:
        """The tasks that this page is the last word about."""
        things = [thing for thing in dict.fromkeys((*page.done, *page.rejected)) if thing in self.open]
        for thing in things:
            del self.open[thing]
        return [self.tasks[thing] for thing in things]


class Pages:
    """Writes the pages of one system."""

    def __init__(self, engines: Engines, source: Source, check: Callable[[], None], counts: Counts) -> None:
        """check: raises Deposed where the system is not ours any more; asked before every append."""
        self._engines, self._source, self._check, self._counts = engines, source, check, counts

    async def write(self, call: Call, page: Page, claimed: Sequence[Task], before: "asyncio.Task[None] | None") -> None:
        """Appends a page and finishes the tasks that it claims, those once the call's pages before it are written, too.

        Failure policy: EngineDown and Ownership pass through; what was not finished is fetched again. A state that the log or the mapping
        cannot take is the letter of its own task.
        """
        entries, strangers = await self._entries(call, page)
        if entries:
            await self._append(call, entries)
        self._engines.checkpoint("fetcher.after_append")
        if strangers:
            await request_fetches(self._engines.store, strangers, self._engines.clock.now_us())
        if before is not None:
            await before
        verdicts = [(task, self._verdict(call, page, task)) for task in claimed]
        await self._resolve([task for task, verdict in verdicts if verdict.kind == "done"])
        await self.settle(verdicts)
        self._engines.checkpoint("fetcher.after_finish")

    def _verdict(self, call: Call, page: Page, task: Task) -> Verdict:
        thing = task.thing
        if thing in page.rejected:
            return Verdict("rejected", page.rejected[thing])
        return call.blamed.get(thing) or call.verdicts.get(thing) or judge(task, None, page.began_us, self._engines.pace)

    async def _entries(self, call: Call, page: Page) -> tuple[list[tuple[Found, Entry]], list[FetchTask]]:
        """What is appended, and things that are said to be absent though nobody asked for them: they are asked for."""
        entries: list[tuple[Found, Entry]] = []
        strangers: list[FetchTask] = []
        arrived_us = self._engines.clock.now_us()
        for number, found in enumerate(page.found, start=1):
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            task = call.tasks.get(found.thing) if found.kind == call.kind else None
            if task is None:
                if found.state is None:
                    strangers.append(_wish(found, self._source, arrived_us))
                    continue
            else:
                verdict = call.verdicts[found.thing] = judge(task, found, page.began_us, self._engines.pace)
                if not is_told(task, found, verdict, self._engines.pace):
                    continue
            entry = self._entry(call, found, task, page.began_us, arrived_us)
            if entry is not None:
                entries.append((found, entry))
        return entries, strangers

    def _entry(self, call: Call, found: Found, task: Task | None, began_us: int, arrived_us: int) -> Entry | None:
        at_least = 0
        if task is not None and task.era == self._source.era:
            at_least = task.at_least_if_absent() if found.state is None else task.at_least
        try:
            return _entry_of(self._source.fetched(found, began_us=began_us, at_least=at_least, arrived_us=arrived_us))
        except Exception as error:
            # Whatever one state sets off is the letter of its own task and no neighbour's halt (promise P5).
            if not isinstance(reaction(error, "map"), ToLetter):
                raise
            self._blame(call, found, told(error))
            return None

    def _blame(self, call: Call, found: Found, why: str) -> None:
        """The task that brought this state ends in a letter; of a model's variants, which are many, that of the model."""
        log_line.warning("fetch.unusable", system=self._source.system, kind=found.kind, detail=why)
        own = found.kind == call.kind and found.thing in call.tasks
        call.blamed |= dict.fromkeys([found.thing] if own else call.tasks, Verdict("rejected", why))

    async def _append(self, call: Call, entries: Sequence[tuple[Found, Entry]]) -> None:
        self._check()
        try:
            await self._engines.log.append(topics.EVENTS_SLOW, [entry for _, entry in entries])
        except EntryRefused:
            # One by one, so that what the log refuses takes nothing beside it along.
            for found, entry in entries:
                try:
                    await self._engines.log.append(topics.EVENTS_SLOW, [entry])
                except EntryRefused as refused:
                    self._blame(call, found, told(refused))

    async def _resolve(self, done: Sequence[Task]) -> None:
        """The replays that asked for these tasks have come to their end."""
        now_us = self._engines.clock.now_us()
        said = [Entry(*outcome.entry()) for task in done for outcome in resolved(task, now_us)]
        if said:
            await self._engines.log.append(topics.DEAD_LETTERS, said)

    async def settle(self, verdicts: Sequence[tuple[Task, Verdict]]) -> None:
        """Writes what became of these tasks. Failure policy: a lost race reads and decides again; EngineDown passes through."""
        engines = self._engines
        waiting = {task.doc.id: (task, task, verdict) for task, verdict in verdicts}
        self._counts.tasks.update(verdict.kind for _, verdict in verdicts)
        while waiting:
            now_us = engines.clock.now_us()
            await self._give_up([(now, verdict) for now, _, verdict in waiting.values()], now_us)
            docs = []
            for now, taken, verdict in waiting.values():
                doc = applied(now, taken, verdict, engines.pace, now_us, engines.jitter())
                if doc is not None:
                    docs.append(doc)
            saved = await engines.store.tasks.save(docs)
            for id_, why in saved.refused.items():
                log_line.error("fetch.task_refused", task=id_[:200], detail=why)
            waiting = await self._reloaded(waiting, saved.conflicts)

    async def _reloaded(
        self, waiting: Mapping[str, tuple[Task, Task, Verdict]], lost: frozenset[str]
    ) -> dict[str, tuple[Task, Task, Verdict]]:
        docs: Mapping[str, Doc] = await self._engines.store.tasks.load(lost) if lost else {}
        return {id_: (read(doc), waiting[id_][1], waiting[id_][2]) for id_, doc in docs.items()}

    async def _give_up(self, verdicts: Sequence[tuple[Task, Verdict]], now_us: int) -> None:
        """The letters come first: a crash before the save repeats them under the same names, one after it would omit them."""
        engines = self._engines
        letters = [
            letter
            for task, verdict in verdicts
            if task.waits and gives_up(task, verdict, engines.pace)
            for letter in letters_of(
                task, _error(verdict), now_us=now_us, code_version=engines.code_version, config_version=engines.version
            )
        ]
        if letters:
            self._check()
            await engines.log.append(topics.DEAD_LETTERS, [Entry(*letter.entry()) for letter in letters])
            engines.checkpoint("fetcher.after_letter")


def _error(verdict: Verdict) -> Exception:
    if verdict.kind == "rejected":
        return Refused(verdict.error)
    return GivenUp(f"tried as often as its ladder has steps; last: {verdict.error}")


def _entry_of(event: Event) -> Entry:
    return Entry(event.key.encode("utf-8", "replace"), event.value, event.headers())


def _wish(found: Found, source: Source, now_us: int) -> FetchTask:
    return FetchTask(
        key=f"fetch {found.kind} {source.system} {found.thing}",
        system=source.system,
        source=source.name,
        kind=found.kind,
        thing=found.thing,
        reason="an answer about something else said that it is gone",
        due_us=now_us,
        trigger_us=0,
        trigger_order="",
    )
