"""Everything at once: changes at the vendor, late and double events, bad answers, dying owners; the end is the vendor's state.

Owns: seeded scenarios and their oracle. Does not own: each rule by itself (test_fetching.py). Next stop: tests/crash/test_fetch_owner.py,
the same with real processes.

The oracle knows nothing of tasks: it merges what stands on the log (fetched states and the vendor's own deletion events) by their orders,
as app/domain/facets.py would, and the result has to be what the vendor holds.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.domain.order import CHANGE, DELETION, FETCHED
from app.errors import VendorBusy, VendorDenied, VendorDown
from app.sources.fetching import VARIANTS, Page
from tests.consumers.disturbances import Crash, Crashing
from tests.consumers.fetching_world import Fault, Fetches, Vendor, wish
from tests.consumers.world import SECOND_US

SEEDS = [int(seed) for seed in os.environ.get("BINDERY_TEST_SEED", "1,2,3,4,5,6").split(",")]
THINGS = [f"m-{number}" for number in range(7)]
POINTS = ("fetcher.after_append", "fetcher.after_finish", "fetcher.after_letter")
ERRORS = (VendorDown("502"), VendorDown("half"), VendorDown("too large"), VendorBusy("429", 30.0), VendorBusy("429"), VendorDenied("401"))


@dataclass
class Restless(Vendor):
    """Changes while it is asked, tells of it by events, and answers badly in many ways. Its times have whole seconds."""

    chance: random.Random = field(default_factory=random.Random)
    changes_left: int = 60
    versions: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    deletions: list[tuple[str, int]] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)
    lied: set[str] = field(default_factory=set)

    def change(self) -> None:
        """One thing is saved or deleted, and events tell of it: late, twice, or both."""
        if not self.changes_left:
            return
        self.changes_left -= 1
        thing, now_us = self.chance.choice(THINGS), self.clock.now_us() - self.behind_us
        second_us = now_us // SECOND_US * SECOND_US
        gone = ("product", thing) in self.things and self.chance.random() < 0.3
        before = self.things.get(("product", thing), (0, None))
        self.versions.setdefault(thing, []).append(before)
        if gone:
            del self.things["product", thing]
            self.deletions.append((thing, second_us))
        else:
            self.put(thing, second_us, n=self.changes_left)
        due_us = self.clock.now_us() + self.chance.randint(0, 4) * SECOND_US
        event = wish(thing, second_us, deletion=gone, due_us=due_us)
        self.told += [event] * self.chance.choice((1, 1, 2))
        if self.chance.random() < 0.1:
            self.told.append(wish("m", second_us, kind=VARIANTS, due_us=due_us))

    async def fetch(self, kind: str, things: Any) -> AsyncIterator[Page]:
        pick = self.chance.random()
        if self.changes_left and pick < 0.3:
            self.faults.append(Fault(self.chance.choice(ERRORS), pages=self.chance.randint(0, 1)))
        elif self.changes_left and pick < 0.4:
            self.faults.append(Fault(silent=1))
        elif kind == "product" and pick < 0.6:
            self.faults.append(Fault(stale=self._earlier(things)))
        async for page in super().fetch(kind, things):
            yield page

    def _earlier(self, things: Any) -> dict[tuple[str, str], tuple[int, Any]]:
        """The catalogue with some of these things as they were before: older by more than a second can hide, and never twice in a row."""
        seen = dict(self.things)
        for thing in things:
            current = self.things.get(("product", thing), (0, None))
            old = [held for held in self.versions.get(thing, []) if held[1] is None or held[0] + 2 * SECOND_US < current[0]]
            if current[1] is None or not old or thing in self.lied or self.chance.random() < 0.5:
                self.lied.discard(thing)
                continue
            self.lied.add(thing)
            at_us, state = self.chance.choice(old)
            if state is None:
                seen.pop(("product", thing), None)
            else:
                seen["product", thing] = (at_us, state)
        return seen


async def merged(fetches: Fetches, vendor: Restless) -> dict[str, Any]:
    """thing -> the state that the log leads to, None for what is deleted."""
    best: dict[str, tuple[Any, Any]] = {}

    def say(thing: str, order: tuple[int, int, int], state: Any) -> None:
        if thing not in best or best[thing][0] < order:
            best[thing] = (order, state)

    for thing, at_us in vendor.deletions:
        say(thing, (at_us, DELETION, 0), None)
    for event in await fetches.events():
        at_us = event["updated"] if event["state"] is not None else event["began"]
        say(event["thing"], (max(at_us, event["at_least"]), FETCHED, event["began"]), event["state"])
    assert CHANGE < DELETION < FETCHED
    return {thing: state for thing, (_, state) in best.items()}


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_end_is_what_the_vendor_holds(fetches: Fetches, seed: int) -> None:
    """Sixty changes, events and failures of every kind, an owner that dies every now and then: nothing is lost, no limit is broken."""
    chance = random.Random(seed)
    vendor = fetches.vendor = Restless(
        fetches.clock, chance=chance, concurrency=3, per_call={"product": 4, VARIANTS: 1}, whole_seconds=True
    )
    vendor.behind_us = chance.choice((0, 3, 100)) * SECOND_US
    crashing = Crashing()
    fetches.more = {"checkpoint": crashing}
    lives = 0

    async def rest() -> bool:
        if vendor.changes_left and chance.random() < 0.5:
            vendor.change()
        chance.shuffle(vendor.told)
        late, vendor.told = vendor.told[:3], vendor.told[3:]
        if late:
            await fetches.ask(*late)
        return not vendor.changes_left and not vendor.told and await fetches.nothing_waits()

    while True:
        crashing.arm(chance.choice(POINTS) if vendor.changes_left else "", chance.randint(1, 8))
        lives += 1
        try:
            await fetches.until(rest, fetches.loop(f"life {lives}", alone=True, lease_s=600.0), within_s=50)
        except Crash:
            await asyncio.sleep(0)
            continue
        break
    assert vendor.most_open <= 3
    assert await fetches.said() == []
    found = await merged(fetches, vendor)
    assert {thing: state for thing, state in found.items() if state is not None} == {
        thing: state for (_, thing), (_, state) in vendor.things.items()
    }, f"seed {seed}, {lives} lives"
