"""The record format of letters: what goes out comes back, nothing secret goes out, identity is the event's own.

Owns: tests of schemas/letter.py and app/domain/letters.py. Does not own: states (test_states.py). Next stop: test_states.py.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import letters
from app.errors import BinderyError, EntryRefused, Malformed, Unmappable
from app.sources.source import Unread
from schemas import letter as wire
from schemas.event import Event
from schemas.letter import CONNECT, VALUE_CAP, Letter, Outcome

NOW_US = 1_772_323_200_000_000
EVENT = Event("e-1", "dam", "changed", "asset/dam/7", b'{"a":1}', NOW_US, era=2, time="2026-03-01T00:00:00Z")


def letter(event: Event = EVENT, error: BinderyError | None = None, now_us: int = NOW_US) -> Letter:
    """A letter of this event."""
    wrong = error or Unmappable("dam: things[3].sku: expected str, found list")
    return letters.letter_of_event(event, record=None, error=wrong, stage="map", now_us=now_us, code_version="1", config_version=4)


def unread(value: bytes = b"\xff", *, replayable: bool = True, headers: dict[str, str] | None = None) -> Letter:
    """A letter of a request that could not be read."""
    piece = Unread(value, "", "id-1", "", Malformed("not JSON"), replayable)
    return letters.letter_of_unread(
        "dam", piece, arrived_us=NOW_US, era=2, now_us=NOW_US, code_version="1", config_version=4, headers=headers
    )


TEXT = st.text(max_size=30)


@given(source=TEXT, id_=TEXT, type_=TEXT, key=TEXT, value=st.binary(max_size=50), message=TEXT, arrived=st.integers(0, 2**62))
def test_a_letter_comes_back_as_it_went_out(source: str, id_: str, type_: str, key: str, value: bytes, message: str, arrived: int) -> None:
    """Whatever text and bytes an event holds, the letter read from the log is the letter that was written."""
    made = letter(Event(id_, source, type_, key, value, arrived), Unmappable(message))
    assert wire.read(*made.entry()) == made


def test_an_event_read_from_the_log_keeps_its_place_and_headers() -> None:
    """The original's topic, partition, offset, time and CloudEvents headers stand in the letter, in Kafka Connect's names."""

    class Place:
        topic, partition, offset, timestamp, headers = "t", 3, 99, 1234, EVENT.headers()

    made = letters.letter_of_event(
        EVENT, record=Place(), error=Unmappable("x"), stage="map", now_us=NOW_US, code_version="1", config_version=4
    )
    held = dict(made.entry()[2])
    assert [held[CONNECT + name] for name in ("topic", "partition", "offset", "stage", "exception.class.name", "exception.message")] == [
        *(b"t", b"3", b"99", b"map", b"Unmappable", b"x")
    ]
    assert (held["ce_id"], held["ce_time"]) == (b"e-1", b"2026-03-01T00:00:00Z")
    assert wire.read(*made.entry()) == made


@given(st.sampled_from(["resolved", "superseded"]), st.integers(0, 99), TEXT)
def test_an_outcome_comes_back_as_it_went_out(ending: wire.Ending, attempt: int, why: str) -> None:
    """Outcomes survive the log."""
    made = Outcome("abc", attempt, ending, NOW_US, why)
    assert wire.read(*made.entry()) == made


@pytest.mark.parametrize("damage", ["missing", "not a number", "unknown stage", "no key", "no kind"])
def test_a_damaged_record_is_refused_by_name(damage: str) -> None:
    """A record that is no letter raises ValueError and nothing else."""
    key, value, headers = letter().entry()
    held = dict(headers)
    match damage:
        case "missing":
            del held["bindery-fingerprint"]
        case "not a number":
            held["bindery-attempt"] = b"one"
        case "unknown stage":
            held[CONNECT + "stage"] = b"moon"
        case "no key":
            key = b""
        case _:
            del held[wire.KIND]
    with pytest.raises(ValueError, match=r"header|stage|key|kind"):
        wire.read(key, value, list(held.items()))


SECRETS = ["x-hub-signature-256", "authorization", "cookie", "x-api-key", "x-auth-timestamp", "x-shop-hmac-type", "webhook-signature"]


def test_signatures_and_secrets_never_reach_a_letter() -> None:
    """Of a request's headers only those on the allow-list are kept, and nothing that proves or authorises."""
    told = {"content-type": "application/json", "x-shop-topic": "products/update", "webhook-id": "m1", "x-anything-else": "hidden"}
    made = unread(headers={**told, **dict.fromkeys(SECRETS, "hidden")})
    assert dict(made.headers) == {"content-type": b"application/json", "x-shop-topic": b"products/update", "webhook-id": b"m1"}
    assert b"hidden" not in b"".join(value for _, value in made.entry()[2])


def test_a_replay_leaves_no_trace_in_the_originals_headers() -> None:
    """A letter of a replayed event keeps the first letter's id and attempt, and none of the replay's own headers."""
    again = letter(replace(EVENT, letter="first", attempt=2, replay="job"))
    assert (again.id, again.attempt) == ("first", 2)
    assert not {name for name, _ in again.headers} & {"ce_binderyletter", "ce_binderyattempt", "ce_binderyreplay"}


def test_the_same_event_is_the_same_letter() -> None:
    """The id comes from source, event id, bytes and key alone, so a redelivery or a crash makes no second letter."""
    assert letter().id == letter(now_us=NOW_US + 5, error=Malformed("other")).id
    others = [replace(EVENT, source="pim"), replace(EVENT, id="e-2"), replace(EVENT, value=b"{}"), replace(EVENT, key="asset/dam/8")]
    assert len({letter().id, *(letter(other).id for other in others)}) == 5


def test_one_cause_has_one_fingerprint() -> None:
    """Indices and numbers in a message do not tell causes apart; path, class, stage, source and type do."""
    same = letter(replace(EVENT, id="e-9"), Unmappable("dam: things[14].sku: expected str, found list"))
    assert same.fingerprint == letter().fingerprint
    assert letter(error=Unmappable("dam: things[3].gtin: expected str, found list")).fingerprint != letter().fingerprint
    assert letter(error=Malformed("dam: things[3].sku: expected str, found list")).fingerprint != letter().fingerprint
    assert letter(replace(EVENT, type="deleted")).fingerprint != letter().fingerprint


def test_what_is_too_large_is_cut_and_says_so() -> None:
    """A cut original names its full length and is not replayable; one that just fits is whole."""
    cut, whole = letter(replace(EVENT, value=b"x" * (VALUE_CAP + 1))), letter(replace(EVENT, value=b"x" * VALUE_CAP))
    assert (len(cut.value), cut.truncated_from, cut.replayable) == (VALUE_CAP, VALUE_CAP + 1, False)
    assert (len(whole.value), whole.truncated_from, whole.replayable) == (VALUE_CAP, 0, True)
    assert letter(replace(EVENT, value=b"x" * (VALUE_CAP + 1) + b"y")).id != cut.id
    huge = letter(replace(EVENT, value=b"x" * VALUE_CAP, id="i" * 5000, type="t" * 5000), Unmappable("m" * 5000))
    assert sum(len(part) for part in huge.entry()[:2]) + sum(len(n) + len(v) for n, v in huge.entry()[2]) < 1_000_000


def test_a_masked_original_is_not_replayable() -> None:
    """What the source had to mask cannot be sent again as it was."""
    assert not unread(replayable=False).replayable
    assert unread().replayable


def test_a_defects_own_words_stay_out() -> None:
    """The text of an unexpected error may quote a value, so a letter shows its class only."""
    made = letters.letter_of_event(
        EVENT, record=None, error=KeyError("4111 1111"), stage="map", now_us=NOW_US, code_version="1", config_version=4
    )
    assert made.error_class == "KeyError"
    assert "4111" not in made.message


def test_dispositions_follow_the_error() -> None:
    """Each kind of failure is told apart."""
    kinds = [letter(error=Malformed("x")), letter(error=Unmappable("x")), letter(error=EntryRefused("x"))]
    assert [made.disposition for made in kinds] == ["malformed", "unmappable", "rejected"]
