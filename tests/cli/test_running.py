"""`bindery run` where it cannot: a sentence that says what to do and exit code 2, never a traceback.

Owns: the address and the data directory that cannot be had. Does not own: serving (tests/functional/). Next stop: app/listening.py.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.listening import listeners

CONFIG = Path(__file__).parents[2] / "examples" / "bindery.yaml"


def refused(*options: object) -> str:
    """What `bindery run` says with these options, before it ends with 2."""
    command = [sys.executable, "-m", "app.cli", "run", "--config", CONFIG, *options]
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=50, check=False, cwd=CONFIG.parents[1])
    assert ran.returncode == 2, ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
    return ran.stderr


def test_a_taken_port_is_told_in_a_sentence(tmp_path: Path) -> None:
    """The port is named, and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = refused("--data-dir", tmp_path, "--port", port)
    assert f"another process has port {port}" in told
    assert "--port" in told


def test_a_data_directory_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    """A file stands where the directory should be."""
    (tmp_path / "file").touch()
    told = refused("--data-dir", tmp_path / "file" / "data")
    assert str(tmp_path / "file" / "data") in told
    assert "--data-dir" in told


@pytest.mark.parametrize("host", ["a..b", "203.0.113.7"])
def test_an_address_that_is_not_ours_is_told(tmp_path: Path, host: str) -> None:
    """What is no address, or one of another machine, is named together with the option."""
    told = refused("--data-dir", tmp_path, "--host", host)
    assert f"{host}:8000" in told
    assert "--host" in told


def test_listeners_listen() -> None:
    """A name that stands for an address of this machine can be connected to at once."""
    held = listeners("localhost", 0, 1)
    try:
        for each in held:
            socket.create_connection(each.getsockname()[:2], timeout=5).close()
    finally:
        for each in held:
            each.close()
