"""The protocol of fetches as two state machines: a task that two processes may work at, and the lease that keeps them apart.

Owns: what consumers/leases.py and the documents of tasks go through, without their code. Does not own: the search
(tests/models/explore.py), the claim that it holds (tests/models/test_fetch_protocol.py). Next stop: consumers/leases.py.

TaskProtocol leaves the lease out: even where two processes work at one task, nothing may be lost. One thing changes at its vendor, events
tell of it, and at rest the log has to hold its last state (states merge by their order, so the newest one on the log is what counts).
LeaseProtocol is about time alone: no two processes may both believe that the system is theirs. A write or a read takes effect at some
moment between its start and its answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

CHANGES, CRASHES = 2, 2


class Task(NamedTuple):
    """The document: does it wait, how often was it asked for, the store's write counter."""

    waits: bool = False
    generation: int = 0
    version: int = 0


class Fetcher(NamedTuple):
    """phase: what was done last. generation: of the task as it was taken. version: as it was read last. state: what the vendor answered."""

    phase: str = "idle"
    generation: int = 0
    version: int = 0
    state: int = 0


class Work(NamedTuple):
    vendor: int
    told: int
    task: Task
    log: int
    fetchers: tuple[Fetcher, Fetcher]
    crashes: int


@dataclass(frozen=True)
class TaskRules:
    """What keeps a task safe; each can be left out.

    guard: finishing is conditional on the store's write counter. generation: a task that was asked for meanwhile keeps waiting.
    append_first: the state is on the log before the task is finished.
    """

    guard: bool = True
    generation: bool = True
    append_first: bool = True


class TaskProtocol:
    """One task, two processes that both work at it."""

    def __init__(self, rules: TaskRules) -> None:
        self._rules = rules

    def start(self) -> Work:
        return Work(0, 0, Task(), 0, (Fetcher(), Fetcher()), 0)

    def violation(self, work: Work) -> str:
        """What must not be once everything has come to rest."""
        idle = all(one.phase == "idle" for one in work.fetchers)
        if idle and not work.task.waits and work.told == work.vendor != work.log:
            return "nobody fetches the last state any more"
        return ""

    def steps(self, work: Work) -> Iterator[Work]:
        """What may come next."""
        if work.vendor < CHANGES:
            yield work._replace(vendor=work.vendor + 1)
        if work.told < work.vendor:
            asked = Task(True, work.task.generation + 1, work.task.version + 1)
            yield work._replace(told=work.told + 1, task=asked)
        for nth, one in enumerate(work.fetchers):
            if one.phase != "idle" and work.crashes < CRASHES:
                yield _with(work, nth, Fetcher())._replace(crashes=work.crashes + 1)
            yield from self._fetcher(work, nth, one)

    def _fetcher(self, work: Work, nth: int, one: Fetcher) -> Iterator[Work]:
        task = work.task
        appended = work._replace(log=max(work.log, one.state))
        match one.phase:
            case "idle" if task.waits:
                yield _with(work, nth, Fetcher("taken", task.generation, task.version))
            case "taken":
                yield _with(work, nth, one._replace(phase="answered", state=work.vendor))
            case "answered" if self._rules.append_first:
                yield _with(appended, nth, one._replace(phase="finishing"))
            case "answered" | "finishing":
                yield from self._finish(work, nth, one)
            case "finished":
                yield _with(appended, nth, Fetcher())

    def _finish(self, work: Work, nth: int, one: Fetcher) -> Iterator[Work]:
        task, rules = work.task, self._rules
        if rules.guard and task.version != one.version:
            yield _with(work, nth, one._replace(version=task.version) if task.waits else Fetcher())
            return
        meanwhile = rules.generation and task.generation != one.generation
        done = Task(meanwhile, task.generation if rules.guard else one.generation, task.version + 1)
        yield _with(work._replace(task=done), nth, Fetcher() if rules.append_first else one._replace(phase="finished"))


def _with(work: Work, nth: int, one: Fetcher) -> Work:
    fetchers = list(work.fetchers)
    fetchers[nth] = one
    return work._replace(fetchers=(fetchers[0], fetchers[1]))


LEASE, END = 2, 6


class Process(NamedTuple):
    """until: the end of its lease by its own count. phase, began, expects: of the call under way. seen, seen_at: what it watches."""

    until: int = -1
    phase: str = "idle"
    began: int = 0
    expects: int = 0
    seen: int = -1
    seen_at: int = 0


class Time(NamedTuple):
    now: int
    owner: int
    version: int
    processes: tuple[Process, Process]


@dataclass(frozen=True)
class LeaseRules:
    """owner_from: an owner counts from before its write, or from after. watcher_from: a watcher counts from after its read, or from before.
    watch: how long it watches. guard: a takeover is conditional on the write counter that was watched."""

    owner_from: str = "before"
    watcher_from: str = "after"
    watch: int = LEASE
    guard: bool = True


class LeaseProtocol:
    """Two processes, one document, one time that both clocks follow."""

    def __init__(self, rules: LeaseRules) -> None:
        self._rules = rules

    def start(self) -> Time:
        return Time(0, -1, 0, (Process(), Process()))

    def violation(self, time: Time) -> str:
        """What must never be."""
        return "two owners at a time" if all(one.until > time.now for one in time.processes) else ""

    def steps(self, time: Time) -> Iterator[Time]:
        """What may come next: time passes, or a process goes on."""
        if time.now < END:
            yield time._replace(now=time.now + 1)
        for nth, one in enumerate(time.processes):
            yield from self._process(time, nth, one)

    def _process(self, time: Time, nth: int, one: Process) -> Iterator[Time]:
        now = time.now
        match one.phase:
            case "idle" if one.until == now + LEASE:
                return  # there is nothing to renew yet
            case "idle" if one.until > now:
                yield _at(time, nth, one._replace(phase="writing", began=now, expects=time.version))
            case "idle":
                yield _at(time, nth, one._replace(phase="looking", began=now))
            case "looking":
                # The read takes effect here, its answer comes later.
                yield _at(time, nth, one._replace(phase="looked", expects=time.version if time.owner != -1 else -time.version - 1))
            case "looked":
                yield _at(time, nth, self._watched(one, nth, now))
            case "writing":
                yield self._written(time, nth, one)
            case "written":
                began = one.began if self._rules.owner_from == "before" else now
                yield _at(time, nth, Process(until=began + LEASE))

    def _watched(self, one: Process, nth: int, now: int) -> Process:
        if one.expects < 0:  # nobody owns it
            return one._replace(phase="writing", began=now, expects=-one.expects - 1)
        if one.seen != one.expects:
            return one._replace(phase="idle", seen=one.expects, seen_at=now if self._rules.watcher_from == "after" else one.began)
        if now - one.seen_at < self._rules.watch:
            return one._replace(phase="idle")
        return one._replace(phase="writing", began=now)

    def _written(self, time: Time, nth: int, one: Process) -> Time:
        if time.version != one.expects and (self._rules.guard or one.until > one.began):
            return _at(time, nth, Process(seen=one.seen, seen_at=one.seen_at))
        return _at(time._replace(owner=nth, version=time.version + 1), nth, one._replace(phase="written"))


def _at(time: Time, nth: int, one: Process) -> Time:
    processes = list(time.processes)
    # What no step asks for any more must not tell states apart.
    if one.phase == "idle":
        one = one._replace(began=0, expects=0)
    processes[nth] = one._replace(until=one.until if one.until > time.now else -1)
    return time._replace(processes=(processes[0], processes[1]))
