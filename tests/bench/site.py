"""A deployment to measure: topics and database of its own on the run's engines, processes on demand.

Owns: name spaces, settings, the end of processes. Does not own: engines (deploy/engines/), processes (tests/functional/deployment.py).
Next stop: tests/bench/ingest.py.

The engines serve the whole run, so that their start and their first steps (Java compiles what it runs often) weigh on no figure but the
first, which nobody compares.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pymongo import MongoClient

from app.bootstrap import Parts, apply_topics, parts
from deploy.engines import Engines
from tests.bench.processes import peak_mb
from tests.bench.sizes import Sizes
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
        self.deployment.entry = (sys.executable, "-m", "tests.bench.roles")
        try:
            return self.deployment.start(str(self.deployment.port), *roles)
        finally:
            self.deployment.entry = (sys.executable, "-m", "app.cli")

    def bootstrap(self) -> str:
        """Address of Kafka."""
        assert self.engines is not None
        return self.engines.kafka_bootstrap

    def engine_pids(self) -> tuple[int, ...]:
        """Kafka's and MongoDB's processes; none in the embedded mode."""
        return (self.engines.kafka_pid or 0, self.engines.mongo_pid or 0) if self.engines else ()

    def settle(self) -> None:
        """Has MongoDB write to disk what it holds back, so that filling the store does not weigh on what is measured next."""
        if self.engines:
            with MongoClient[dict[str, object]](self.engines.mongo_uri) as client:
                client.admin.command("fsync")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Parts]:
        """Log and store of this site for the benchmark's own use, through the ports. Embedded: only while no service runs."""
        made = parts(self.deployment.settings())
        try:
            await made.log.start()
            await made.store.start()
            yield made
        finally:
            await made.log.stop()
            await made.store.stop()
            if made.lock:
                made.lock.close()

    def topic(self, name: str) -> str:
        """A topic's name on the brokers."""
        return self.environment["BINDERY_KAFKA_NAMESPACE"] + name

    def stop(self) -> dict[int, float]:
        """Stops all processes in order; process id -> peak memory in MB. Raises AssertionError where one did not end with 0."""
        running = [process for process in self.deployment.processes if process.poll() is None]
        peaks = {process.pid: peak_mb(process.pid) for process in running}
        codes = self.deployment.down(within_s=20)
        assert not any(codes), f"processes ended with {codes}; their logs are in {self.deployment.folder}"
        return peaks


@dataclass
class Bench:
    """What every benchmark gets. found: figures that one benchmark leaves for the next ones."""

    folder: Path
    sizes: Sizes
    engines: Engines
    found: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def site(self, *, production: bool = True) -> Iterator[Site]:
        """A deployment of its own; nothing of Bindery runs yet. At the end its processes, files and database are gone."""
        name = f"b{secrets.token_hex(4)}"
        environment = {}
        if production:
            environment = {**self.engines.environment, "BINDERY_MONGODB_DATABASE": name, "BINDERY_KAFKA_NAMESPACE": f"{name}."}
        made = Site(Deployment(self.folder / name, environment), self.engines if production else None, environment)
        try:
            if production:
                asyncio.run(apply_topics(made.deployment.settings(), dry_run=False))
            yield made
        finally:
            for process in made.deployment.processes:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            shutil.rmtree(self.folder / name, ignore_errors=True)
            if production:
                with MongoClient[dict[str, object]](self.engines.mongo_uri) as client:
                    client.drop_database(name)
