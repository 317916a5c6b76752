"""Every sample of every vendor, from its own signature to the facets that its payload means.

Owns: comparing with the golden files, which are written by hand. Does not own: further shapes of the facts (tests/sources/vendors/), the
same samples over HTTP (tests/functional/test_golden_http.py). Next stop: tests/sources/test_fuzz.py.
"""

import hashlib
from pathlib import Path

import pytest

from app.configuration import load
from tests.sources.expectations import ENVIRON, GOLDEN, Golden, fragments, goldens, samples, written

ALL = goldens()
REQUESTS = [golden for golden in ALL if golden.is_request]
READ = [golden for golden in ALL if not golden.words.keys() & {"apart", "handshake"}]


def _named(golden: Golden) -> str:
    return golden.name


def test_every_sample_has_an_expectation() -> None:
    """A sample that is added without one is noticed, and so is an expectation without a sample."""
    assert {golden.sample for golden in ALL} == set(samples())


def test_the_vendors_files_are_one_configuration(tmp_path: Path) -> None:
    """All of them together are a deployment without a mistake, by the strictest reading."""
    whole = load(written(tmp_path, fragments()), environ=ENVIRON, strict=True)
    assert {golden.words["source"] for golden in ALL if "apart" not in golden.words} <= set(whole.sources)


@pytest.mark.parametrize("golden", ALL, ids=_named)
def test_the_bytes_are_the_vendors(golden: Golden) -> None:
    """The copies of the samples are exact, as far as a sidecar states their hash."""
    stated = golden.sidecar.get("body_sha256")
    assert stated in {None, hashlib.sha256(golden.body).hexdigest()}


@pytest.mark.parametrize("golden", REQUESTS, ids=_named)
def test_a_sample_is_genuine(golden: Golden) -> None:
    """Its own signature verifies."""
    assert golden.source.verify(golden.headers, golden.body, golden.now_s) == ""


@pytest.mark.parametrize("golden", REQUESTS, ids=_named)
def test_an_altered_byte_is_refused(golden: Golden) -> None:
    """No single changed byte of the body, wherever, passes; where the scheme does not sign the body, the golden file says why."""
    body, headers = golden.body, golden.headers
    passed = [
        at
        for at in range(0, len(body), max(1, len(body) // 150))
        if golden.source.verify(headers, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :], golden.now_s) == ""
    ]
    assert bool(passed) == ("unsigned" in golden.words), passed


@pytest.mark.parametrize("golden", READ, ids=_named)
def test_a_sample_becomes_what_its_payload_means(golden: Golden) -> None:
    """Records, wholeness, every leaf, every wish to fetch and every letter are what the payload says."""
    assert golden.outcome() == golden.expected


def test_letters_say_why() -> None:
    """The message of an unreadable sample holds the words that its golden file asks for."""
    for golden in READ:
        for unread in golden.received().unread:
            assert golden.words["letter"] in str(unread.error), golden.name


def test_golden_files_hold_nothing_else() -> None:
    """Every file in the folder is an expectation, and every one of them says something about its sample."""
    assert {path.suffix for path in GOLDEN.iterdir()} == {".json"}
    assert all(golden.words.keys() & {"events", "unread", "handshake", "apart"} for golden in ALL)
