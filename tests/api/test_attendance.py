"""The loop beside the door: what it learns and gives, and what it does while the store is away.

Owns: Attendance, FirstSecrets by themselves. Does not own: the documents (tests/kept/test_forms.py), handshakes with real processes
(tests/functional/test_handshakes.py). Next stop: app/api/attendance.py.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import structlog

from app.api.first_secrets import FirstSecrets
from app.api.problems import Problem
from app.configuration import Configuration, load
from app.errors import StoreUnavailable
from tests.api.serving import Running, event

YAML = "version: 1\nsources:\n  ergo: {preset: ergonode, secrets: ['file:ergo.secret']}\n"


def configured(folder: Path, text: str = YAML) -> Configuration:
    (folder / "bindery.yaml").write_text(text)
    return load(folder / "bindery.yaml")


def test_a_store_that_is_away_is_told_once_and_loses_no_count(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns go on failing silently; once the store is back everything is given, once; stopping gives the rest."""
    server.deliver("dam-1", event(1))
    attendance: Any = server.app.state.attendance
    real, failures = server.store.requests.matching, [1, 1]

    async def sometimes(*given: Any, **more: Any) -> Any:
        if failures:
            failures.pop()
            raise StoreUnavailable("taken down by the test")
        return await real(*given, **more)

    monkeypatch.setattr(server.store.requests, "matching", sometimes)
    monkeypatch.setattr("app.api.attendance.TICK_S", 0.01)

    async def story() -> None:
        running = asyncio.create_task(attendance.run())
        async with asyncio.timeout(10):
            while failures or attendance.pending()["dam-1"].accepted:
                await asyncio.sleep(0.01)
        attendance.stop()
        await running

    with structlog.testing.capture_logs() as lines:
        server.do(story())
    assert [line["event"] for line in lines] == ["attendance.engine_down"]
    assert server.source("dam-1")["accepted"] == 1


def test_the_newest_time_of_a_sender_is_neither_wiped_out_nor_made_up(server: Running) -> None:
    """An event without a time says nothing of it, and one from the future, which no record takes, does not stand there for ever."""
    for time in ("2026-02-28T23:00:00Z", "", "2099-01-01T00:00:00Z", "2026-02-28T22:00:00Z"):
        server.deliver("dam-1", event(time, time=time))
        server.attended()
        assert server.source("dam-1")["last_order_at"] == "2026-02-28T23:00:00Z"
    server.deliver("dam-1", [event("both", time="2026-02-28T23:30:00Z")])
    server.deliver("dam-1", event("late"))
    server.deliver("dam-1", event("older", time="2026-02-28T23:20:00Z"))
    assert server.source("dam-1")["last_order_at"] == "2026-02-28T23:30:00Z"


async def test_the_first_secret_is_written_once_whoever_comes(tmp_path: Path) -> None:
    """Of two at a time one counts; the file is never written over; nothing is left beside it."""
    first = FirstSecrets(configured(tmp_path))
    outcomes = await asyncio.gather(*(first.take("ergo", f"secret-number-{nth}") for nth in range(4)))
    assert sum(outcomes) == 1
    written = (tmp_path / "ergo.secret").read_text().strip()
    assert written == f"secret-number-{outcomes.index(True)}"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bindery.yaml", "ergo.secret"]
    assert await first.take("ergo", written)
    assert not await first.take("ergo", "another-one")
    other = FirstSecrets(configured(tmp_path))
    assert not other.waits("ergo")
    assert not await other.take("ergo", "another-one")


async def test_a_file_that_another_process_wrote_is_found(tmp_path: Path) -> None:
    """And a file that a person only made is looked at again, without a line each time."""
    waiting = FirstSecrets(configured(tmp_path))
    (tmp_path / "ergo.secret").write_text("")
    with structlog.testing.capture_logs() as lines:
        await waiting.look()
        await waiting.look()
    assert (len(lines), waiting.waits("ergo")) == (1, True)
    (tmp_path / "ergo.secret").write_text("the-secret\n")
    await waiting.look()
    assert not waiting.waits("ergo")
    assert not waiting.renewed["ergo"].broken


async def test_a_changed_configuration_waits_for_a_restart(tmp_path: Path) -> None:
    """The file that was read at the start counts, not the one that somebody is editing."""
    waiting = FirstSecrets(configured(tmp_path))
    (tmp_path / "bindery.yaml").write_text(YAML + "  more: {preset: generic-dam, retired: true, when_rights_unknown: hide}\n")
    with pytest.raises(Problem, match="Restart"):
        await waiting.take("ergo", "the-first-secret")
    assert waiting.renewed == {}
    (tmp_path / "bindery.yaml").write_text("no: yaml: at all")
    await waiting.look()
    assert waiting.waits("ergo")


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """503, so that the sender shakes hands again."""
    waiting = FirstSecrets(configured(tmp_path, YAML.replace("file:ergo", "file:missing/ergo")))
    with pytest.raises(Problem) as refused:
        await waiting.take("ergo", "the-first-secret")
    assert refused.value.status == 503


async def test_a_file_that_cannot_be_looked_for_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is closed is told once, and the source waits on."""
    held = FirstSecrets(configured(tmp_path))

    def closed(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", closed)
    with structlog.testing.capture_logs() as lines:
        await held.look()
        await held.look()
    assert [line["detail"] for line in lines] == ["its secret's file cannot be looked for (Permission denied)"]
    assert held.waits("ergo")
