"""The script that starts real engines: they serve, keep their data across SIGKILL, and leave no process behind.

Owns: what tests, benchmarks and `make engines` rely on in `deploy.engines`.
Does not own: how Bindery behaves on these engines (the contract and crash suites).
Next stop: `deploy/engines/__init__.py`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import MongoClient, WriteConcern

import deploy.engines.node as node_module
from deploy.engines import EngineFailed, Engines, EnginesError
from deploy.engines.jars import fetch_jars
from deploy.engines.process import choose_ports, command_line, listens

ROOT = Path(__file__).resolve().parents[2]
TOPIC = "bindery.engines-test.v1"
needs_engines = pytest.mark.engines


def eventually(holds: Callable[[], bool], *, within_s: float = 20.0) -> bool:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with Engines.start(tmp_path_factory.mktemp("engines")) as started:
        yield started


@pytest.fixture
def mongo_only(tmp_path: Path) -> Iterator[Engines]:
    with Engines.start(tmp_path, kafka=False) as started:
        yield started


async def make_topic(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def produce(bootstrap: str, *values: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(TOPIC, value)
    finally:
        await producer.stop()


async def produce_in_transactions(bootstrap: str, *, committed: bytes, aborted: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="engines-test")
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(TOPIC, committed)
        await producer.begin_transaction()
        await producer.send_and_wait(TOPIC, aborted)
        await producer.abort_transaction()
    finally:
        await producer.stop()


async def consume(bootstrap: str, count: int, group: str) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        TOPIC, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    await consumer.start()
    try:
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


@needs_engines
async def test_kafka_serves_transactions_and_keeps_records_across_sigkill(engines: Engines) -> None:
    """Plain and transactional records are read back, aborted ones never, before and after the broker is killed."""
    bootstrap = engines.kafka_bootstrap
    await make_topic(bootstrap)
    await produce(bootstrap, b"plain")
    await produce_in_transactions(bootstrap, committed=b"committed", aborted=b"aborted")
    await produce(bootstrap, b"last")
    assert await consume(bootstrap, 3, "before") == [b"plain", b"committed", b"last"]

    killed = engines.kafka_pid
    engines.kill_kafka()
    assert not listens(int(bootstrap.rpartition(":")[2]))
    engines.start_kafka()

    assert engines.kafka_bootstrap == bootstrap
    assert engines.kafka_pid != killed
    await produce(bootstrap, b"after")
    assert await consume(bootstrap, 4, "after") == [b"plain", b"committed", b"last", b"after"]


@needs_engines
def test_mongo_keeps_a_majority_write_across_sigkill(engines: Engines) -> None:
    """A document written with majority is there after `mongod` was killed and started on the same port."""
    uri = engines.mongo_uri
    with MongoClient[Any](uri) as client:
        things = client["engines-test"].get_collection("things", write_concern=WriteConcern("majority"))
        things.insert_one({"_id": "kept"})

    killed = engines.mongo_pid
    engines.kill_mongo()
    engines.start_mongo()

    assert engines.mongo_uri == uri
    assert engines.mongo_pid != killed
    with MongoClient[Any](uri) as client:
        assert client["engines-test"]["things"].find_one() == {"_id": "kept"}


@needs_engines
def test_state_file_names_the_processes_that_run_now(engines: Engines) -> None:
    """After restarts another process still finds the present ones through the data directory."""
    found = Engines.attach(engines.data_dir)
    assert found is not None
    assert [node.pid for node in found.nodes] == [engines.kafka_pid, engines.mongo_pid]
    assert all(node.running() for node in found.nodes)
    assert found.environment == engines.environment


@needs_engines
def test_second_start_over_the_same_directory_is_refused(engines: Engines) -> None:
    """Two sets of engines never share files."""
    with pytest.raises(EngineFailed, match=r"already run in .* stop them with"):
        Engines.start(engines.data_dir)
    assert all(node.running() for node in engines.nodes)


@needs_engines
def test_both_start_within_thirty_seconds_and_stop_leaves_no_process(tmp_path: Path) -> None:
    """With the jars cached, both engines are up in 30 s; after `stop` neither process nor state file is left."""
    fetch_jars()
    began = time.monotonic()
    engines = Engines.start(tmp_path)
    started_in_s = time.monotonic() - began
    pids = [pid for pid in (engines.kafka_pid, engines.mongo_pid) if pid is not None]
    os.kill(pids[1], signal.SIGSTOP)  # A frozen engine is stopped as well.
    engines.stop()
    engines.stop()

    assert started_in_s < 30
    assert [command_line(pid) for pid in pids] == ["", ""]
    assert Engines.attach(tmp_path) is None


@needs_engines
def test_data_of_a_stopped_directory_is_served_again_on_other_ports(tmp_path: Path) -> None:
    """A replica set that was initiated under another address is told its new one, and its documents are there."""
    with Engines.start(tmp_path, kafka=False) as first, MongoClient[Any](first.mongo_uri) as client:
        client["engines-test"]["things"].insert_one({"_id": "kept"})
        old_port = first.nodes[0].port
    with Engines.start(tmp_path, kafka=False) as second, MongoClient[Any](second.mongo_uri) as client:
        assert second.nodes[0].port != old_port
        assert client["engines-test"]["things"].find_one() == {"_id": "kept"}


@needs_engines
def test_taken_port_is_left_alone_and_another_one_chosen(engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When somebody else's engine sits on the chosen port, it is not mistaken for ours."""
    taken = engines.nodes[1].port
    choices = iter([[taken], choose_ports(1)])
    monkeypatch.setattr(node_module, "choose_ports", lambda count: next(choices))
    with Engines.start(tmp_path, kafka=False) as other:
        assert other.nodes[0].port != taken
        with MongoClient[Any](other.mongo_uri) as client:
            assert client.admin.command("serverStatus")["pid"] == other.mongo_pid


@needs_engines
def test_engine_outlives_the_thread_that_started_it_and_dies_with_the_process(tmp_path: Path) -> None:
    """An engine started in a worker thread goes on when that thread ends, and is gone when its process is killed."""
    script = f"""
import os, pathlib, signal, threading
from pymongo import MongoClient
from deploy.engines import Engines
made = []
thread = threading.Thread(target=lambda: made.append(Engines.start(pathlib.Path({str(tmp_path)!r}), kafka=False)))
thread.start(); thread.join()
with MongoClient(made[0].mongo_uri) as client:
    client.admin.command("ping")
print(made[0].mongo_pid, made[0].nodes[0].running(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=50)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    pid, running = ended.stdout.split()
    assert running == "True"
    assert eventually(lambda: command_line(int(pid)) == "")


@needs_engines
def test_engine_that_cannot_start_says_why_in_its_own_words(tmp_path: Path) -> None:
    """Data that `mongod` cannot read ends the start with the end of its log."""
    (tmp_path / "mongo" / "data").mkdir(parents=True)
    (tmp_path / "mongo" / "data" / "storage.bson").write_bytes(b"not bson")
    with pytest.raises(
        EngineFailed,
        match=r"(?s)^mongo ended while starting \(exit code \d+\)\. The end of its log, .*mongo\.log:\n.*Unable to read the storage engine",
    ):
        Engines.start(tmp_path, kafka=False)


@needs_engines
def test_one_engine_that_fails_takes_the_other_one_with_it(tmp_path: Path) -> None:
    """A start is all or nothing: a Kafka that Java refuses leaves no MongoDB behind."""
    with pytest.raises(EngineFailed, match=r"(?s)Kafka could not format its storage .*Invalid maximum heap size"):
        Engines.start(tmp_path, kafka_heap="plenty")
    lock = tmp_path / "mongo" / "data" / "mongod.lock"
    assert lock.read_text() == ""  # It ran, and it left in order.
    assert Engines.attach(tmp_path) is None


@needs_engines
def test_kafka_is_not_there_when_it_was_not_asked_for(mongo_only: Engines) -> None:
    """Asking for an engine that was left out says how to have it."""
    assert list(mongo_only.environment) == ["BINDERY_MONGODB_URI"]
    with pytest.raises(EnginesError, match="kafka=True"):
        _ = mongo_only.kafka_bootstrap
