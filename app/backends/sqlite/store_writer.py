"""The one thread that writes store.db: whatever was asked for while a transaction was under way goes into the next one.

Owns: the writing connection, group commit, what becomes of a failed transaction. Does not own: SQL (store_tables.py), what can be stored
(app/backends/documents.py). Next stop: app/backends/sqlite/store.py, which hands its saves over.
"""

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread

from app.backends.sqlite.store_tables import Table
from app.errors import StoreUnavailable
from app.ports import Doc

# Bounds how long one fsync makes the first of its savers wait.
MAX_DOCS_PER_COMMIT = 4_000


def unavailable(error: sqlite3.Error) -> StoreUnavailable | None:
    """What a caller is told about an error of SQLite; None when it is a defect of ours rather than the state of the file or the disk."""
    if isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError:
        name = getattr(error, "sqlite_errorname", "error")
        advice = "make room on its disk, end what locks the file, or restore it from a backup; the service goes on by itself"
        return StoreUnavailable(f"The embedded store cannot be used ({name}: {error}): {advice}.")
    return None


@dataclass(slots=True)
class _Job:
    table: Table
    docs: Sequence[Doc]
    conflicts: Future[frozenset[str]] = field(default_factory=Future)


class Writer:
    """Saves documents in the order of submit(), many calls to a transaction."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        # A daemon, so that a service that is torn down without stop() can end: what was not acknowledged was not promised.
        self._thread = Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, table: Table, docs: Sequence[Doc]) -> Future[frozenset[str]]:
        """The ids of the documents with another version, once all others are durable.

        Failure policy: the future raises StoreUnavailable when the transaction failed; whether anything was written is unknown then.
        """
        job = _Job(table, docs)
        # From here on the job is done whoever still waits for it: a cancelled caller cannot cancel the future.
        job.conflicts.set_running_or_notify_cancel()
        self._jobs.put(job)
        return job.conflicts

    def stop(self) -> None:
        """Returns when what was submitted before is done."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        ending = False
        while not ending:
            jobs = self._gather()
            ending = jobs[-1] is None
            self._commit([job for job in jobs if job is not None])
        self._disconnect()

    def _gather(self) -> list[_Job | None]:
        """Waits for one job and takes along those that wait behind it."""
        jobs = [self._jobs.get()]
        docs = 0
        while jobs[-1] is not None and (docs := docs + len(jobs[-1].docs)) < MAX_DOCS_PER_COMMIT:
            try:
                jobs.append(self._jobs.get_nowait())
            except Empty:
                break
        return jobs

    def _commit(self, jobs: Sequence[_Job]) -> None:
        """One transaction for all jobs.

        Failure policy: a failed transaction writes nothing and its connection is given up, since SQLite may have left it in any state.
        A defect that one job brings along is reported to that job alone.
        """
        try:
            outcomes = self._transaction(jobs)
        except sqlite3.Error as error:
            self._disconnect()
            reason = unavailable(error)
            if reason is None and len(jobs) > 1:
                for job in jobs:
                    self._commit([job])
                return
            for job in jobs:
                job.conflicts.set_exception(reason or error)
        except Exception as error:  # noqa: BLE001 - the thread must outlive a defect; each caller gets it instead.
            self._disconnect()
            for job in jobs:
                job.conflicts.set_exception(error)
        else:
            for job, conflicts in zip(jobs, outcomes, strict=True):
                job.conflicts.set_result(conflicts)

    def _transaction(self, jobs: Sequence[_Job]) -> list[frozenset[str]]:
        if not any(job.docs for job in jobs):
            return [frozenset() for _ in jobs]
        if self._connection is None:
            self._connection = self._connect()
        self._connection.execute("BEGIN IMMEDIATE")
        outcomes = [job.table.write(self._connection, job.docs) for job in jobs]
        self._connection.execute("COMMIT")
        return outcomes

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
