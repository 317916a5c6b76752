"""The embedded event log: L1-L11 of the port on one SQLite file.

Owns: keys to partitions, sizes, deadlines, fenced writers, retention. Does not own: transactions (log_committer.py), reading
(log_reader.py), groups (log_consumer.py), the lock on the data directory (app/bootstrap.py). Next stop: consumers/runner.py.
"""

import asyncio
import zlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from app.backends.sqlite.log_committer import Committer, Transaction
from app.backends.sqlite.log_consumer import Arrivals, Group, SqliteConsumer
from app.backends.sqlite.log_format import OFFSET_LIMIT, frame, row_of
from app.backends.sqlite.log_reader import Reader
from app.errors import EntryRefused, Fenced, LogUnavailable, Misconfigured
from app.ports import Clock, Entry, OnAssigned, OnRevoked, Position, TopicPartition

PING_S = 2.0
WRITER_DEADLINE_S = 10.0
WAITING_BYTES = 64_000_000
TRIM_EVERY_S = 3600.0

log_line = structlog.get_logger(__name__)


class SqliteLog:
    """EventLog on `path` (made where absent). `partitions`: topic -> count; topics that are not named do not exist.

    `kept_s`: topic -> how long its records are kept, in seconds; those of topics that are not named are kept for ever.

    Failure policy: a locked, full or failing file is LogUnavailable for those that wait, and each later call tries again. A second
    process on the file is not noticed here.
    """

    def __init__(
        self,
        path: Path,
        partitions: Mapping[str, int],
        clock: Clock,
        *,
        kept_s: Mapping[str, float] | None = None,
        max_entry_bytes: int = 1_000_000,
    ) -> None:
        self._counts = dict(partitions)
        self._kept_s = dict(kept_s or {})
        self._clock = clock
        self._trimming: asyncio.Task[None] | None = None
        self._max_entry_bytes = max_entry_bytes
        self._path = path
        self._arrivals = Arrivals()
        self._committer = Committer(path, self._counts, clock, self._arrivals.advance)
        self._reader = Reader(path)
        self._groups: dict[str, Group] = {}
        self._waiting_bytes = 0

    async def start(self) -> None:
        """Raises LogUnavailable, Misconfigured."""
        self._arrivals.ends.update(await self._committer.start())
        self._arrivals.slots = self._committer.slots
        if self._kept_s and self._trimming is None:
            self._trimming = asyncio.create_task(self._trim_for_ever(), name="log-retention")

    async def stop(self) -> None:
        """Finishes appends under way and closes the file."""
        if self._trimming is not None:
            self._trimming.cancel()
            await asyncio.wait([self._trimming])
            self._trimming = None
        await self._committer.stop()
        await self._reader.stop()

    async def append(self, topic: str, entries: Sequence[Entry], *, deadline_s: float = 10.0) -> Sequence[Position]:
        """Raises EntryRefused for an entry that is too large or has a header that is no text; LogUnavailable."""
        if not entries:
            return []
        parts, order = self._framed(topic, entries)
        size = sum(len(each) for _, frames in parts for each in frames)
        firsts = await self._committed(lambda transaction: [transaction.append(slot, frames) for slot, frames in parts], size, deadline_s)
        return [Position(partition, firsts[part] + nth) for part, partition, nth in order]

    def consumer(
        self, group: str, topics: Collection[str], *, on_assigned: OnAssigned | None = None, on_revoked: OnRevoked | None = None
    ) -> SqliteConsumer:
        for topic in topics:
            self._count(topic)
        members = self._groups.setdefault(group, Group(group))
        member = SqliteConsumer(members, topics, self._arrivals, self._reader, self._commit_positions)
        member.on_assigned, member.on_revoked = on_assigned, on_revoked
        return member

    def fenced_writer(self, name: str) -> "SqliteFencedWriter":
        return SqliteFencedWriter(self, name)

    async def partitions(self, topic: str) -> int:
        return self._count(topic)

    async def lag(self, group: str, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        """Records not yet committed by the group, per partition; without a commit, all that are kept. Raises LogUnavailable."""
        slots = {each: slot for each, slot in self._committer.slots.items() if each.topic in topics}
        committed = await self._reader.committed(group)
        oldest = await self._reader.oldest(list(slots.values()))
        ends = self._arrivals.ends
        return {each: ends[slot] - max(committed.get(slot, 0), oldest.get(slot, 0)) for each, slot in slots.items()}

    async def ends(self, topic: str) -> Mapping[int, int]:
        return {number: self._arrivals.ends[self._slot(topic, number)] for number in range(self._count(topic))}

    async def ping(self) -> None:
        """Takes the write lock and gives it back. Raises LogUnavailable."""
        await self._committed(lambda _: None, 0, PING_S)

    async def trim(self, topic: str, before_us: int, *, page: int = 200) -> int:
        """Deletes blocks that were committed before this instant, `page` blocks a transaction; gives the number of records deleted.

        The newest block of a partition always stays: it tells the next offset. Raises LogUnavailable after some pages were deleted.
        """
        before_ms = before_us // 1000
        return sum([await self._trim(self._slot(topic, number), before_ms, page) for number in range(self._count(topic))])

    async def _trim_for_ever(self) -> None:
        while True:
            for topic, seconds in self._kept_s.items():
                try:
                    deleted = await self.trim(topic, self._clock.now_us() - int(seconds * 1_000_000))
                except LogUnavailable as down:
                    # Nothing is lost: what is too old now is too old at the next round.
                    log_line.warning("log.trim_failed", topic=topic, detail=str(down))
                else:
                    if deleted:
                        log_line.info("log.trimmed", topic=topic, records=deleted)
            await self._clock.sleep(TRIM_EVERY_S)

    async def _trim(self, slot: int, before_ms: int, page: int) -> int:
        deleted = 0
        while gone := await self._committed(lambda transaction: _trim(transaction, slot, before_ms, page), 0, WRITER_DEADLINE_S):
            deleted += gone
        return deleted

    async def open_writer(self, name: str) -> int:
        """Raises the generation of a fenced writer; gives the new one."""
        generation: int = await self._committed(lambda transaction: _open_writer(transaction, name), 0, WRITER_DEADLINE_S)
        return generation

    async def append_fenced(self, topic: str, entries: Sequence[Entry], name: str, generation: int) -> None:
        """Appends in one transaction if the writer's generation is still this one. Raises Fenced, EntryRefused, LogUnavailable."""
        parts, _ = self._framed(topic, entries)

        def work(transaction: Transaction) -> None:
            row = transaction.connection.execute("SELECT generation FROM writers WHERE name = ?", (name,)).fetchone()
            if row is None or row[0] != generation:
                raise Fenced(f"Writer {name}: a newer one was opened; this one can append nothing any more.")
            for slot, frames in parts:
                transaction.append(slot, frames)

        await self._committed(work, sum(len(each) for _, frames in parts for each in frames), WRITER_DEADLINE_S)

    def _framed(self, topic: str, entries: Sequence[Entry]) -> tuple[list[tuple[int, list[bytes]]], list[tuple[int, int, int]]]:
        """The frames by slot, and for each entry: which of those, its partition, its place therein."""
        count = self._count(topic)
        parts: dict[int, tuple[int, list[bytes]]] = {}
        places: dict[int, int] = {}
        order = []
        for entry in entries:
            partition = zlib.crc32(entry.key) % count
            if partition not in parts:
                places[partition] = len(parts)
                parts[partition] = (self._slot(topic, partition), [])
            frames = parts[partition][1]
            order.append((places[partition], partition, len(frames)))
            frames.append(self._frame(topic, entry))
        return list(parts.values()), order

    def _frame(self, topic: str, entry: Entry) -> bytes:
        try:
            framed = frame(entry)
        except TypeError as error:
            raise EntryRefused(f"An entry for {topic} has a header that cannot be stored: {error}") from error
        if len(framed) > self._max_entry_bytes:
            raise EntryRefused(f"An entry for {topic} has {len(framed)} bytes; the log takes {self._max_entry_bytes}.")
        return framed

    async def _committed(self, work: Any, size: int, deadline_s: float) -> Any:
        """The result of work once it is durable. Raises LogUnavailable at the deadline, or when too much waits already."""
        if self._waiting_bytes and self._waiting_bytes + size > WAITING_BYTES:
            raise LogUnavailable(f"The embedded log {self._path} has {self._waiting_bytes} bytes waiting to be written; try again later.")
        future = self._committer.submit(work, size)
        timer = asyncio.get_running_loop().call_later(deadline_s, self._expire, future, deadline_s)
        self._waiting_bytes += size
        try:
            return await future
        finally:
            self._waiting_bytes -= size
            timer.cancel()

    def _expire(self, future: asyncio.Future[Any], deadline_s: float) -> None:
        if not future.done():
            future.set_exception(LogUnavailable(f"The embedded log {self._path} did not commit within {deadline_s} s."))

    async def _commit_positions(self, group: str, next_offsets: Mapping[int, int]) -> None:
        rows = [(group, slot, offset) for slot, offset in next_offsets.items()]
        statement = "INSERT INTO positions (consumers, slot, next) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next"
        await self._committed(lambda transaction: transaction.connection.executemany(statement, rows) and None, 0, WRITER_DEADLINE_S)

    def _count(self, topic: str) -> int:
        if topic not in self._counts:
            raise Misconfigured(f"Topic {topic} is not declared; schemas/topics.yaml names all of them.")
        return self._counts[topic]

    def _slot(self, topic: str, partition: int) -> int:
        try:
            return self._committer.slots[TopicPartition(topic, partition)]
        except KeyError as error:
            raise LogUnavailable("The embedded log is not running; start it first.") from error


class SqliteFencedWriter:
    """A named writer (L9, L10): its generation is a row that open() raises and append() compares within its transaction."""

    def __init__(self, log: SqliteLog, name: str) -> None:
        self._log, self._name = log, name
        self._generation = 0

    async def open(self) -> None:
        self._generation = await self._log.open_writer(self._name)

    async def append(self, topic: str, entries: Sequence[Entry]) -> None:
        await self._log.append_fenced(topic, entries, self._name, self._generation)

    async def close(self) -> None:
        self._generation = 0


def _open_writer(transaction: Transaction, name: str) -> int:
    statement = (
        "INSERT INTO writers (name, generation) VALUES (?, 1) ON CONFLICT DO UPDATE SET generation = generation + 1 RETURNING generation"
    )
    return int(transaction.connection.execute(statement, (name,)).fetchall()[0][0])


def _trim(transaction: Transaction, slot: int, before_ms: int, page: int) -> int:
    first, last = row_of(slot, 0), row_of(slot, OFFSET_LIMIT - 1)
    rows = transaction.connection.execute(
        "SELECT id, records FROM blocks WHERE id BETWEEN ? AND ? AND at_ms < ? "
        "AND id < (SELECT max(id) FROM blocks WHERE id BETWEEN ? AND ?) ORDER BY id LIMIT ?",
        (first, last, before_ms, first, last, page),
    ).fetchall()
    transaction.connection.executemany("DELETE FROM blocks WHERE id = ?", [(row,) for row, _ in rows])
    return sum(count for _, count in rows)
