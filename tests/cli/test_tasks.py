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
from tests.api.serving import Running


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A server, its address and a token of its ops in the environment."""
    monkeypatch.setenv("COLUMNS", "80")
    with Running(tmp_path) as running:
        monkeypatch.setenv("BINDERY_URL", running.url)
        monkeypatch.setenv("BINDERY_TOKEN", running.bearer("ops")["authorization"].split()[1])
        yield running


def bindery(*arguments: str, code: int = 0) -> str:
    ran = CliRunner().invoke(app, ["tasks", *arguments])
    assert ran.exit_code == code, (ran.output, ran.exception)
    return ran.output


def ask(server: Running, *things: str) -> None:
    now_us = server.clock.at_us
    tasks = [
        FetchTask(f"fetch product akeneo {thing}", "akeneo", "akeneo-main", "product", thing, "it changed", now_us, 0, "0" * 77)
        for thing in things
    ]
    server.do(request_fetches(server.store, tasks, now_us))


def test_the_list_reads_well_and_as_json(server: Running) -> None:
    """Key, reason, since when and next attempt; the answer as it is with --json."""
    assert "nothing waits" in bindery("list")
    ask(server, "1", "2")
    told = bindery("list")
    for word in ("fetch product akeneo 1\n", "it changed, since 2026-03-01T00:00:00Z", "next attempt"):
        assert word in told
    answer = json.loads(bindery("list", "--json", "--system", "akeneo"))
    assert [item["id"] for item in answer["items"]] == ["1", "2"]
    assert "nothing waits" in bindery("list", "--kind", "model")


def test_an_id_is_told_as_the_vendor_wrote_it(server: Running) -> None:
    """Neither taken for markup nor broken: the line is the key that the other commands take."""
    thing = "[/x] [red]" + "a-long-code-of-a-model-" * 8
    ask(server, thing)
    assert f"fetch product akeneo {thing}\n" in bindery("list")


def test_a_kind_that_was_not_found_yet_is_not_said_to_be_absent(server: Running) -> None:
    """A kind is looked for in a stretch of what waits; where that holds none of it, the rest is named."""
    for number in range(52):
        ask(server, str(number))
        server.clock.at_us += 1
    told = bindery("list", "--kind", "model", "--limit", "1")
    assert "nothing waits" not in told
    cursor = told.split("--cursor ")[1].strip()
    assert "nothing waits" in bindery("list", "--kind", "model", "--cursor", cursor)


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
