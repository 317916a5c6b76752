"""Looks at one thing, one after the other, without a loop around them: which is the last.

Owns: judge() and applied() within the tick. Does not own: whole loops (test_fetching.py, beside this file).
Next stop: tests/consumers/test_fetching.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from app.sources.fetching import Found
from app.tasks.documents import Task, asked, read
from app.tasks.verdicts import Pace, applied, is_told, judge
from tests.consumers.fetching_world import wish
from tests.consumers.world import NOW_US, SECOND_US

PACE = Pace()
HOUR_US = 3600 * SECOND_US


def looks(task: Task, *seen: tuple[float, Any, int]) -> list[tuple[str, bool]]:
    """(kind of the verdict, whether the answer is told) of each look: seconds after NOW_US, the state, its time."""
    found: list[tuple[str, bool]] = []
    for second, state, updated_us in seen:
        began_us = NOW_US + int(second * SECOND_US)
        one = Found("product", "a", state, updated_us)
        verdict = judge(task, one, began_us, PACE)
        found.append((verdict.kind, is_told(task, one, verdict, PACE)))
        doc = applied(task, task, verdict, PACE, began_us, 0.5)
        assert doc is not None
        task = read(doc)
    return found


def waiting(**more: Any) -> Task:
    return read(asked(None, [wish("a", NOW_US - SECOND_US, **more)], NOW_US))


def test_a_state_is_looked_at_until_its_second_is_over() -> None:
    """However many looks are hurried in between."""
    states = looks(waiting(), (0, 1, NOW_US), (0, 2, NOW_US), (1, 2, NOW_US), (2, 2, NOW_US))
    assert states == [("again", True), ("again", True), ("again", True), ("done", True)]


def test_where_the_vendors_clock_is_behind_two_seconds_on_it_are_enough() -> None:
    """The first look of a state counts; a newer state is a first look again."""
    ahead_us = NOW_US + HOUR_US
    states = looks(waiting(), (0, 1, ahead_us), (1, 1, ahead_us), (1, 2, ahead_us + SECOND_US), (2, 2, ahead_us + SECOND_US))
    assert [kind for kind, _ in states] == ["again"] * 4
    assert looks(waiting(), (0, 1, ahead_us), (1, 1, ahead_us), (2, 1, ahead_us))[-1] == ("done", True)
    assert judge(waiting(), Found("product", "a", 1, ahead_us), NOW_US, PACE).after_s == 3.0


@pytest.mark.parametrize("deletion", [False, True])
def test_an_absence_waits_for_the_second_in_which_the_thing_was_there(deletion: bool) -> None:
    """Told within that second, it would tie with the state; a deletion is believed at once after it."""
    states = looks(waiting(deletion=deletion), (0, 1, NOW_US), (0, None, 0), (1, None, 0), (7, None, 0))
    assert states == [("again", True), ("absent", False), ("absent", False), ("done", True)]
    assert looks(waiting(deletion=True), (0, 1, NOW_US), (2, None, 0)) == [("again", True), ("done", True)]
