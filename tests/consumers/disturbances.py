"""Engines that misbehave when told to: small classes over the embedded ones, each keeping the rest of its port's promises.

Owns: a rival's write in between, refusals, outages. Does not own: the engines (app/backends/sqlite/). Next stop: tests/consumers/world.py.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.backends.sqlite.log import SqliteFencedWriter, SqliteLog
from app.backends.sqlite.store import SqliteDocuments, SqliteStore
from app.errors import LogUnavailable, StoreUnavailable
from app.ports import Clock, Doc, Entry, LogConsumer, LogRecord, Name, OnAssigned, OnRevoked, Position, Saved, TopicPartition

Work = Callable[[], Awaitable[object]]


class Raced(SqliteDocuments):
    """Somebody else works in between: before each of the first saves, the next of `rivals` is done."""

    def __init__(self, store: SqliteStore, name: Name, *rivals: Work) -> None:
        super().__init__(store, name)
        self._rivals = list(rivals)

    async def save(self, docs: Sequence[Doc]) -> Saved:
        if self._rivals:
            await self._rivals.pop(0)()
        return await super().save(docs)


class Picky(SqliteDocuments):
    """Refuses documents for good, as an engine with other limits would."""

    def __init__(self, store: SqliteStore, name: Name, refuses: Callable[[Doc], bool]) -> None:
        super().__init__(store, name)
        self._refuses = refuses

    async def save(self, docs: Sequence[Doc]) -> Saved:
        refused = {doc.id: "the test says so" for doc in docs if self._refuses(doc)}
        saved = await super().save([doc for doc in docs if doc.id not in refused])
        return Saved(saved.conflicts, {**saved.refused, **refused})


class Failing(SqliteDocuments):
    """The first `saves` saves end in StoreUnavailable; `after`: the write has happened, its answer is lost."""

    def __init__(self, store: SqliteStore, name: Name, saves: int = 1, *, after: bool = False) -> None:
        super().__init__(store, name)
        self._left, self._after = saves, after

    async def save(self, docs: Sequence[Doc]) -> Saved:
        if not self._left:
            return await super().save(docs)
        self._left -= 1
        if self._after:
            await super().save(docs)
        raise StoreUnavailable("taken down by the test")


class Counted(SqliteDocuments):
    """Notes how many questions are asked of it."""

    def __init__(self, store: SqliteStore, name: Name) -> None:
        super().__init__(store, name)
        self.questions = 0

    async def load(self, ids: Collection[str]) -> dict[str, Doc]:
        self.questions += 1
        return await super().load(ids)

    async def matching(
        self, tokens: Collection[str], *, every: bool = False, after: str = "", limit: int | None = None, bodies: bool = True
    ) -> list[Doc]:
        self.questions += 1
        return await super().matching(tokens, every=every, after=after, limit=limit, bodies=bodies)


class RoughWriter(SqliteFencedWriter):
    """A fenced writer of a log that loses answers, or entries."""

    async def append(self, topic: str, entries: Sequence[Entry]) -> None:
        assert isinstance(self._log, RoughLog)
        await self._log.fail_or_append(lambda: super(RoughWriter, self).append(topic, entries))


class RoughConsumer:
    """A consumer of a log that can be told to fail: `fails` counts, by method, how often it still does; `between` is done once, after the
    next poll that found something."""

    def __init__(self, inner: LogConsumer, log: RoughLog) -> None:
        self._inner, self._log = inner, log

    async def start(self) -> None:
        self._log.fail("start")
        await self._inner.start()

    async def poll(self, max_records: int, timeout_s: float) -> Sequence[LogRecord]:
        self._log.fail("poll")
        records = await self._inner.poll(max_records, timeout_s)
        if records and self._log.between is not None:
            between, self._log.between = self._log.between, None
            await between()
        return records

    async def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        self._log.fail("commit")
        await self._inner.commit(next_offsets)

    async def rewind(self) -> None:
        self._log.fail("rewind")
        await self._inner.rewind()

    def assignment(self) -> frozenset[TopicPartition]:
        return self._inner.assignment()

    async def stop(self) -> None:
        await self._inner.stop()


class RoughLog(SqliteLog):
    """The embedded log. lost: so many appends of fenced writers fail before they happened; unanswered: so many after it. down: all appends
    of others fail before they happened. fails, between: of consumers, see there.
    """

    lost = unanswered = 0
    down = False
    between: Work | None = None

    def __init__(self, path: Path, partitions: Mapping[str, int], clock: Clock) -> None:
        super().__init__(path, partitions, clock)
        self.fails: dict[str, int] = {}

    def consumer(
        self, group: str, topics: Collection[str], *, on_assigned: OnAssigned | None = None, on_revoked: OnRevoked | None = None
    ) -> Any:
        return RoughConsumer(super().consumer(group, topics, on_assigned=on_assigned, on_revoked=on_revoked), self)

    def fail(self, method: str) -> None:
        if self.fails.get(method):
            self.fails[method] -= 1
            raise LogUnavailable(f"{method} fails by the test")

    def fenced_writer(self, name: str) -> RoughWriter:
        return RoughWriter(self, name)

    async def fail_or_append(self, append: Work) -> None:
        if self.lost:
            self.lost -= 1
            raise LogUnavailable("taken down by the test")
        await append()
        if self.unanswered:
            self.unanswered -= 1
            raise LogUnavailable("answered by nobody")

    async def append(self, topic: str, entries: Sequence[Entry], *, deadline_s: float = 10.0) -> Sequence[Position]:
        if self.down:
            raise LogUnavailable("taken down by the test")
        return await super().append(topic, entries, deadline_s=deadline_s)


class Crash(BaseException):
    """The process dies here."""


class Crashing:
    """A checkpoint that dies at the n-th passing of a point (from 1); of no point, never."""

    def __init__(self, point: str = "", passing: int = 1) -> None:
        self.arm(point, passing)

    def arm(self, point: str, passing: int = 1) -> None:
        """Sets where to die, and at which passing from now."""
        self._point, self._left = point, passing

    def __call__(self, name: str) -> None:
        if name == self._point:
            self._left -= 1
            if self._left == 0:
                raise Crash(name)


async def dies(work: Awaitable[object]) -> bool:
    """Whether the process died in this."""
    with suppress(Crash):
        await work
        return False
    return True
