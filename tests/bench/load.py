"""The load generator of ingest: wrk over requests that are ready, since service, engines and load share the same cores.

Owns: having wrk, writing the file of requests, reading what wrk measured. Does not own: what is sent (bodies.py), the script in Lua
(load.lua). Next stop: tests/bench/ingest.py.

wrk is a Debian package; where it is absent and this process may, it is installed with apt-get. Elsewhere: https://github.com/wg/wrk.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.bodies import PATH

CONNECTIONS = 64
SCRIPT = Path(__file__).with_name("load.lua")


class Missing(RuntimeError):
    """Something that a benchmark needs is not on this machine; the text says how to get it."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk measured. refused: answers that were not 200; they count for nothing."""

    answers: int
    refused: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float

    @property
    def per_s(self) -> float:
        return (self.answers - self.refused) / self.seconds


class Requests:
    """Requests on disk, ready to be sent."""

    def __init__(self, file: Path, requests: Iterable[bytes]) -> None:
        self.file = file
        lengths = set()
        with file.open("wb") as out:
            for request in requests:
                lengths.add(len(request))
                out.write(request)
        if len(lengths) != 1:
            raise ValueError(f"the requests of a load have one length, not {sorted(lengths)}")
        (self.length,) = lengths

    def post(self, port: int, seconds: int) -> Load:
        """Posts for so many whole seconds from 64 keep-alive connections. Raises AssertionError where a connection broke."""
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(SCRIPT)]
        command += [f"http://127.0.0.1:{port}{PATH}", "--", str(self.file), str(self.length)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)
        if done.returncode:
            raise RuntimeError(f"wrk ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        told = json.loads(done.stdout.splitlines()[-1])
        assert not told["broken"], f"{told['broken']} of {told['answers']} answers never came whole"
        return Load(told["answers"], told["refused"], told["seconds"], told["p50_ms"], told["p99_ms"], told["max_ms"])


def need_wrk() -> None:
    """Makes sure that wrk is there. Raises Missing."""
    if shutil.which("wrk"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "wrk"]):
            subprocess.run(command, check=False, capture_output=True, timeout=300)
    if not shutil.which("wrk"):
        raise Missing("wrk is absent: install it with 'apt-get install wrk' (Debian, Ubuntu) or 'brew install wrk' (macOS).")
