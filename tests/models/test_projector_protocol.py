"""The projector's protocol holds in every state that can be reached, and no rule of it can be left out (promises P3 and P4).

Owns: what is explored. Does not own: the model. Next stop: consumers/projector.py.
"""

import pytest

from tests.models.explore import explore
from tests.models.projector_protocol import ASSET, PRODUCT, Event, ProjectorProtocol, Rules

BORN, RENAMED = Event(PRODUCT, 1, "S1"), Event(PRODUCT, 2, "S2")
NAMES, LETS_GO = Event(ASSET, 1, "the product"), Event(ASSET, 2, "")
LANES = {
    "a lane for each record": ((BORN, RENAMED), (NAMES, LETS_GO)),
    "both lanes on both records": ((BORN, LETS_GO), (NAMES, RENAMED)),
    "the newer state first": ((RENAMED, NAMES), (BORN, LETS_GO)),
    "the same event in both lanes": ((BORN, NAMES), (BORN, RENAMED)),
}
RAISED = ((BORN,), (NAMES, RENAMED))
BROKEN = {
    "the guard on the record": Rules(guard=False),
    "the look after the write": Rules(look="before the write"),
    "the look after an unchanged merge": Rules(always=False),
    "the keys ever named": Rules(ever=False),
    "looking for more than the difference": Rules(difference=True),
    "the append before the commit": Rules(request_first=False),
}
CHECKS = {"read before the write": Rules(check="before the write"), "never read": Rules(check="never")}


@pytest.mark.parametrize("lanes", LANES.values(), ids=LANES.keys())
def test_the_protocol_holds(lanes: tuple[tuple[Event, ...], tuple[Event, ...]]) -> None:
    """Whatever crashes at whatever step: every SKU is asked for after the last write that concerns it."""
    protocol = ProjectorProtocol(lanes, Rules())
    explored = explore(protocol.start(), protocol.steps, protocol.violation)
    assert not explored.violation, explored.story()
    assert explored.states > 1_000
    print(f"holds in {explored.states:,} states")


def test_the_protocol_holds_while_the_configuration_is_raised() -> None:
    """At rest, nothing keeps the meaning that the old configuration gave it."""
    protocol = ProjectorProtocol(RAISED, Rules(), raises=True)
    explored = explore(protocol.start(), protocol.steps, protocol.violation)
    assert not explored.violation, explored.story()
    print(f"holds in {explored.states:,} states")


@pytest.mark.parametrize("rules", BROKEN.values(), ids=BROKEN.keys())
def test_every_rule_is_needed(rules: Rules) -> None:
    """Without it some SKU is never decided on the last state."""
    protocols = [ProjectorProtocol(lanes, rules) for lanes in LANES.values()]
    explored = (explore(protocol.start(), protocol.steps, protocol.violation) for protocol in protocols)
    wrong = next((one for one in explored if one.violation), None)
    assert wrong
    print(f"{wrong.violation} after {len(wrong.path) - 1} steps")


@pytest.mark.parametrize("rules", CHECKS.values(), ids=CHECKS.keys())
def test_the_version_is_read_after_the_write(rules: Rules) -> None:
    """Otherwise an event that was mapped by the old configuration slips in behind the pass that maps everything anew."""
    protocol = ProjectorProtocol(RAISED, rules, raises=True)
    explored = explore(protocol.start(), protocol.steps, protocol.violation)
    assert explored.violation == "an event keeps the meaning that the old configuration gave it"
    print(f"{explored.violation} after {len(explored.path) - 1} steps")
