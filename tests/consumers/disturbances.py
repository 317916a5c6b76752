"""Engines that misbehave when told to: small classes over the embedded ones, each keeping the rest of its port's promises.

Owns: a rival's write in between, refusals, outages. Does not own: the engines (app/backends/sqlite/). Next stop: tests/consumers/world.py.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress

from app.backends.sqlite.log import SqliteFencedWriter, SqliteLog
from app.backends.sqlite.store import SqliteDocuments, SqliteStore
from app.errors import LogUnavailable, StoreUnavailable
from app.ports import Doc, Entry, Name, Position, Saved

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

    async def matching(self, tokens: Collection[str], *, every: bool = False, after: str = "", limit: int | None = None) -> list[Doc]:
        self.questions += 1
        return await super().matching(tokens, every=every, after=after, limit=limit)


class RoughWriter(SqliteFencedWriter):
    """A fenced writer of a log that loses answers, or entries."""

    async def append(self, topic: str, entries: Sequence[Entry]) -> None:
        assert isinstance(self._log, RoughLog)
        await self._log.fail_or_append(lambda: super(RoughWriter, self).append(topic, entries))


class RoughLog(SqliteLog):
    """The embedded log. lost: so many appends of fenced writers fail before they happened; unanswered: so many after it. down: all appends
    of others fail before they happened. before_append: done once, before the next append of others.
    """

    lost = unanswered = 0
    down = False
    before_append: Work | None = None

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
        if self.before_append is not None:
            before, self.before_append = self.before_append, None
            await before()
        return await super().append(topic, entries, deadline_s=deadline_s)


class Crash(BaseException):
    """The process dies here."""


class Crashing:
    """A checkpoint that dies at the n-th passing of a point (from 1)."""

    def __init__(self, point: str, passing: int = 1) -> None:
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
