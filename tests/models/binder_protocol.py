"""The binder's protocol for one SKU as a state machine: two workers, inputs that change, trouble at every step.

Owns: what consumers/binder.py does to store, topic and offsets, without its code. Does not own: the search (tests/models/explore.py), the
claim that it holds (tests/models/test_binder_protocol.py). Next stop: consumers/binder.py, whose numbered steps these are.

Trouble, at any step and within a budget: the owner crashes and starts again; it is frozen while the other one takes over, wakes up later
and goes on where it was, or draws an epoch before it learns that the partition is not its own any more; the store's or the log's answer is
lost, whether or not what was asked for happened; the log refuses an append. Whoever is deposed, fenced or refused gives its epoch up and
starts from the committed offset.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

TOPIC_LIMIT = 9


class Stored(NamedTuple):
    """The stored answer: its revision, its content, the epoch that decided it."""

    revision: int
    content: str
    epoch: int


class Worker(NamedTuple):
    """phase: what was done last. epoch 0: none drawn. offset, end: the batch. fresh: inputs at least as new as this version will be read.
    inputs, seen: what was read. decision: what was written."""

    phase: str
    epoch: int = 0
    offset: int = 0
    end: int = 0
    fresh: int = 0
    inputs: int = 0
    seen: Stored | None = None
    decision: Stored | None = None


class World(NamedTuple):
    """version: of the inputs. requests: bind requests in the log. topic: (revision, content) as appended. member: whose partition it is for
    the group's coordinator. epoch: the one drawn last. writer: the epoch of whoever opened the fenced writer last."""

    version: int
    requests: int
    committed: int
    stored: Stored
    topic: tuple[tuple[int, str], ...]
    member: int
    epoch: int
    writer: int
    workers: tuple[Worker, Worker]
    troubles: int


IDLE = Worker("idle")


@dataclass(frozen=True)
class Guards:
    """What keeps the protocol safe; each can be left out.

    touch: a batch begins and ends with a write to the owner document, which a deposed owner fails at; no older inputs are read after it.
    zombie: a stored epoch above mine ends me. compare: what a write is conditional on. fence: only the newest owner's writer appends.
    republish: what an older epoch decided is appended again. renew: any failure after the write draws a new epoch.
    """

    touch: bool = True
    zombie: bool = True
    compare: str = "revision and epoch"
    fence: bool = True
    republish: bool = True
    renew: bool = True


class BinderProtocol:
    """contents: the content that each version of the inputs leads to, from version 1. troubles: how many there may be."""

    def __init__(self, contents: str, guards: Guards = Guards(), *, troubles: int = 2) -> None:
        self._troubles = troubles
        self._contents = ("", *contents)
        self._guards = guards

    def start(self) -> World:
        return World(0, 0, 0, Stored(0, "", 0), (), 0, 0, 0, (IDLE, IDLE), 0)

    def violation(self, world: World) -> str:
        """What must never be, in any state; and what must not be once everything has come to rest."""
        named: dict[int, str] = {}
        for revision, content in world.topic:
            if named.setdefault(revision, content) != content:
                return "a revision number names two contents"
        last = len(self._contents) - 1
        if not (world.version == world.requests == world.committed == last) or any(worker.phase != "idle" for worker in world.workers):
            return ""
        if world.stored.content != self._contents[last]:
            return "the store ends on old content"
        return "" if world.topic[-1:] == (world.stored[:2],) else "the topic does not end on the stored revision"

    def steps(self, world: World) -> Iterator[World]:
        if world.version < len(self._contents) - 1 and world.requests == world.version:
            yield world._replace(version=world.version + 1)  # a record is written
        if world.requests < world.version:
            yield world._replace(requests=world.requests + 1)  # then its bind request is appended
        for index, worker in enumerate(world.workers):
            if world.troubles < self._troubles:
                taken = world._replace(member=index, troubles=world.troubles + 1)
                yield _abandon(taken, index)  # it crashes and starts again, or takes over while the other is frozen
            yield from self._step(world, index, worker)

    def _step(self, world: World, index: int, worker: Worker) -> Iterator[World]:
        match worker.phase:
            case "idle":
                yield from self._poll(world, index, worker)
            case "polled" if not worker.epoch:
                drawn = world._replace(epoch=world.epoch + 1)
                yield _put(drawn, index, worker._replace(phase="drawn", epoch=drawn.epoch))
            case "drawn":
                yield _put(world._replace(writer=worker.epoch), index, worker._replace(phase="polled"))
            case "polled":
                yield self._touch(world, index, worker._replace(phase="touched", fresh=world.version if self._guards.touch else 0))
            case "touched":
                yield _put(world, index, worker._replace(phase="read stored", seen=world.stored))
            case "read stored":
                for version in range(worker.fresh, world.version + 1):  # a deposed primary may answer with what was
                    yield _put(world, index, worker._replace(phase="read inputs", inputs=version))
            case "read inputs":
                yield from self._decide(world, index, worker)
            case "written":
                yield from self._append(world, index, worker)
            case "appended":
                yield self._touch(world, index, worker._replace(phase="finished"))
            case "finished":
                yield self._commit(world, index, worker)

    def _poll(self, world: World, index: int, worker: Worker) -> Iterator[World]:
        """Any cut of the log into batches; by a member that lost the partition and does not know it yet, too."""
        stale = world.member != index
        if not stale or world.troubles < self._troubles:
            for end in range(worker.offset + 1, world.requests + 1):
                polled = world._replace(troubles=world.troubles + stale)
                yield _put(polled, index, worker._replace(phase="polled", end=end))

    def _touch(self, world: World, index: int, after: Worker) -> World:
        if self._guards.touch and after.epoch != world.epoch:
            return _abandon(world, index)
        return _put(world, index, after)

    def _decide(self, world: World, index: int, worker: Worker) -> Iterator[World]:
        seen, content = worker.seen, self._contents[worker.inputs]
        assert seen is not None
        if self._guards.zombie and seen.epoch > worker.epoch:
            yield _abandon(world, index)
            return
        changed = content != seen.content
        wanted = Stored(seen.revision + changed, content, worker.epoch)
        if wanted != seen and not self._may_write(world.stored, seen):
            yield _put(world, index, worker._replace(phase="touched", inputs=0, seen=None))  # a lost race reads and decides again
            return
        publish = changed or (self._guards.republish and seen.epoch != worker.epoch and seen.revision > 0)
        after = world._replace(stored=wanted) if wanted != seen else world
        phase = "written" if publish else "appended"
        yield _put(after, index, Worker(phase, worker.epoch, worker.offset, worker.end, decision=wanted if publish else None))
        if wanted != seen and world.troubles < self._troubles:
            yield self._again(after, index, worker)  # written, but the answer is lost

    def _may_write(self, stored: Stored, seen: Stored) -> bool:
        match self._guards.compare:
            case "revision and epoch":
                return (stored.revision, stored.epoch) == (seen.revision, seen.epoch)
            case "revision":
                return stored.revision == seen.revision
            case _:
                return True

    def _append(self, world: World, index: int, worker: Worker) -> Iterator[World]:
        if self._guards.fence and worker.epoch != world.writer:
            yield _abandon(world, index)
            return
        assert worker.decision is not None
        appended = world._replace(topic=(*world.topic, worker.decision[:2])) if len(world.topic) < TOPIC_LIMIT else None
        if appended:
            yield _put(appended, index, Worker("appended", worker.epoch, worker.offset, worker.end))
        if world.troubles < self._troubles:
            yield self._again(world, index, worker)  # the append is refused, the process lives on
            if appended:
                yield self._again(appended, index, worker)  # it happened, but the answer is lost

    def _commit(self, world: World, index: int, worker: Worker) -> World:
        if world.member != index:  # the coordinator refuses the commit of an old generation
            return _abandon(world, index)
        return _put(world, index, Worker("idle", worker.epoch, worker.end))._replace(committed=worker.end)

    def _again(self, world: World, index: int, worker: Worker) -> World:
        """After a failure behind the write: give the epoch up, or (without that guard) repeat the batch as if nothing had been."""
        troubled = world._replace(troubles=world.troubles + 1)
        if self._guards.renew:
            return _abandon(troubled, index)
        return _put(troubled, index, Worker("polled", worker.epoch, worker.offset, worker.end))


def _abandon(world: World, index: int) -> World:
    """Gives the epoch up and starts from the committed offset."""
    return _put(world, index, Worker("idle", 0, world.committed))


def _put(world: World, index: int, worker: Worker) -> World:
    return world._replace(workers=(worker, world.workers[1]) if index == 0 else (world.workers[0], worker))
