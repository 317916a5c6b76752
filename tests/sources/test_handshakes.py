"""The words for handshakes, and what a request must look like to be one.

Owns: `answers` and `notices` of a preset, the values that doors ask for. Does not own: answering (tests/api/test_handshakes.py).
Next stop: app/sources/handshakes.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.domain.order import DELETION, order
from app.errors import Misconfigured
from app.sources.handshakes import AnswerWords, compile_handshakes, compile_notices, compile_passes, is_of_sns
from app.sources.source import Source
from app.sources.try_ import explain_request, order_in_words
from tests.sources.builders import NOW_S, VERSION, configure

WORDS: TypeAdapter[AnswerWords] = TypeAdapter(AnswerWords)
SNS = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:1:x&Token=6d2c"


def words(*held: dict[str, Any]) -> list[AnswerWords]:
    return [WORDS.validate_python(one) for one in held]


@pytest.mark.parametrize(
    "held",
    [
        {"kind": "acknowledge"},
        {"kind": "acknowledge", "body": "a ||"},
        {"kind": "shared-secret", "below": "a/b"},
        {"kind": "challenge", "querry": "x"},
        {"kind": "greeting"},
    ],
)
def test_words_that_mean_nothing_are_mistakes(held: dict[str, Any]) -> None:
    """As everywhere in a preset."""
    with pytest.raises(ValidationError):
        WORDS.validate_python(held)


def test_a_source_without_handshakes_has_none() -> None:
    """So that the door asks nothing of its requests."""
    assert compile_handshakes(words({"kind": "acknowledge", "body": "test"}), ["s"], pinned=False) is None
    assert compile_passes([]) is None
    assert compile_notices({}) is None


def test_test_calls_are_told_by_body_or_header() -> None:
    """All conditions of one word must hold, any of the words suffices; zero is true as JMESPath says; another shape is no test call."""
    passes = compile_passes(
        words({"kind": "acknowledge", "body": "meta.test"}, {"kind": "acknowledge", "body": "ping", "header": {"X-Kind": "t"}})
    )
    assert passes is not None
    for body, headers, expected in [
        ({"meta": {"test": True}}, {}, True),
        ({"meta": {"test": 0}}, {}, True),
        ({"meta": {"test": False}}, {}, False),
        ({"meta": {"test": ""}}, {}, False),
        ({"ping": "x"}, {}, False),
        ({"ping": "x"}, {"x-kind": "t"}, True),
        ([1], {}, False),
        (None, {"x-kind": "t"}, False),
    ]:
        assert passes(body, headers) is expected, (body, headers)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"shared_secret":"long-enough"}', "long-enough"),
        (b'{"shared_secret":"short"}', ""),
        (b'{"shared_secret":"s3cr3t"}', "s3cr3t"),
        (b'{"shared_secret":"two\\nlines-of-it"}', ""),
        (b'{"shared_secret":" padded-secret "}', ""),
        (b'{"shared_secret":12345678}', ""),
        (b'{"shared_secret":"' + b"x" * 1_001 + b'"}', ""),
        (b"[]", ""),
        (b"not JSON", ""),
    ],
)
def test_a_secret_that_no_file_could_hold_is_none(body: bytes, told: str) -> None:
    """What would be read back differently, or is no secret at all, is refused."""
    handshakes = compile_handshakes(words({"kind": "shared-secret"}), ["long-enough", "s3cr3t"], pinned=False)
    assert handshakes is not None
    assert handshakes.shared is not None
    assert handshakes.shared.told(body) == told
    assert handshakes.shared.fits(told) is bool(told)


def test_addresses_to_confirm_at() -> None:
    """Amazon's own host and nothing that looks like it."""
    assert is_of_sns(SNS)
    assert is_of_sns(SNS.replace(".com/", ".com.cn/"))
    for other in (
        SNS.replace("https", "http"),
        SNS.replace(".com/", ".com.evil.example/"),
        SNS.replace("sns.", "evilsns."),
        SNS.replace("//", "//user@"),
        SNS.replace(".com/", ".com:444/"),
        SNS.replace(".com/", ".com\\@evil.example/"),
        SNS + "\n",
        "https://evil.example/#https://sns.eu-west-1.amazonaws.com/?a",
    ):
        assert not is_of_sns(other), other


@pytest.fixture
def akeneo(tmp_path: Path) -> Source:
    text = "\n  akeneo-main: {preset: akeneo-event-platform, secrets: [env:PRIMARY]}\n  ergo: {preset: ergonode, secrets: ['file:none']}\n"
    return configure(tmp_path, text).sources["akeneo-main"]


def test_a_reported_suspension_is_a_notice(akeneo: Source) -> None:
    """Of an ignored type: no event, no letter, a word for the people who look after the sender."""
    for type_, notice in {"suspended.system": "suspended", "revoked": "suspended", "resumed": "resumed"}.items():
        body = f'{{"notification_type":"subscription.{type_}","timestamp":"2026-08-24T12:34:56Z"}}'.encode()
        received = akeneo.receive(body, 0, {})
        assert (received.events, received.unread, received.notice) == ([], [], notice)


def test_trying_tells_what_a_request_is_beside_events(akeneo: Source, tmp_path: Path) -> None:
    """A notice and a handshake are told in words, and the members that programs read stay the same."""
    body = b'{"notification_type":"subscription.suspended.user"}'
    shown = explain_request(akeneo, akeneo.sign(body, NOW_S), body, NOW_S, VERSION)
    assert list(shown) == ["verified", "reason", "events", "beside"]
    assert "suspended" in shown["beside"]
    ergo = configure(tmp_path, "\n  ergo: {preset: ergonode, secrets: ['file:none']}\n").sources["ergo"]
    headers = {":method": "POST", ":path": "/webhooks/ergo/handshake"}
    shown = explain_request(ergo, headers, b'{"shared_secret":"long-enough"}', NOW_S, VERSION)
    assert (shown["events"], "handshake" in shown["beside"], "long-enough" in str(shown)) == ([], True, False)


def test_an_order_in_words() -> None:
    """A time or a number, what it is, and what else decides."""
    told = order_in_words(order(era=2, source=1_772_323_200_000_000, rank=DELETION, event_hash="0", version=3, tie=7))
    assert told == "2026-03-01T00:00:00Z, a deletion, finer hint 7, era 2, configuration version 3"
    assert order_in_words(order(era=0, source=9, rank=0, event_hash="0", version=1)).startswith("number 9, a change")


def test_a_secret_that_the_first_handshake_brings_is_no_mistake(tmp_path: Path) -> None:
    """The source says what it waits for; a file that is there and empty is a mistake like any other."""
    text = "\n  ergo: {preset: ergonode, secrets: ['file:ergo.secret']}\n"
    assert "first handshake" in configure(tmp_path, text, strict=True).sources["ergo"].broken
    (tmp_path / "ergo.secret").write_text("")
    with pytest.raises(Misconfigured, match="is empty"):
        configure(tmp_path, text, strict=True)
