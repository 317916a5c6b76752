"""The pace of calls against what vendors document, over hours of a clock that the test sets."""

import asyncio

import pytest

from app.fetchers.calls import Vendor
from app.fetchers.pace import Pace
from app.ports import Answer
from tests.doubles import Call, HandClock, Outside
from tests.fetchers.vendors import CASES


class Recorder(Outside):
    """Answers 404 at once and remembers when it was called."""

    def __init__(self, clock: HandClock) -> None:
        self.clock, self.calls_s = clock, list[float]()

    async def answered(self, call: Call) -> Answer:
        self.calls_s.append(self.clock.at_s)
        return Answer(404, {}, b"{}", self.clock.now_us())


def most_within(calls_s: list[float], seconds: float) -> int:
    """The most calls in any window of this length."""
    most = first = 0
    for last, at_s in enumerate(calls_s):
        while calls_s[first] <= at_s - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize(
    ("name", "documented", "seconds", "wishes"),
    [
        ("bynder", 4_500, 300.0, 10_000),
        ("acquia", 50, 1.0, 1_000),
        ("cloudinary", 500, 3_600.0, 2_000),
        ("template", 10, 1.0, 100),
    ],
)
async def test_no_window_holds_more_calls_than_documented(name: str, documented: int, seconds: float, wishes: int) -> None:
    """However many wishes there are, the limit holds in every window, and at least half of it is used."""
    clock = HandClock()
    outbound, case = Recorder(clock), CASES[name]
    words = {"per_s": 8.0} if name == "template" else {}
    fetcher = case.fetching(Vendor("the-system", outbound, clock), "https://vendor.example.com", **words)
    for number in range(wishes):
        async for _ in fetcher.fetch("asset", [case.thing(number)]):
            pass
    most = most_within(outbound.calls_s, seconds)
    assert documented / 2 < most <= documented


async def test_systems_that_share_a_host_share_its_pace() -> None:
    """Two systems of one host together stay within the limit of one."""
    clock = HandClock()
    outbound, case = Recorder(clock), CASES["acquia"]
    fetchers = [case.fetching(Vendor("the-system", outbound, clock, 2), "https://vendor.example.com") for _ in range(2)]

    async def wish(number: int) -> None:
        async for _ in fetchers[number % 2].fetch("asset", [case.thing(number)]):
            pass

    await asyncio.gather(*(wish(number) for number in range(300)))
    assert most_within(outbound.calls_s, 1.0) <= 50


async def test_a_pace_that_rested_allows_its_burst_and_no_more() -> None:
    """An hour without calls saves up a burst, not an hour's worth."""
    clock = HandClock()
    pace = Pace(clock, per_s=2.0, burst=3)
    clock.at_s += 3_600.0
    began_s = clock.at_s
    for _ in range(3):
        await pace.turn()
    assert clock.at_s == began_s
    await pace.turn()
    assert clock.at_s == pytest.approx(began_s + 0.5)
