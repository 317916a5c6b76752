"""The embedded store: one SQLite file.

Owns: `SqliteStore`, its connections and threads. Does not own: SQL (store_tables.py), the writing thread (store_writer.py), the rules of
what can be stored (app/backends/documents.py). Next stop: app/backends/mongo/store.py, its twin.

A commit returns after fsync and readers never wait for the writer (connection.py).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from threading import local
from typing import TypeVar

from app.backends.documents import Collections, findable, sift, together
from app.backends.sqlite.connection import connect
from app.backends.sqlite.store_tables import Table, create
from app.backends.sqlite.store_writer import Writer, unavailable
from app.errors import StoreUnavailable
from app.ports import Doc, Name, Saved

PING_TIMEOUT_S = 2.0
READERS = 4

T = TypeVar("T")


class SqliteStore(Collections):
    """All collections in the file `path`; several stores, in one process or many, may use one file.

    `lock_timeout_s`: how long a write waits for another process's write before it is StoreUnavailable.
    """

    def __init__(self, path: Path, *, lock_timeout_s: float = 5.0) -> None:
        super().__init__(lambda name: SqliteDocuments(self, name))
        self.path = path
        self._lock_timeout_s = lock_timeout_s
        self._writer: Writer | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._reader = local()
        self._reading: list[sqlite3.Connection] = []

    async def start(self) -> None:
        """Creates the file, tables and indexes where they are missing.

        Failure policy: raises StoreUnavailable; nothing is left behind but an empty file, and start() may be called again.
        """
        if self._writer is not None:
            return
        await asyncio.to_thread(self._create)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._writer = Writer(self._connect)
        self._writer.start()

    @asynccontextmanager
    async def causal(self) -> AsyncIterator["SqliteStore"]:
        """The store itself: one file has one order of writes."""
        yield self

    async def ping(self) -> None:
        """Failure policy: raises StoreUnavailable when reader and writer do not both answer within PING_TIMEOUT_S."""
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self.read(lambda connection: connection.execute("SELECT count(*) FROM sqlite_master").fetchone())
                await self.write(Table("owners"), ())
        except TimeoutError as error:
            raise StoreUnavailable(f"The embedded store {self.path} did not answer within {PING_TIMEOUT_S:.0f} s.") from error

    async def stop(self) -> None:
        """Finishes the writes under way and closes the file; stopping twice does nothing."""
        writer, self._writer = self._writer, None
        readers, self._readers = self._readers, None
        if writer is not None:
            await asyncio.to_thread(writer.stop)
        if readers is not None:
            await asyncio.to_thread(readers.shutdown)
        while self._reading:
            self._reading.pop().close()
        self._reader = local()

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Runs a query in a reader's thread.

        Failure policy: StoreUnavailable for whatever ails the file; the connection is given up and the next read opens another.
        """
        if self._readers is None:
            raise self._not_started()
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._query, query)

    async def write(self, table: Table, docs: Sequence[Doc]) -> frozenset[str]:
        """Ids of the documents with another version; the others are durable.

        Failure policy: StoreUnavailable when the transaction failed. Cancelling does not take back what was handed over.
        """
        if self._writer is None:
            raise self._not_started()
        return await asyncio.wrap_future(self._writer.submit(table, docs))

    def _not_started(self) -> StoreUnavailable:
        return StoreUnavailable(f"The embedded store {self.path} is not open: call start() first.")

    def _query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        connection: sqlite3.Connection | None = getattr(self._reader, "connection", None)
        try:
            if connection is None:
                connection = self._reader.connection = self._connect()
                self._reading.append(connection)
            return query(connection)
        except sqlite3.Error as error:
            if connection is not None:
                self._reader.connection = None
                self._reading.remove(connection)
                connection.close()
            reason = unavailable(error)
            if reason is None:
                raise
            raise reason from error

    def _create(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = self._connect()
            try:
                # One lock for all of it: two processes that start together must not meet half-way.
                connection.execute("BEGIN IMMEDIATE")
                create(connection)
                connection.execute("COMMIT")
            finally:
                connection.close()
        except sqlite3.Error as error:
            reason = unavailable(error)
            if reason is None:
                raise
            raise reason from error

    def _connect(self) -> sqlite3.Connection:
        return connect(self.path, busy_s=self._lock_timeout_s)


class SqliteDocuments:
    """One collection of the file. Failure policy of every method: StoreUnavailable when the file cannot be read or written."""

    def __init__(self, store: SqliteStore, name: Name) -> None:
        self._store = store
        self._table = Table(name)

    async def load(self, ids: Collection[str]) -> dict[str, Doc]:
        wanted = findable(ids)
        if not wanted:
            return {}
        return {doc.id: doc for doc in await self._store.read(lambda connection: self._table.load(connection, wanted))}

    async def save(self, docs: Sequence[Doc]) -> Saved:
        storable, refused = sift(docs)
        return Saved(await self._store.write(self._table, storable) if storable else frozenset(), refused)

    async def matching(
        self, tokens: Collection[str], *, every: bool = False, after: str = "", limit: int | None = None, bodies: bool = True
    ) -> list[Doc]:
        wanted = together(tokens) if every else findable(tokens)
        if not wanted or (limit is not None and limit < 1):
            return []
        return await self._store.read(lambda connection: self._table.matching(connection, wanted, every, after, limit, bodies))

    async def scan(
        self,
        index: str,
        equal: Sequence[int] = (),
        *,
        above: int | None = None,
        upto: int | None = None,
        limit: int,
        descending: bool = False,
        every: Collection[str] = (),
    ) -> list[Doc]:
        wanted = together(every)
        if wanted is None or limit < 1:
            return []
        bounds = (above, upto)
        return await self._store.read(lambda connection: self._table.scan(connection, index, equal, bounds, limit, descending, wanted))

    async def page(self, *, after: str = "", limit: int, prefix: str = "") -> list[Doc]:
        if limit < 1 or not findable([prefix]):
            return []
        return await self._store.read(lambda connection: self._table.page(connection, after, limit, prefix))

    async def count(self, tokens: Collection[str] = (), *, at_most: int = 10_000) -> int:
        wanted = together(tokens)
        if wanted is None or at_most < 1:
            return 0
        return await self._store.read(lambda connection: self._table.count(connection, wanted, at_most))
