"""What the embedded log does beyond the contract: retention, its file, and groups within one process.

Owns: tests that look at the file or take its space away. Does not own: L1-L11 (tests/contracts/test_event_log.py).
Next stop: app/backends/sqlite/log.py.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.backends.sqlite import log_reader
from app.backends.sqlite.log import SqliteLog
from app.errors import EntryRefused, LogUnavailable, Misconfigured
from app.ports import Entry, TopicPartition
from tests.contracts.event_log_worlds import collect, entries, values_of
from tests.doubles import HandClock

SECOND_US = 1_000_000


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def log(tmp_path: Path, clock: HandClock) -> AsyncIterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log.db", {"one": 1, "two": 2}, clock)
    await log.start()
    yield log
    await log.stop()


async def test_trim_deletes_what_is_older_and_keeps_offsets(log: SqliteLog, clock: HandClock, tmp_path: Path) -> None:
    """Old records go in small pages, younger ones and the newest of all stay, and offsets go on where they were, also after a restart."""
    for number in range(50):
        await log.append("one", entries(b"key", [b"old %d" % number, b"old"]))
    clock.at_s += 10
    await log.append("one", entries(b"key", [b"young"]))
    assert await log.trim("one", clock.now_us() - 5 * SECOND_US, page=7) == 100
    assert await log.trim("one", clock.now_us() - 5 * SECOND_US, page=7) == 0
    assert await log.trim("one", clock.now_us() + 5 * SECOND_US) == 0
    assert await log.lag("nobody", ["one"]) == {TopicPartition("one", 0): 1}
    await log.stop()
    again = SqliteLog(tmp_path / "log.db", {"one": 1, "two": 2}, clock)
    await again.start()
    assert await again.ends("one") == {0: 101}
    assert [place.offset for place in await again.append("one", entries(b"key", [b"next"]))] == [101]
    assert await values_of(again, "one") == [b"young", b"next"]
    await again.stop()


async def test_retention_runs_by_itself(tmp_path: Path, clock: HandClock) -> None:
    """Topics with a retention lose what is older, round by round; topics without one keep all."""
    log = SqliteLog(tmp_path / "log.db", {"one": 1, "two": 1}, clock, kept_s={"one": 5.0})
    await log.start()
    for topic in ("one", "two"):
        await log.append(topic, entries(b"key", [b"old"]))
        await log.append(topic, entries(b"key", [b"newest"]))
    async with asyncio.timeout(30):
        # Each round of the retention lets an hour pass on this clock.
        while await log.lag("nobody", ["one"]) != {TopicPartition("one", 0): 1}:
            await asyncio.sleep(0.01)
    assert await log.lag("nobody", ["two"]) == {TopicPartition("two", 0): 2}
    await log.stop()


async def test_a_reader_behind_the_trim_goes_on_with_the_oldest_that_is_left(log: SqliteLog, clock: HandClock) -> None:
    """A group whose committed records were deleted reads on, without an error."""
    await log.append("one", entries(b"key", [b"a", b"b"]))
    consumer = log.consumer("g", ["one"])
    await consumer.start()
    await collect(consumer, 1, max_records=1)
    clock.at_s += 1
    await log.append("one", entries(b"key", [b"c"]))
    await log.trim("one", clock.now_us())
    assert [record.value for record in await collect(consumer, 1)] == [b"c"]
    await consumer.stop()


async def test_records_of_one_commit_share_a_block(log: SqliteLog, tmp_path: Path) -> None:
    """A thousand appends that wait together are a few rows, and are read one by one all the same."""
    await asyncio.gather(*(log.append("one", [Entry(b"key", b"%d" % number)]) for number in range(1000)))
    with sqlite3.connect(tmp_path / "log.db") as other:
        rows, records = other.execute("SELECT count(*), sum(records) FROM blocks").fetchone()
    other.close()
    assert records == 1000
    assert rows < 100
    assert await values_of(log, "one") == [b"%d" % number for number in range(1000)]


async def test_a_full_disk_is_log_unavailable_and_passes(log: SqliteLog) -> None:
    """SQLite's own refusal for want of space fails the append, nothing of it is read, and the log goes on once there is room."""
    await log.append("one", entries(b"key", [b"before"]))
    connection = log._committer._connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LogUnavailable, match="full"):
        await log.append("one", entries(b"key", [b"x" * 900_000]))
    # The file was opened anew, without the limit of the old connection.
    await log.append("one", entries(b"key", [b"after"]))
    assert await values_of(log, "one") == [b"before", b"after"]


async def test_the_newest_member_owns_all_and_gives_it_back(log: SqliteLog) -> None:
    """Within one process the latest member of a group takes over, and the one before it has its partitions again when it leaves."""
    both = frozenset({TopicPartition("two", 0), TopicPartition("two", 1)})
    story: list[str] = []

    async def note(words: str) -> None:
        story.append(words)

    old = log.consumer("g", ["two"], on_assigned=lambda _: note("old has"), on_revoked=lambda _: note("old lost"))
    new = log.consumer("g", ["two"], on_assigned=lambda _: note("new has"), on_revoked=lambda _: note("new lost"))
    await old.start()
    await old.poll(1, 0)
    await new.start()
    await new.poll(1, 0)
    assert (old.assignment(), new.assignment()) == (frozenset(), both)
    await new.stop()
    await old.poll(1, 0)
    assert old.assignment() == both
    assert story == ["old has", "old lost", "new has", "old has"]
    await old.stop()


async def test_a_failed_on_revoked_cannot_keep_the_partitions(log: SqliteLog) -> None:
    """The new owner is assigned all the same, and the old one hears of the failure in its next poll."""

    async def fails(_: frozenset[TopicPartition]) -> None:
        raise LogUnavailable("no time")

    old, new = log.consumer("g", ["one"], on_revoked=fails), log.consumer("g", ["one"])
    await old.start()
    await new.start()
    assert new.assignment() == {TopicPartition("one", 0)}
    with pytest.raises(LogUnavailable, match="no time"):
        await old.poll(1, 0)
    assert list(await old.poll(1, 0)) == []
    await asyncio.gather(old.stop(), new.stop())


async def test_a_poll_waits_without_asking_again_and_again(log: SqliteLog) -> None:
    """A waiting poll returns as soon as something is appended, long before its time-out."""
    consumer = log.consumer("g", ["one"])
    await consumer.start()
    started = asyncio.get_running_loop().time()
    waiting = asyncio.create_task(consumer.poll(10, 30))
    await log.append("one", entries(b"key", [b"v"]))
    assert [record.value for record in await waiting] == [b"v"]
    assert asyncio.get_running_loop().time() - started < 15
    await consumer.stop()


async def test_a_poll_ends_at_its_bytes_and_gives_one_record_at_least(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values beyond the bound wait for the next polls, in order; one that is larger than the bound comes alone."""
    monkeypatch.setattr(log_reader, "MOST_BYTES", 10_000)
    values = [b"%d " % number + b"x" * (50_000 if number == 7 else 3_000) for number in range(20)]
    await log.append("one", entries(b"key", values))
    await asyncio.gather(*(log.append("two", [Entry(b"%d" % number, value)]) for number, value in enumerate(values)))
    consumer = log.consumer("g", ["one", "two"])
    await consumer.start()
    found: list[tuple[str, bytes]] = []
    while got := await consumer.poll(1_000, 0):
        sizes = [len(record.value or b"") for record in got]
        assert sum(sizes[:-1]) < 10_000
        found += [(record.topic, record.value or b"") for record in got]
    assert [value for topic, value in found if topic == "one"] == values
    assert sorted(value for topic, value in found if topic == "two") == sorted(values)
    await consumer.stop()


@pytest.mark.parametrize(
    ("partitions", "words"),
    [({"one": 2, "two": 2}, "new topic version"), ({"one": 0}, "0 partitions"), ({"one": 1, "more": 5000}, "5000 partitions")],
)
async def test_a_partition_count_is_not_changed_in_place(
    log: SqliteLog, tmp_path: Path, clock: HandClock, partitions: dict[str, int], words: str
) -> None:
    """A count that differs from the file's, or that the file cannot hold, is refused at start with words that say what to do."""
    with pytest.raises(Misconfigured, match=words):
        await SqliteLog(tmp_path / "log.db", partitions, clock).start()


async def test_a_file_of_another_format_is_refused(tmp_path: Path, clock: HandClock) -> None:
    """A newer format is not touched."""
    other = sqlite3.connect(tmp_path / "log.db")
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(Misconfigured, match="format 99"):
        await SqliteLog(tmp_path / "log.db", {"one": 1}, clock).start()


async def test_undeclared_topics_and_unencodable_headers_are_refused(log: SqliteLog) -> None:
    """A topic that nobody declared and a header name that is no text fail alone, with words."""
    with pytest.raises(Misconfigured, match="nowhere"):
        await log.append("nowhere", entries(b"key", [b"v"]))
    with pytest.raises(EntryRefused, match="header"):
        await log.append("one", [Entry(b"key", b"v", [("\ud800", b"")])])
    assert await log.ends("one") == {0: 0}


async def test_a_directory_that_cannot_be_opened_is_log_unavailable(tmp_path: Path, clock: HandClock) -> None:
    """start() names the path."""
    with pytest.raises(LogUnavailable, match="absent"):
        await SqliteLog(tmp_path / "absent" / "log.db", {"one": 1}, clock).start()
