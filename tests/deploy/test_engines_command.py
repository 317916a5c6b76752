"""The command line of the engines, and what they say where something is missing.

Owns: `python -m deploy.engines`, refusals. Does not own: the engines at work (test_engines.py). Next stop: `deploy/engines/__main__.py`.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.engines import EngineFailed, Engines, EnginesMissing
from deploy.engines.process import command_line, listens, port_is_free

ROOT = Path(__file__).resolve().parents[2]
needs_engines = pytest.mark.engines


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.engines", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=50
    )


@needs_engines
def test_command_line_starts_in_the_background_reports_and_stops(tmp_path: Path) -> None:
    """`start` returns while the engine runs on, `status` says so, `stop` ends it by its process id."""
    here = ("--data-dir", str(tmp_path))
    started = command("start", "--no-kafka", *here)
    state = json.loads((tmp_path / "engines.json").read_text())
    pid, port = state["mongo"]["pid"], state["mongo"]["ports"][0]
    running = command("status", *here)
    stopped = command("stop", *here)
    afterwards = command("status", *here)

    assert started.stdout == f"export BINDERY_MONGODB_URI='mongodb://127.0.0.1:{port}/?replicaSet=bindery'\n", started.stderr
    assert (running.returncode, running.stdout) == (0, f"mongo runs as process {pid} on 127.0.0.1:{port}\n")
    assert stopped.returncode == 0, stopped.stderr
    assert command_line(pid) == ""
    assert afterwards.returncode == 3


@pytest.fixture
def ctrl_c_counts() -> Iterator[None]:
    """What a shell starts in the background ignores Ctrl-C, and so does all that this starts, unless it is told otherwise."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@needs_engines
@pytest.mark.usefixtures("ctrl_c_counts")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("request_to_end", [signal.SIGINT, signal.SIGTERM])
def test_run_prints_the_settings_and_stops_when_asked(tmp_path: Path, request_to_end: signal.Signals) -> None:
    """`run` stays in the foreground until Ctrl-C or SIGTERM and takes its engine with it."""
    argv = [sys.executable, "-m", "deploy.engines", "run", "--no-kafka", "--data-dir", str(tmp_path)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            printed = process.stdout.readline()
            pid = json.loads((tmp_path / "engines.json").read_text())["mongo"]["pid"]
            assert command_line(pid) != ""
            process.send_signal(request_to_end)
            assert process.wait(timeout=40) == 0
        finally:
            process.terminate()
    assert printed.startswith("export BINDERY_MONGODB_URI='mongodb://127.0.0.1:")
    assert command_line(pid) == ""


def test_missing_software_is_named_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Java and Maven the start is refused with one sentence for each."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    java, maven = Engines.missing(mongo=False)
    assert "Java 17 or newer" in java
    assert "apt-get install openjdk-17-jre-headless" in java
    assert "apt-get install maven" in maven
    with pytest.raises(EnginesMissing, match="Java 17"):
        Engines.start(tmp_path / "data", mongo=False)
    assert not (tmp_path / "data").exists()


def test_mongod_without_its_libraries_is_named_by_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `mongod` that the loader refuses leads to the names of the libraries to install."""
    (tmp_path / "mongod").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "ldd").write_text("#!/bin/sh\necho '	libcrypto.so.3 => not found'\necho '	libc.so.6 => /lib/libc.so.6 (0x1)'\n")
    for name in ("mongod", "ldd"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("deploy.engines.mongo.WHEEL", "no-such-distribution-installed")
    (sentence,) = Engines.missing(kafka=False)
    assert "missing shared libraries (libcrypto.so.3)" in sentence


def test_port_in_use_is_not_free() -> None:
    """The probe sees a listening socket of any process."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert listens(port)
        assert not port_is_free(port)


def test_directory_that_kafka_cannot_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka reads a comma in a path as two folders, so such a directory is refused by name."""
    monkeypatch.setattr(Engines, "missing", staticmethod(lambda **_: []))
    with pytest.raises(EngineFailed, match="without commas"):
        Engines.start(tmp_path / "a,b")


def test_stop_without_engines_is_a_success(tmp_path: Path) -> None:
    """Stopping a directory in which nothing was started says so and succeeds."""
    stopped = command("stop", "--data-dir", str(tmp_path))
    assert stopped.returncode == 0
    assert "No engines were started" in stopped.stderr
