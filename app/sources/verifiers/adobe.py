"""`adobe`: Adobe I/O Events (AEM, Commerce): two RSA signatures, of which one has to fit.

Owns: Adobe, readable(). Does not own: fetching keys (app/outbound/keys.py), the challenge (app/sources/handshakes.py).
Next stop: app/sources/verify.py.

Sources: developer.adobe.com/events/docs; `@adobe/aio-lib-events` 4.1.0. That library only puts host and path together, so a path such as
`.evil.example/k.pem` names another host: only the documented form of a path counts here. A body may be base64 as a whole. Adobe signs for
every customer with the same keys, and whoever knows the address can register it: `recipient` pins the own client id.
"""

import base64
from collections.abc import Iterator, Mapping

import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from app.errors import KeyMissing
from app.sources.credentials import Credentials
from app.sources.keyring import ADOBE_HOST, ADOBE_PATH, KeyRefused
from app.sources.schemes import AdobeScheme
from app.sources.verifiers.rsa import SHA256, KeyUse, fits, signature_of, unsignable

_PAIRS = (
    ("x-adobe-digital-signature-1", "x-adobe-public-key1-path"),
    ("x-adobe-digital-signature-2", "x-adobe-public-key2-path"),
)


class Adobe:
    def __init__(self, scheme: AdobeScheme, credentials: Credentials) -> None:
        self._keys = KeyUse(credentials.keys, credentials.keyring)
        self._recipient = scheme.recipient

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        missing: KeyMissing | None = None
        reason = "the headers x-adobe-digital-signature-1 and -2 are missing"
        plain = readable(body)
        for signature, path in _pairs(headers):
            try:
                keys = self._named(path, now_s)
            except KeyMissing as error:
                missing = missing or error
                continue
            except KeyRefused as refused:
                reason = f"the key that the request names cannot be used: {refused}"
                continue
            if any(_signs(key, signature, body, plain) for key in keys):
                return self._addressed(plain)
            reason = (
                "neither of x-adobe-digital-signature-1 and -2 fits" if keys else "the key paths are not of the form that Adobe documents"
            )
        if missing is not None:
            raise missing
        return reason

    def _named(self, path: str, now_s: float) -> list[RSAPublicKey]:
        if self._keys.given:
            return self._keys.given
        return self._keys.of(ADOBE_HOST + path, now_s) if ADOBE_PATH.fullmatch(path) else []

    def _addressed(self, plain: bytes) -> str:
        if self._recipient is None:
            return ""
        try:
            event = orjson.loads(plain)
        except orjson.JSONDecodeError:
            event = None
        events = event if isinstance(event, list) else [event]
        if events and all(isinstance(one, dict) and self._is_ours(one) for one in events):
            return ""
        return "the event is for another recipient than the source's verify.recipient (recipient_client_id)"

    def _is_ours(self, event: Mapping[str, object]) -> bool:
        named = [event[name] for name in ("recipient_client_id", "recipientclientid") if name in event]
        return bool(named) and all(isinstance(one, str) and one == self._recipient for one in named)

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        raise unsignable("Adobe")


def _pairs(headers: Mapping[str, str]) -> Iterator[tuple[bytes, str]]:
    for signature, path in _PAIRS:
        if headers.get(signature):
            yield signature_of(headers[signature]), headers.get(path, "")


def _signs(key: RSAPublicKey, signature: bytes, body: bytes, plain: bytes) -> bool:
    """What is read comes from what is signed, in either form."""
    return fits(key, signature, body, SHA256) or (plain is not body and fits(key, signature, plain, SHA256))


def readable(body: bytes) -> bytes:
    """The JSON of a body that may be base64 as a whole; the body itself (the same object) where it is not."""
    if body[:1] in (b"{", b"["):
        return body
    try:
        plain = base64.b64decode(body.strip(), validate=True)
    except ValueError:
        return body
    return plain if plain[:1] in (b"{", b"[") else body
