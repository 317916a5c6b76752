"""From a failure to what happens next: every class of the error tree has its reaction.

Owns: tests of app/domain/failures.py. Does not own: the tree (app/errors.py). Next stop: test_states.py.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import errors
from app.domain.failures import LADDER_S, SPREAD, Abandon, Pause, Reaction, Stop, ToLetter, Wait, next_try_s, reaction

EXPECTED: dict[type[BaseException], Reaction] = {
    errors.BinderyError: Stop(),
    errors.EngineDown: Pause(),
    errors.LogUnavailable: Pause(),
    errors.StoreUnavailable: Pause(),
    errors.Refused: ToLetter("rejected"),
    errors.EntryRefused: ToLetter("rejected"),
    errors.Ownership: Abandon(),
    errors.Revoked: Abandon(),
    errors.Deposed: Abandon(),
    errors.Fenced: Abandon(),
    errors.ConfigurationStale: Stop(),
    errors.Unusable: ToLetter("unmappable"),
    errors.Malformed: ToLetter("malformed"),
    errors.Unmappable: ToLetter("unmappable"),
    errors.Misconfigured: Stop(),
    errors.KeyMissing: Wait(LADDER_S[0]),
    errors.VendorFailed: Wait(LADDER_S[0]),
    errors.VendorDown: Wait(LADDER_S[0]),
    errors.VendorBusy: Wait(LADDER_S[0]),
    errors.VendorResting: Wait(LADDER_S[0]),
    errors.VendorDenied: Wait(LADDER_S[0]),
}


def tree(root: type[BaseException]) -> set[type[BaseException]]:
    """A class and all below it that app/errors.py defines."""
    below = {each for child in root.__subclasses__() for each in tree(child)}
    return {each for each in {root} | below if each.__module__ == errors.__name__}


def test_the_mapping_is_complete() -> None:
    """Every class of the tree has an expected reaction here; a new class fails this test until it has one."""
    assert tree(errors.BinderyError) == set(EXPECTED)


@pytest.mark.parametrize("error", EXPECTED, ids=lambda error: error.__name__)
def test_each_error_has_its_reaction(error: type[BaseException]) -> None:
    """The reaction follows from the class alone where no event is to blame, and for known causes at every stage."""
    assert reaction(error("x")) == EXPECTED[error]
    if error is not errors.BinderyError:
        assert reaction(error("x"), "map") == EXPECTED[error]
        assert reaction(error("x"), "task") == EXPECTED[error]


@pytest.mark.parametrize(
    ("stage", "expected"), [("ingress", ToLetter("unmappable")), ("map", ToLetter("unmappable")), ("store", Stop()), ("", Stop())]
)
def test_a_defect_blocks_nobody_while_one_event_is_read(stage: str, expected: Reaction) -> None:
    """A defect met while reading one event makes a letter of it (P5); anywhere else it stops the process."""
    assert reaction(KeyError("x"), stage) == expected  # type: ignore[arg-type]
    assert reaction(KeyboardInterrupt(), stage) == Stop()  # type: ignore[arg-type]


def test_a_task_waits_and_is_exhausted_in_the_end() -> None:
    """The waits follow the ladder; after the last step comes a letter."""
    reactions = [reaction(TimeoutError(), "task", tries=tries, jitter=0.5) for tries in range(1, len(LADDER_S) + 2)]
    waits = [wait.delay_s for wait in reactions[:-1] if isinstance(wait, Wait)]
    assert waits == pytest.approx(LADDER_S)
    assert reactions[-1] == ToLetter("exhausted")


@given(st.integers(1, len(LADDER_S)), st.floats(0, 1, exclude_max=True), st.floats(0, 1e6))
def test_jitter_spreads_and_retry_after_is_never_undercut(tries: int, jitter: float, asked_s: float) -> None:
    """A wait lies within the spread around its step, and is at least what the counterpart asked for."""
    wait_s = next_try_s(tries, jitter, asked_s)
    step = LADDER_S[tries - 1]
    assert wait_s is not None
    assert wait_s >= asked_s
    assert step * (1 - SPREAD) <= wait_s
    assert wait_s <= max(step * (1 + SPREAD), asked_s)
