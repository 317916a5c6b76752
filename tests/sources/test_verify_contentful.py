"""Contentful's canonical request: what is signed, how it is encoded, for how long it counts.

Owns: the scheme `contentful`. Does not own: its sample (tests/sources/test_verify_samples.py). Next stop: tests/sources/test_verify_jwt.py.
"""

import hmac

import pytest

from app.sources.credentials import Credentials
from app.sources.source import Verifier
from app.sources.verifiers.contentful import encoded
from app.sources.verify import compile_scheme
from tests.sources.signed_samples import WORDS, request

BODY = b'{"sys":{"id":"a"}}'
NOW_S = 1_791_965_560.0
SENT = {":method": "POST", ":path": "/webhooks/contentful-main"}


def _contentful(url: str | None = None) -> Verifier:
    given = Credentials(url=url, path="/webhooks/contentful-main")
    return compile_scheme(WORDS.validate_python({"scheme": "contentful"}), ["old", "s3cr3t"], given)


@pytest.mark.parametrize(
    ("path", "signed"),
    [
        # Each pair as getNormalizedEncodedURI of the vendor's library gives it.
        ("/webhooks/c", "/webhooks/c"),
        ("/w/ü x?a=b&c=%20ü", "/w/%C3%BC%20x?a%253Db%2526c%253D%252520%25C3%25BC"),
        ("/a%20b?x", "/a%2520b?x"),
        ("/a?b?c", "/a?b"),
        ("/a?", "/a"),
        ("/q?x=[1]&y=!~*(')+#z", "/q?x%253D%255B1%255D%2526y%253D!~*(')%252B%2523z"),
    ],
)
def test_a_path_is_encoded_as_the_library_does(path: str, signed: str) -> None:
    """The query is escaped first, and then once more with the path."""
    assert encoded(path).decode() == signed


def test_method_path_headers_and_body_are_signed() -> None:
    """None of them can be changed, nor the list of signed headers; header values may gain space around them."""
    ours = _contentful()
    headers = {**ours.sign(BODY, NOW_S), **SENT}
    assert ours.check(headers, BODY, NOW_S) == ""  # signed with the first secret …
    headers["x-contentful-signature"] = _signature(b"s3cr3t", headers, BODY)
    assert ours.check(headers, BODY, NOW_S) == ""  # … and with the second
    assert ours.check({**headers, "content-type": " application/json "}, BODY, NOW_S) == ""
    for change in (
        {":method": "PUT"},
        {":path": "/webhooks/other"},
        {":path": "/webhooks/contentful-main?x=1"},
        {"content-type": "text/plain"},
        {"x-contentful-timestamp": "1791965560001"},
        {"x-contentful-signed-headers": "x-contentful-signed-headers,x-contentful-timestamp"},
    ):
        assert "fits none" in ours.check({**headers, **change}, BODY, NOW_S), change
    assert "fits none" in ours.check(headers, BODY + b" ", NOW_S)


def _signature(secret: bytes, headers: dict[str, str], body: bytes) -> str:
    names = sorted(headers["x-contentful-signed-headers"].split(","))
    lines = ";".join(f"{name}:{headers[name]}" for name in names)
    return hmac.new(secret, f"{headers[':method']}\n{headers[':path']}\n{lines}\n".encode() + body, "sha256").hexdigest()


def test_order_of_listed_headers_does_not_matter() -> None:
    """What is signed is sorted, in whatever order a proxy or the sender lists the names."""
    headers, body = request("contentful-asset.publish")
    ours = compile_scheme(WORDS.validate_python({"scheme": "contentful"}), ["s3cr3t"], Credentials())
    assert ours.check(headers, body, NOW_S) == ""
    names = headers["x-contentful-signed-headers"].split(",")
    assert ours.check({**headers, "x-contentful-signed-headers": ",".join(reversed(names))}, body, NOW_S) == ""
    assert ours.check({**headers, "x-contentful-signed-headers": " , ".join(name.upper() for name in names)}, body, NOW_S) == ""
    assert ours.check({**headers, "x-contentful-signed-headers": ",".join(names[1:])}, body, NOW_S) != ""


@pytest.mark.parametrize(("late_s", "reason"), [(29.9, ""), (30, "old"), (31, "old"), (-3600, "")])
def test_thirty_seconds_are_too_old(late_s: float, reason: str) -> None:
    """A request counts for less than 30 seconds; a clock that is ahead at Contentful does not matter."""
    headers, body = request("contentful-asset.publish")
    ours = compile_scheme(WORDS.validate_python({"scheme": "contentful"}), ["s3cr3t"], Credentials())
    found = ours.check(headers, body, 1_791_965_551.25 + late_s)
    assert found == "" if not reason else reason in found


def test_the_registered_address_counts_behind_a_proxy() -> None:
    """With `url`, the path that Contentful calls is signed, whatever is left of it here."""
    ours = _contentful("https://hooks.example/in/contentful?tenant=1")
    headers = ours.sign(BODY, NOW_S)
    assert ours.check({**headers, **SENT, ":path": "/stripped"}, BODY, NOW_S) == ""
    assert _contentful().check({**headers, **SENT, ":path": "/stripped"}, BODY, NOW_S) != ""


@pytest.mark.parametrize("lost", [":method", ":path", "x-contentful-signed-headers", "x-contentful-timestamp", "x-contentful-signature"])
def test_without_a_part_nothing_is_proved(lost: str) -> None:
    """Each part of the canonical request has to be there."""
    ours = _contentful()
    headers = {**ours.sign(BODY, NOW_S), **SENT, lost: ""}
    assert ours.check(headers, BODY, NOW_S) != ""
