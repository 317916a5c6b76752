"""Two processes of every consumer on Kafka: they share the partitions, and when one leaves the other has all of them at once.

Owns: members of groups that come and go in order. Does not own: members that die or freeze (tests/crash/), the promises of one log
(tests/contracts/). Next stop: consumers/runner.py.
"""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from app.bootstrap import GROUPS
from schemas import topics
from tests.functional.deployment import Deployment, eventually, free_port
from tests.functional.hostile import behind, settled
from tests.functional.test_saturated import ASSETS, BACKLOGS, CONSUMERS, LEAVE_S, SKUS, Sending, bound, prefill, processed

PRODUCTION = pytest.mark.parametrize("environment", [pytest.param("production", marks=pytest.mark.engines)], indirect=True)
EVENTS = {"projector": "bindery.projector", "projector-slow": "bindery.projector.slow"}


def held(log: Path, namespace: str) -> dict[str, set[str]]:
    """Group -> the partitions that the process was given last, as its own log tells."""
    told: dict[str, set[str]] = {group: set() for group in GROUPS}
    for line in log.read_text().splitlines():
        said = json.loads(line) if line.startswith("{") else {}
        if said.get("event") == "consumer.assigned":
            told[said["group"]] = {one.removeprefix(namespace) for one in said["partitions"]}
    return told


def everything() -> dict[str, set[str]]:
    """Group -> all partitions of its topics."""
    return {
        group: {f"{name}/{n}" for name in names for n in range(int(topics.settings(name)["partitions"]))} for group, names in GROUPS.items()
    }


@PRODUCTION
@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_two_share_the_work_and_one_takes_over_all_of_it(deployment: Deployment) -> None:
    """Each partition has one owner; the one who leaves under load commits what it did, and the other goes on exactly there."""
    service = deployment
    namespace = service.environment["BINDERY_KAFKA_NAMESPACE"]
    count = BACKLOGS["production"][0]
    await prefill(service, count)
    service.start("api", "--host", "127.0.0.1", "--port", str(service.port))
    ports = [dict.fromkeys(CONSUMERS, free_port()) for _ in range(2)]
    files = [service.folder / f"process-{number}.log" for number in (1, 2)]
    members = [service.start("consume", *CONSUMERS, "--health-port", str(port["clock"])) for port in ports]
    wanted = everything()

    def shared() -> bool:
        one, other = (held(file, namespace) for file in files)
        return all(
            one[group] and other[group] and not one[group] & other[group] and one[group] | other[group] == wanted[group] for group in wanted
        )

    eventually(shared, within_s=40, says="both own a part of every group's partitions, and nothing twice")
    sending = Sending(service)
    sending.start()
    eventually(lambda: len(sending.accepted) > 5)
    done = {consumer: processed(ports[0], consumer) for consumer in EVENTS}
    begun = time.monotonic()
    members[0].send_signal(signal.SIGTERM)
    assert members[0].wait(LEAVE_S) == 0
    assert time.monotonic() - begun < LEAVE_S
    eventually(lambda: held(files[1], namespace) == wanted, within_s=40, says="the other one owns everything")
    sending.halt()
    settled(service, within_s=90)
    assert set(bound(service, count)) == {2 * ASSETS // SKUS}
    for name in (sending.accepted[0], sending.accepted[-1]):
        assert [one["asset"]["id"] for one in service.sku(name)["bindings"]] == [f"id-{name}"]
    total = {"projector": count + len(sending.accepted), "projector-slow": count}
    for consumer in EVENTS:
        # What the first one did between the question and its end is missing here; what was done twice would be too much.
        both = done[consumer] + processed(ports[1], consumer)
        assert both <= total[consumer], f"{consumer}: {both} of {total[consumer]}"
    assert set(service.down()) == {0}
    async with behind(service) as made:
        for group, names in GROUPS.items():
            assert sum((await made.log.lag(group, names)).values()) == 0, group
