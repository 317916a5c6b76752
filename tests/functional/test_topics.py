"""`bindery topics apply` on a real Kafka: a new cluster gets what the service needs.

Owns: the command. Does not own: what differs how (tests/contracts/test_event_log_kafka.py). Next stop: app/cli/local.py.
"""

from __future__ import annotations

import pytest

from schemas import topics
from tests.functional.deployment import Deployment


@pytest.mark.engines
@pytest.mark.parametrize("environment", ["production"], indirect=True)
def test_topics_that_are_missing_are_made_once(deployment: Deployment) -> None:
    """In a name space of its own every topic is created; asked again, nothing is left to do."""
    elsewhere = {"BINDERY_KAFKA_NAMESPACE": deployment.environment["BINDERY_KAFKA_NAMESPACE"] + "other."}
    said = []
    for number in range(2):
        assert deployment.start("topics", "apply", environment=elsewhere).wait(60) == 0
        said.append((deployment.folder / f"process-{number}.log").read_text())
    assert all(f"created {elsewhere['BINDERY_KAFKA_NAMESPACE']}{name}" in said[0] for name in topics.ALL)
    assert "created" not in said[1]
