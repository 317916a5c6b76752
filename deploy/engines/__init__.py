"""Real engines without Docker: one Apache Kafka node and one MongoDB replica set on free loopback ports.

Owns: `Engines`, what tests, benchmarks and `python -m deploy.engines` hold on to, and the state file that names its processes.
Does not own: one engine's life (`node.py`, `kafka.py`, `mongo.py`), topics and indexes (the service applies those itself).
Next stop: `deploy/engines/node.py`.

    with Engines.start(tmp_path) as engines:
        ...  # engines.kafka_bootstrap, engines.mongo_uri
        engines.kill_kafka()
        engines.start_kafka()

Every call here blocks for up to some seconds; inside an event loop use `asyncio.to_thread`.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.engines.jars import missing as missing_for_kafka
from deploy.engines.kafka import KafkaNode
from deploy.engines.mongo import MongoNode
from deploy.engines.mongo import missing as missing_for_mongo
from deploy.engines.node import Node
from deploy.engines.process import EngineFailed, EnginesError, EnginesMissing, PortTaken

__all__ = ["EngineFailed", "Engines", "EnginesError", "EnginesMissing", "PortTaken"]

STATE_FILE = "engines.json"
KAFKA_HEAP = "1g"


class Engines:
    """The engines of one data directory. Make one with `start`, or with `attach` where another process started them."""

    def __init__(self, data_dir: Path, kafka: KafkaNode | None, mongo: MongoNode | None) -> None:
        self.data_dir = data_dir
        self._kafka = kafka
        self._mongo = mongo

    @staticmethod
    def missing(*, kafka: bool = True, mongo: bool = True) -> list[str]:
        """What is absent on this machine, one sentence per thing that says how to get it; empty when the engines can start."""
        return [*(missing_for_kafka() if kafka else []), *(missing_for_mongo() if mongo else [])]

    @classmethod
    def start(
        cls, data_dir: Path, *, kafka: bool = True, mongo: bool = True, kafka_heap: str = KAFKA_HEAP, outlive_parent: bool = False
    ) -> Self:
        """Start the engines over `data_dir` (made where absent, kept afterwards) and wait until both serve clients.

        `kafka_heap` is Java's -Xmx value. Unless `outlive_parent`, Linux kills the engines when this process ends, however it ends.

        Failure policy: all or nothing; when one engine fails the other is stopped. Raises `EnginesMissing` when software is absent,
        `EngineFailed` when an engine does not come up or engines of this directory run already.
        """
        absent = cls.missing(kafka=kafka, mongo=mongo)
        if absent:
            raise EnginesMissing("\n".join(absent))
        data_dir = _usable(data_dir)
        with _locked(data_dir):
            running = cls.attach(data_dir)
            if running is not None and any(node.running() for node in running.nodes):
                raise EngineFailed(
                    f"Engines already run in {data_dir}: stop them with 'python -m deploy.engines stop --data-dir {data_dir}'."
                )
            engines = cls(
                data_dir,
                KafkaNode(data_dir / "kafka", heap=kafka_heap, outlive_parent=outlive_parent) if kafka else None,
                MongoNode(data_dir / "mongo", outlive_parent=outlive_parent) if mongo else None,
            )
            engines._start_all()
        return engines

    @classmethod
    def attach(cls, data_dir: Path) -> Self | None:
        """The engines that the state file of `data_dir` names, running or not; None when it has none."""
        data_dir = data_dir.resolve()
        try:
            state: dict[str, dict[str, Any]] = json.loads((data_dir / STATE_FILE).read_text())
        except FileNotFoundError:
            return None
        kafka, mongo = state.get("kafka"), state.get("mongo")
        return cls(
            data_dir,
            KafkaNode(data_dir / "kafka", ports=kafka["ports"], pid=kafka["pid"], outlive_parent=True) if kafka else None,
            MongoNode(data_dir / "mongo", ports=mongo["ports"], pid=mongo["pid"], outlive_parent=True) if mongo else None,
        )

    @property
    def nodes(self) -> list[Node]:
        """The engines that were asked for."""
        return [node for node in (self._kafka, self._mongo) if node is not None]

    @property
    def kafka_bootstrap(self) -> str:
        """`127.0.0.1:port`, the same for life."""
        return self._need_kafka().bootstrap

    @property
    def mongo_uri(self) -> str:
        """`mongodb://127.0.0.1:port/?replicaSet=bindery`, the same for life."""
        return self._need_mongo().uri

    @property
    def kafka_pid(self) -> int | None:
        """The broker's present process id; after `kill_kafka` that of the dead one."""
        return self._need_kafka().pid

    @property
    def mongo_pid(self) -> int | None:
        """`mongod`'s present process id; after `kill_mongo` that of the dead one."""
        return self._need_mongo().pid

    @property
    def environment(self) -> dict[str, str]:
        """The settings that switch Bindery to these engines."""
        values = {"BINDERY_KAFKA_BOOTSTRAP_SERVERS": self.kafka_bootstrap} if self._kafka else {}
        return values | ({"BINDERY_MONGODB_URI": self.mongo_uri} if self._mongo else {})

    def kill_kafka(self) -> None:
        """SIGKILL the broker and wait until it is gone; its data stays."""
        self._need_kafka().kill()

    def start_kafka(self) -> None:
        """Start the broker again on the same port and data, and wait until it serves."""
        self._need_kafka().start()
        self._write_state()

    def kill_mongo(self) -> None:
        """SIGKILL `mongod` and wait until it is gone; its data stays."""
        self._need_mongo().kill()

    def start_mongo(self) -> None:
        """Start `mongod` again on the same port and data, and wait until it is primary."""
        self._need_mongo().start()
        self._write_state()

    def stop(self) -> None:
        """Stop all engines, the data stays; stopping twice does nothing.

        Failure policy: SIGTERM, then SIGKILL; every engine is tried before the first error is raised.
        """
        _all_at_once(self.nodes, Node.stop)
        (self.data_dir / STATE_FILE).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _start_all(self) -> None:
        try:
            _all_at_once(self.nodes, Node.start)
            self._write_state()
        except BaseException:
            self.stop()
            raise

    def _write_state(self) -> None:
        state = {node.name: {"pid": node.pid, "ports": node.ports} for node in self.nodes} | {"environment": self.environment}
        whole = self.data_dir / f"{STATE_FILE}.part"
        whole.write_text(json.dumps(state, indent=2) + "\n")
        whole.replace(self.data_dir / STATE_FILE)

    def _need_kafka(self) -> KafkaNode:
        if self._kafka is None:
            raise EnginesError("These engines were started without Kafka; start them with kafka=True.")
        return self._kafka

    def _need_mongo(self) -> MongoNode:
        if self._mongo is None:
            raise EnginesError("These engines were started without MongoDB; start them with mongo=True.")
        return self._mongo


def _usable(data_dir: Path) -> Path:
    data_dir = data_dir.resolve()
    if set(str(data_dir)) & set(",\\\n"):
        raise EngineFailed(f"Kafka's settings cannot hold the path {data_dir}: choose a data directory without commas and backslashes.")
    data_dir.mkdir(parents=True, exist_ok=True)
    return data_dir


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """One start at a time per directory."""
    with (data_dir / "engines.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EngineFailed(
                f"Another process is just starting engines in {data_dir}; wait for it, or choose another directory."
            ) from error
        yield


def _all_at_once(nodes: list[Node], act: Callable[[Node], None]) -> None:
    """Act on every node, side by side; afterwards raise the first error, the others as its notes."""
    with ThreadPoolExecutor(max_workers=max(1, len(nodes))) as threads:
        errors = [error for job in [threads.submit(act, node) for node in nodes] if (error := job.exception())]
    if errors:
        for other in errors[1:]:
            errors[0].add_note(str(other))
        raise errors[0]
