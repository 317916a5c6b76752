"""Consumers with more work than they can do: webhooks are answered in time, and processes leave in time and lose nothing.

Owns: the backlog, the measurement at the door, SIGTERM under load, Retry-After on whole services. Does not own: bounds of the door
(tests/api/), several members of a group (tests/functional/test_sharing.py), SIGKILL (tests/crash/). Next stop: app/process.py.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from app.ports import Entry
from schemas import topics
from schemas.event import Event
from tests.functional.deployment import Deployment, eventually, free_port, signature, upload
from tests.functional.hostile import behind, settled

# Events on each of the two lanes, the first that lasts long enough for this machine. Kafka and MongoDB share it with the service.
BACKLOGS = {"embedded": (16_000, 48_000), "production": (5_000, 15_000, 40_000)}
ASSETS, SKUS = 4_000, 1_000
ENOUGH = 1000  # What has to be left of a backlog, so that the consumers were at work all the time.
ANSWER_S, LEAVE_S = 0.5, 10.0
CONSUMERS = ("projector", "projector-slow", "binder", "letters", "clock")


def production(service: Deployment) -> bool:
    return "BINDERY_MONGODB_URI" in service.environment


def backlogs(service: Deployment) -> tuple[int, ...]:
    return BACKLOGS["production" if production(service) else "embedded"]


async def prefill(service: Deployment, count: int) -> None:
    """Puts so many events on the live lane and as many on the slow one, as if the consumers had been away for a while."""
    async with behind(service) as made:
        now_us = made.clock.now_us()
        for lane, prefix in ((topics.EVENTS_DAM, "live"), (topics.EVENTS_SLOW, "slow")):
            entries = []
            for number in range(count):
                name = f"{prefix}-{count}-{number % ASSETS}"
                body = upload(name, sku=f"B-{count}-{number % ASSETS % SKUS}", version=1791965551 + number)
                event = Event(f"{prefix}-{count}-{number}", "cloudinary-eu", "upload", f"asset/cloudinary-eu/id-{name}", body, now_us)
                entries.append(Entry(event.key.encode(), event.value, event.headers()))
            for start in range(0, count, 1000):
                await made.log.append(lane, entries[start : start + 1000])


def lag(service: Deployment) -> int:
    return sum(int(item["records"]) for item in service.get("/v1/lag").json()["items"])


def post(connection: http.client.HTTPConnection, name: str) -> tuple[float, int, str]:
    """(seconds, status, Retry-After) of one webhook about an asset and a SKU of this name."""
    body = upload(name, sku=name)
    begun = time.monotonic()
    connection.request("POST", "/webhooks/cloudinary-eu", body, signature("cloudinary-eu", body))
    answer = connection.getresponse()
    answer.read()
    return time.monotonic() - begun, answer.status, answer.headers.get("retry-after", "")


def answers(service: Deployment, sender: int, count: int) -> list[tuple[float, int, str]]:
    """One sender's webhooks, one after the other over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    told = []
    for number in range(count):
        told.append(post(connection, f"w-{sender}-{number}"))
        time.sleep(0.005)
    connection.close()
    return told


class Noise(threading.Thread):
    """How late this machine wakes somebody who only sleeps: what other processes on it take does not count against the service."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.worst_s = 0.0
        self.halt = threading.Event()

    def run(self) -> None:
        while True:
            due = time.monotonic() + 0.005
            if self.halt.wait(0.005):
                return
            self.worst_s = max(self.worst_s, time.monotonic() - due)


class Sending(threading.Thread):
    """Posts until nobody listens any more, or until told to end; knows which were accepted."""

    def __init__(self, service: Deployment) -> None:
        super().__init__(daemon=True)
        self.accepted: list[str] = []
        self._service = service
        self._ending = threading.Event()

    def halt(self) -> None:
        self._ending.set()
        self.join(20)

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._service.port, timeout=20)
        try:
            while not self._ending.is_set():
                name = f"last-{len(self.accepted)}"
                if post(connection, name)[1] == 200:
                    self.accepted.append(name)
        except (OSError, http.client.HTTPException):
            pass  # The service has left.
        connection.close()


def started(service: Deployment) -> dict[str, int]:
    """The service as it runs in this mode, one process or several, the door first; consumer -> port of its health."""
    if not production(service):
        service.up()
        return dict.fromkeys(CONSUMERS, service.port)
    service.start("api", "--host", "127.0.0.1", "--port", str(service.port))
    service.ready()
    ports: dict[str, int] = {}
    for together in (["projector"], ["projector-slow"], ["binder", "letters", "clock"]):
        ports |= dict.fromkeys(together, free_port())
        service.start("consume", *together, "--health-port", str(ports[together[0]]))
    return ports


def processed(ports: Mapping[str, int], consumer: str) -> int:
    """How many records this consumer has worked off since it started."""
    told = httpx.get(f"http://127.0.0.1:{ports[consumer]}/health/ready", timeout=10).json()
    detail = {each["name"]: each["detail"] or "" for each in told["dependencies"]}[consumer]
    found = re.match(r"(\d+) records", detail)
    return int(found[1]) if found else -1


def at_work(service: Deployment, count: int) -> None:
    """Waits until the first of this backlog is bound."""
    eventually(lambda: service.get("/v1/skus", sku=f"B-{count}-7").status_code == 200, within_s=40, says="consumers at work")


@dataclass
class Door:
    """What a backlog left of the door: every answer, how noisy the machine was, how much was still to do at the end."""

    answers: list[tuple[float, int, str]]
    noise_s: float
    left: int


async def beside(service: Deployment, count: int) -> Door:
    """Posts while consumers work off this backlog, then stops them."""
    await prefill(service, count)
    started(service)
    at_work(service, count)
    noise = Noise()
    noise.start()
    with ThreadPoolExecutor(4) as senders:
        every = [each for told in senders.map(lambda n: answers(service, n, 60), range(4)) for each in told]
    noise.halt.set()
    left = lag(service)
    assert set(service.down(within_s=LEAVE_S)) == {0}
    return Door(every, noise.worst_s, left)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_backlog_does_not_delay_webhooks(deployment: Deployment) -> None:
    """Thousands of events wait on both lanes: a webhook takes half a second at most."""
    first, *more = backlogs(deployment)
    door = await beside(deployment, first)
    for count in more:
        if door.left <= ENOUGH:
            door = await beside(deployment, count)
    assert door.left > ENOUGH, f"the consumers were done too soon ({door.left} left): the measurement says nothing"
    statuses = Counter(status for _, status, _ in door.answers)
    slowest = sorted(seconds for seconds, _, _ in door.answers)[-5:]
    assert set(statuses) <= {200, 429, 503}, statuses
    assert all(retry for _, status, retry in door.answers if status != 200), "an answer that says no says when to come back"
    assert statuses[200] >= len(door.answers) * 0.75, statuses
    assert slowest[-1] < ANSWER_S + door.noise_s, f"slowest: {slowest}, {statuses}; the machine itself {door.noise_s:.3f} s"


@dataclass
class Leaving:
    """What a process that was told to end left behind: a consumer's records still to do, webhooks that had been accepted meanwhile."""

    behind_by: dict[str, int]
    accepted: list[str]


async def leaving(service: Deployment, count: int) -> Leaving:
    """Tells the processes to end while they work off this backlog and take in more."""
    await prefill(service, count)
    ports = started(service)
    sending = Sending(service)
    sending.start()
    eventually(lambda: len(sending.accepted) > 5)
    eventually(lambda: processed(ports, "projector") > 0, within_s=40, says="a batch that is done")
    begun = time.monotonic()
    codes = service.down(within_s=LEAVE_S)
    took = time.monotonic() - begun
    assert set(codes) == {0}, f"{codes}, see {service.folder}"
    assert took < LEAVE_S, f"{took:.1f} s"
    sending.join(30)
    async with behind(service) as made:
        behind_by = {
            "projector": sum((await made.log.lag("bindery.projector", topics.LIVE)).values()),
            "projector-slow": sum((await made.log.lag("bindery.projector.slow", topics.SLOW)).values()),
        }
    return Leaving(behind_by, sending.accepted)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_process_that_has_a_backlog_leaves_in_time_and_does_the_rest_once(deployment: Deployment) -> None:
    """SIGTERM amid work: ten seconds at most, and what was committed is not read again, what was not is read once."""
    service = deployment
    count, *more = backlogs(service)
    left = await leaving(service, count)
    for larger in more:
        if not any(left.behind_by.values()):
            count, left = larger, await leaving(service, larger)
    assert any(left.behind_by.values()), "everything was done before the signal: nothing is shown"

    ports = started(service)
    settled(service, within_s=90)
    # A batch is counted a moment after it was committed.
    for consumer, waiting in left.behind_by.items():
        eventually(lambda c=consumer, w=waiting: processed(ports, c) >= w, says=consumer)  # type: ignore[misc]  # kept values
        assert processed(ports, consumer) == waiting, consumer
    assert left.accepted
    for name in (left.accepted[0], left.accepted[-1]):
        assert [one["asset"]["id"] for one in service.sku(name)["bindings"]] == [f"id-{name}"]
    assert set(bound(service, count)) == {2 * ASSETS // SKUS}
    assert set(service.down()) == {0}


def bound(service: Deployment, count: int) -> Iterator[int]:
    """How many bindings each SKU of this backlog has."""
    for start in range(0, SKUS, 100):
        answer = service.post("/v1/skus/batch", {"skus": [f"B-{count}-{number}" for number in range(start, start + 100)]})
        assert answer.status_code == 200, answer.text
        yield from (len(item["bindings"]) for item in answer.json()["items"])


@pytest.mark.parametrize("environment", [{}], ids=["embedded"])
def test_who_is_told_no_is_told_when_to_come_back(deployment: Deployment) -> None:
    """429 beyond a source's rate, 503 without a timely log, without a secret, after retirement: each with Retry-After, each a problem."""
    service = deployment
    service.environment = {"BINDERY_WEBHOOK_DEADLINE_S": "0.000001"}
    service.configure(
        more="""
  cloudinary-slow: {preset: cloudinary, secrets: [env:TEST_SECRET], tolerance_s: null, when_rights_unknown: show, rate_per_s: 0.05}
  cloudinary-broken: {preset: cloudinary, secrets: [env:NOBODY_HAS_SET_THIS], when_rights_unknown: show}
  cloudinary-retired: {preset: cloudinary, secrets: [env:TEST_SECRET], when_rights_unknown: show, retired: true}
"""
    )
    service.up()
    told = {}
    for source in ("cloudinary-eu", "cloudinary-broken", "cloudinary-retired", "cloudinary-slow", "cloudinary-slow"):
        told[source] = service.webhook(source, upload("x"))
    statuses = {source: answer.status_code for source, answer in told.items()}
    assert statuses == {"cloudinary-eu": 503, "cloudinary-broken": 503, "cloudinary-retired": 503, "cloudinary-slow": 429}
    for source, answer in told.items():
        assert int(answer.headers["retry-after"]) > 0, source
        assert answer.headers["content-type"] == "application/problem+json", source
        assert answer.json()["detail"], source
    assert service.down() == [0]
