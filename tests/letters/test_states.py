"""The states of a letter: any order and repetition of the topic's records ends in the same state, and old news reopens nothing.

Owns: tests of app/domain/letter_states.py and of the document's JSON. Does not own: the store (test_projection.py).
Next stop: test_projection.py.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.letter_states import Action, ActionRefused, Known, Verb, apply, part_in, state_of, why_not_replayable
from app.letters import documents
from app.ports import Doc
from schemas.letter import Letter, Outcome
from tests.letters.test_record_format import NOW_US, letter

ID = letter().id


def failed(attempt: int, at: int = 0) -> Letter:
    """The letter's failure at this attempt."""
    return replace(letter(now_us=NOW_US + at), attempt=attempt, offset=at)


def ended(attempt: int, ending: str = "resolved", at: int = 0) -> Outcome:
    """The letter's ending at this attempt."""
    return Outcome(ID, attempt, ending, NOW_US + at, "why")  # type: ignore[arg-type]


def done(verb: Verb, job: str = "") -> Action:
    """An action of a person or a job."""
    return Action(verb, "ann", NOW_US, "because", job)


def after(*said: Letter | Outcome | Action) -> Known:
    """What is known after all this."""
    known: Known | None = None
    for one in said:
        known = apply(known, one)
    assert known is not None
    return known


ATTEMPTS = st.integers(0, 3)
SPOKEN = st.one_of(
    st.builds(failed, ATTEMPTS, st.integers(0, 2)),
    st.builds(ended, ATTEMPTS, st.sampled_from(["resolved", "superseded"]), st.integers(0, 2)),
)


@given(st.data(), st.lists(SPOKEN, min_size=1, max_size=8))
def test_order_and_repetition_do_not_matter(data: st.DataObject, spoken: list[Letter | Outcome]) -> None:
    """Every shuffle of the same records, repeated at will, is stored as the same document."""
    other = data.draw(st.permutations(spoken + data.draw(st.lists(st.sampled_from(spoken), max_size=8))))
    assert documents.document(after(*spoken), 0) == documents.document(after(*other), 0)


ACTS = st.one_of(
    st.builds(done, st.sampled_from(["acknowledge", "discard", "restore"])),
    st.builds(done, st.sampled_from(["stamp", "sent", "release"]), st.sampled_from(["job-1", "job-2"])),
)


@given(st.lists(st.one_of(SPOKEN, ACTS), min_size=1, max_size=12))
def test_reading_the_topic_again_changes_nothing_that_people_did(story: list[Letter | Outcome | Action]) -> None:
    """After any story, all its records read once more leave everything as it is, and the document holds all of it."""
    known: Known | None = apply(None, failed(0))
    for one in story:
        try:
            known = apply(known, one)
        except ActionRefused:
            continue
    assert known is not None
    again = known
    for one in [failed(0), *(each for each in story if not isinstance(each, Action))]:
        again = apply(again, one)
    assert again == known
    doc = documents.document(known, 7)
    assert documents.load(Doc(known.id, doc.body)) == known


STORIES: Sequence[tuple[str, Sequence[Letter | Outcome | Action]]] = [
    ("open", [failed(0)]),
    ("acknowledged", [failed(0), done("acknowledge")]),
    ("discarded", [failed(0), done("acknowledge"), done("discard")]),
    ("open", [failed(0), done("discard"), done("restore")]),
    ("discarded", [failed(0), done("discard"), failed(0, at=1)]),
    ("replaying", [failed(0), done("stamp", "j")]),
    ("replaying", [failed(0), done("stamp", "j"), done("sent", "j"), failed(0, at=1)]),
    ("resolved", [failed(0), done("stamp", "j"), done("sent", "j"), ended(1)]),
    ("resolved", [failed(0), done("stamp", "j"), ended(1), failed(0, at=2), failed(1)]),
    ("open", [failed(0), done("acknowledge"), done("stamp", "j"), failed(1)]),
    ("open", [failed(0), ended(1), failed(2)]),
    ("acknowledged", [failed(0), done("acknowledge"), done("stamp", "j"), done("release", "j")]),
    ("replaying", [failed(0), done("stamp", "j"), done("sent", "j"), done("release", "j")]),
    ("superseded", [failed(0), ended(0, "superseded")]),
    ("superseded", [failed(0), done("stamp", "j"), ended(1, "superseded"), failed(1)]),
    ("resolved", [failed(0), done("stamp", "j"), ended(1, "superseded"), ended(1)]),
    ("replaying", [failed(0), ended(0, "superseded"), done("stamp", "j")]),
]


@pytest.mark.parametrize(("state", "story"), STORIES, ids=lambda part: part if isinstance(part, str) else "")
def test_each_story_ends_in_its_state(state: str, story: Sequence[Letter | Outcome | Action]) -> None:
    """The states as people read them."""
    assert state_of(after(*story)) == state


REFUSED: Sequence[tuple[str, Sequence[Letter | Outcome | Action]]] = [
    ("stamp", [failed(0), done("discard")]),
    ("stamp", [failed(0), ended(1)]),
    ("stamp", [failed(0), done("stamp", "other")]),
    ("stamp", [replace(failed(0), replayable=False)]),
    ("stamp", [replace(failed(0), truncated_from=9, replayable=False)]),
    ("acknowledge", [failed(0), done("discard")]),
    ("discard", [failed(0), done("stamp", "j")]),
    ("restore", [failed(0), ended(1)]),
]


@pytest.mark.parametrize(("verb", "story"), REFUSED)
def test_what_the_state_does_not_allow_is_refused_with_a_reason(verb: Verb, story: Sequence[Letter | Outcome | Action]) -> None:
    """A refusal is one or two sentences, and changes nothing."""
    known = after(*story)
    with pytest.raises(ActionRefused, match=r"\.$"):
        apply(known, done(verb, "j"))


def test_nothing_can_be_done_to_a_letter_that_was_never_read() -> None:
    """An ending whose letter was not read yet is kept, and is no letter to act on."""
    known = after(ended(1))
    assert why_not_replayable(known)
    with pytest.raises(ActionRefused):
        apply(known, done("discard"))
    assert state_of(apply(known, failed(0))) == "resolved"


def test_each_job_keeps_its_own_account() -> None:
    """A letter that failed in one job and went through in the next counts as reopened there and as resolved here."""
    known = after(failed(0), done("stamp", "one"), done("sent", "one"), failed(1), done("stamp", "two"), done("sent", "two"), ended(2))
    assert (part_in(known, "one"), part_in(known, "two")) == ("reopened", "resolved")


def test_the_original_stays_the_first() -> None:
    """Whatever a later attempt fails with, the bytes to look at and to replay are those that first failed."""
    piece = replace(failed(1), value=b"a piece", topic="slow", offset=7)
    assert after(piece, failed(0)).original == failed(0)
    assert after(failed(0), piece).original == failed(0)
