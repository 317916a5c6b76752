"""What is known of one letter, and its state: open, acknowledged, replaying, resolved, superseded, discarded.

Owns: apply(), state_of(), what an action needs. Does not own: storing (app/letters/documents.py), searching (app/letters/search.py).
Next stop: consumers/letters.py.

What the log says (Letter, Outcome) is kept per attempt, joined by the greater value: order and repetition of records do not matter, and an
old attempt read again reopens nothing. What people do (marks, stamps of replay jobs) is kept beside it and counts for the attempts that it
was about. The state is derived from both, never stored:

    a stamp for an attempt that has no ending yet            replaying
    the last attempt ended well, or idly                     resolved, superseded
    a person's mark on the last attempt                      acknowledged, discarded
    otherwise                                                open
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from schemas.letter import Ending, Letter, Outcome

LetterState = Literal["open", "acknowledged", "replaying", "resolved", "superseded", "discarded"]
Verb = Literal["acknowledge", "discard", "restore", "stamp", "sent", "release"]
Part = Literal["chosen", "sent", "released", "resolved", "superseded", "reopened"]
WAITING: frozenset[LetterState] = frozenset({"open", "acknowledged"})
UNSETTLED: frozenset[LetterState] = WAITING | {"replaying"}
_RANK: dict[Ending, int] = {"superseded": 0, "resolved": 1}


class ActionRefused(ValueError):
    """The letter's state does not allow the action. The message says which state it is in and what would be possible."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a person or a replay job does to a letter. `job` is set for stamp, sent and release."""

    verb: Verb
    by: str
    at_us: int
    why: str = ""
    job: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A person's word on a letter; it holds until an attempt after `attempt` fails."""

    kind: Literal["acknowledged", "discarded"]
    attempt: int
    by: str
    at_us: int
    why: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """A letter's place in the frozen set of a replay job: as which attempt it is sent, and how far that has come."""

    attempt: int
    progress: Literal["chosen", "sent", "released"]
    at_us: int


@dataclass(frozen=True, slots=True)
class Try:
    """What the log says of one attempt. failure: the letter without value and headers."""

    failure: Letter | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one letter. original: the first failure, whole; None while only an outcome was read. tries: attempt -> Try."""

    id: str
    original: Letter | None = None
    first_failed_us: int = 0
    tries: dict[int, Try] = field(default_factory=dict)
    mark: Mark | None = None
    stamps: dict[str, Stamp] = field(default_factory=dict)


def apply(known: Known | None, said: Letter | Outcome | Action) -> Known:
    """What is known after this was said or done. Raises ActionRefused; the log's word is never refused."""
    match said:
        case Letter():
            return _failed(known or Known(said.id), said)
        case Outcome():
            return _ended(known or Known(said.id), said)
        case Action():
            if known is None or known.original is None:
                raise ActionRefused("There is no such letter.")
            return _acted(known, said)


def state_of(known: Known) -> LetterState:
    """The state, derived."""
    failed, ended = last_failed(known), last_ended(known)
    if awaited(known) is not None:
        return "replaying"
    ending = known.tries[ended].outcome if ended >= failed and ended >= 0 else None
    if ending is not None:
        return ending.outcome
    if known.mark is not None and known.mark.attempt >= failed:
        return known.mark.kind
    return "open"


def awaited(known: Known) -> int | None:
    """The attempt of a replay that is chosen or sent and has not ended yet; None where there is none."""
    top = max(last_failed(known), last_ended(known))
    return max((s.attempt for s in known.stamps.values() if s.progress != "released" and s.attempt > top), default=None)


def last_failed(known: Known) -> int:
    """The greatest attempt that failed, -1 for none."""
    return max((attempt for attempt, one in known.tries.items() if one.failure), default=-1)


def last_ended(known: Known) -> int:
    """The greatest attempt that ended resolved or superseded, -1 for none."""
    return max((attempt for attempt, one in known.tries.items() if one.outcome), default=-1)


def latest(known: Known) -> Letter | None:
    """The latest failure (without value and headers): what is wrong now."""
    failed = last_failed(known)
    return known.tries[failed].failure if failed >= 0 else None


def part_in(known: Known, job: str) -> Part:
    """What has become of this letter in that job."""
    stamp = known.stamps[job]
    one = known.tries.get(stamp.attempt, Try())
    if one.outcome is not None:
        return one.outcome.outcome
    return "reopened" if one.failure is not None else stamp.progress


def why_not_replayable(known: Known) -> str:
    """ "" where a replay is possible, else the reason and what to do instead."""
    letter, state = known.original, state_of(known)
    if letter is None:
        return "There is no such letter."
    if letter.truncated_from:
        return (
            f"Only a part of the original ({letter.truncated_from} bytes) was kept. Have the sender send it again, then discard the letter."
        )
    if not letter.replayable:
        return "The original was masked or is not kept. Have the sender send it again, then discard the letter."
    if state == "replaying":
        return "It is being replayed already."
    if state == "resolved":
        return "It is resolved: its event went through."
    if state == "discarded":
        return "It is discarded. Restore it first."
    return ""


def _failed(known: Known, letter: Letter) -> Known:
    lean = replace(letter, value=b"", headers=())
    one = known.tries.get(letter.attempt, Try())
    failure = lean if one.failure is None or _later(lean) > _later(one.failure) else one.failure
    original = letter if known.original is None or _earlier(letter) < _earlier(known.original) else known.original
    first = letter.first_failed_us
    return replace(
        known,
        original=original,
        first_failed_us=min(known.first_failed_us, first) if known.original else first,
        tries={**known.tries, letter.attempt: replace(one, failure=failure)},
    )


def _later(letter: Letter) -> tuple[object, ...]:
    return (letter.last_failed_us, letter.config_version, letter.entry())


def _earlier(letter: Letter) -> tuple[object, ...]:
    """The first attempt holds the original; of two copies the complete one, then any of them, as long as it is always the same."""
    return (letter.attempt, not letter.replayable, letter.last_failed_us, letter.entry())


def _ended(known: Known, outcome: Outcome) -> Known:
    one = known.tries.get(outcome.attempt, Try())
    held = one.outcome
    if held is not None and _weight(outcome) <= _weight(held):
        return known
    return replace(known, tries={**known.tries, outcome.attempt: replace(one, outcome=outcome)})


def _weight(outcome: Outcome) -> tuple[int, int, str]:
    # The first report of one ending stays; of two different endings, the one that says that the event went through.
    return (_RANK[outcome.outcome], -outcome.at_us, outcome.why)


def _acted(known: Known, action: Action) -> Known:
    match action.verb:
        case "acknowledge":
            return _marked(known, action, "acknowledged", {"open"})
        case "discard":
            return _marked(known, action, "discarded", {"open", "acknowledged"})
        case "restore":
            return _restored(known)
        case "stamp":
            return _stamped(known, action)
        case "sent" | "release":
            return _moved(known, action)


def _marked(known: Known, action: Action, kind: Literal["acknowledged", "discarded"], allowed: set[LetterState]) -> Known:
    state = state_of(known)
    if state == kind:
        return known
    if state not in allowed:
        raise ActionRefused(f"It is {state}; only letters that are {' or '.join(sorted(allowed))} can be {kind}.")
    return replace(known, mark=Mark(kind, last_failed(known), action.by, action.at_us, action.why))


def _restored(known: Known) -> Known:
    state = state_of(known)
    if state == "open":
        return known
    if state not in {"acknowledged", "discarded"}:
        raise ActionRefused(f"It is {state}; only letters that are acknowledged or discarded can be restored.")
    return replace(known, mark=None)


def _stamped(known: Known, action: Action) -> Known:
    if action.job in known.stamps:
        return known
    reason = why_not_replayable(known)
    if reason:
        raise ActionRefused(reason)
    stamp = Stamp(max(last_failed(known), last_ended(known)) + 1, "chosen", action.at_us)
    return replace(known, stamps={**known.stamps, action.job: stamp})


def _moved(known: Known, action: Action) -> Known:
    stamp = known.stamps.get(action.job)
    if stamp is None or stamp.progress != "chosen":
        return known
    moved = replace(stamp, progress="sent" if action.verb == "sent" else "released", at_us=action.at_us)
    return replace(known, stamps={**known.stamps, action.job: moved})
