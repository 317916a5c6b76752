"""Processes and ports of this machine, and the errors of this package.

Owns: spawning a process that ends with its parent, telling whether a process id is still ours, choosing free ports.
Does not own: what is spawned (`node.py`).
Next stop: `deploy/engines/kafka.py`.

    EnginesError
    ├── EnginesMissing   software is absent: install it
    └── EngineFailed     an engine did not start, answer or stop: read its log
        └── PortTaken    another process listens where this engine should
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

# Below the range the operating systems hand out to outgoing connections (Linux from 32768, macOS from 49152): while an engine is
# killed its clients go on connecting to its port, and inside that range one of them could be given the very port and connect to itself.
PORTS = range(20_000, 32_000)

# Runs in front of the engine and becomes it (the process id stays): asks Linux to kill it when the thread that spawned it is gone.
_BOUND_TO_PARENT = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
    sys.exit("prctl(PR_SET_PDEATHSIG) failed: " + os.strerror(ctypes.get_errno()))
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent ended before the engine began")
os.execv(sys.argv[2], sys.argv[2:])
"""


class EnginesError(RuntimeError):
    """Base of every error of this package; the text says what happened, where, and what to do next."""


class EnginesMissing(EnginesError):
    """Software that an engine needs is absent; the text is one sentence per missing thing."""


class EngineFailed(EnginesError):
    """An engine ended, or did not answer in time; the text ends with the last lines of its log."""


class PortTaken(EngineFailed):
    """Another process listens on the engine's port."""


@cache
def _spawner() -> ThreadPoolExecutor:
    """The one thread that spawns. The death signal follows the spawning *thread*; a caller's worker thread may end long before us."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="engines-spawner")


def spawn(argv: list[str], log: Path, *, outlive_parent: bool, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start `argv` (its first item an absolute path) in a session of its own, output appended to `log`.

    A session of its own keeps a terminal's Ctrl-C away from the engine, so that its owner can stop it in order.

    Failure policy: raises `OSError` when the program cannot be started; nothing is left running then.
    """
    if not outlive_parent and sys.platform == "linux":
        argv = [sys.executable, "-I", "-S", "-c", _BOUND_TO_PARENT, str(os.getpid()), *argv]
    with log.open("ab") as output:
        job = _spawner().submit(
            subprocess.Popen, argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=env, start_new_session=True
        )
        return job.result()


def command_line(pid: int) -> str:
    """The command line of process `pid`; empty when there is none, or only a zombie."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    found = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # As both engines do: sockets of closed connections that only wait for their time are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def listens(port: int) -> bool:
    """Whether something accepts connections on this loopback port now."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def choose_ports(count: int) -> list[int]:
    """`count` different ports that are free now; another process may still take one before the engine does, hence the retries."""
    free = (port for port in random.sample(PORTS, len(PORTS)) if port_is_free(port))
    chosen = [port for port, _ in zip(free, range(count), strict=False)]
    if len(chosen) < count:
        raise EngineFailed(f"No free port between {PORTS.start} and {PORTS.stop} on 127.0.0.1; end some listening processes and try again.")
    return chosen
