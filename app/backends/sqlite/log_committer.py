"""The one thread that writes log.db: everything that waits together is one transaction and one fsync.

Owns: the tables, transactions, the next offset of every partition. Does not own: what a block looks like (log_format.py), waiting with a
deadline (log.py). Next stop: app/backends/sqlite/log_consumer.py.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from app.backends.sqlite.connection import connect
from app.backends.sqlite.log_format import OFFSET_LIMIT, PARTITION_LIMIT, row_of, slot_of
from app.errors import BinderyError, LogUnavailable, Misconfigured
from app.ports import Clock, TopicPartition

log_line = structlog.get_logger(__name__)

GROUP_BYTES = 8_000_000  # of one transaction
BLOCK_BYTES, BLOCK_RECORDS = 500_000, 500
SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL);
CREATE TABLE blocks (id INTEGER PRIMARY KEY, records INTEGER NOT NULL, at_ms INTEGER NOT NULL, block BLOB NOT NULL);
CREATE TABLE positions (consumers TEXT NOT NULL, slot INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (consumers, slot)) WITHOUT ROWID;
CREATE TABLE writers (name TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
"""


class Transaction:
    """What a job may do: append, or use the connection. Nothing of it is seen by anybody before the commit."""

    def __init__(self, connection: sqlite3.Connection, ends: Mapping[int, int]) -> None:
        self.connection = connection
        self.ends: dict[int, int] = {}
        self._committed = ends
        self._frames: dict[int, list[bytes]] = {}

    def append(self, slot: int, frames: list[bytes]) -> int:
        """The offset of the first of these frames."""
        first = self.ends.get(slot)
        if first is None:
            first = self._committed[slot]
            self._frames[slot] = []
        self.ends[slot] = first + len(frames)
        self._frames[slot] += frames
        return first

    def write(self, at_ms: int) -> None:
        """Writes the appended frames as blocks."""
        rows = []
        for slot, frames in self._frames.items():
            offset = self.ends[slot] - len(frames)
            block: list[bytes] = []
            size = 0
            for each in frames:
                if block and (size + len(each) > BLOCK_BYTES or len(block) == BLOCK_RECORDS):
                    rows.append((row_of(slot, offset), len(block), at_ms, b"".join(block)))
                    offset += len(block)
                    block, size = [], 0
                block.append(each)
                size += len(each)
            rows.append((row_of(slot, offset), len(block), at_ms, b"".join(block)))
        if rows:
            self.connection.executemany("INSERT INTO blocks (id, records, at_ms, block) VALUES (?, ?, ?, ?)", rows)


class Job(NamedTuple):
    """A piece of work for the next transaction. A BinderyError that `work` raises before its first effect is its own result alone."""

    work: Callable[[Transaction], Any]
    future: asyncio.Future[Any]
    size: int


class Outcome(NamedTuple):
    job: Job
    result: Any
    error: BaseException | None


class Committer:
    """Runs jobs in the writer thread, in the order of submit().

    Failure policy: any error of SQLite (locked, full, I/O) fails every job of that transaction with LogUnavailable; the file is opened
    anew and the next transaction is tried as usual. Whether a failed commit is in the file is unknown to the caller.
    """

    def __init__(self, path: Path, partitions: Mapping[str, int], clock: Clock, on_commit: Callable[[Mapping[int, int]], None]) -> None:
        self.slots: dict[TopicPartition, int] = {}
        self._path, self._partitions, self._clock, self._on_commit = path, partitions, clock, on_commit
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._ends: dict[int, int] = {}
        self._connection: sqlite3.Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def start(self) -> Mapping[int, int]:
        """Opens the file and starts the thread; gives the next offset of every slot. Raises LogUnavailable, Misconfigured."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._open)
        self._thread = threading.Thread(target=self._run, name="bindery-log", daemon=True)
        self._thread.start()
        return dict(self._ends)

    def submit(self, work: Callable[[Transaction], Any], size: int = 0) -> asyncio.Future[Any]:
        """Queues work; the future has its result once it is durable. A future that is done by then is left out."""
        if self._loop is None or self._thread is None:
            raise LogUnavailable("The embedded log is not running; start it first.")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._jobs.put(Job(work, future, size))
        return future

    async def stop(self) -> None:
        """Finishes what was submitted and closes the file."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(thread.join)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            group, size, last = [job], job.size, False
            while size < GROUP_BYTES and not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    last = True
                    break
                group.append(following)
                size += following.size
            self._transact(group)
            if last:
                break
        self._close()

    def _transact(self, group: list[Job]) -> None:
        ends: Mapping[int, int] = {}
        try:
            connection = self._connection or self._open()
            connection.execute("BEGIN IMMEDIATE")
            transaction = Transaction(connection, self._ends)
            outcomes = [_outcome(job, transaction) for job in group if not job.future.done()]
            transaction.write(self._clock.now_us() // 1000)
            connection.execute("COMMIT")
            ends = transaction.ends
            self._ends.update(ends)
        except Exception as error:  # noqa: BLE001  (whatever it is, every waiting caller must hear of it, and the thread must live on)
            self._close()
            log_line.warning("log.commit_failed", jobs=len(group), error=type(error).__name__, detail=str(error))
            outcomes = [Outcome(job, None, _unavailable(self._path, error)) for job in group]
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._deliver, outcomes, ends)
        except RuntimeError:
            # The loop is closed: nobody waits any more. What was committed stays committed.
            log_line.warning("log.nobody_waits", jobs=len(group))

    def _deliver(self, outcomes: list[Outcome], ends: Mapping[int, int]) -> None:
        for job, result, error in outcomes:
            if job.future.done():
                continue
            if error is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(error)
        self._on_commit(ends)

    def _open(self) -> sqlite3.Connection:
        try:
            connection = connect(self._path)
            try:
                self._load(connection)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise _unavailable(self._path, error) from error
        self._connection = connection
        return connection

    def _load(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA_VERSION):
            raise Misconfigured(
                f"{self._path} has format {version}, this version of Bindery reads {SCHEMA_VERSION}: run the version that wrote it."
            )
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        known = {name: (number, count) for number, name, count in connection.execute("SELECT id, name, partitions FROM topics")}
        for name, count in self._partitions.items():
            if not 0 < count <= PARTITION_LIMIT:
                raise Misconfigured(f"Topic {name}: {count} partitions; the embedded log takes 1 to {PARTITION_LIMIT}.")
            if name not in known:
                cursor = connection.execute("INSERT INTO topics (name, partitions) VALUES (?, ?)", (name, count))
                known[name] = (int(cursor.lastrowid or 0), count)
            if known[name][1] != count:
                raise Misconfigured(
                    f"Topic {name} has {known[name][1]} partitions in {self._path} and {count} in the settings. Keys would move between "
                    "partitions: use a new topic version, or set the old number again."
                )
            for partition in range(count):
                slot = slot_of(known[name][0], partition)
                self.slots[TopicPartition(name, partition)] = slot
                self._ends[slot] = _end(connection, slot)

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # Closing rolls an open transaction back.
            connection.close()


def _outcome(job: Job, transaction: Transaction) -> Outcome:
    try:
        return Outcome(job, job.work(transaction), None)
    except BinderyError as error:
        return Outcome(job, None, error)


def _end(connection: sqlite3.Connection, slot: int) -> int:
    row = connection.execute(
        "SELECT id, records FROM blocks WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1",
        (row_of(slot, 0), row_of(slot, OFFSET_LIMIT - 1)),
    ).fetchone()
    return int(row[0]) % OFFSET_LIMIT + int(row[1]) if row else 0


def _unavailable(path: Path, error: Exception) -> BinderyError:
    if isinstance(error, BinderyError):
        return error
    return LogUnavailable(f"The embedded log {path} cannot be written: {error}. Check space, permissions, and who else holds it open.")
