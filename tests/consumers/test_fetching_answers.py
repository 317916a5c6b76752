"""Answers that are long, torn, rejected or unfit, and what must not come of them.

Owns: streams, half answers, letters of single tasks, cancelling, an engine that is down meanwhile. Does not own: what a good answer means
(test_fetching.py), pauses (test_fetching_pauses.py). Next stop: consumers/fetch_pages.py.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import pytest

from app.errors import VendorDown
from app.sources.fetching import VARIANTS
from app.tasks import desk
from app.tasks.verdicts import Pace
from consumers.tasks import request_fetches
from tests.consumers.disturbances import RoughLog
from tests.consumers.fetching_world import Fault, Fetches, wish
from tests.consumers.world import NOW_US, SECOND_US

LONG_AGO = NOW_US - 3600 * SECOND_US


async def test_variants_come_page_by_page_and_end_with_the_last(anywhere: Fetches) -> None:
    """Each variant is an event of its own kind; a stream that breaks off leaves what came and is read again from the start."""
    fetches = anywhere
    for number in range(30):
        fetches.vendor.put(f"m-{number}", LONG_AGO, n=number)
    fetches.vendor.put("m-sub", LONG_AGO, kind="model", n=99)
    fetches.vendor.faults.append(Fault(VendorDown("it broke off"), pages=7))
    await fetches.ask(wish("m", kind=VARIANTS))
    fetches.pace = Pace(pauses_s=(1000.0,))

    async def broke_off() -> bool:
        return (await fetches.task("m", VARIANTS)).number("attempts") == 1

    await fetches.until(broke_off)
    assert len(await fetches.events()) == 7
    assert not await fetches.nothing_waits()
    await fetches.rest()
    states = await fetches.events()
    assert len(states) == 7 + 31
    assert {(one["kind"], one["thing"]) for one in states} == {("product", f"m-{n}") for n in range(30)} | {("model", "m-sub")}


async def test_half_an_answer_finishes_half(fetches: Fetches) -> None:
    """Pages before the failure stay valid; only what was not told counts as tried."""
    for thing in "abcd":
        fetches.vendor.put(thing, LONG_AGO)
    fetches.vendor.faults.append(Fault(VendorDown("half"), pages=1))
    fetches.pace = Pace(pauses_s=(1000.0,))
    await fetches.ask(*(wish(thing) for thing in "abcd"))

    async def failed() -> bool:
        return (await fetches.task("d")).number("attempts") == 1

    await fetches.until(failed)
    left = [await fetches.task(thing) for thing in "abcd" if (await fetches.task(thing)).waits]
    assert [(task.number("attempts"), task.body["last_error"]) for task in left] == [(1, "half"), (1, "half")]
    await fetches.rest()
    assert [thing for thing, _ in await fetches.states()] == list("abcd")


async def test_what_an_answer_leaves_out_is_tried_again(fetches: Fetches) -> None:
    """A fetcher that says nothing of a thing has not finished it."""
    for thing in "ab":
        fetches.vendor.put(thing, LONG_AGO)
    fetches.vendor.faults.append(Fault(silent=1))
    await fetches.ask(wish("a"), wish("b"))
    await fetches.rest()
    assert [thing for thing, _ in await fetches.states()] == ["a", "b"]
    assert len(fetches.vendor.calls) == 2


async def test_what_the_vendor_rejects_is_a_letter_at_once(fetches: Fetches) -> None:
    """Its neighbours are fetched; a kind that nothing can fetch is rejected as well, without a call."""
    fetches.vendor.put("b", LONG_AGO)
    fetches.vendor.rejects["a"] = "422: no such id"
    await fetches.ask(wish("a"), wish("b"), wish("c", kind="file"))
    await fetches.rest()
    letters = {letter.key: letter for letter in await fetches.letters()}
    assert letters.keys() == {"product/pim/a", "file/pim/c"}
    assert (letters["product/pim/a"].disposition, letters["product/pim/a"].stage) == ("rejected", "task")
    assert letters["product/pim/a"].message == "422: no such id"
    assert "file" in letters["file/pim/c"].message
    assert [thing for thing, _ in await fetches.states()] == ["b"]


async def test_a_state_that_cannot_be_kept_is_the_letter_of_its_own_task(fetches: Fetches) -> None:
    """Neither what the source refuses nor what is too large for the log takes its neighbours along."""
    fetches.vendor.put("a", LONG_AGO, unfit=True)
    fetches.vendor.put("b", LONG_AGO)
    fetches.vendor.put("c", LONG_AGO, text="x" * 2_000_000)
    await fetches.ask(wish("a"), wish("b"), wish("c"))
    await fetches.rest()
    assert sorted(letter.key for letter in await fetches.letters()) == ["product/pim/a", "product/pim/c"]
    assert [thing for thing, _ in await fetches.states()] == ["b"]


async def test_a_cancelled_task_stays_cancelled(fetches: Fetches) -> None:
    """It is cancelled while its call is open: what came is used, and the task does not come back."""
    fetches.vendor.put("a", LONG_AGO)
    versions = desk.Versions("test", 1)

    async def cancelled() -> None:
        key = wish("a").key
        await desk.act(fetches.store, fetches.log, fetches.clock, "cancel", key=key, system=None, by="ann", why="w", versions=versions)

    fetches.vendor.meanwhile = cancelled
    await fetches.ask(wish("a"))
    await fetches.until(fetches.events)
    task = await fetches.task()
    assert (task.waits, task.body["ended"]) == (False, "cancelled")


async def test_an_engine_that_is_down_costs_time_and_nothing_else(fetches: Fetches) -> None:
    """While the log takes nothing, no task ends; afterwards everything is on it."""
    log = fetches.log
    assert isinstance(log, RoughLog)
    for number in range(25):
        fetches.vendor.put(str(number), LONG_AGO)
    await fetches.ask(*(wish(str(number)) for number in range(25)))
    log.down = True
    loop = fetches.loop()

    async def noticed() -> bool:
        return "LogUnavailable" in loop.health.trouble

    await fetches.until(noticed, loop)
    assert await fetches.store.tasks.count(["waiting"]) == 25
    log.down = False
    await fetches.rest()
    assert {thing for thing, _ in await fetches.states()} == {str(number) for number in range(25)}
    assert await fetches.said() == []


async def test_something_else_that_is_absent_is_asked_for_by_itself(fetches: Fetches) -> None:
    """An answer about variants says that one of them is gone: it becomes a task of its own, with the rule of two looks."""
    fetches.vendor.things["product", "m-1"] = (0, None)
    await fetches.ask(wish("m", kind=VARIANTS))
    await fetches.rest()
    assert [call for call in fetches.vendor.calls if call[0] == "product"] == [("product", ("m-1",))] * 2
    assert await fetches.states() == [("m-1", None)]


@pytest.mark.parametrize("late", [0, 3])
async def test_a_defect_of_a_fetcher_is_its_tasks_own_trouble(fetches: Fetches, late: int) -> None:
    """They wait on the ladder and end as a letter that tells no value; other kinds go on meanwhile, without a pause of the system."""
    fetches.pace = replace(fetches.pace, ladder_s=(1.0,) * late)
    fetches.vendor.faults = deque([Fault(KeyError("a secret value")) for _ in range(late + 1)])
    await fetches.ask(wish("a"))
    await fetches.rest()
    (letter,) = await fetches.letters()
    assert (letter.disposition, letter.type) == ("exhausted", "bindery.fetch")
    assert "secret" not in letter.message
    assert len(fetches.vendor.calls) == late + 1
    await request_fetches(fetches.store, [wish("b", deletion=True)], fetches.clock.now_us())
    await fetches.rest()
    assert await fetches.states() == [("b", None)]
