"""One engine as one operating-system process: ports, readiness, killing, stopping by process id.

Owns: the life cycle that Kafka and MongoDB share.
Does not own: how either engine is configured (`kafka.py`, `mongo.py`) or where its files come from.
Next stop: `deploy/engines/process.py`.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

from deploy.engines.process import EngineFailed, PortTaken, choose_ports, command_line, listens, port_is_free, spawn

READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 30.0
PORT_FREE_TIMEOUT_S = 15.0
POLL_INTERVAL_S = 0.1
START_ATTEMPTS = 5
LOG_LINES = 12
LOG_LINE_CHARS = 400


class Node(ABC):
    """One engine on fixed loopback ports over one folder; it may be killed and started again on the same ports and data."""

    name: str
    port_count: int
    complaint: re.Pattern[str]  # Finds the log lines that say why an engine ended.

    def __init__(self, folder: Path, *, outlive_parent: bool, ports: list[int] | None = None, pid: int | None = None) -> None:
        """`pid` attaches to an engine that another process started in the same folder."""
        self.folder = folder
        self.log = folder / f"{self.name}.log"
        self.pid = pid
        self._ports = ports or []
        self._outlive_parent = outlive_parent
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def port(self) -> int:
        """The port clients connect to."""
        return self._ports[0]

    @property
    def ports(self) -> list[int]:
        return list(self._ports)

    @abstractmethod
    def prepare(self) -> list[str]:
        """Write what the engine needs for its present ports and return its command line, which names `folder`."""

    @abstractmethod
    def why_not_ready(self) -> str:
        """Ask the engine, which listens, as a client would: empty once this very process serves, otherwise what is lacking."""

    def start(self) -> None:
        """Start and wait until the engine serves clients.

        The first start chooses ports and chooses again when somebody else was faster; a later start keeps them, since clients know them.

        Failure policy: a failed start leaves no process; raises `PortTaken` or `EngineFailed`.
        """
        if self.running():
            raise EngineFailed(f"{self.name} already runs in {self.folder} as process {self.pid}; stop it first.")
        self.folder.mkdir(parents=True, exist_ok=True)
        keep = bool(self._ports)
        for attempts_left in reversed(range(1 if keep else START_ATTEMPTS)):
            if keep:
                self._wait_for_own_ports()
            else:
                self._ports = choose_ports(self.port_count)
            try:
                self._launch()
                return
            except PortTaken:
                if not attempts_left:
                    raise

    def running(self) -> bool:
        """Whether the engine's process exists; a process id that now belongs to somebody else does not count."""
        if self._process is not None:
            return self._process.poll() is None
        return self.pid is not None and str(self.folder) in command_line(self.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the engine if it runs."""
        if self.pid is not None and self.running():
            # It may end by itself between the look and the signal, which is what a stopping caller wants.
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        self.signal(signal.SIGKILL)
        if not self._gone_within(STOP_TIMEOUT_S):
            raise EngineFailed(f"{self.name} (process {self.pid}) is still there {STOP_TIMEOUT_S:.0f} s after SIGKILL; look at it with ps.")

    def stop(self) -> None:
        """SIGTERM, wait, and SIGKILL what does not leave; nothing happens when it does not run."""
        self.signal(signal.SIGTERM)
        # A process that a test has frozen would otherwise never see the request.
        self.signal(signal.SIGCONT)
        if not self._gone_within(STOP_TIMEOUT_S):
            self.kill()

    def _wait_for_own_ports(self) -> None:
        deadline = time.monotonic() + PORT_FREE_TIMEOUT_S
        while taken := [port for port in self._ports if not port_is_free(port)]:
            if time.monotonic() > deadline:
                raise PortTaken(f"{self.name} cannot start again: another process listens on 127.0.0.1:{taken[0]}; end it and try again.")
            time.sleep(POLL_INTERVAL_S)

    def _launch(self) -> None:
        argv = self.prepare()
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._process = spawn(argv, self.log, outlive_parent=self._outlive_parent)
        self.pid = self._process.pid
        try:
            self._wait_until_ready()
        except BaseException:  # Ctrl-C while waiting must not leave the process behind either.
            self.kill()
            raise

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        # The bare look first: a client library logs an error for every connection that is refused.
        while why_not := self.why_not_ready() if listens(self.port) else "nothing listens on its port":
            if not self.running():
                raise self._ended()
            if time.monotonic() > deadline:
                raise EngineFailed(f"{self.name} does not serve after {READY_TIMEOUT_S:.0f} s: {why_not}. {self._log_tail()}")
            time.sleep(POLL_INTERVAL_S)

    def _ended(self) -> EngineFailed:
        taken = [port for port in self._ports if not port_is_free(port)]
        if taken:
            return PortTaken(f"{self.name} ended at once: another process listens on 127.0.0.1:{taken[0]}. {self._log_tail()}")
        code = self._process.returncode if self._process else None
        return EngineFailed(f"{self.name} ended while starting (exit code {code}). {self._log_tail()}")

    def _log_tail(self) -> str:
        """What the present start logged last, its complaints alone where there are any."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()
        told = [line for line in lines if self.complaint.search(line)] or lines
        return "\n".join([f"The end of its log, {self.log}:", *(line[:LOG_LINE_CHARS] for line in told[-LOG_LINES:])])

    def _gone_within(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while self.running():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_INTERVAL_S)
        return True
