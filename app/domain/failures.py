"""Failures: one pure function from what was raised to what happens next, and the ladder on which tasks wait.

Owns: the decision. Does not own: acting on it (consumers/runner.py pauses and stops, consumers/projector.py writes letters), the error tree
(app/errors.py). Next stop: app/domain/letters.py.

    engine down                          pause, back off, resume in place; nothing becomes a letter
    ownership lost                       abandon what is no longer mine, go on with the rest
    cannot be parsed or mapped, refused  letter at once
    a task's counterpart fails           wait on the ladder (a whole system besides: consumers/fetch_calls.py); exhausted: letter
    a defect while reading one event     letter: one event never blocks the others (P5)
    stale or wrong configuration, a defect anywhere else: stop
"""

from dataclasses import dataclass
from typing import Literal

from app.errors import ConfigurationStale, EngineDown, KeyMissing, Malformed, Misconfigured, Ownership, Refused, Unusable, VendorFailed
from schemas.letter import Disposition, Stage

# Seconds before the second, third, … try of a task; after the last a letter is written. About 32 hours in all.
LADDER_S = (10.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0)
SPREAD = 0.2


@dataclass(frozen=True, slots=True)
class Pause:
    """The engine is down: back off, then repeat the same work in place."""


@dataclass(frozen=True, slots=True)
class Abandon:
    """Somebody else owns the work: drop it, commit nothing of it, go on with what is still mine."""


@dataclass(frozen=True, slots=True)
class ToLetter:
    """A person has to look at it; the work beside it goes on."""

    disposition: Disposition


@dataclass(frozen=True, slots=True)
class Wait:
    """Try the task again after so many seconds."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Stop:
    """End the process with the error; nothing is committed."""


Reaction = Pause | Abandon | ToLetter | Wait | Stop


def reaction(
    error: BaseException, stage: Stage | Literal[""] = "", *, tries: int = 1, jitter: float = 0.5, retry_after_s: float = 0.0
) -> Reaction:
    """What happens next.

    stage: where one event or task was to blame, "" where none was. tries: of the task so far, this one included. jitter: a random number in
    [0, 1), drawn by the caller. retry_after_s: what the counterpart asked for.
    """
    match error:
        case EngineDown():
            return Pause()
        case Ownership():
            return Abandon()
        case ConfigurationStale() | Misconfigured():
            return Stop()
        case Unusable() | Refused():
            return ToLetter(disposition_of(error, stage))
        case VendorFailed() | KeyMissing():
            return _next_try(tries, jitter, retry_after_s)
        case Exception() if stage == "task":
            return _next_try(tries, jitter, retry_after_s)
        case Exception() if stage in {"ingress", "map"}:
            return ToLetter(disposition_of(error, stage))
        case _:
            return Stop()


def _next_try(tries: int, jitter: float, retry_after_s: float) -> Wait | ToLetter:
    delay_s = next_try_s(tries, jitter, retry_after_s)
    return ToLetter("exhausted") if delay_s is None else Wait(delay_s)


def disposition_of(error: BaseException, stage: Stage | Literal[""] = "") -> Disposition:
    """Which kind of letter an error makes at this stage."""
    match error:
        case Malformed():
            return "malformed"
        case Refused():
            return "rejected"
        case Exception() if stage == "task" and not isinstance(error, Unusable):
            return "exhausted"
        case _:
            return "unmappable"


def next_try_s(tries: int, jitter: float, retry_after_s: float = 0.0, ladder_s: tuple[float, ...] = LADDER_S) -> float | None:
    """Seconds until the next try of a task that was tried `tries` times, None where the ladder is used up.

    jitter in [0, 1) spreads the wait by ±SPREAD, so that tasks which failed together do not come back together. A counterpart's Retry-After
    is a lower bound, never shortened by the jitter.
    """
    if not 1 <= tries <= len(ladder_s):
        return None
    return max(ladder_s[tries - 1] * (1 - SPREAD + 2 * SPREAD * jitter), retry_after_s)
