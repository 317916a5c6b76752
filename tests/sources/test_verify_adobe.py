"""Adobe I/O Events and keys that an operator gives: two signatures, a trick in a path, wrapped bodies, other recipients.

Owns: the schemes `adobe` and `rsa`. Does not own: SNS and Salsify (tests/sources/test_verify_rsa.py).
Next stop: tests/sources/test_keyring.py.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from app.errors import KeyMissing
from app.sources.credentials import Credentials
from tests.sources.builders import NOW_S, events, one
from tests.sources.rsa_signers import ADOBE_PATHS, adobe, signer
from tests.sources.test_verify_rsa import credentials, made, sns_source

ADOBE_URLS = [f"https://static.adobeioevents.com{path}" for path in ADOBE_PATHS]
EVENT = json.dumps({"id": "1", "recipient_client_id": "me", "recipientclientid": "me"}).encode()


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
