"""The embedded store: how SQLite fails and comes back, and that no statement walks a table.

Owns: what is SQLite's own. Does not own: the promises both stores share (store_suite.py). Next stop: app/backends/sqlite/store.py.
"""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.backends.sqlite.store import SqliteStore
from app.backends.sqlite.store_tables import Table, create
from app.errors import StoreUnavailable
from app.ports import Doc
from tests.contracts.store_backends import sqlite_stores
from tests.contracts.store_races import NAMES, PRIZE, assert_one_winner_each
from tests.contracts.store_suite import OpenStore, kept, product, saved

ROOT = Path(__file__).parents[2]


def child(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.contracts.store_races", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
async def open_store(tmp_path: Path) -> AsyncIterator[OpenStore]:
    async with sqlite_stores(tmp_path) as open_store:
        yield open_store


def test_S1_of_racing_processes_exactly_one_wins_each_version(tmp_path: Path) -> None:
    """Three processes race for a hundred versions of one document in one file."""
    racers = [child("race", tmp_path / "store.db", name, 100) for name in NAMES]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    # Let them go at once, now that all of them have started.
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    wins = [[int(version) for version in racer.communicate(timeout=50)[0].split()] for racer in racers]
    with sqlite3.connect(tmp_path / "store.db") as connection:
        version, body = connection.execute("SELECT version, body FROM owners WHERE id = ?", [PRIZE]).fetchone()
    connection.close()
    assert_one_winner_each(wins, NAMES, Doc(PRIZE, body, version))


@pytest.mark.crash
async def test_S1_what_was_acknowledged_survives_SIGKILL(tmp_path: Path) -> None:
    """A process that is killed while it saves has lost nothing that it was told is saved, and has written no half batch."""
    saver = child("save", tmp_path / "store.db")
    assert saver.stdout is not None
    lines = [saver.stdout.readline() for _ in range(50)]
    saver.send_signal(signal.SIGKILL)
    lines += saver.communicate(timeout=10)[0].splitlines()
    acknowledged = int(lines[-1])
    store = SqliteStore(tmp_path / "store.db")
    await store.start()
    promised = [f"{number}/{part}" for number in range(acknowledged + 1) for part in range(20)]
    assert sorted(await store.bindings.load(promised)) == sorted(promised)
    assert await store.bindings.count([f"batch{acknowledged + 1}"]) in (0, 20)
    await store.stop()


async def test_S9_a_locked_file_is_unavailable_until_it_is_free(tmp_path: Path) -> None:
    """While another process holds the file, saves and ping say so and reads go on; afterwards everything works."""
    store = SqliteStore(tmp_path / "store.db", lock_timeout_s=0.2)
    await store.start()
    (one,) = await saved(store.records, product(1))
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="SQLITE_BUSY"):
        await store.records.save([product(2)])
    assert await store.records.load([one.id, product(2).id]) == {one.id: one}
    other.execute("ROLLBACK")
    other.close()
    await saved(store.records, product(2))
    await store.stop()


async def test_S9_a_full_disk_is_unavailable_and_loses_nothing(tmp_path: Path) -> None:
    """A save for which there is no room writes nothing; it succeeds when there is room."""
    limit = {"pages": 150}

    class Small(SqliteStore):
        def _connect(self) -> sqlite3.Connection:
            connection = super()._connect()
            connection.execute(f"PRAGMA max_page_count = {limit['pages']}")
            return connection

    store = Small(tmp_path / "store.db")
    await store.start()
    large = [replace(product(number), body="x" * 20_000) for number in range(100)]
    with pytest.raises(StoreUnavailable, match="SQLITE_FULL"):
        await store.records.save(large)
    assert await store.records.count() == 0
    limit["pages"] = 1_000_000
    await saved(store.records, *large)
    await store.stop()


async def test_S9_a_damaged_file_is_unavailable_until_it_is_restored(tmp_path: Path) -> None:
    """Neither reads, saves nor a fresh start accept a file that is not a database; all work again over the backup."""
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    await store.start()
    (one,) = await saved(store.records, product(1))
    await store.stop()
    backup = path.read_bytes()
    await store.start()
    path.write_bytes(b"\xff" * len(backup))
    for call in (store.records.load([one.id]), store.records.save([product(2)]), SqliteStore(path).start()):
        with pytest.raises(StoreUnavailable):
            await call
    path.write_bytes(backup)
    assert await store.records.load([one.id]) == {one.id: one}
    await saved(store.records, product(2))
    await store.stop()


async def test_many_saves_at_once_each_get_their_own_answer(open_store: OpenStore) -> None:
    """Two hundred saves that are committed together report their own conflicts and refusals."""
    store = await open_store()
    (one,) = await saved(store.records, product(0))
    batches = [[product(number), replace(product(0), body="late"), Doc(f"\ud800{number}", "")] for number in range(1, 201)]
    outcomes = await asyncio.gather(*(store.records.save(batch) for batch in batches))
    for batch, outcome in zip(batches, outcomes, strict=True):
        assert outcome.conflicts == frozenset([one.id])
        assert list(outcome.refused) == [batch[2].id]
    assert await store.records.count() == 201


async def test_a_cancelled_caller_does_not_stop_the_writer(open_store: OpenStore) -> None:
    """A save whose caller gave up leaves the store as good as before."""
    store = await open_store()
    waiting = asyncio.ensure_future(store.records.save([product(1)]))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await saved(store.records, product(2))


async def test_answers_too_large_for_one_value_come_row_by_row(tmp_path: Path) -> None:
    """What SQLite cannot pack into one value is read all the same."""
    connection = sqlite3.connect(tmp_path / "store.db")
    create(connection)
    docs = [replace(product(number), body="x" * 1_000) for number in range(20)]
    assert Table("records").write(connection, docs) == frozenset()
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 5_000)
    assert Table("records").load(connection, [doc.id for doc in docs]) == [kept(doc) for doc in docs]
    connection.close()


def test_no_statement_reads_a_whole_table() -> None:
    """Every query, and every write, finds its rows through an index; only counting everything and scans without bounds walk one."""
    connection = sqlite3.connect(":memory:", factory=Explaining)
    create(connection)
    table = Table("bindings")
    connection.plans.clear()
    table.load(connection, ["a", "b"])
    table.page(connection, "a", 5, "p")
    table.count(connection, ["x", "y"], 5)
    for tokens, every in ((["x"], False), (["x", "y"], False), (["x", "y"], True)):
        table.matching(connection, tokens, every, "a", 5)
    table.scan(connection, "due", (), (None, 9), 5, False, ["x"])
    table.scan(connection, "place", (1, 2), (3, None), 5, True, [])
    table.write(connection, [Doc("a", "", 0, ("x", "y"))])
    table.write(connection, [Doc("a", "", 1, ("z",))])
    walked = [step for step in connection.plans if step.startswith("SCAN") and "bindings" in step]
    sorted_ = [step for step in connection.plans if "TEMP B-TREE FOR ORDER BY" in step]
    assert (walked, sorted_) == ([], [])
    assert any("SEARCH bindings_tokens USING PRIMARY KEY" in step for step in connection.plans)
    connection.close()


def test_a_thousand_documents_are_a_handful_of_steps() -> None:
    """However many documents are saved and read, Python gives SQLite few statements and takes few rows: each costs it its lock."""
    connection = sqlite3.connect(":memory:")
    create(connection)
    table = Table("bindings")
    steps: list[object] = []

    def counted(_cursor: sqlite3.Cursor, row: tuple[object, ...]) -> tuple[object, ...]:
        steps.append(row)
        return row

    docs = [product(number, tokens=(f"t{number}", "all"), due_us=number) for number in range(1_000)]
    connection.set_trace_callback(steps.append)
    connection.row_factory = counted
    table.write(connection, docs)
    table.write(connection, [replace(kept(doc), tokens=("all", "new")) for doc in docs])
    after = [replace(doc, version=2, tokens=("all", "new")) for doc in docs]
    assert table.load(connection, [doc.id for doc in docs]) == after
    assert table.matching(connection, ["all", "new"], False, "", None) == after
    assert table.scan(connection, "due", (), (None, None), 1_000, False, ["new"]) == after
    assert table.page(connection, "", 1_000, "") == after
    assert len(steps) < 25
    connection.close()


class Explaining(sqlite3.Connection):
    """A connection that keeps the plan of every statement."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.plans: list[str] = []

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if not sql.startswith("CREATE"):
            self.plans += [row[3] for row in super().execute("EXPLAIN QUERY PLAN " + sql, parameters)]
        return super().execute(sql, parameters)
