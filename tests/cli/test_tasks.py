"""`bindery tasks`: what people read first, JSON second; now and cancel by key or system.

Owns: app/cli/tasks.py. Does not own: the answers (tests/api/test_tasks.py). Next stop: app/cli/tasks.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.sources.source import FetchTask
from consumers.tasks import request_fetches
from tests.api.parts import NOW_US
from tests.api.serving import Running


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A server, its address and a token of its ops in the environment."""
    monkeypatch.setenv("COLUMNS", "160")
    with Running(tmp_path) as running:
        monkeypatch.setenv("BINDERY_URL", running.url)
        monkeypatch.setenv("BINDERY_TOKEN", running.bearer("ops")["authorization"].split()[1])
        yield running


def bindery(*arguments: str, code: int = 0) -> str:
    ran = CliRunner().invoke(app, ["tasks", *arguments])
    assert ran.exit_code == code, (ran.output, ran.exception)
    return ran.output


def ask(server: Running, *things: str) -> None:
    tasks = [
        FetchTask(f"fetch product akeneo {thing}", "akeneo", "akeneo-main", "product", thing, "it changed", NOW_US, 0, "0" * 77)
        for thing in things
    ]
    server.do(request_fetches(server.store, tasks, NOW_US))


def test_the_list_reads_well_and_as_json(server: Running) -> None:
    """Key, reason, since when and next attempt in a table; the answer as it is with --json."""
    assert "nothing waits" in bindery("list")
    ask(server, "1", "2")
    told = bindery("list")
    for word in ("fetch product akeneo 1", "it changed", "2026-03-01T00:00:00Z", "next attempt"):
        assert word in told
    answer = json.loads(bindery("list", "--json", "--system", "akeneo"))
    assert [item["id"] for item in answer["items"]] == ["1", "2"]
    assert "nothing waits" in bindery("list", "--kind", "model")


def test_now_and_cancel(server: Running) -> None:
    """By key or by system; how many is said; neither or both is refused before anything is asked."""
    ask(server, "1", "2", "3")
    assert bindery("now", "fetch product akeneo 1") == "1 task due now\n"
    assert json.loads(bindery("now", "--system", "akeneo", "--json")) == {"changed": 3}
    assert bindery("cancel", "fetch product akeneo 1") == "1 task cancelled\n"
    assert bindery("cancel", "--system", "akeneo") == "2 tasks cancelled\n"
    assert "No task" in bindery("cancel", "--system", "akeneo", code=2)
    for wrong in ((), ("some key", "--system", "akeneo")):
        assert "say which tasks" in bindery("now", *wrong, code=2)
