"""`sns`: Amazon SNS's envelope, signature versions 1 and 2.

Owns: Sns. Does not own: fetching certificates (app/outbound/keys.py), confirming (the door and the control topic).
Next stop: app/sources/verify.py.

Sources: docs.aws.amazon.com/sns "verify signature"; `sns-validator` 0.3.5. Any AWS account can sign, so a genuine message of a foreign
topic proves nothing: a pinned topic is compared first, which also keeps strangers from making us fetch certificates.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from app.sources.credentials import Credentials, UnacceptedTopic
from app.sources.keyring import SNS_CERTIFICATE, KeyRefused
from app.sources.schemes import SnsScheme
from app.sources.verifiers.ages import age_of_text
from app.sources.verifiers.rsa import SHA1, SHA256, KeyUse, fits, signature_of, unsignable

_CONFIRMING = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONFIRMING,
    "UnsubscribeConfirmation": _CONFIRMING,
}
_DIGESTS = {"1": SHA1, "2": SHA256}


class Sns:
    def __init__(self, scheme: SnsScheme, credentials: Credentials) -> None:
        self._keys = KeyUse(credentials.keys, credentials.keyring)
        self._pinned, self._accepted = credentials.topic_arn, credentials.topics
        self._tolerance_s = scheme.tolerance_s

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        message = _message(body)
        topic, signed = message.get("TopicArn"), _signed(message)
        if signed is None or not isinstance(topic, str):
            return "the body is not a message of Amazon SNS, or lacks what is signed of one"
        if self._pinned is not None and topic != self._pinned:
            return "the message is of another SNS topic than the source's topic_arn"
        digest = _DIGESTS.get(str(message.get("SignatureVersion")))
        url = message.get("SigningCertURL") or message.get("SigningCertUrl")
        if digest is None:
            return "SignatureVersion is neither 1 nor 2"
        if not isinstance(url, str) or not SNS_CERTIFICATE.fullmatch(url):
            return "SigningCertURL is no address of Amazon SNS"
        try:
            keys = self._keys.of(url, now_s)
        except KeyRefused as refused:
            return f"the certificate that the message names cannot be used: {refused}"
        signature = signature_of(str(message.get("Signature")))
        if not any(fits(key, signature, signed, digest) for key in keys):
            return "the signature does not fit the message"
        return age_of_text(message["Timestamp"], now_s, self._tolerance_s) or self._doubt(topic)

    def _doubt(self, topic: str) -> str:
        return "" if self._pinned is not None or topic in self._accepted else UnacceptedTopic(topic)

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        raise unsignable("Amazon")


def _message(body: bytes) -> dict[str, Any]:
    """The envelope, {} where the body is none. It is JSON whatever its content type says."""
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return message if isinstance(message, dict) else {}


def _signed(message: Mapping[str, Any]) -> bytes | None:
    """The signed text, None where a part of it is missing."""
    kind = message.get("Type")
    pieces = []
    for name in _SIGNED.get(kind, ()) if isinstance(kind, str) else ():
        value = message.get(name)
        if value is None and name == "Subject":
            continue
        if not isinstance(value, str):
            return None
        pieces += [name, "\n", value, "\n"]
    return "".join(pieces).encode("utf-8", "replace") if pieces else None
