"""What the loop does with good answers: states on the log, tasks that end, wait or are asked again.

Owns: the rules of one answer. Does not own: bad answers (test_fetching_answers.py), pauses of a whole system (test_fetching_pauses.py),
owners (test_fetching_owners.py), mixtures of everything (test_fetching_scenarios.py). Next stop: app/tasks/verdicts.py.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.consumers.fetching_world import Fault, Fetches, wish
from tests.consumers.world import NOW_US, SECOND_US

LONG_AGO = NOW_US - 3600 * SECOND_US


async def test_what_is_due_is_fetched_and_told_whole(anywhere: Fetches) -> None:
    """Each thing comes as one event with its state, ordered by the start of its fetch; its task waits no longer, what is not due does."""
    fetches = anywhere
    for thing in ("a", "b"):
        fetches.vendor.put(thing, LONG_AGO, colour=f"red {thing}")
    fetches.vendor.behind_us = 5 * SECOND_US
    await fetches.ask(wish("a", LONG_AGO), wish("b", LONG_AGO), wish("later", due_us=NOW_US + 10**15))

    async def one_is_left() -> bool:
        return await fetches.store.tasks.count(["waiting"]) == 1

    await fetches.until(one_is_left)
    assert await fetches.states() == [("a", {"colour": "red a"}), ("b", {"colour": "red b"})]
    began_us = [at_us - 5 * SECOND_US for at_us in fetches.vendor.called_us]
    assert {event["began"] for event in await fetches.events()} == set(began_us)
    assert {event["at_least"] for event in await fetches.events()} == {0}
    doc = await fetches.doc("a")
    assert (doc.tokens, doc.numbers["generation"], "due_us" in doc.numbers) == (("system:pim",), 1, False)
    assert "due_us" in (await fetches.doc("later")).numbers


async def test_calls_are_full_and_as_many_as_the_vendor_allows(anywhere: Fetches) -> None:
    """2,345 things in calls of at most ten, two at a time: not one call more than needed, each thing once."""
    fetches = anywhere
    things = [str(number) for number in range(2_345)]
    await fetches.ask(*(wish(thing, deletion=True) for thing in things))
    await fetches.rest()
    calls = fetches.vendor.calls
    assert len(calls) == 235
    assert sorted(thing for _, asked in calls for thing in asked) == sorted(things)
    assert fetches.vendor.most_open == 2
    assert len(await fetches.events()) == 2_345


async def test_what_changes_during_its_fetch_is_fetched_again(anywhere: Fetches) -> None:
    """An event that comes while the call is open keeps the task waiting, until the time of that event is due."""
    fetches = anywhere
    fetches.vendor.put("a", LONG_AGO, n=1)
    asked: list[int] = []

    async def changed() -> None:
        if not asked:
            fetches.vendor.put("a", LONG_AGO + 1, n=2)
            asked.append(fetches.clock.now_us() + 7 * SECOND_US)
            await fetches.ask(wish("a", LONG_AGO, due_us=asked[0]))

    fetches.vendor.meanwhile = changed
    await fetches.ask(wish("a", LONG_AGO))
    await fetches.rest()
    assert await fetches.states() == [("a", {"n": 1}), ("a", {"n": 2})]
    assert fetches.vendor.called_us[1] >= asked[0]
    assert (await fetches.task()).number("generation") == 2


async def test_a_state_counts_at_least_as_much_as_the_deletion_before_it(fetches: Fetches) -> None:
    """What is there although an event said that it was gone is newer than that event, and not by the time of any later wish."""
    fetches.vendor.put("a", LONG_AGO)
    await fetches.ask(wish("a", NOW_US - 9, deletion=True), wish("a", NOW_US - 5))
    await fetches.ask(wish("a", NOW_US - 20, deletion=True))
    await fetches.until(fetches.events)
    assert (await fetches.events())[0]["at_least"] == NOW_US - 9


async def test_what_is_not_there_is_asked_for_twice(anywhere: Fetches) -> None:
    """No event said that it is gone: only a second look, some seconds later, makes it a deletion, at the start of that look."""
    fetches = anywhere
    await fetches.ask(wish("a", LONG_AGO))
    await fetches.rest()
    first_us, second_us = fetches.vendor.called_us
    assert second_us - first_us >= 10 * SECOND_US
    assert [(event["state"], event["began"]) for event in await fetches.events()] == [(None, second_us)]


async def test_what_was_only_missing_once_is_no_deletion(fetches: Fetches) -> None:
    """The second look finds it."""
    fetches.vendor.put("a", LONG_AGO, n=1)
    fetches.vendor.faults.append(Fault(stale={}))
    await fetches.ask(wish("a", LONG_AGO))
    await fetches.rest()
    assert await fetches.states() == [("a", {"n": 1})]
    assert len(fetches.vendor.calls) == 2


@pytest.mark.parametrize("when", ["during the look", "after it"])
async def test_a_look_before_the_newest_change_does_not_count(fetches: Fetches, when: str) -> None:
    """Rightly absent, then made anew, then missing in a copy that lags behind: that is no second look."""

    async def make_anew() -> None:
        if not fetches.vendor.things:
            fetches.vendor.put("a", NOW_US - SECOND_US, n=1)
            await fetches.ask(wish("a", NOW_US - SECOND_US, due_us=fetches.clock.now_us() + 9 * SECOND_US))

    async def looked_once() -> bool:
        return bool((await fetches.task()).number("absent_us"))

    await fetches.ask(wish("a", LONG_AGO))
    fetches.vendor.faults.extend([Fault(stale={}), Fault(stale={})])
    if when == "after it":
        await fetches.until(looked_once)
        await make_anew()
    else:
        fetches.vendor.meanwhile = make_anew
    await fetches.rest()
    assert await fetches.states() == [("a", {"n": 1})]


async def test_two_looks_in_a_row_are_one(fetches: Fetches) -> None:
    """A wish that hurries the second look makes it another first one: there have to be seconds between them."""
    hurried: list[int] = []

    async def hurry() -> None:
        if len(hurried) < 3:
            hurried.append(fetches.clock.now_us())
            await fetches.ask(wish("a", LONG_AGO, due_us=fetches.clock.now_us()))

    fetches.vendor.meanwhile = hurry
    await fetches.ask(wish("a", LONG_AGO))
    await fetches.rest()
    (event,) = await fetches.events()
    assert event["began"] >= fetches.vendor.called_us[0] + 5 * SECOND_US
    assert len(fetches.vendor.calls) > 3


async def test_a_deletion_is_confirmed_at_once_unless_something_newer_was_said(fetches: Fetches) -> None:
    """An event said that it is gone: one look is enough; where a newer one says that it changed, two are needed."""
    await fetches.ask(wish("gone", LONG_AGO, deletion=True))
    await fetches.ask(wish("back", LONG_AGO, deletion=True), wish("back", LONG_AGO + 1))
    await fetches.rest()
    looks = [thing for _, asked in fetches.vendor.calls for thing in asked]
    assert (looks.count("gone"), looks.count("back")) == (1, 2)
    assert await fetches.states() == [("back", None), ("gone", None)]


async def test_a_copy_that_lags_behind_brings_nothing_back(anywhere: Fetches) -> None:
    """A thing that an event said to be gone is read from a copy that still has it: looked for again before it is believed."""
    fetches = anywhere
    for thing in ("gone", "there"):
        fetches.vendor.put(thing, LONG_AGO, n=1)
    old = dict(fetches.vendor.things)
    del fetches.vendor.things["product", "gone"]
    fetches.vendor.faults.append(Fault(stale=old))
    await fetches.ask(wish("gone", NOW_US - 60 * SECOND_US, deletion=True), wish("there", NOW_US - 60 * SECOND_US, deletion=True))
    await fetches.rest()
    assert await fetches.states() == [("gone", None), ("there", {"n": 1})]
    assert len([thing for _, asked in fetches.vendor.calls for thing in asked if thing == "there"]) == 3


async def test_a_copy_that_lags_behind_undoes_no_changes_of_one_time(anywhere: Fetches) -> None:
    """What settles a tie counts for more than both changes, so a state from before them must not be told before it is believed."""
    fetches, saved_us = anywhere, NOW_US - 60 * SECOND_US
    fetches.vendor.put("a", LONG_AGO, n=0)
    old = dict(fetches.vendor.things)
    fetches.vendor.put("a", saved_us, n=2)
    fetches.vendor.faults.append(Fault(stale=old))
    await fetches.ask(replace(wish("a", saved_us), tie=True))
    await fetches.rest()
    assert [(event["state"]["leaves"], event["at_least"]) for event in await fetches.events()] == [({"n": 2}, saved_us)]


@pytest.mark.parametrize("turned", [False, True])
async def test_a_deletion_that_ties_with_a_change_is_confirmed_by_a_second_look(fetches: Fetches, turned: bool) -> None:
    """Deleted and made anew within a second: nobody knows which came last, and a copy that lags behind has nothing yet."""
    fetches.vendor.put("a", LONG_AGO, n=1)
    fetches.vendor.faults.append(Fault(stale={}))
    wishes = [wish("a", LONG_AGO, deletion=True), wish("a", LONG_AGO)]
    for one in reversed(wishes) if turned else wishes:
        await fetches.ask(one)
    await fetches.rest()
    assert await fetches.states() == [("a", {"n": 1})]


async def test_an_order_of_an_earlier_era_holds_nothing_up(fetches: Fetches) -> None:
    """The sender's numbers begin anew: a deletion before that must not stand above them, wherever the thing is now."""
    fetches.vendor.put("back", 0, n=1)
    await fetches.ask(wish("back", 500, deletion=True), wish("gone", 500, deletion=True))
    fetches.era = 1
    await fetches.rest()
    assert {event["thing"]: event["at_least"] for event in await fetches.events()} == {"back": 0, "gone": 0}


async def test_a_sequence_orders_an_absence(fetches: Fetches) -> None:
    """No clock stands in for a sequence number, so the newest wish's own goes along; where times order, it does not."""
    await fetches.ask(wish("counted", 17), wish("timed", LONG_AGO))
    await fetches.rest()
    assert {event["thing"]: event["at_least"] for event in await fetches.events()} == {"counted": 17, "timed": 0}


async def test_a_state_that_was_read_within_its_own_second_is_read_once_more(anywhere: Fetches) -> None:
    """A second save in the same second would look the same. It is used at once all the same, and read once more, not twice."""
    fetches = anywhere
    fetches.vendor.put("a", NOW_US, n=1)
    fetches.vendor.put("settled", NOW_US - 2 * SECOND_US)

    async def saved_again() -> None:
        fetches.vendor.put("a", NOW_US, n=2)
        fetches.slowed(1)

    # However busy the machine is, the first look comes within that second.
    fetches.slowed(50)
    fetches.vendor.meanwhile = saved_again
    await fetches.ask(wish("a", NOW_US), wish("settled", NOW_US - 2 * SECOND_US))
    await fetches.rest()
    assert await fetches.states() == [("a", {"n": 1}), ("a", {"n": 2}), ("settled", {})]
    assert fetches.vendor.called_us[1] >= NOW_US + 2 * SECOND_US


@pytest.mark.parametrize("gone", [False, True], ids=["saved again", "deleted"])
async def test_a_hurried_look_is_not_the_last_within_a_second(fetches: Fetches, gone: bool) -> None:
    """Of two looks of one second none is the later, so what the second one finds comes once more, with a start that is."""
    vendor = fetches.vendor
    vendor.whole_seconds = True
    second_us = NOW_US // SECOND_US * SECOND_US
    vendor.put("a", second_us, n=1)

    async def hurry() -> None:
        if len(vendor.calls) == 1:
            if gone:
                del vendor.things["product", "a"]
            else:
                vendor.put("a", second_us, n=2)
            await fetches.ask(wish("a", second_us + SECOND_US // 2, deletion=gone, due_us=fetches.clock.now_us()))
        fetches.slowed(50 if len(vendor.calls) < 2 else 1)

    fetches.slowed(50)
    vendor.meanwhile = hurry
    await fetches.ask(wish("a", second_us))
    await fetches.rest()
    first, *_, last = await fetches.events()
    assert (first["state"]["leaves"], last["state"] and last["state"]["leaves"]) == ({"n": 1}, None if gone else {"n": 2})
    assert last["began"] >= max(second_us, first["began"]) + 2 * SECOND_US
    assert [one["began"] for one in await fetches.events() if one["state"] is None] == ([last["began"]] if gone else [])


async def test_a_vendor_whose_clock_is_behind_its_states_is_not_asked_for_ever(fetches: Fetches) -> None:
    """A state from an hour ahead is read twice; a newer one again twice."""
    fetches.vendor.put("a", NOW_US + 3600 * SECOND_US)
    await fetches.ask(wish("a", LONG_AGO))
    await fetches.rest()
    assert len(fetches.vendor.calls) == 2


async def test_a_state_older_than_the_wish_is_asked_for_again(anywhere: Fetches) -> None:
    """A read that did not know the change yet: again after ten seconds, and after a minute; the newer state ends it."""
    fetches = anywhere
    fetches.vendor.put("a", LONG_AGO, n=1)
    old = dict(fetches.vendor.things)
    fetches.vendor.put("a", NOW_US - 60 * SECOND_US, n=2)
    fetches.vendor.faults.append(Fault(stale=old))
    await fetches.ask(wish("a", NOW_US - 60 * SECOND_US))
    await fetches.rest()
    assert await fetches.states() == [("a", {"n": 1}), ("a", {"n": 2})]
    assert fetches.vendor.called_us[1] - fetches.vendor.called_us[0] >= 10 * SECOND_US


async def test_a_state_that_stays_older_than_the_wish_is_believed_in_the_end(fetches: Fetches) -> None:
    """Some changes do not move a thing's own time: three reads, and that is it. A sequence is no time to compare with."""
    fetches.vendor.put("a", LONG_AGO)
    fetches.vendor.put("counted", LONG_AGO)
    await fetches.ask(wish("a", NOW_US - 60 * SECOND_US), wish("counted", 10**17))
    await fetches.rest()
    looks = [thing for _, asked in fetches.vendor.calls for thing in asked]
    assert (looks.count("a"), looks.count("counted")) == (3, 1)
