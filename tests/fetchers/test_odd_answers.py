"""Answers of any shape: whatever JSON a vendor sends, a fetcher gives pages or says that the vendor is down, and never breaks.

Owns: seeded mutations of good answers. Does not own: faults of connections and statuses (tests/fetchers/test_failures.py).
Next stop: tests/fetchers/test_failures.py.
"""

from random import Random
from typing import Any

import orjson
import pytest

from app.errors import VendorFailed
from app.fetchers.calls import Vendor
from app.ports import Answer
from app.sources.fetching import VARIANTS
from tests.doubles import Call, HandClock, Outside
from tests.fetchers.vendors import CASES

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    1.5,
    "",
    "x",
    [],
    {},
    [None],
    [[]],
    {"a": 1},
    "2026-01-01T00:00:00Z",
    {"href": "http://[::1"},
    {"next": {"href": 5}},
)
MOST_CALLS = 40
WISHES = {"akeneo": [("product", ["SKU-1"]), ("model", ["M", "N"]), ("asset", ["f/a", "nowhere"]), (VARIANTS, ["M"])]}


def answers(name: str) -> list[Any]:
    """Good answers of a vendor, for any of its calls."""
    one, two = CASES[name].state(0), CASES[name].state(1)
    following = {"next": {"href": "https://v.example/api/rest/v1/x?page=2"}}
    wrapped: dict[str, list[Any]] = {
        "akeneo": [
            {"_links": following, "_embedded": {"items": [one, two]}},
            {"_embedded": {"_items": [{"code": "a", "updated": "x"}]}},
            one,
        ],
        "cloudinary": [{"resources": [one, two]}, one],
        "contentful": [{"items": [one, two], "total": 2}],
        "frontify": [{"data": {"assets": [{**one, "customMetadata": [{"values": ["a"]}]}, two, None]}}, {"errors": [{"extensions": {}}]}],
        "template": [{"result": one}],
    }
    return wrapped.get(name, [one, two])


def mutated(value: Any, random: Random, share: float) -> Any:
    if random.random() < share:
        return random.choice(ODD)
    if isinstance(value, dict):
        return {name: mutated(held, random, share) for name, held in value.items() if random.random() > 0.03}
    return [mutated(held, random, share) for held in value] if isinstance(value, list) else value


class Odd(Outside):
    """Answers everything with mutations of good answers, and with 500 once it was asked too often."""

    def __init__(self, good: list[Any], random: Random) -> None:
        self._good, self._random, self._calls = good, random, 0

    async def answered(self, call: Call) -> Answer:
        self._calls += 1
        status = 500 if self._calls > MOST_CALLS else self._random.choice([*[200] * 8, 400, 404, 405, 422])
        content = orjson.dumps(mutated(self._random.choice(self._good), self._random, self._random.choice([0.02, 0.1])))
        return Answer(status, {}, content if self._random.random() > 0.03 else content[:-1], 0)


@pytest.mark.parametrize("name", sorted(CASES))
async def test_odd_answers(name: str) -> None:
    """Every state that comes is an object, every failure is the vendor's."""
    case, random = CASES[name], Random(11)
    for _ in range(400):
        fetcher = case.fetching(Vendor("the-system", Odd(answers(name), random), HandClock()), "https://v.example")
        things = [case.thing(number) for number in range(2)][: fetcher.per_call[case.kind]]
        kind, wish = random.choice([(case.kind, things), *WISHES.get(name, [])])
        try:
            async for page in fetcher.fetch(kind, wish):
                assert all(found.state is None or isinstance(found.state, dict) for found in page.found)
        except VendorFailed:
            continue
