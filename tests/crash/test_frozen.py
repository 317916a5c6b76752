"""A consumer frozen beyond its session time-out, replaced, then woken; engines killed under load: the same promises hold (P1, P3, P4).

Owns: freezing and dead engines. Does not own: kills (test_crash.py), traffic and checks (workload.py).
Next stop: consumers/binder.py fences.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.engines import Engines
from tests.crash.test_crash import POINTS, SEED, Sender, deployment, environment, settled
from tests.functional.deployment import Deployment, eventually

__all__ = ["deployment", "environment"]

# Where work is done and not yet told, and told and not yet committed; the other points are the models' (tests/models/).
FROZEN_AT = ("projector.after_write", "binder.after_write", "binder.after_append")
CONSUMERS = ("projector", "projector-slow", "binder", "letters", "clock")
PARTITIONS = {"bindery.projector": 36, "bindery.projector.slow": 12, "bindery.binder": 12, "bindery.letters": 12, "bindery.control": 12}

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.engines]


def api(service: Deployment) -> None:
    service.start("--http", "none", environment={"BINDERY_HOST": "127.0.0.1", "BINDERY_PORT": str(service.port)})


@pytest.mark.timeout(300)
@pytest.mark.parametrize("environment", ["production"], indirect=True)
@pytest.mark.parametrize("point", FROZEN_AT)
async def test_a_frozen_consumer_that_wakes_harms_nothing(deployment: Deployment, point: str) -> None:
    """Frozen at this point until others have taken its work over, then woken, a consumer neither loses nor doubles anything."""
    api(deployment)
    sender = Sender(deployment, SEED + POINTS.index(point))
    sender.start()
    told = {"BINDERY_TEST_POINT": point, "BINDERY_TEST_COUNT": "3", "BINDERY_TEST_ACT": "stop"}
    frozen = deployment.start(*CONSUMERS, environment=told)
    eventually(lambda: _is_stopped(frozen.pid), within_s=60, says=f"{point} was never passed")
    frozen_log, other_log = (deployment.folder / f"process-{number}.log" for number in (1, 2))
    deployment.start(*CONSUMERS)
    # The group gives the partitions away when the session is over; then the other one works on what the frozen one had begun.
    eventually(lambda: _assigned(other_log) == PARTITIONS, within_s=60, says="the other consumer owns every partition")
    done = len(sender.accepted)
    eventually(lambda: len(sender.accepted) > done + 20 and _behind(deployment) < 50 and _owned(other_log), within_s=60)
    os.kill(frozen.pid, signal.SIGCONT)
    eventually(lambda: "consumer.ownership_lost" in frozen_log.read_text(), says="the one that woke up notices that it lost its work")
    done = len(sender.accepted)
    eventually(lambda: len(sender.accepted) > done + 20)
    sender.halt()
    await settled(deployment, sender)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("environment", ["production"], indirect=True)
@pytest.mark.parametrize("engine", ["kafka", "mongo"])
async def test_a_process_leaves_in_time_though_an_engine_is_frozen(deployment: Deployment, engines: Engines, engine: str) -> None:
    """SIGTERM ends a process within ten seconds, also while an engine neither answers nor refuses."""
    deployment.start("--http", environment={"BINDERY_HOST": "127.0.0.1", "BINDERY_PORT": str(deployment.port)})
    deployment.ready()
    sender = Sender(deployment, SEED)
    sender.start()
    eventually(lambda: len(sender.accepted) > 20)
    pid = engines.kafka_pid if engine == "kafka" else engines.mongo_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(2)
        asked = time.monotonic()
        assert deployment.down(within_s=20) == [0]
        took_s = time.monotonic() - asked
    finally:
        os.kill(pid, signal.SIGCONT)
    # The process cuts itself off just before its ten seconds; the rest is what a busy machine takes to start and end the count.
    assert took_s <= 12.0, f"it took {took_s:.1f} s"
    deployment.start("--http", environment={"BINDERY_HOST": "127.0.0.1", "BINDERY_PORT": str(deployment.port)})
    deployment.ready()
    sender.halt()
    await settled(deployment, sender)


def _lines(log: Path, event: str) -> list[dict[str, Any]]:
    told = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [one for one in told if one.get("event") == event]


def _assigned(log: Path) -> dict[str, int]:
    """Group -> how many partitions it was given last."""
    return {one["group"]: len(one["partitions"]) for one in _lines(log, "consumer.assigned")}


def _owned(log: Path) -> int:
    return len(_lines(log, "binder.owned"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("environment", ["production"], indirect=True)
async def test_engines_killed_under_load(deployment: Deployment, engines: Engines, environment: Mapping[str, str]) -> None:
    """Kafka and MongoDB are killed and started again while webhooks flow: senders see 503 and retry, and nothing is lost."""
    api(deployment)
    deployment.start(*CONSUMERS)
    sender = Sender(deployment, SEED + 99)
    sender.start()
    for kill, start in ((engines.kill_kafka, engines.start_kafka), (engines.kill_mongo, engines.start_mongo)):
        so_far = len(sender.accepted)
        eventually(lambda so_far=so_far: len(sender.accepted) > so_far + 20, within_s=60)  # type: ignore[misc]
        await asyncio.to_thread(kill)
        time.sleep(1)
        await asyncio.to_thread(start)
    so_far = len(sender.accepted)
    eventually(lambda: len(sender.accepted) > so_far + 20, within_s=60)
    sender.halt()
    await settled(deployment, sender)


def _behind(service: Deployment) -> int:
    return sum(item["records"] for item in service.get("/v1/lag").json()["items"])


def _is_stopped(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "T"
