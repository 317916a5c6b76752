"""The owner of a vendor's fetches is killed or frozen while things change and answers go wrong: the end is what the vendor holds.

Owns: real processes, a real local Akeneo that watches its limits. Does not own: scenarios within one process
(tests/consumers/test_fetching_scenarios.py). Next stop: consumers/leases.py.

The oracle is the vendor's last state of each product, read by the source that reads fetched states; the store has to show the same leaves.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import pytest

from app.bootstrap import parts
from app.domain import facets
from app.domain.facets import Record
from app.sources.fetching import Found
from tests.bench.fetch import ACCESS, CONFIGURATION
from tests.crash.test_crash import SEED, deployment, environment
from tests.functional.deployment import Deployment, eventually
from tests.functional.test_stories import akeneo
from tests.vendors.akeneo import product_state, product_uuid
from tests.vendors.command import Running, running

__all__ = ["deployment", "environment"]

PRODUCTS = 250
POINTS = ("fetcher.after_append", "fetcher.after_finish")
FAULTS: tuple[list[dict[str, Any]], ...] = (
    [{"kind": "status", "status": 429, "retry_after": "1", "times": 2}],
    [{"kind": "status", "status": 500, "times": 1}],
    [{"kind": "half", "times": 1}],
    [{"kind": "close", "times": 2}],
    [{"kind": "nothing", "times": 1}],
    [{"kind": "endless", "times": 1}],
    [],
)
QUICK = "      timeout_s: 2\n    overrides: {fetching: {delay_s: 0.2, late_s: 0.5, fetcher: akeneo}}\n"

pytestmark = [pytest.mark.crash, pytest.mark.slow]


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A local Akeneo that answers within 30 ms."""
    for name, value in ACCESS.items():
        monkeypatch.setenv(name, value)
    with running("akeneo", "--delay-ms", "30", "--products", str(PRODUCTS)) as server:
        yield server


class Shop:
    """Saves and deletes products at the vendor and posts the thin events that tell of it."""

    def __init__(self, service: Deployment, vendor: Running, seed: int) -> None:
        self._service, self._vendor, self._random = service, vendor, random.Random(seed)
        self.states: dict[str, dict[str, Any] | None] = {}
        self._waiting: list[bytes] = []

    def change(self, count: int) -> None:
        """So many changes. An event that is not accepted is sent again later, as the vendor does."""
        for _ in range(count):
            number, now = self._random.randrange(PRODUCTS), datetime.now(UTC).replace(microsecond=0)
            uuid, stamp = product_uuid(number), now.isoformat()
            if self._random.random() < 0.15 and self.states.get(uuid):
                self.states[uuid] = None
                self._vendor.tell("remove", {"kind": "product", "id": uuid})
                kind = "product.deleted"
            else:
                state = self.states[uuid] = product_state(number, updated=stamp, enabled=self._random.random() < 0.5)
                self._vendor.tell("put", {"kind": "product", "id": uuid, "state": state})
                kind = "product.updated"
            self._waiting.append(akeneo(kind, {"product": {"uuid": uuid}}, stamp.replace("+00:00", "Z")))
        self.deliver()

    def deliver(self) -> bool:
        """Posts what waits; True where nothing waits any more."""
        while self._waiting:
            try:
                answer = self._service.webhook("akeneo-main", self._waiting[0])
            except httpx.TransportError:
                return False
            if answer.status_code != 200:
                return False
            self._waiting.pop(0)
        return True


def configured(service: Deployment, vendor: Running) -> None:
    (service.folder / "bindery.yaml").write_text(CONFIGURATION.format(url=vendor.url) + QUICK)


def hurried(service: Deployment) -> bool:
    """A person ends the vendor's pause, so that the test need not wait for it. Always true."""
    with suppress(httpx.TransportError):
        service.post("/v1/tasks/now", {"system": "akeneo"})
    return True


def at_rest(service: Deployment) -> bool:
    """Nothing waits, and nothing is left on the log."""
    tasks = service.get("/v1/tasks", limit=1).json()
    waiting = sum(one["waiting"] for one in tasks["systems"])
    return not waiting and not sum(item["records"] for item in service.get("/v1/lag").json()["items"])


async def shown_and_wanted(service: Deployment, states: Mapping[str, dict[str, Any] | None]) -> list[tuple[str, Any, Any]]:
    """(product, what is stored, what the vendor's state says), where they differ. No process may run."""
    made = parts(service.settings())
    source = made.configuration.sources["akeneo-main"]
    await made.store.start()
    try:
        docs = await made.store.records.load([f"product/akeneo/{uuid}" for uuid in states])
    finally:
        await made.store.stop()
        await made.outbound.stop()
        if made.lock:
            made.lock.close()
    differing = []
    for uuid, state in states.items():
        now_us = int(time.time() * 1e6)
        event = source.fetched(Found("product", uuid, state), began_us=now_us, at_least=0, arrived_us=now_us)
        wanted = Record(f"product/akeneo/{uuid}")
        facets.merge(wanted, [change for change in source.project(event, 1).changes if change.record == wanted.key])
        doc = docs.get(wanted.key)
        stored = facets.visible(facets.load(doc.id, doc.body, doc.version)) if doc else None
        if stored != facets.visible(wanted):
            differing.append((uuid, stored, facets.visible(wanted)))
    return differing


@pytest.mark.timeout(300)
async def test_killed_at_any_point_the_end_is_what_the_vendor_holds(deployment: Deployment, vendor: Running) -> None:
    """Killed between append and finish, and at any moment, while the vendor misbehaves in every way: nothing is lost, no limit broken."""
    configured(deployment, vendor)
    chance = random.Random(SEED)
    shop = Shop(deployment, vendor, SEED)
    for life in range(int(os.environ.get("BINDERY_TEST_CRASHES", "20")) // 3):
        vendor.tell("faults", chance.choice(FAULTS))
        point = POINTS[life % len(POINTS)] if life % 3 != 2 else ""
        told = {"BINDERY_TEST_POINT": point, "BINDERY_TEST_COUNT": str(chance.randint(1, 4)), "BINDERY_TEST_ACT": "kill"}
        process = _start(deployment, told)
        _until_answering(deployment, process)
        deadline_s = time.monotonic() + (20 if point else chance.random() * 2)
        while process.poll() is None and time.monotonic() < deadline_s:
            await asyncio.to_thread(shop.change, 5)
            await asyncio.to_thread(hurried, deployment)
        process.kill()
        process.wait(60)
        assert not point or process.returncode == -9
    vendor.tell("faults", [])
    _start(deployment, {})
    deployment.ready()
    eventually(shop.deliver, says="the last event is accepted")
    eventually(lambda: hurried(deployment) and at_rest(deployment), within_s=90, says="nothing waits")
    assert deployment.get("/v1/dead-letters").json()["items"] == []
    deployment.down()
    assert vendor.report()["violations"] == []
    differing = await shown_and_wanted(deployment, shop.states)
    assert not differing, f"{len(differing)} of {len(shop.states)} products differ; stored, wanted: {differing[0]}"


@pytest.mark.timeout(240)
@pytest.mark.engines
@pytest.mark.parametrize("environment", ["production"], indirect=True)
@pytest.mark.parametrize("act", ["kill", "freeze"])
async def test_another_process_takes_the_vendor_over(deployment: Deployment, vendor: Running, act: str) -> None:
    """The owner dies or freezes with calls open: the other one goes on after the lease, and the vendor never sees too many calls."""
    configured(deployment, vendor)
    lease = {"BINDERY_FETCH_LEASE_S": "2"}
    http = {"BINDERY_HOST": "127.0.0.1", "BINDERY_PORT": str(deployment.port)}
    deployment.start("--http", "projector", "projector-slow", "binder", "letters", "clock", environment=http)
    fetchers = {}
    for _ in range(2):
        process = deployment.start("fetcher", environment=lease)
        fetchers[process.pid] = process
    deployment.ready()
    shop = Shop(deployment, vendor, SEED)
    for _ in range(2 if act == "kill" else 1):
        shop.change(60)
        eventually(lambda: vendor.report()["calls"] > 1, says="a call")
        owner = fetchers[_owner(deployment)]
        shop.change(20)
        owner.send_signal(signal.SIGKILL if act == "kill" else signal.SIGSTOP)
        shop.change(40)
        eventually(partial(_is_anothers, deployment, owner.pid), within_s=60, says="another owner")
        if act == "kill":
            owner.wait(60)
            again = deployment.start("fetcher", environment=lease)
            fetchers[again.pid] = again
        else:
            owner.send_signal(signal.SIGCONT)
        eventually(lambda: at_rest(deployment), within_s=90, says="nothing waits")
    report = vendor.report()
    assert report["violations"] == []
    assert report["peak_open"] <= 4
    assert deployment.get("/v1/dead-letters").json()["items"] == []
    for process in deployment.processes:
        process.send_signal(signal.SIGTERM)
    for process in deployment.processes:
        process.wait(60)
    assert await shown_and_wanted(deployment, shop.states) == []


def _start(service: Deployment, told: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return service.start(
        "--http", environment={**told, "BINDERY_HOST": "127.0.0.1", "BINDERY_PORT": str(service.port), "BINDERY_FETCH_LEASE_S": "2"}
    )


def _until_answering(service: Deployment, process: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        return process.poll() is not None or service.get("/health/live").status_code == 200

    eventually(answers, within_s=60, says=f"it answers (logs in {service.folder})")


def _owner(service: Deployment) -> int:
    """The process that owns the vendor's tasks, 0 for none."""
    systems = service.get("/v1/tasks", limit=1).json()["systems"]
    owner = next((one["owner"] for one in systems if one["system"] == "akeneo"), None)
    return int(owner.split("/")[1]) if owner else 0


def _is_anothers(service: Deployment, pid: int) -> bool:
    """Whether the vendor's tasks have an owner other than this process."""
    return _owner(service) not in {0, pid}
