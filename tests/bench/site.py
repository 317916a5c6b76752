"""A deployment to measure: engines of its own, topics applied, processes on demand.

Owns: fresh engines for each measurement (no measurement pays for the data of another), the environment of processes.
Does not own: engines (deploy/engines/), processes (tests/functional/deployment.py). Next stop: tests/bench/ingest.py.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.bootstrap import Parts, parts
from app.settings import Settings
from deploy.engines import Engines
from tests.bench.processes import peak_mb
from tests.functional.deployment import Deployment


@dataclass
class Site:
    """Where Bindery runs. engines: None for the embedded mode."""

    deployment: Deployment
    engines: Engines | None
    environment: Mapping[str, str]

    def api(self) -> subprocess.Popen[bytes]:
        """One API process and no consumer in it, ready: `bindery api`, which on the embedded engines is not offered by itself."""
        process = self.serve() if self.engines is None else self.deployment.start("api", "--port", str(self.deployment.port))
        self.deployment.ready()
        return process

    def serve(self, *roles: str) -> subprocess.Popen[bytes]:
        """One process with HTTP and these consumers; ready() tells when it is up."""
        self.deployment.entry = (sys.executable, "-m", "tests.bench.service")
        try:
            return self.deployment.start(str(self.deployment.port), *roles)
        finally:
            self.deployment.entry = (sys.executable, "-m", "app.cli")

    def bootstrap(self) -> str:
        """Address of Kafka."""
        assert self.engines is not None
        return self.engines.kafka_bootstrap

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Parts]:
        """Log and store of this site for the benchmark's own use, through the ports. Embedded: only while no service runs."""
        made = self._parts()
        try:
            await made.log.start()
            await made.store.start()
            yield made
        finally:
            await made.log.stop()
            await made.store.stop()
            if made.lock:
                made.lock.close()

    def _parts(self) -> Parts:
        folder = self.deployment.folder
        names = {name.removeprefix("BINDERY_").lower(): value for name, value in self.environment.items()}
        return parts(Settings(config=folder / "bindery.yaml", data_dir=folder / "data", **names))  # type: ignore[arg-type]  # read as text

    def stop(self) -> dict[int, float]:
        """Stops all processes in order; process id -> peak memory in MB. Raises AssertionError where one did not end with 0."""
        running = [process for process in self.deployment.processes if process.poll() is None]
        peaks = {process.pid: peak_mb(process.pid) for process in running}
        codes = self.deployment.down(within_s=20)
        assert not any(codes), f"processes ended with {codes}; their logs are in {self.deployment.folder}"
        return peaks


@contextmanager
def site(folder: Path, *, production: bool = True) -> Iterator[Site]:
    """A deployment in this folder, which is removed at the end; nothing of Bindery runs yet."""
    engines = Engines.start(folder / "engines") if production else None
    environment = dict(engines.environment) if engines else {}
    deployment = Deployment(folder / "bindery", environment)
    made = Site(deployment, engines, environment)
    try:
        if engines:
            applied = deployment.start("topics", "apply")
            assert applied.wait(60) == 0, (deployment.folder / "process-0.log").read_text()
            deployment.processes.clear()
        yield made
    finally:
        for process in deployment.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        if engines:
            engines.stop()
        shutil.rmtree(folder, ignore_errors=True)
