"""Commands that ask a running service, over real HTTP: address, token, what they print.

Owns: tests of app/cli/client.py and app/cli/remote.py. Does not own: letters (tests/letters/test_cli.py). Next stop: app/cli/client.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from tests.api.answers import Shelf
from tests.api.serving import NOW_US, Running

DAY_US = 86_400_000_000
Bindery = Callable[..., str]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """A server of the doors."""
    with Running(tmp_path) as running:
        yield running


@pytest.fixture
def bindery(server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bindery:
    """Runs `bindery …` on a terminal of 80 columns in a folder without data; what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("BINDERY_URL", server.url)
    for name in ("BINDERY_TOKEN", "BINDERY_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, code: int = 0) -> str:
        ran = CliRunner().invoke(app, arguments)
        assert ran.exit_code == code, (ran.output, ran.exception)
        return ran.output

    return run


@pytest.mark.parametrize("command", [("dlq", "list"), ("rebind", "--all")])
def test_the_token_is_found_in_the_named_data_directory(
    bindery: Bindery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """By option or environment; without one the refusal says where it was looked for and how to name another."""
    told = bindery(*command, code=2)
    for way in (".data/token", "--token", "BINDERY_TOKEN", "--data-dir"):
        assert way in told
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "token").write_text("ops,catalogue,reader local token-of-ops\n")
    bindery(*command, "--data-dir", str(elsewhere))
    monkeypatch.setenv("BINDERY_DATA_DIR", str(elsewhere))
    bindery(*command)
    assert "--token" in bindery(*command, "--token", "wrong", code=2)


def test_an_address_without_a_scheme_says_so(bindery: Bindery) -> None:
    """The sentence shows how to write it."""
    for url in ("127.0.0.1:8000", "localhost:8000", "ftp://localhost"):
        told = bindery("lag", "--url", url, code=2)
        assert "has no scheme" in told
        assert "http://127.0.0.1:8000" in told


def test_an_address_of_something_else_says_so(server: Running, bindery: Bindery) -> None:
    """A page for browsers is no answer."""
    assert "not as Bindery does" in bindery("lag", "--url", f"{server.url}/docs?", code=2)
    assert "(404)" in bindery("lag", "--url", f"{server.url}/elsewhere", code=2)


def test_explain_prints_instants_for_people(server: Running, bindery: Bindery) -> None:
    """Rights are told in RFC 3339, not in microseconds; a reason stays in one line."""
    server.do(Shelf("NH-1", {"front": (NOW_US, NOW_US + DAY_US)}).store(server.store))
    told = bindery("explain", "NH-1")
    assert 'rights.access = [["2026-03-01T00:00:00Z","2026-03-02T00:00:00Z"]]' in told
    assert str(NOW_US) not in told
    assert any(line.startswith("  ") and "live. " in line and len(line) > 80 for line in told.splitlines()), told


def test_a_long_url_stays_in_one_piece(server: Running, bindery: Bindery) -> None:
    """At 80 columns, too, so that it can be copied."""
    asset = "a-long-name-of-an-asset-" * 4
    server.do(Shelf("NH-1", {asset: (None, None)}).store(server.store))
    assert f"https://assets.example.com/{asset}.jpg\n" in bindery("sku", "NH-1")


def test_what_nobody_knows_is_an_error(bindery: Bindery, tmp_path: Path) -> None:
    """A mistyped SKU is neither decided again nor explained."""
    (tmp_path / "token").write_text("ops local token-of-ops\n")
    assert "'NOPE'" in bindery("rebind", "--sku", "NOPE", "--data-dir", str(tmp_path), code=2)
    assert "'NOPE'" in bindery("explain", "NOPE", code=2)


def test_names_are_not_taken_for_markup(server: Running, bindery: Bindery) -> None:
    """A SKU and an asset's id are told as they were sent."""
    server.do(Shelf("NH[/1]", {"a[/b]": (None, None)}).store(server.store))
    assert "NH[/1]" in bindery("sku", "NH[/1]")
    assert "a[/b]" in bindery("explain", "NH[/1]")
