"""Tasks and leases hold in every state that can be reached, and no rule of theirs can be left out.

Owns: what is explored. Does not own: the models. Next stop: consumers/fetch_pages.py finishes tasks, consumers/leases.py owns them.
"""

from typing import Any

import pytest

from tests.models.explore import Explored, explore
from tests.models.fetch_protocol import LEASE, LeaseProtocol, LeaseRules, TaskProtocol, TaskRules

BROKEN_TASKS = {
    "the guard on the document": TaskRules(guard=False),
    "the generation": TaskRules(generation=False),
    "the append before the finish": TaskRules(append_first=False),
}
BROKEN_LEASES = {
    "the owner's count from before its write": LeaseRules(owner_from="after"),
    "the watcher's count from after its read": LeaseRules(watcher_from="before"),
    "the watch of a whole lease": LeaseRules(watch=LEASE - 1),
    "the guard of a takeover": LeaseRules(guard=False),
}


def tasks(rules: TaskRules) -> Explored[Any]:
    protocol = TaskProtocol(rules)
    return explore(protocol.start(), protocol.steps, protocol.violation)


def leases(rules: LeaseRules) -> Explored[Any]:
    protocol = LeaseProtocol(rules)
    return explore(protocol.start(), protocol.steps, protocol.violation)


def test_a_task_holds() -> None:
    """Two processes at one task, crashes and changes at every step: at rest the log holds the vendor's last state."""
    explored = tasks(TaskRules())
    assert (explored.violation, explored.states > 1_000) == ("", True), explored.story()


@pytest.mark.parametrize("rules", BROKEN_TASKS.values(), ids=BROKEN_TASKS.keys())
def test_every_rule_of_a_task_is_needed(rules: TaskRules) -> None:
    """Without it a change is never fetched."""
    assert tasks(rules).violation == "nobody fetches the last state any more"


def test_a_lease_holds() -> None:
    """Whenever writes and reads take effect: no two processes believe that the system is theirs."""
    explored = leases(LeaseRules())
    assert (explored.violation, explored.states > 1_000) == ("", True), explored.story()


@pytest.mark.parametrize("rules", BROKEN_LEASES.values(), ids=BROKEN_LEASES.keys())
def test_every_rule_of_a_lease_is_needed(rules: LeaseRules) -> None:
    """Without it there are two owners at some time."""
    assert leases(rules).violation == "two owners at a time"
