"""`bindery dlq` against a running API, over real HTTP.

Owns: tests of app/cli/dlq.py and its tables. Does not own: the answers (test_http.py). Next stop: app/cli/dlq.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.dlq import app
from tests.api.serving import Running
from tests.letters.test_http import ask, lettered, listed

Dlq = Callable[..., str]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """A server of the doors."""
    with Running(tmp_path) as running:
        yield running


@pytest.fixture
def dlq(server: Running, monkeypatch: pytest.MonkeyPatch) -> Dlq:
    """Runs `bindery dlq …` on a wide terminal; what it printed."""
    monkeypatch.setenv("COLUMNS", "250")

    def run(*arguments: str, code: int = 0, token: str = "token-of-ops") -> str:
        ran = CliRunner().invoke(app, [*arguments, "--url", server.url, "--token", token])
        assert ran.exit_code == code, (ran.output, ran.exception)
        return ran.output

    return run


def test_list_and_groups_are_tables(server: Running, dlq: Dlq) -> None:
    """A line for each letter with its error; `--groups` a line for each cause; JSON for programs."""
    ids = lettered(server, "a", "b")
    told = dlq("list")
    assert all(id_ in told for id_ in ids)
    assert "Unmappable: dam-1: sku: expected str" in told
    assert " 2 " in dlq("list", "--groups")
    assert [one["id"] for one in json.loads(dlq("list", "--json"))["items"]] == ids[::-1]
    assert dlq("list", "--state", "resolved") == "No letters.\n"


def test_show_prints_the_original_and_escapes_markup(server: Running, dlq: Dlq) -> None:
    """What a sender wrote is shown as it is, never taken for markup of the terminal."""
    (id_,) = lettered(server, "[bold]a[/bold]", value=b'{"title":"[red]sale[/red]"}')
    told = dlq("show", id_)
    assert '{"title":"[red]sale[/red]"}' in told
    assert "asset/dam-1/[bold]a[/bold]" in told
    assert "attempt 0 failed" in told
    assert json.loads(dlq("show", id_, "--json"))["id"] == id_


def test_discard_acknowledge_restore(server: Running, dlq: Dlq) -> None:
    """Letters are named, or chosen by options."""
    first, second = lettered(server, "a", "b")
    assert "1 letter changed" in dlq("acknowledge", first, "--why", "seen")
    assert "2 letters changed" in dlq("discard", "--source", "dam-1")
    assert listed(server, state="discarded") == [second, first]
    assert dlq("restore", first) == f"{first}: open\n"
    assert listed(server, state="open") == [first]
    whys = {entry["what"]: entry["why"] for entry in ask(server, "GET", f"/v1/dead-letters/{first}")["audit"]}
    assert whys == {"letter.acknowledge": "seen"} | dict.fromkeys(("letter.discard", "letter.restore"), "asked on the command line")


def test_replay_and_its_dry_run(server: Running, dlq: Dlq) -> None:
    """A dry run shows verdicts and starts nothing; a replay is listed and can be cancelled."""
    (id_,) = lettered(server, "a")
    assert "no-change" in dlq("replay", id_, "--dry-run")
    assert dlq("replays") == "No replays yet.\n"
    assert "1 letter chosen" in dlq("replay", "--source", "dam-1", "--rate", "5", "--why", "mended")
    told = dlq("replays")
    assert "mended" in told
    job = json.loads(dlq("replays", "--json"))["items"][0]["id"]
    assert "1 letter given back" in dlq("cancel", job)
    assert listed(server, state="open") == [id_]


def test_replays_fit_a_narrow_terminal(server: Running, dlq: Dlq, monkeypatch: pytest.MonkeyPatch) -> None:
    """No word of a job's id, phase, counts and reason is cut at 80 columns."""
    lettered(server, "a")
    dlq("replay", "--source", "dam-1", "--why", "mended the mapping of sku")
    monkeypatch.setenv("COLUMNS", "80")
    job = json.loads(dlq("replays", "--json"))["items"][0]
    lines = dlq("replays").splitlines()
    assert lines[0] == f"{job['id']}  sending  1 letter"
    assert [line.strip() for line in lines[1:3]] == ["1 waiting", "ops: mended the mapping of sku"]


def test_a_replay_of_an_unknown_letter_starts_nothing(server: Running, dlq: Dlq) -> None:
    """A mistyped id is an error, not an empty job."""
    lettered(server, "a")
    assert "There is no letter 'mistyped'" in dlq("replay", "mistyped", code=2)
    assert dlq("replays") == "No replays yet.\n"


def test_failures_are_sentences(server: Running, dlq: Dlq) -> None:
    """No traceback: what is wrong and what to do, exit code 2."""
    assert "There is no letter" in dlq("show", "nothing", code=2)
    assert "say which letters" in dlq("discard", code=2)
    assert "role" in dlq("list", code=2, token="token-of-reader")
