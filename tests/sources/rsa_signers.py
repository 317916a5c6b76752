"""Senders that sign by RSA, as Amazon, Salsify and Adobe do, with keys of their own.

Owns: Signer, the requests of those three, verifiers and sources for them. Does not own: any expectation.
Next stop: tests/sources/test_verify_sns.py.
"""

import base64
import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.sources.credentials import Credentials
from app.sources.source import Verifier
from app.sources.verify import compile_scheme
from tests.sources.builders import NOW_S
from tests.sources.signed_samples import WORDS

TOPIC = "arn:aws:sns:eu-west-1:111122223333:bynder"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-55d7.pem"
SALSIFY_CERTIFICATE = "https://webhooks-auth.salsify.com/certs/2026-01.pem"
SALSIFY_URL = "https://hooks.example.com/webhooks/salsify"
ADOBE_PATHS = [f"/prod/keys/pub-key-{'ab'[n] * 8}-1111-4222-8333-444444444444.pem" for n in range(2)]
_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "confirming": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}


class Signer:
    """One key pair."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.pem = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, signed: bytes, algorithm: str = "sha256") -> str:
        """A signature in base64."""
        digest = hashes.SHA1() if algorithm == "sha1" else hashes.SHA256()
        return base64.b64encode(self._key.sign(signed, padding.PKCS1v15(), digest)).decode()

    def sns(self, version: str = "1", **members: Any) -> bytes:
        """A message of Amazon SNS; None takes a member away."""
        given = {
            "Type": "Notification",
            "MessageId": "m-1",
            "TopicArn": TOPIC,
            "Subject": "asset_bank.media.updated",
            "Message": '{"media_id":"ü"}',
            "Timestamp": "2026-10-14T08:12:31.000Z",
            "SigningCertURL": CERTIFICATE,
            **members,
        }
        message = {name: value for name, value in given.items() if value is not None}
        kind = "Notification" if message["Type"] == "Notification" else "confirming"
        text = "".join(f"{name}\n{message[name]}\n" for name in _FIELDS[kind] if name in message)
        signature = self.sign(text.encode(), "sha1" if version == "1" else "sha256")
        return json.dumps({"SignatureVersion": version, "Signature": signature, **message}).encode()

    def salsify(self, body: bytes, at_s: int, **changed: str) -> dict[str, str]:
        """Headers of Salsify; changed: after signing, - for _."""
        headers = {
            "x-salsify-timestamp": str(at_s),
            "x-salsify-request-id": "4d8b2f60",
            "x-salsify-organization-id": "s-6f1c",
            "x-salsify-cert-url": SALSIFY_CERTIFICATE,
        }
        signed = f"{at_s}.4d8b2f60.s-6f1c.{SALSIFY_URL}.".encode() + body
        headers["x-salsify-signature-v1"] = self.sign(signed)
        return headers | {f"x-salsify-{name.replace('_', '-')}": value for name, value in changed.items()}


def adobe(signed: bytes, *signers: Signer | None, paths: list[str] | None = None) -> dict[str, str]:
    """Headers of Adobe I/O Events; None: a signature that fits nothing."""
    headers = {}
    for number, signer in enumerate(signers, 1):
        headers[f"x-adobe-digital-signature-{number}"] = signer.sign(signed) if signer else "AAAA"
        headers[f"x-adobe-public-key{number}-path"] = (paths or ADOBE_PATHS)[number - 1]
    return headers


@cache
def signer(number: int = 0) -> Signer:
    """Key pairs, made once: making one takes a tenth of a second."""
    return Signer()


def made(scheme: str, given: Credentials, **words: Any) -> Verifier:
    """The verifier of an RSA scheme."""
    return compile_scheme(WORDS.validate_python({"scheme": scheme, **words}), [], given)


def credentials(*urls: str, **more: Any) -> Credentials:
    """Credentials whose keyring holds the key of signer() under these addresses."""
    given = Credentials(**more)
    for url in urls:
        given.keyring.put(url, signer().pem, NOW_S)
    return given


def sns_source(*lines: str) -> str:
    """A source in bindery.yaml that verifies by SNS, with further lines."""
    words = ["preset: cloudinary", "when_rights_unknown: hide", "overrides: {verify: {scheme: sns}}", *lines]
    return "\n  bynder-main:\n" + "".join(f"    {line}\n" for line in words)
