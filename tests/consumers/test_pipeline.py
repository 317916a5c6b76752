"""Random histories through log, projectors, binder, sweeps and clock, with crashes and lost answers: the same bytes as an undisturbed bind.

Owns: promises P3 and P4 for the consumers in one process. Does not own: real processes (tests/crash/), merge and bind alone
(tests/domain/test_histories.py). Next stop: tests/crash/test_crash.py.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.bind import bind
from app.domain.facets import Change
from app.domain.policy import Policy
from app.errors import EngineDown
from consumers.binder import Binder
from consumers.runner import Stage
from schemas import topics
from tests.consumers.disturbances import Crashing, RoughLog, dies
from tests.consumers.world import SetClock, World, event
from tests.domain import oracle
from tests.domain.histories import SECOND_US, SKUS, histories, stored
from tests.domain.test_histories import POLICIES, inputs_of, rows_expected, rows_of

POINTS = ["projector.after_write", "projector.after_look", "projector.after_append", "binder.after_write", "binder.after_append"]
LANES = {topics.EVENTS_DAM: "live", topics.EVENTS_PIM: "live", topics.EVENTS_SLOW: "slow"}


class Weather:
    """A deployment and what chance does to it: batches of any size, deaths at any point, lost answers, processes that start anew."""

    def __init__(self, world: World, chance: Random, policy: Policy) -> None:
        assert isinstance(world.log, RoughLog)
        self._world, self._log, self._chance, self._policy = world, world.log, chance, policy
        self._death = Crashing()
        self.binder = self._new_binder()

    def _new_binder(self) -> Binder:
        return self._world.binder(self._policy, checkpoint=self._death)

    async def arrive(self, changes: Sequence[Change]) -> None:
        """Events come in, some of them on the slow lane."""
        for change in changes:
            made = event(change, source=change.event.source, id=change.event.id, type=change.event.type)
            await self._world.send(made, topic=self._chance.choice(list(LANES)))

    async def blow(self) -> None:
        """A few consumers get to work, in some order."""
        works = [self._project, self._project, self._bind, self._bind, self._sweep, self._tick]
        for work in self._chance.sample(works, self._chance.randint(0, 3)):
            await work()

    async def calm(self) -> None:
        """Everything comes to rest: nothing waits on any lane, no sweep is active, nothing is due."""
        self._death.arm("")
        self._log.lost = self._log.unanswered = 0
        for group in ("live", "slow"):
            await self._world.drain(self._projector(group))
        await self._world.settle(self.binder, page=2)
        while await self._world.due_clock().run_once():
            await self._world.settle(self.binder, page=2)

    def _projector(self, group: str) -> Stage:
        lane = topics.LIVE if group == "live" else topics.SLOW
        return self._world.projector(group=group, lane=lane, checkpoint=self._death)

    def _arm(self) -> None:
        self._death.arm(self._chance.choice(["", *POINTS]), self._chance.randint(1, 3))

    async def _project(self) -> None:
        self._arm()
        await dies(self._world.drain(self._projector(self._chance.choice(["live", "slow"])), self._chance.randint(1, 5)))

    async def _bind(self) -> None:
        self._arm()
        self._log.lost, self._log.unanswered = self._chance.choice([(0, 0), (0, 0), (1, 0), (0, 1)])
        try:
            if await dies(self._world.drain(self.binder, self._chance.randint(1, 5))) or self._chance.random() < 0.2:
                self.binder = self._new_binder()
        except EngineDown:
            await self.binder.abandoned(None)

    async def _sweep(self) -> None:
        await self._world.sweeper(page=self._chance.randint(1, 3)).run_once()

    async def _tick(self) -> None:
        self._world.clock.at_us += self._chance.randint(0, SECOND_US)
        await self._world.due_clock().run_once()


async def check(folder: Path, history: Sequence[Change], chance: Random, policy: Policy) -> None:
    """Lets the history arrive in some order, some of it twice, and compares what is stored with what must be."""
    async with World(folder, clock=SetClock(0), log_type=RoughLog) as world:
        weather = Weather(world, chance, policy)
        waiting = [*history, *chance.choices(history, k=3)]
        chance.shuffle(waiting)
        while waiting:
            some = chance.randint(1, 6)
            await weather.arrive(waiting[:some])
            waiting = waiting[some:]
            await weather.blow()
        await weather.calm()
        world.clock.at_us = max(world.clock.at_us, chance.randint(0, 9) * SECOND_US)
        await weather.calm()
        for sku in SKUS:
            await compare(world, history, sku, policy)


async def compare(world: World, history: Sequence[Change], sku: str, policy: Policy) -> None:
    expected = bind(inputs_of(stored([[change] for change in history]), sku), policy, world.clock.at_us)
    rows = rows_expected(oracle.decide(oracle.folded(history), sku, policy, world.clock.at_us))
    assert rows_of(expected) == rows
    doc = (await world.store.bindings.load([sku])).get(sku)
    if doc is None:
        assert (expected.content["product"], rows) == (None, []), f"{sku} was never asked for"
        return
    assert orjson.loads(doc.body) == expected.content
    assert doc.body == expected.text
    assert doc.numbers.get("due_us") == expected.next_change_us
    assert await world.is_consistent(sku)


@settings(max_examples=15)
@given(history=histories, chance=st.randoms(use_true_random=False), policy=st.sampled_from(POLICIES))
def test_the_end_does_not_depend_on_the_way(template: Path, history: list[Change], chance: Random, policy: Policy) -> None:
    """Every order, repetition, lane, batching, crash, restart, lost answer and tick ends in the bytes that the oracle stands for."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(template, folder, dirs_exist_ok=True)
        asyncio.run(check(Path(folder), history, chance, policy))
