"""Processes killed at named points while webhooks flow: afterwards everything is as if nothing had happened (promises P1, P3, P4).

Owns: the crashes. Does not own: traffic and checks (workload.py), frozen processes and dead engines (test_frozen.py).
Next stop: tests/crash/child.py dies at the points.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.bootstrap import apply_topics, parts
from tests.crash.workload import Posted, Traffic, check_topic, oracle, published, stored
from tests.functional.deployment import TLS, Deployment, eventually, on_engines, signature

POINTS = (
    "projector.after_write",
    "projector.after_look",
    "projector.after_append",
    "binder.after_write",
    "binder.after_append",
)
CRASHES = int(os.environ.get("BINDERY_TEST_CRASHES", "10"))
SEED = int(os.environ.get("BINDERY_TEST_SEED", "4711"))
CHILD = (sys.executable, "-m", "tests.crash.child")


@pytest.fixture(params=["embedded", pytest.param("production", marks=pytest.mark.engines)])
def environment(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """The variables that choose the engines."""
    if request.param == "embedded":
        return {}
    engines = request.getfixturevalue("engines")
    more = {"BINDERY_KAFKA_SESSION_TIMEOUT_S": "2", "BINDERY_WEBHOOK_DEADLINE_S": "2"}
    return on_engines(engines.kafka_bootstrap, engines.mongo_uri, **more)


@pytest.fixture
def deployment(environment: Mapping[str, str], tmp_path: Path) -> Iterator[Deployment]:
    """A deployment whose processes can be told where to die."""
    made = Deployment(tmp_path, environment, entry=CHILD)
    if environment:
        asyncio.run(apply_topics(made.settings(), dry_run=False))
    yield made
    for process in made.processes:
        if process.poll() is None:
            process.kill()
            process.wait(10)


class Sender(threading.Thread):
    """Posts traffic without pause, as a vendor does: what was not answered with 200 is sent again, later."""

    def __init__(self, service: Deployment, seed: int) -> None:
        super().__init__(daemon=True)
        self.accepted: list[Posted] = []
        self._service, self._traffic = service, Traffic(seed)
        self._halt = threading.Event()

    def run(self) -> None:
        pending: list[Posted] = []
        while not self._halt.is_set() or pending:
            if not pending:
                pending.append(self._traffic.next())
            source, body = pending[-1]
            try:
                headers = {"content-type": "application/json", **signature(source, body)}
                answer = httpx.post(f"{self._service.url}/webhooks/{source}", content=body, headers=headers, timeout=20, verify=TLS)
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code == 200:
                self.accepted.append(pending.pop())
            else:
                assert answer.status_code in (429, 503), answer.text
            time.sleep(0.01)

    def halt(self) -> None:
        """Ends after the last event was accepted."""
        self._halt.set()
        self.join(60)
        assert not self.is_alive(), "the last event was not accepted in time"


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_killed_at_any_point_nothing_is_lost_and_nothing_doubled(deployment: Deployment) -> None:
    """Killed again and again while webhooks flow, the service ends on the answers of an undisturbed one, and each revision names one."""
    chance = random.Random(SEED)
    sender = Sender(deployment, SEED)
    sender.start()
    for crash in range(CRASHES):
        # Every point comes by in turn; the passing at which it kills is drawn, and every sixth crash comes at an arbitrary moment.
        point = POINTS[crash % len(POINTS)] if crash % 6 != 5 else ""
        told = {"BINDERY_TEST_POINT": point, "BINDERY_TEST_COUNT": str(chance.randint(1, 6)), "BINDERY_TEST_ACT": "kill"}
        process = deployment.start("--http", environment={**told, "BINDERY_HOST": "127.0.0.1", "BINDERY_PORT": str(deployment.port)})
        if point:
            assert process.wait(90) == -9, f"{point} was never passed; see {deployment.folder}"
        else:
            deployment.ready()
            time.sleep(chance.random())
            process.kill()
            process.wait(10)
    deployment.start("--http", environment={"BINDERY_HOST": "127.0.0.1", "BINDERY_PORT": str(deployment.port)})
    deployment.ready()
    sender.halt()
    await settled(deployment, sender)


async def settled(deployment: Deployment, sender: Sender) -> None:
    """Waits until nothing is left to do, then compares store, topic and oracle."""
    eventually(lambda: sum(item["records"] for item in deployment.get("/v1/lag").json()["items"]) == 0, within_s=90, says="lag 0")
    expected = await oracle(sender.accepted, deployment.folder / "bindery.yaml", 1)
    answers = stored(deployment, expected)
    letters = deployment.get("/v1/dead-letters")
    assert letters.status_code == 200, letters.text
    assert letters.json()["items"] == []
    deployment.down()
    differing = [(sku, answers[sku], content) for sku, content in expected.items() if _content(answers[sku], content) != content]
    assert not differing, f"{len(differing)} of {len(expected)} SKUs differ; stored {differing[0][1]}, expected {differing[0][2]}"
    made = parts(deployment.settings())
    await made.log.start()
    try:
        check_topic(await published(made.log), answers)
    finally:
        await made.log.stop()
        if made.lock:
            made.lock.close()


def _content(answer: dict[str, Any] | None, expected: dict[str, Any]) -> dict[str, Any]:
    # A SKU that never had an answer and one whose answer became empty are the same to a reader.
    if answer is None and expected["product"] is None and not expected["bindings"]:
        return expected
    return {name: value for name, value in (answer or {}).items() if name != "revision"}
