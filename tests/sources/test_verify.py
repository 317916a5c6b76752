"""Schemes: what they accept, what they refuse and why; rotation, ages, odd headers.

Owns: verification and signing. Does not own: the vendors' samples (tests/sources/test_samples.py).
Next stop: tests/sources/test_receive.py.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter
from standardwebhooks import Webhook

from app.sources.credentials import Credentials
from app.sources.schemes import Scheme
from app.sources.source import Verifier
from app.sources.verify import compile_scheme
from tests.sources.builders import NOW_S, sample
from tests.sources.rsa_signers import signer

BODY = '{"name":"Grüße","sku":"NH-1"}'.encode()
SCHEME: TypeAdapter[Any] = TypeAdapter(Scheme)


def verifier(words: dict[str, Any], secrets: Sequence[str] = ("s3cr3t",)) -> Verifier:
    return compile_scheme(SCHEME.validate_python(words), secrets, Credentials())


def hexed(secret: str, signed: bytes, algorithm: str = "sha256") -> str:
    return hmac.new(secret.encode(), signed, algorithm).hexdigest()


PLAIN = {"scheme": "hmac", "headers": ["X-Sig"]}
STAMPED = {**PLAIN, "template": "{timestamp}.{body}", "timestamp": "X-Time"}
# Sanity and ImageKit's older scheme: time and signature are members of one header.
MEMBERS = {
    **PLAIN,
    "prefix": "v1=",
    "separator": ",",
    "template": "{timestamp}.{body}",
    "timestamp_field": "t",
    "timestamp_unit": "ms",
    "encoding": "base64url",
}


@pytest.mark.parametrize(
    "words",
    [
        PLAIN,
        STAMPED,
        MEMBERS,
        {**PLAIN, "encoding": "base64", "algorithm": "sha512"},
        {**PLAIN, "prefix": "sha256="},
        {**PLAIN, "template": "{id}.{header:X-Org}.{body}", "id": "X-Id"},
        {**PLAIN, "template": "{timestamp}{body}", "timestamp": "X-At", "timestamp_unit": "iso"},
        {"scheme": "standard-webhooks", "key": "utf8"},
        {"scheme": "cloudinary"},
        {"scheme": "cloudinary", "algorithm": "sha256"},
        {"scheme": "token", "header": "Authorization", "prefix": "Bearer "},
        {"scheme": "jwt", "header": "X-APP-TOKEN"},
        {"scheme": "none"},
    ],
)
def test_what_is_signed_verifies(words: dict[str, Any]) -> None:
    """A request signed by the scheme is genuine, also while the secret rotates; one altered byte of the body is not."""
    ours = verifier(words)
    headers = ours.sign(BODY, NOW_S)
    assert ours.check(headers, BODY, NOW_S + 5) == ""
    assert verifier(words, ("new", "s3cr3t")).check(headers, BODY, NOW_S) == ""
    if words["scheme"] not in {"none", "token", "jwt"}:
        assert ours.check(headers, BODY.replace(b"NH-1", b"NH-2"), NOW_S) != ""
    if words["scheme"] != "none":
        assert verifier(words, ("stolen",)).check(headers, BODY, NOW_S) != ""
        assert "missing" in ours.check({}, BODY, NOW_S)


def test_standard_webhooks_agrees_with_the_library() -> None:
    """What the reference library signs is genuine, in a list of signatures too, and the other way round."""
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef").decode()
    ours, theirs = verifier({"scheme": "standard-webhooks"}, [secret]), Webhook(secret)
    signature = theirs.sign("msg_1", datetime.fromtimestamp(int(NOW_S), UTC), BODY.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(NOW_S)), "webhook-signature": f"v1a,Zm9v v1,AAAA {signature}"}
    assert ours.check(headers, BODY, NOW_S) == ""
    assert "fits none" in ours.check({**headers, "webhook-id": "msg_2"}, BODY, NOW_S)
    signed = ours.sign(BODY, NOW_S)
    assert signed["webhook-signature"] == theirs.sign(
        signed["webhook-id"], datetime.fromtimestamp(int(signed["webhook-timestamp"]), UTC), BODY.decode()
    )


def test_a_key_that_is_no_base64_is_taken_as_it_is() -> None:
    """ImageKit's trap: the secret's own bytes are the key, nothing is decoded."""
    body, stamp = b"{}", str(int(NOW_S))
    signed = base64.b64encode(hmac.new(b"s3cr3tAA", f"id.{stamp}.".encode() + body, "sha256").digest()).decode()
    headers = {"webhook-id": "id", "webhook-timestamp": stamp, "webhook-signature": f"v1,{signed}"}
    assert verifier({"scheme": "standard-webhooks", "key": "utf8"}, ["s3cr3tAA"]).check(headers, body, NOW_S) == ""
    assert verifier({"scheme": "standard-webhooks"}, ["s3cr3tAA"]).check(headers, body, NOW_S) != ""


def test_cloudinary_takes_a_digest_and_no_hmac() -> None:
    """Cloudinary's trap: the plain SHA-1 and SHA-256 digests verify, the HMAC that many receivers expect does not."""
    headers, body = sample("cloudinary-upload")
    ours = verifier({"scheme": "cloudinary", "tolerance_s": None})
    assert ours.check(headers, body, NOW_S) == ""
    signed = body + headers["x-cld-timestamp"].encode()
    assert ours.check({**headers, "x-cld-signature": hashlib.sha256(signed + b"s3cr3t").hexdigest()}, body, NOW_S) == ""
    assert ours.check({**headers, "x-cld-signature": hexed("s3cr3t", signed, "sha1")}, body, NOW_S) != ""


def test_either_akeneo_header_suffices() -> None:
    """While both ends rotate, the primary or the secondary signature may fit, with any secret."""
    headers, body = sample("akeneo-eventplatform-product-created")
    words = {"scheme": "hmac", "headers": ["x-akeneo-signature-primary", "x-akeneo-signature-secondary"]}
    assert verifier(words, ["s3cr3t-next"]).check(headers, body, NOW_S) == ""
    assert verifier(words, ["old", "s3cr3t"]).check({**headers, "x-akeneo-signature-secondary": ""}, body, NOW_S) == ""
    swapped = {"x-akeneo-signature-primary": headers["x-akeneo-signature-secondary"]}
    assert verifier(words, ["s3cr3t"]).check(swapped, body, NOW_S) != ""


def test_a_template_of_the_whole_request() -> None:
    """Method, path with query, and the registered address can be signed; without one of them nothing is proved."""
    words = {**PLAIN, "template": "{method} {url} {path} {body}"}
    given = Credentials(url="https://hooks.example/x", path="/webhooks/any")
    ours = compile_scheme(SCHEME.validate_python(words), ["s3cr3t"], given)
    headers = {"x-sig": hexed("s3cr3t", b"PUT https://hooks.example/x /a?b=1 " + BODY), ":method": "PUT", ":path": "/a?b=1"}
    assert ours.check(headers, BODY, NOW_S) == ""
    assert "fits none" in ours.check({**headers, ":path": "/a?b=2"}, BODY, NOW_S)
    assert ":path is missing" in ours.check({**headers, ":path": ""}, BODY, NOW_S)
    assert ours.check({**ours.sign(BODY, NOW_S), ":method": "POST", ":path": "/webhooks/any"}, BODY, NOW_S) == ""
    with pytest.raises(ValueError, match="url"):
        verifier(words)


@pytest.mark.parametrize(
    ("stamp", "reason"),
    [
        ("2026-10-14T08:12:31.123456789Z", ""),
        ("2026-10-14T10:12:31+02:00", ""),
        ("2026-10-14T08:12:31", ""),
        ("2026-10-14T08:00:00Z", "old"),
        ("2026-10-14T08:30:00Z", "future"),
        ("soon", "no time"),
        ("", "missing"),
    ],
)
def test_times_in_words(stamp: str, reason: str) -> None:
    """A signed time may be ISO 8601."""
    words = {**PLAIN, "template": "{timestamp}{body}", "timestamp": "X-At", "timestamp_unit": "iso"}
    headers = {"x-at": stamp, "x-sig": hexed("s3cr3t", stamp.encode() + BODY)}
    found = verifier(words).check(headers, BODY, 1_791_965_560.0)
    assert found == "" if not reason else reason in found


@pytest.mark.parametrize(("late_s", "reason"), [(299, ""), (301, "old"), (-299, ""), (-301, "future")])
def test_ages(late_s: float, reason: str) -> None:
    """A signature counts within the tolerance of either side, and the reason says which side it left."""
    ours = verifier(STAMPED)
    headers = ours.sign(BODY, int(NOW_S))
    found = ours.check(headers, BODY, int(NOW_S) + late_s)
    assert found == "" if not reason else reason in found


def test_a_stale_sample_is_refused_unless_the_check_is_off() -> None:
    """Cloudinary's 7200 seconds hold, and null switches them off."""
    headers, body = sample("cloudinary-upload")
    stamp = int(headers["x-cld-timestamp"])
    assert verifier({"scheme": "cloudinary"}).check(headers, body, stamp + 7199) == ""
    assert "tolerance_s" in verifier({"scheme": "cloudinary"}).check(headers, body, stamp + 7201)
    assert verifier({"scheme": "cloudinary", "tolerance_s": None}).check(headers, body, stamp + 10**9) == ""


def test_a_stale_forgery_is_told_as_a_forgery() -> None:
    """The age is looked at only once the signature fits, so that it tells a stranger nothing."""
    ours = verifier(STAMPED)
    assert "fits none" in ours.check({"x-sig": "00", "x-time": "1"}, BODY, NOW_S)
    unreadable = {"x-time": "soon", "x-sig": hexed("s3cr3t", b"soon." + BODY)}
    assert "not a number" in ours.check(unreadable, BODY, NOW_S)


def test_upper_case_and_space_around_a_hex_signature() -> None:
    """Hexadecimal signatures are compared without case."""
    assert verifier(PLAIN).check({"x-sig": f" {hexed('s3cr3t', BODY).upper()} "}, BODY, NOW_S) == ""


EVERY: list[dict[str, Any]] = [
    PLAIN,
    STAMPED,
    MEMBERS,
    {"scheme": "standard-webhooks", "key": "utf8"},
    {"scheme": "cloudinary"},
    {"scheme": "contentful"},
    {"scheme": "jwt", "header": "x-sig"},
    {"scheme": "token", "header": "x-sig"},
    {"scheme": "token", "query": "q"},
    {"scheme": "token", "path": True},
    {"scheme": "basic"},
    {"scheme": "sns"},
    {"scheme": "salsify"},
    {"scheme": "adobe"},
    {"scheme": "rsa", "header": "x-sig"},
]
LOOKED_AT = (
    *("x-sig", "x-time", "x-cld-signature", "x-cld-timestamp", "webhook-id", "webhook-timestamp", "webhook-signature", "authorization"),
    *("x-contentful-signature", "x-contentful-signed-headers", "x-contentful-timestamp", ":path", ":method", "x-salsify-timestamp"),
    *("x-salsify-request-id", "x-salsify-organization-id", "x-salsify-cert-url", "x-salsify-signature-v1"),
    *("x-adobe-digital-signature-1", "x-adobe-public-key1-path", "x-adobe-digital-signature-2", "x-adobe-public-key2-path"),
)
ODD = ["", "é", "\ud800", "\x00", "=", ",", "v1=", "t=,v1=", "9" * 5000, "v1," * 1000, "Basic é", "/%zz?q=%ff&=", "."]


@pytest.mark.parametrize("words", EVERY, ids=lambda words: "-".join(map(str, words.values())))
@pytest.mark.parametrize("value", ODD)
def test_odd_headers_are_refused_in_peace(words: dict[str, Any], value: str) -> None:
    """Whatever stands in the headers, the answer is a reason and never an exception."""
    given = Credentials(url="https://example.com/x", keys=[signer().pem])
    ours = compile_scheme(SCHEME.validate_python(words), ["user:s3cr3t"], given)
    for body in (b"\xff\x00", b"{}", b"e30="):
        assert ours.check(dict.fromkeys(LOOKED_AT, value), body, NOW_S) != ""
        for name in LOOKED_AT:
            assert ours.check({**dict.fromkeys(LOOKED_AT, "x"), name: value}, body, NOW_S) != ""


def test_every_scheme_is_made() -> None:
    """Each scheme that can be configured is among those that odd headers are tried on, or verifies nothing."""
    configurable = {arm.model_fields["scheme"].annotation.__args__[0] for arm in get_args(get_args(Scheme)[0])}
    assert {words["scheme"] for words in EVERY} | {"none"} == configurable


@pytest.mark.parametrize(
    ("words", "secrets", "message"),
    [
        (PLAIN, [], "secret"),
        ({**PLAIN, "key": "hex"}, ["xyz"], "hex"),
        ({**PLAIN, "key": "base64"}, ["%%"], "base64"),
        ({"scheme": "standard-webhooks"}, ["whsec_%"], "base64"),
        ({**PLAIN, "template": "{timestamp}"}, ["s"], "body"),
        ({**PLAIN, "template": "{body}{uri}"}, ["s"], "template"),
        ({**PLAIN, "timestamp": "X-Time"}, ["s"], "not signed"),
        ({**PLAIN, "separator": ",", "timestamp_field": "t"}, ["s"], "not signed"),
        ({**PLAIN, "template": "{timestamp}{body}"}, ["s"], "nothing says where"),
        ({**PLAIN, "template": "{id}{body}"}, ["s"], "nothing says where"),
        ({"scheme": "token"}, ["s"], "exactly one"),
        ({"scheme": "token", "header": "a", "path": True}, ["s"], "exactly one"),
        ({"scheme": "token", "query": "a", "prefix": "b"}, ["s"], "prefix"),
        ({"scheme": "basic"}, ["password"], "colon"),
        ({"scheme": "contentful"}, [], "secret"),
        ({"scheme": "rot13"}, ["s"], "rot13"),
    ],
)
def test_a_scheme_that_cannot_work_says_so(words: dict[str, Any], secrets: list[str], message: str) -> None:
    """Words and secrets that cannot verify anything are refused when the configuration is read."""
    with pytest.raises(ValueError, match=message):
        verifier(words, secrets)
