"""Reads log.db on threads of its own, beside the writer.

Owns: reading connections, blocks to records, fair shares among partitions. Does not own: positions of members (log_consumer.py).
Next stop: app/backends/sqlite/log_consumer.py.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from app.backends.sqlite.connection import connect
from app.backends.sqlite.log_format import OFFSET_LIMIT, Record, records, row_of
from app.errors import LogUnavailable

THREADS = 2
MOST_BYTES = 16_000_000
T = TypeVar("T")

# The block that holds the offset begins at or before it; where it was trimmed, reading begins at the oldest block there is.
_BLOCKS = """
SELECT id, at_ms, block FROM blocks
WHERE id >= coalesce((SELECT max(id) FROM blocks WHERE id BETWEEN :first AND :at), :at) AND id <= :last ORDER BY id
"""


class Want(NamedTuple):
    """Records of one partition from this offset on."""

    topic: str
    partition: int
    slot: int
    offset: int


class Reader:
    """Failure policy: every error of SQLite is LogUnavailable; the next call tries again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="bindery-log-reader")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []

    async def records(self, wants: Sequence[Want], max_records: int) -> list[Record]:
        """Up to max_records, each partition its share, those of one partition in order; earlier partitions of `wants` first. Values of more
        than MOST_BYTES together are not begun, so that what comes is about that much, and at least one record.
        """
        return await self._in_thread(lambda connection: _fair(connection, wants, max_records))

    async def committed(self, group: str) -> dict[int, int]:
        """Slot -> committed next offset of a group."""
        return await self._in_thread(
            lambda connection: dict(connection.execute("SELECT slot, next FROM positions WHERE consumers = ?", (group,)).fetchall())
        )

    async def oldest(self, slots: Sequence[int]) -> dict[int, int]:
        """Slot -> offset of the oldest record that is kept; slots without records are left out."""
        return await self._in_thread(lambda connection: _oldest(connection, slots))

    async def stop(self) -> None:
        """Waits for reads under way and closes the connections."""
        await asyncio.to_thread(self._threads.shutdown)
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    async def _in_thread(self, read: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: read(self._connection()))
        except (sqlite3.Error, RuntimeError) as error:
            # RuntimeError: the pool is shut down.
            raise LogUnavailable(f"The embedded log {self._path} cannot be read: {error}.") from error

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self._path)
            self._opened.append(connection)
        return connection


def _fair(connection: sqlite3.Connection, wants: Sequence[Want], max_records: int) -> list[Record]:
    found: Mapping[int, list[Record]] = {want.slot: [] for want in wants}
    left, room, active = max_records, MOST_BYTES, list(wants)
    while left > 0 and room > 0 and active:
        share = max(1, left // len(active))
        more = []
        for want in active:
            if left <= 0 or room <= 0:
                break
            got, room = _read(connection, want, min(share, left), room)
            found[want.slot].extend(got)
            left -= len(got)
            if len(got) == share:
                more.append(want._replace(offset=got[-1].offset + 1))
        active = more
    return [record for each in found.values() for record in each]


def _read(connection: sqlite3.Connection, want: Want, max_records: int, room: int) -> tuple[list[Record], int]:
    """Records, and how many bytes of `room` their values leave; below 1 there is none left."""
    got: list[Record] = []
    bounds = {"first": row_of(want.slot, 0), "at": row_of(want.slot, want.offset), "last": row_of(want.slot, OFFSET_LIMIT - 1)}
    cursor = connection.execute(_BLOCKS, bounds)
    for row, at_ms, block in cursor:
        every = records(want.topic, want.partition, row % OFFSET_LIMIT, at_ms, block)
        fresh = (record for record in every if record.offset >= want.offset)
        for record in islice(fresh, max_records - len(got)):
            got.append(record)
            room -= len(record.value)
            if room <= 0:
                break
        if len(got) >= max_records or room <= 0:
            break
    # An unfinished cursor would keep its snapshot, and with it the write-ahead log, from being reset.
    cursor.close()
    return got, room


def _oldest(connection: sqlite3.Connection, slots: Sequence[int]) -> dict[int, int]:
    query = "SELECT min(id) FROM blocks WHERE id BETWEEN ? AND ?"
    rows = {slot: connection.execute(query, (row_of(slot, 0), row_of(slot, OFFSET_LIMIT - 1))).fetchone()[0] for slot in slots}
    return {slot: row % OFFSET_LIMIT for slot, row in rows.items() if row is not None}
