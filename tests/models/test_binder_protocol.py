"""The binder's protocol holds in every state that can be reached, and no guard of it can be left out (promise P4).

Owns: what is explored. Does not own: the model. Next stop: consumers/binder.py.
"""

import pytest

from tests.models.binder_protocol import BinderProtocol, Guards
from tests.models.explore import explore

# Versions of the inputs by the content they lead to: change, change back, no change at first, no change at last.
HISTORIES = ("AB", "ABA", "AAB", "ABB")
WITHOUT = {
    "the touch of the owner document": Guards(touch=False),
    "the look at the stored epoch": Guards(zombie=False),
    "the fence around the topic": Guards(fence=False),
    "publishing anew what an older epoch decided": Guards(republish=False),
    "a new epoch after a failure": Guards(renew=False),
    "the epoch in the comparison": Guards(compare="revision"),
    "any comparison": Guards(compare="nothing"),
}


@pytest.mark.parametrize("contents", HISTORIES)
def test_the_protocol_holds(contents: str) -> None:
    """Whatever fails: the store ends on the last content, the topic on the stored revision, no revision names two contents."""
    protocol = BinderProtocol(contents)
    explored = explore(protocol.start(), protocol.steps, protocol.violation)
    assert not explored.violation, explored.story()
    assert explored.states > 10_000


@pytest.mark.parametrize("guards", WITHOUT.values(), ids=WITHOUT.keys())
def test_every_guard_is_needed(guards: Guards) -> None:
    """Without it some history ends wrong."""
    protocols = [BinderProtocol(contents, guards) for contents in HISTORIES]
    explored = (explore(protocol.start(), protocol.steps, protocol.violation) for protocol in protocols)
    wrong = next((one for one in explored if one.violation), None)
    assert wrong
    print(f"{wrong.violation} after {len(wrong.path) - 1} steps")
