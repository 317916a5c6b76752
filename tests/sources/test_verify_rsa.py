"""Salsify, Adobe and keys that an operator gives: what is signed, tricks in addresses and paths, wrapped bodies, other recipients.

Owns: the schemes `salsify`, `adobe`, `rsa`, and what they need of the configuration. Does not own: SNS (tests/sources/test_verify_sns.py).
Next stop: tests/sources/test_keyring.py.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from app.errors import KeyMissing
from app.sources.credentials import Credentials
from app.sources.keyring import allowed
from tests.sources.builders import NOW_S, events, mistakes, one
from tests.sources.rsa_signers import (
    ADOBE_PATHS,
    SALSIFY_CERTIFICATE,
    SALSIFY_URL,
    adobe,
    credentials,
    made,
    signer,
    sns_source,
)

ADOBE_URLS = [f"https://static.adobeioevents.com{path}" for path in ADOBE_PATHS]
EVENT = json.dumps({"id": "1", "recipient_client_id": "me", "recipientclientid": "me"}).encode()


def test_salsify_signs_the_address_that_it_calls() -> None:
    """With the registered address the request is genuine; with another, another header or body it is not."""
    body = b'{"products":[]}'
    given = credentials(SALSIFY_CERTIFICATE, url=SALSIFY_URL)
    ours, headers = made("salsify", given), signer().salsify(body, int(NOW_S))
    assert ours.check(headers, body, NOW_S) == ""
    assert "old" in ours.check(headers, body, NOW_S + 301)
    assert "url" in ours.check(headers, body + b" ", NOW_S)
    for changed in ({"request_id": "other"}, {"organization_id": "other"}, {"timestamp": str(int(NOW_S) + 1)}):
        assert "does not fit" in ours.check(signer().salsify(body, int(NOW_S), **changed), body, NOW_S)
    elsewhere = made("salsify", credentials(SALSIFY_CERTIFICATE, url=SALSIFY_URL + "/"))
    assert "registered" in elsewhere.check(headers, body, NOW_S)
    with pytest.raises(ValueError, match="url"):
        made("salsify", Credentials())


def test_what_salsify_signed_for_another_customer_is_not_read_as_ours() -> None:
    """Whoever registers an address that holds our organisation and our address has what we read signed by Salsify's own key."""
    ours = made("salsify", credentials(SALSIFY_CERTIFICATE, url=SALSIFY_URL), organization="s-6f1c")
    for time, request in ((str(int(NOW_S)), "r-1.s-evil.https://evil.example/?a="), (f"{int(NOW_S)}.r-1", "s-evil")):
        signature = signer().sign(f"{time}.{request}.s-6f1c.{SALSIFY_URL}.{{}}".encode())
        forged = signer().salsify(b"{}", int(NOW_S), timestamp=time, request_id=request, signature_v1=signature)
        assert "dot" in ours.check(forged, b"{}", NOW_S)


@pytest.mark.parametrize(
    "url",
    [
        "http://webhooks-auth.salsify.com/certs/a.pem",
        "https://webhooks-auth.salsify.com.evil.example/certs/a.pem",
        "https://webhooks-auth.salsify.com@evil.example/a.pem",
        "https://webhooks-auth.salsify.com:8443/a.pem",
        "https://evil.example/webhooks-auth.salsify.com/a.pem",
        "https://WEBHOOKS-AUTH.salsify.com/a.pem",
        "https://webhooks-auth.salsify.com/../a.pem",
        "https://webhooks-auth.salsify.com",
        "https://webhooks-auth.salsify.com?.evil.example/a.pem",
    ],
)
def test_certificates_come_from_salsify_only(url: str) -> None:
    """The host is exactly Salsify's, or nothing is fetched."""
    ours = made("salsify", Credentials(url=SALSIFY_URL))
    assert "webhooks-auth" in ours.check(signer().salsify(b"{}", int(NOW_S), cert_url=url), b"{}", NOW_S)
    with pytest.raises(KeyMissing):
        ours.check(signer().salsify(b"{}", int(NOW_S)), b"{}", NOW_S)


def test_either_of_adobes_signatures_suffices() -> None:
    """While Adobe rotates keys, one of the two may fit; with none it is refused."""
    ours = made("adobe", credentials(*ADOBE_URLS))
    good, bad = signer(), None
    for signers in ((good, good), (good, bad), (bad, good), (good,)):
        assert ours.check(adobe(EVENT, *signers), EVENT, NOW_S) == ""
    for wrong in ((bad, bad), (signer(1), bad), (signer(1), signer(1))):
        assert "neither" in ours.check(adobe(EVENT, *wrong), EVENT, NOW_S)
    assert "missing" in ours.check({}, EVENT, NOW_S)
    assert "neither" in ours.check(adobe(EVENT, good, good), EVENT + b" ", NOW_S)


def test_adobes_key_is_missing_only_where_the_other_does_not_help() -> None:
    """With one key at hand that fits, the other is not waited for."""
    headers = adobe(EVENT, signer(), signer())
    assert made("adobe", credentials(ADOBE_URLS[1])).check(headers, EVENT, NOW_S) == ""
    with pytest.raises(KeyMissing) as missing:
        made("adobe", credentials()).check(headers, EVENT, NOW_S)
    assert missing.value.url == ADOBE_URLS[0]
    with pytest.raises(KeyMissing):
        made("adobe", credentials(ADOBE_URLS[1])).check(adobe(EVENT, signer(), None), EVENT, NOW_S)


@pytest.mark.parametrize(
    "path",
    [
        ".evil.example/prod/keys/pub-key-aaaaaaaa-1111-4222-8333-444444444444.pem",
        "@evil.example/prod/keys/pub-key-aaaaaaaa-1111-4222-8333-444444444444.pem",
        "/prod/keys/../../x/pub-key-aaaaaaaa-1111-4222-8333-444444444444.pem",
        "//evil.example/prod/keys/pub-key-aaaaaaaa-1111-4222-8333-444444444444.pem",
        "/prod/keys/pub-key-aaaaaaaa-1111-4222-8333-444444444444.pem?x",
        "/prod/keys/pub-key-aaaaaaaa-1111-4222-8333-444444444444.pem\n",
        "/dev/keys/pub-key-aaaaaaaa-1111-4222-8333-444444444444.pem",
        "/prod/keys/pub-key-short.pem",
        "",
    ],
)
def test_adobes_key_path_names_no_other_host(path: str) -> None:
    """Only a path of the documented form is ever fetched."""
    headers = adobe(EVENT, signer(), signer(), paths=[path, path])
    assert "documents" in made("adobe", Credentials()).check(headers, EVENT, NOW_S)


def test_adobes_key_paths_as_adobe_sends_them() -> None:
    """Names of ten letters and digits, as in public samples of real requests, a UUID as in the facts, and both environments."""
    for path in ("/prod/keys/pub-key-IkpzhSpTw0.pem", "/stage/keys/pub-key-3fVj0Lv0QB.pem", ADOBE_PATHS[0]):
        with pytest.raises(KeyMissing) as missing:
            made("adobe", Credentials()).check(adobe(EVENT, signer(), paths=[path]), EVENT, NOW_S)
        assert missing.value.url == f"https://static.adobeioevents.com{path}"
        assert allowed(missing.value.url)


def test_given_keys_replace_downloads() -> None:
    """With `keys:`, the path is not looked at and nothing is missing; any of the keys counts."""
    given = Credentials(keys=[signer(1).pem, signer().pem])
    headers = adobe(EVENT, signer(), paths=["/prod/keys/pub-key-9d2f0b61.pem"])
    assert made("adobe", given).check(headers, EVENT, NOW_S) == ""
    assert "neither" in made("adobe", Credentials(keys=[signer(1).pem])).check(headers, EVENT, NOW_S)


@pytest.mark.parametrize(
    "event", [{}, {"recipient_client_id": "other"}, {"recipient_client_id": "me", "recipientclientid": "other"}, [], [{}], 7]
)
def test_an_event_for_somebody_else(event: Any) -> None:
    """Adobe signs for all its customers with the same keys: with `recipient`, only events for the own client id count."""
    body = json.dumps(event).encode()
    headers = adobe(body, signer())
    assert made("adobe", credentials(*ADOBE_URLS)).check(headers, body, NOW_S) == ""
    assert "recipient" in made("adobe", credentials(*ADOBE_URLS), recipient="me").check(headers, body, NOW_S)
    assert made("adobe", credentials(*ADOBE_URLS), recipient="me").check(adobe(EVENT, signer()), EVENT, NOW_S) == ""


def test_adobes_body_may_be_base64(tmp_path: Path) -> None:
    """A body that is base64 as a whole is genuine whether its bytes or what it means was signed, and is read as what it means."""
    plain = json.dumps({"notification_type": "delete", "resources": [{"asset_id": "a1"}], "recipient_client_id": "me"}).encode()
    wrapped = base64.b64encode(plain)
    (tmp_path / "key.pem").write_bytes(signer().pem)
    words = "overrides: {verify: {scheme: adobe, recipient: me}}"
    source = one(tmp_path, sns_source("keys: [file:key.pem]").replace("overrides: {verify: {scheme: sns}}", words))
    for signed in (wrapped, plain):
        assert source.verify(adobe(signed, signer()), wrapped, NOW_S) == ""
    assert source.verify(adobe(plain, signer()), wrapped[:-4], NOW_S) != ""
    assert [event.key for event in events(source, wrapped)] == [event.key for event in events(source, plain)]


def test_a_static_key(tmp_path: Path) -> None:
    """Pimcore's bundle signs by SHA-1 with a key that the operator gives; without one the source cannot be configured."""
    words = {"header": "webhook-signature", "algorithm": "sha1"}
    ours = made("rsa", Credentials(keys=[signer(1).pem + signer().pem]), **words)
    headers = {"webhook-signature": signer().sign(EVENT, "sha1")}
    assert ours.check(headers, EVENT, NOW_S) == ""
    assert "fits none" in ours.check({"webhook-signature": signer().sign(EVENT)}, EVENT, NOW_S)
    assert "fits none" in ours.check(headers, EVENT + b" ", NOW_S)
    hexed = base64.b64decode(headers["webhook-signature"]).hex()
    ours = made("rsa", Credentials(keys=[signer().pem]), **words, encoding="hex", prefix="sha1=")
    assert ours.check({"webhook-signature": f"sha1={hexed}"}, EVENT, NOW_S) == ""
    assert "fits none" in ours.check({"webhook-signature": "xyz"}, EVENT, NOW_S)
    for keys in ([], [b"no key"], [b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]):
        with pytest.raises(ValueError, match="key"):
            made("rsa", Credentials(keys=keys), **words)


@pytest.mark.parametrize(
    ("verify", "more", "place"),
    [
        ("{scheme: rsa, header: x}", "", "keys"),
        ("{scheme: salsify}", "", "url"),
        ("{scheme: adobe}", "topic_arn: arn:aws:sns:x", "topic_arn"),
        ("{scheme: sns}", "secrets: [env:PRIMARY]", "secrets"),
        ("{scheme: sns}", "keys: [file:absent.pem]", "keys.0"),
    ],
)
def test_what_a_scheme_needs_is_said_when_it_is_missing(tmp_path: Path, verify: str, more: str, place: str) -> None:
    """`bindery config check` names the word that is missing or of no use."""
    text = sns_source(*([more] if more else [])).replace("{scheme: sns}", verify)
    assert any(line.startswith(f"sources.bynder-main.{place}") for line in mistakes(tmp_path, text, strict=True))
