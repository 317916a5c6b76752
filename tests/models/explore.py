"""An exhaustive search through the states of a small model, breadth first, so that the first violation found is a shortest one.

Owns: the search. Does not own: any model. Next stop: tests/models/binder_protocol.py.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True)
class Explored(Generic[S]):
    """violation: what went wrong first, "" where nothing can. path: the states that lead there. states: how many were seen."""

    violation: str
    path: tuple[S, ...]
    states: int

    def story(self) -> str:
        """The path, for people: one state a line."""
        return "\n".join([self.violation or "holds", *map(str, self.path)])


def explore(start: S, steps: Callable[[S], Iterable[S]], violation: Callable[[S], str]) -> Explored[S]:
    """Visits every state that can be reached. steps: what may come next. violation: what is wrong with a state, "" for nothing."""
    came_from: dict[S, S | None] = {start: None}
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        wrong = violation(state)
        if wrong:
            return Explored(wrong, _path(came_from, state), len(came_from))
        for following in steps(state):
            if following not in came_from:
                came_from[following] = state
                waiting.append(following)
    return Explored("", (), len(came_from))


def _path(came_from: dict[S, S | None], state: S) -> tuple[S, ...]:
    path: list[S] = []
    current: S | None = state
    while current is not None:
        path.append(current)
        current = came_from[current]
    return tuple(reversed(path))
