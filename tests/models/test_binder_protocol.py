"""The binder's protocol holds in every state that can be reached, and no guard of it can be left out (promise P4).

Owns: what is explored. Does not own: the model. Next stop: consumers/binder.py.
"""

import pytest

from tests.models.binder_protocol import BinderProtocol, Guards
from tests.models.explore import explore

# Versions of the inputs by the content they lead to: change, change back, no change at first, no change at last.
# With two troubles the longer ones hold, too: seven million states, about two minutes.
HISTORIES = {"AB": 2, "ABA": 1, "AAB": 1, "ABB": 1}
WITHOUT = {
    "the touch of the owner document": Guards(touch=False),
    "the look at the stored epoch": Guards(zombie=False),
    "the fence around the topic": Guards(fence=False),
    "publishing anew what an older epoch decided": Guards(republish=False),
    "a new epoch after a failure": Guards(renew=False),
    "the epoch in the comparison": Guards(compare="revision"),
    "any comparison": Guards(compare="nothing"),
}


@pytest.mark.parametrize(("contents", "troubles"), HISTORIES.items())
def test_the_protocol_holds(contents: str, troubles: int) -> None:
    """Whatever fails: the store ends on the last content, the topic on the stored revision, no revision names two contents."""
    protocol = BinderProtocol(contents, troubles=troubles)
    explored = explore(protocol.start(), protocol.steps, protocol.violation)
    assert not explored.violation, explored.story()
    assert explored.states > 10_000


@pytest.mark.parametrize("guards", WITHOUT.values(), ids=WITHOUT.keys())
def test_every_guard_is_needed(guards: Guards) -> None:
    """Without it two troubles are enough to end wrong."""
    protocol = BinderProtocol("AB", guards)
    explored = explore(protocol.start(), protocol.steps, protocol.violation)
    assert explored.violation
    print(f"{explored.violation} after {len(explored.path) - 1} steps")
