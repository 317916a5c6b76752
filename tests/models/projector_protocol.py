"""The projector's protocol as a state machine: one product, one asset that names it, two lanes with a worker each, trouble at every step.

Owns: what consumers/projector.py does to records, bind requests, the configuration and offsets, without its code. Does not own: the search
(tests/models/explore.py), the claim that it holds (tests/models/test_projector_protocol.py). Next stop: consumers/projector.py.

A SKU's answer is what a binder would decide from the records: `asked` keeps, for each SKU, the answer at the moment of its last bind
request. At rest it must be the answer from the records as they are. Every event is mapped with a configuration version; after a raise, one
pass maps what stands in the store anew, and at rest nothing may be left that was mapped with the old one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

TROUBLES = 2
PRODUCT, ASSET = 0, 1
SKUS = ("S1", "S2")

T = TypeVar("T")


class Event(NamedTuple):
    """record: PRODUCT or ASSET. order: the greater one counts. says: a product's SKU, or whether the asset names the product."""

    record: int
    order: int
    says: str


Lane = tuple[Event, ...]
Held = tuple[tuple[Event, int], ...]  # the events merged into a record, each with the configuration version it was mapped with; sorted


class Stored(NamedTuple):
    """A record: what was merged into it, and the store's write counter."""

    held: Held = ()
    writes: int = 0

    def says(self) -> str:
        return self.held[-1][0].says if self.held else ""

    def ever(self) -> set[str]:
        return {event.says for event, _ in self.held if event.says}


class Worker(NamedTuple):
    """phase: what was done last. version: of its configuration. offset, end: the batch. waiting: records to write, seen: as they were read,
    lost: of a lost race, to read again. affected: SKUs to ask for."""

    phase: str
    version: int = 1
    offset: int = 0
    end: int = 0
    waiting: tuple[int, ...] = ()
    seen: tuple[Stored, ...] = ()
    lost: tuple[int, ...] = ()
    affected: tuple[str, ...] = ()


Answer = tuple[Held, Held] | None


class World(NamedTuple):
    records: tuple[Stored, Stored]
    asked: tuple[Answer, ...]
    version: int
    remapped: bool
    committed: tuple[int, int]
    workers: tuple[Worker, Worker]
    troubles: int

    def answer(self, sku: str) -> Answer:
        product, asset = self.records
        if product.says() != sku:
            return None
        return product.held, asset.held if asset.says() else ()


@dataclass(frozen=True)
class Rules:
    """What keeps the protocol safe; each can be left out.

    guard: a write is conditional on the record's write counter. look: "after the write", or before it. always: an unchanged merge looks,
    too. ever: the keys ever named count, rather than those named now. difference: only what a merge changed is looked for (must not be).
    check: the configuration version is read "after the write", before it, or never. request_first: requests are appended before the commit.
    """

    guard: bool = True
    look: str = "after the write"
    always: bool = True
    ever: bool = True
    difference: bool = False
    check: str = "after the write"
    request_first: bool = True


class ProjectorProtocol:
    """lanes: the events of each lane, as its worker reads them. raises: whether the configuration is raised meanwhile."""

    def __init__(self, lanes: tuple[Lane, Lane], rules: Rules, *, raises: bool = False) -> None:
        self._lanes, self._rules, self._raises = lanes, rules, raises

    def start(self) -> World:
        return World((Stored(), Stored()), (None, None), 1, not self._raises, (0, 0), (Worker("idle"), Worker("idle")), 0)

    def violation(self, world: World) -> str:
        """What must not be once everything has come to rest."""
        done = world.committed == (len(self._lanes[0]), len(self._lanes[1])) and all(worker.phase == "idle" for worker in world.workers)
        if not done or not world.remapped:
            return ""
        if any(version != world.version for record in world.records for _, version in record.held):
            return "an event keeps the meaning that the old configuration gave it"
        wrong = [sku for sku, asked in zip(SKUS, world.asked, strict=True) if asked != world.answer(sku)]
        return f"nobody asked for {wrong[0]} after the last write that concerns it" if wrong else ""

    def steps(self, world: World) -> Iterator[World]:
        if self._raises and world.version == 1:
            yield world._replace(version=2)
        if world.version == 2 and not world.remapped:
            yield self._remap(world)
        for index, worker in enumerate(world.workers):
            if worker.phase != "idle" and world.troubles < TROUBLES:
                yield self._restart(world, index)._replace(troubles=world.troubles + 1)
            yield from self._step(world, index, worker)

    def _remap(self, world: World) -> World:
        """The pass after a raise: what stands in the store is mapped anew, and every SKU is asked for."""
        anew = [Stored(tuple((event, 2) for event, _ in record.held), record.writes + bool(record.held)) for record in world.records]
        return self._ask(world._replace(records=(anew[0], anew[1]), remapped=True), SKUS)

    def _step(self, world: World, index: int, worker: Worker) -> Iterator[World]:
        match worker.phase:
            case "idle":
                for end in range(worker.offset + 1, len(self._lanes[index]) + 1):  # any cut of the lane into batches
                    waiting = tuple(sorted({event.record for event in self._lanes[index][worker.offset : end]}))
                    yield _put(world, index, worker._replace(phase="polled", end=end, waiting=waiting))
            case "polled":
                if self._rules.check == "before the write" and worker.version < world.version:
                    yield self._restart(world, index)
                else:
                    read = worker._replace(phase="read", seen=tuple(world.records[number] for number in worker.waiting))
                    early = self._look(world, index, worker) if self._rules.look == "before the write" else set()
                    yield _put(world, index, read._replace(affected=tuple(sorted({*read.affected, *early}))))
            case "read":
                yield from self._write(world, index, worker)
            case "written":
                if self._rules.check == "after the write" and worker.version < world.version:
                    yield self._restart(world, index)
                else:
                    yield _put(world, index, worker._replace(phase="checked"))
            case "checked":
                affected = self._look(world, index, worker) if self._rules.look == "after the write" else set(worker.affected)
                yield _put(world, index, worker._replace(phase="looked", affected=tuple(sorted(affected))))
            case _:
                yield from self._finish(world, index, worker)

    def _write(self, world: World, index: int, worker: Worker) -> Iterator[World]:
        """One of the waiting records; each is written for itself, in no particular order."""
        for place, number in enumerate(worker.waiting):
            before, stored = worker.seen[place], world.records[number]
            merged = self._merged(before, index, worker, number)
            rest = worker._replace(waiting=_without(worker.waiting, place), seen=_without(worker.seen, place))
            if merged == before.held:
                after, written = (self._note(rest, number, before, before) if self._rules.always else rest), world
            elif self._rules.guard and stored.writes != before.writes:
                after, written = rest._replace(lost=(*rest.lost, number)), world
            else:
                new = Stored(merged, stored.writes + 1)
                after, written = self._note(rest, number, before, new), world._replace(records=_put_at(world.records, number, new))
            if not after.waiting:
                phase = "polled" if after.lost else "written"
                after = after._replace(phase=phase, waiting=tuple(sorted(after.lost)), lost=())
            yield _put(written, index, after)

    def _note(self, worker: Worker, number: int, before: Stored, new: Stored) -> Worker:
        """Remembers which records to look for; with `difference`, which SKUs the merge changed."""
        if self._rules.look != "after the write":
            return worker
        if not self._rules.difference:
            return worker._replace(affected=tuple(sorted({*worker.affected, f"record {number}"})))
        changed = {before.says(), new.says()} if before != new else set()
        found = changed - {""} if number == PRODUCT else {"record 1"} if changed else set()
        return worker._replace(affected=tuple(sorted({*worker.affected, *found})))

    def _look(self, world: World, index: int, worker: Worker) -> set[str]:
        """The SKUs that the written records (or, before the write, those to be written) may concern."""
        early = self._rules.look == "before the write"
        found = {name for name in worker.affected if name in SKUS}
        product, asset = world.records
        if early:
            product, asset = (
                Stored(self._merged(stored, index, worker, number)) if number in worker.waiting else stored
                for number, stored in enumerate(world.records)
            )
        if "record 0" in worker.affected or (early and PRODUCT in worker.waiting):
            found |= product.ever() if self._rules.ever else {product.says()} - {""}
        if "record 1" in worker.affected or (early and ASSET in worker.waiting):
            names_it = bool(asset.ever()) if self._rules.ever else bool(asset.says())
            found |= {world.records[PRODUCT].says()} - {""} if names_it else set()
        return found

    def _merged(self, before: Stored, index: int, worker: Worker, number: int) -> Held:
        held = dict(before.held)
        for event in self._lanes[index][worker.offset : worker.end]:
            if event.record == number:
                held[event] = max(worker.version, held.get(event, 0))
        return tuple(sorted(held.items(), key=lambda one: one[0].order))

    def _finish(self, world: World, index: int, worker: Worker) -> Iterator[World]:
        """Append and commit, in the one order or the other."""
        order = ("looked", "asked", "idle") if self._rules.request_first else ("looked", "committed", "idle")
        following = order[order.index(worker.phase) + 1]
        asking = (following == "asked") if self._rules.request_first else (following == "idle")
        after = self._ask(world, worker.affected) if asking else world._replace(committed=_put_at(world.committed, index, worker.end))
        fresh = Worker("idle", worker.version, worker.end)
        yield _put(after, index, fresh if following == "idle" else worker._replace(phase=following))

    def _ask(self, world: World, skus: tuple[str, ...]) -> World:
        return world._replace(asked=tuple(world.answer(sku) if sku in skus else old for sku, old in zip(SKUS, world.asked, strict=True)))

    def _restart(self, world: World, index: int) -> World:
        """The process ends without a commit and comes back with the configuration in force."""
        return _put(world, index, Worker("idle", world.version, world.committed[index]))


def _put(world: World, index: int, worker: Worker) -> World:
    return world._replace(workers=(worker, world.workers[1]) if index == 0 else (world.workers[0], worker))


def _put_at(pair: tuple[T, T], index: int, value: T) -> tuple[T, T]:
    return (value, pair[1]) if index == 0 else (pair[0], value)


def _without(values: tuple[T, ...], place: int) -> tuple[T, ...]:
    return (*values[:place], *values[place + 1 :])
