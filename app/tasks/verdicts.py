"""What an answer makes of a task: done, asked again, put off, given up.

Owns: the rules about states read too soon, states older than their wish, things that are absent, failed tries; applying them to whatever
the document has become meanwhile. Does not own: the ladder (app/domain/failures.py), calls and writes (consumers/fetching.py).
Next stop: consumers/fetching.py.

Two steps, both pure. judge() looks at the task as it was taken and at the answer. applied() changes the document as it is *now*, which may
have been asked for again, cancelled or finished by somebody else in between; so it can be repeated after a lost compare-and-set.
"""

from dataclasses import dataclass, replace
from typing import Literal

from app.domain.failures import LADDER_S, next_try_s
from app.ports import Doc
from app.sources.fetching import Found
from app.tasks.documents import DONE, INSTANTS_US, LETTER, Task, dumped, ended

SECOND_US = 1_000_000
_OF_FAILURES = frozenset({"attempts", "downs", "then_us", "absent_us"})


@dataclass(frozen=True, slots=True)
class Pace:
    """Times of the rules. tick_us: what a vendor's clock is exact to (its `Date` has whole seconds, and so have many states), doubled.

    absent_s: between two looks for a thing that is not there. stale_s: before each further look where the state was older than the wish.
    ladder_s: between the tries of one task. pauses_s: how long a whole system is left alone; the last one repeats.
    """

    tick_us: int = 2 * SECOND_US
    absent_s: float = 10.0
    stale_s: tuple[float, ...] = (10.0, 60.0)
    ladder_s: tuple[float, ...] = LADDER_S
    pauses_s: tuple[float, ...] = (10.0, 60.0, 600.0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means for its task.

    done: nothing is left to do. again: the state is used, and looked at once more after `after_s`. absent: nothing is there; to be
    confirmed. failed: no answer. rejected: never an answer. error: why, in words. down: the outside gave no answer at all, rather than
    asking to be left alone. began_us: start of the first look that found this. seen_us: time of a state that may be saved again within it.
    """

    kind: Literal["done", "again", "absent", "failed", "rejected"]
    error: str = ""
    after_s: float = 0.0
    retry_after_s: float = 0.0
    down: bool = False
    began_us: int = 0
    seen_us: int = 0


def judge(task: Task, found: Found | None, began_us: int, pace: Pace) -> Verdict:
    """What came of one thing. found: None where the answer is complete without a state of its own (the variants of a model)."""
    if found is None:
        return Verdict("done")
    if found.state is None:
        return _absence(task, began_us, pace)
    wait_us = _unsettled_us(task, found.updated_us, began_us, pace)
    if wait_us:
        # A second save within the same second would look the same: the state is used, and read once more when its second is surely over.
        is_known = task.number("seen_us") == found.updated_us
        first_us = task.number("seen_began_us") if is_known else began_us
        return Verdict("again", after_s=wait_us / SECOND_US + 1.0, began_us=first_us, seen_us=found.updated_us)
    if _is_stale(task, found, pace):
        after_s = pace.stale_s[task.number("stale")]
        return Verdict("again", after_s=after_s, began_us=began_us)
    return Verdict("done")


def _unsettled_us(task: Task, updated_us: int, began_us: int, pace: Pace) -> int:
    """How long until a look tells all that was saved at this time of the state, at most a tick; 0 where this look did.

    Either the vendor's clock has passed that time by a tick, or, where that clock is behind, it has gone on by a tick since the first look
    that found a state of this time, this one or an earlier one. A look that a person or an event hurried settles nothing.
    """
    first_us = (task.number("seen_us") == updated_us and task.number("seen_began_us")) or began_us
    return max(min(updated_us, first_us) + pace.tick_us - began_us, 0)


def _absence(task: Task, began_us: int, pace: Pace) -> Verdict:
    first_us = task.number("absent_us")
    wait_us = _unsettled_us(task, task.number("seen_us"), began_us, pace)
    if wait_us:
        # It was there within this second, and of two looks of one second none is the later.
        return Verdict("absent", after_s=wait_us / SECOND_US + 1.0, began_us=first_us or began_us)
    # Half the pause, since the vendor's clock tells whole seconds and the second look may have begun early in one.
    if task.is_deletion or (first_us and began_us >= first_us + int(pace.absent_s * SECOND_US / 2)):
        return Verdict("done")
    return Verdict("absent", after_s=pace.absent_s, began_us=first_us or began_us)


def _is_stale(task: Task, found: Found, pace: Pace) -> bool:
    """A read that went to a copy which did not know the change, or deletion, yet. The sender's time may be a moment after the state's."""
    trigger_us: int = task.body["trigger_us"]
    if not found.updated_us or trigger_us not in INSTANTS_US:
        return False
    return found.updated_us + pace.tick_us < trigger_us and task.number("stale") < len(pace.stale_s)


def is_told(task: Task, found: Found, verdict: Verdict, pace: Pace) -> bool:
    """Whether the answer becomes an event: an absence only where it is sure; a state that is older than the deletion or tie which asked
    only where it stays, since a copy that lags behind must not bring back what is gone, nor undo both changes."""
    stale = verdict.kind == "again" and not verdict.seen_us
    return verdict.kind == "done" if found.state is None else not (stale and found.updated_us + pace.tick_us < task.at_least)


def gives_up(task: Task, verdict: Verdict, pace: Pace) -> bool:
    """Whether this verdict ends in a letter."""
    return verdict.kind == "rejected" or (verdict.kind == "failed" and task.number("attempts") >= len(pace.ladder_s))


def applied(now: Task, taken: Task, verdict: Verdict, pace: Pace, now_us: int, jitter: float) -> Doc | None:
    """The document after the verdict, None where it is not waiting any more (cancelled, or finished by a later owner).

    taken: the task as it was when the call began. jitter: a random number in [0, 1).
    """
    if not now.waits:
        return None
    if gives_up(now, verdict, pace):
        return ended(now, LETTER, now_us, verdict.error)
    if verdict.kind == "failed":
        return _failed(now, verdict, pace, now_us, jitter)
    letters = {} if verdict.kind == "done" else dict(now.body["letters"])
    numbers = {name: number for name, number in now.doc.numbers.items() if name not in _OF_FAILURES}
    numbers["due_us"] = now_us + int(verdict.after_s * SECOND_US)
    asked_again = now.doc.numbers["generation"] != taken.doc.numbers["generation"]
    match verdict.kind:
        case "done" if not asked_again:
            return ended(now, DONE, now_us)
        case "done":
            # Asked for during the fetch: that wish is not answered by it. Replays that asked before it are.
            letters = {id_: attempt for id_, attempt in now.body["letters"].items() if taken.body["letters"].get(id_) != attempt}
            numbers = {name: number for name, number in numbers.items() if name not in {"seen_us", "seen_began_us", "stale"}}
        case "again" if verdict.seen_us:
            numbers |= {"seen_us": verdict.seen_us, "seen_began_us": verdict.began_us}
        case "again":
            numbers["stale"] = now.number("stale") + 1
        case _ if now.body["trigger_order"] == taken.body["trigger_order"]:
            numbers["absent_us"] = verdict.began_us
        case _:
            pass  # Something newer was said during the fetch: this look was too early to count.
    if asked_again:
        numbers["due_us"] = now.number("then_us") or now_us
    return replace(now.doc, body=dumped({**now.body, "letters": letters, "last_error": None}), numbers=numbers)


def _failed(now: Task, verdict: Verdict, pace: Pace, now_us: int, jitter: float) -> Doc:
    attempts = now.number("attempts") + 1
    wait_s = next_try_s(attempts, jitter, verdict.retry_after_s, pace.ladder_s)
    assert wait_s is not None, "a task whose ladder is used up is given up"
    numbers = {**now.doc.numbers, "attempts": attempts, "due_us": now_us + int(wait_s * SECOND_US)}
    numbers.pop("then_us", None)
    if verdict.down:
        numbers["downs"] = now.number("downs") + 1
    return replace(now.doc, body=dumped({**now.body, "last_error": verdict.error}), numbers=numbers)
