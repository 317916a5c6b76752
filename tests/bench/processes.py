"""Processes under measurement: started, waited for, weighed, stopped.

Owns: ports that answer, peak memory. Does not own: Bindery's own processes' settings (tests/functional/deployment.py).
Next stop: tests/bench/ingest.py.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.functional.deployment import free_port

START_S = 60.0


def peak_mb(pid: int) -> float:
    """The most memory a process ever had resident, in MB (Linux: VmHWM of /proc)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"/proc/{pid}/status names no peak of resident memory")


def cpu_s(pid: int) -> float:
    """Seconds of processor time that a process has used, its own and the kernel's for it (Linux: /proc/<pid>/stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for_port(process: subprocess.Popen[bytes], port: int) -> None:
    """Until somebody listens on the port. Raises RuntimeError where the process ends first, or after START_S."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args!r} did not listen within {START_S:g} s")


@contextmanager
def baseline(module: str, *arguments: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A server of tests/bench/baselines/ on a free port, stopped at the end."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", f"tests.bench.baselines.{module}", str(port), *arguments])
    try:
        wait_for_port(process, port)
        yield port, process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL where that does not help."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
