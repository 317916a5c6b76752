"""What is kept of a body that cannot be read, or that hides something: never a person, never a token.

Owns: authors and tokens in odd bodies. Does not own: the usual ones (tests/sources/test_samples.py), hot values
(tests/sources/test_receive.py). Next stop: app/sources/receive.py.
"""

from pathlib import Path

import pytest

from app.sources.source import Source
from tests.sources.builders import AKENEO, ARRIVED_US, CLOUDINARY, configure

PERSON = "mila.petrova@example.com"
TILL = """
  till: {preset: generic-pim, secrets: [env:PRIMARY], overrides: {verify: {scheme: token, field: auth.token}}}
"""


@pytest.fixture
def cloudinary(tmp_path: Path) -> Source:
    return configure(tmp_path, CLOUDINARY).sources["cloudinary-eu"]


def cloudinary_body(context: str, more: str = "") -> bytes:
    at = "2026-10-14T08:12:31+00:00"
    return f'{{"notification_type":"upload","timestamp":"{at}","asset_id":"a1","notification_context":{context}{more}}}'.encode()


TRIGGERED = f'{{"triggered_by":{{"source":"UI","id":"{PERSON}"}}}}'


@pytest.mark.parametrize(
    "body",
    [
        cloudinary_body(TRIGGERED)[:-1],
        cloudinary_body(TRIGGERED)[: cloudinary_body(TRIGGERED).index(b"@") + 8],
        cloudinary_body(TRIGGERED, ',"x":' + "[" * 200 + "]" * 200),
        cloudinary_body(TRIGGERED.replace('"id":', '"id"\n :\t')) + b"}",
        cloudinary_body(TRIGGERED.replace(PERSON, f'\\"{PERSON}')) + b"}",
    ],
    ids=["cut off", "cut off in the name", "too deep", "odd spacing", "escaped quote"],
)
def test_a_body_that_cannot_be_read_names_nobody(cloudinary: Source, body: bytes) -> None:
    """The letter of a broken body keeps its shape and loses its author, and is not taken for the original."""
    [unread] = cloudinary.receive(body, ARRIVED_US, {}).unread
    assert b"example" not in unread.value
    assert b"mila" not in unread.value
    assert b'"asset_id":"a1"' in unread.value
    assert not unread.replayable


@pytest.mark.parametrize(
    "context",
    [
        f'{TRIGGERED},"notification_context":null',
        TRIGGERED.replace(f'"{PERSON}"', f'"{PERSON}","id":""'),
        TRIGGERED.replace(f'"{PERSON}"', f'["{PERSON}"]'),
        TRIGGERED.replace(f'"{PERSON}"', f'{{"mail":"{PERSON}"}}'),
        f'{{"triggered_by":"{PERSON}"}}',
        f'[{{"triggered_by":[{{"id":"{PERSON}"}}]}}]',
    ],
    ids=["twice, the last empty", "twice in one object", "a list", "an object", "a text for the object", "lists on the way"],
)
def test_an_author_in_an_odd_place_is_not_named_either(cloudinary: Source, context: str) -> None:
    """Duplicate keys, lists and texts where an object is expected hide no author from the hashing."""
    [event] = cloudinary.receive(cloudinary_body(context), ARRIVED_US, {}).events
    assert PERSON.encode() not in event.value
    assert event.key == "asset/cloudinary-eu/a1"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "cp1252"])
def test_a_body_in_another_encoding_names_nobody(cloudinary: Source, encoding: str) -> None:
    """Where names cannot be looked for, only the shape of the body is kept."""
    body = cloudinary_body(TRIGGERED.replace("UI", "Größe")).decode().encode(encoding)
    [unread] = cloudinary.receive(body, ARRIVED_US, {}).unread
    assert "mila".encode(encoding)[-8:] not in unread.value
    assert len(unread.value) == len(body)
    assert not unread.replayable


def test_a_broken_body_without_author_stays_as_it_came(cloudinary: Source) -> None:
    """Where nothing has to be hidden, the letter holds the bytes that came, for a person to look at."""
    body = b'{"notification_type":"upload","asset_'
    [unread] = cloudinary.receive(body, ARRIVED_US, {}).unread
    assert unread.value == body
    assert unread.replayable


def test_a_genuine_body_that_is_too_deep_gives_no_token_away(tmp_path: Path) -> None:
    """A token in the body proves it; where the body cannot be read, only its shape is kept."""
    source = configure(tmp_path, TILL).sources["till"]
    body = b'{"auth":{"token":"s3cr3t"},"x":' + b"[" * 150 + b"]" * 150 + b"}"
    assert source.verify({}, body, 0) == ""
    [unread] = source.receive(body, ARRIVED_US, {}).unread
    assert unread.value.startswith(b'{"####":{"#####":"######"},"#":[[')
    assert not unread.replayable


def test_akeneo_authors_of_broken_events(tmp_path: Path) -> None:
    """The same holds for the second preset that names people."""
    source = configure(tmp_path, AKENEO).sources["akeneo-main"]
    [unread] = source.receive(b'{"data":{"author":{"identifier":"mila","type":"user"},"product":{"uuid":"u-1"', ARRIVED_US, {}).unread
    assert b"mila" not in unread.value
    assert b'"uuid":"' in unread.value
