"""`hmac` and `standard-webhooks`: a keyed hash over a template.

Owns: Hmac, what Standard Webhooks is in these words. Does not own: the words (app/sources/schemes.py). Next stop: app/sources/verify.py.

Sources: RFC 2104; standardwebhooks.com, specification 1.0.0.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from app.sources.credentials import Credentials
from app.sources.schemes import PLACEHOLDER, HmacScheme, StandardScheme
from app.sources.verifiers.ages import age, age_of_text, header_bytes

_SCALES = {"s": 1, "ms": 1000}
# What a template may name beside headers and body -> the name under which the door gives it.
_OF_REQUEST = {"method": ":method", "path": ":path"}
_MOST = 8


def standard(scheme: StandardScheme) -> HmacScheme:
    """Standard Webhooks, written as a template."""
    return HmacScheme(
        scheme="hmac",
        headers=("webhook-signature",),
        encoding="base64",
        prefix="v1,",
        separator=" ",
        template="{id}.{timestamp}.{body}",
        timestamp="webhook-timestamp",
        id="webhook-id",
        key=scheme.key,
        tolerance_s=scheme.tolerance_s,
    )


class Hmac:
    """Raises ValueError for secrets that are not in the form that the scheme says, and where a template needs a `url` and there is none."""

    def __init__(self, scheme: HmacScheme, secrets: Sequence[str], given: Credentials) -> None:
        self._scheme = scheme
        self._headers = tuple(name.lower() for name in scheme.headers)
        self._keys = [_key(secret, scheme.key) for secret in secrets]
        self._encode = _ENCODINGS[scheme.encoding]
        self._parts = _template(scheme, given.url)
        self._path = given.path
        self._stamp = scheme.timestamp.lower() if scheme.timestamp else ""
        of_request = (header for word, header in _OF_REQUEST.items() if f"{{{word}}}" in scheme.template)
        self._needed = tuple(n for n in (self._stamp, (scheme.id or "").lower(), *of_request) if n)

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        present = [value for name in self._headers if (value := headers.get(name))]
        if not present:
            return f"the header {' or '.join(self._headers)} is missing"
        for name in self._needed:
            if not headers.get(name):
                return f"the header {name} is missing"
        for value in present:
            stamp = headers[self._stamp] if self._stamp else self._member(value)
            signed = b"".join(part(headers, body, stamp) for part in self._parts)
            for key in self._keys:
                expected = self._encode(hmac.digest(key, signed, self._scheme.algorithm)).rstrip(b"=")
                if any(hmac.compare_digest(expected, given) for given in self._signatures(value)):
                    return self._age(stamp, now_s)
        return f"the signature in {' or '.join(self._headers)} fits none of the configured secrets"

    def _age(self, stamp: str, now_s: float) -> str:
        scheme = self._scheme
        if not self._stamp and not scheme.timestamp_field:
            return ""
        if scheme.timestamp_unit == "iso":
            return age_of_text(stamp, now_s, scheme.tolerance_s)
        return age(stamp, now_s, scheme.tolerance_s, scale=_SCALES[scheme.timestamp_unit])

    def _signatures(self, value: str) -> list[bytes]:
        """The signatures in a header, as the encoding writes them, without padding."""
        prefix, separator = self._scheme.prefix, self._scheme.separator
        parts = self._split(value)
        if prefix:
            parts = [part.removeprefix(prefix) for part in parts if part.startswith(prefix) or not separator]
        return [header_bytes(part.lower() if self._scheme.encoding == "hex" else part.rstrip("=")) for part in parts[:_MOST]]

    def _split(self, value: str) -> list[str]:
        """The members of a header. No encoding writes spaces, so beside a separator they separate, too (Sanity's pattern allows it)."""
        separator = self._scheme.separator
        return value.replace(separator, " ").split() if separator else [value.strip()]

    def _member(self, value: str) -> str:
        name = f"{self._scheme.timestamp_field}="
        return next((part.removeprefix(name) for part in self._split(value) if part.startswith(name)), "")

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        scheme = self._scheme
        unit = scheme.timestamp_unit
        stamp = str(int(now_s * _SCALES[unit])) if unit != "iso" else datetime.fromtimestamp(now_s, UTC).isoformat()
        headers = {"content-type": "application/json"}
        if self._stamp:
            headers[self._stamp] = stamp
        if scheme.id:
            headers[scheme.id.lower()] = f"msg_{hashlib.blake2b(body, digest_size=12).hexdigest()}"
        request = {**headers, ":method": "POST", ":path": self._path}
        signed = b"".join(part(request, body, stamp) for part in self._parts)
        signature = scheme.prefix + self._encode(hmac.digest(self._keys[0], signed, scheme.algorithm)).decode()
        if scheme.timestamp_field:
            signature = f"{scheme.timestamp_field}={stamp}{scheme.separator or ','}{signature}"
        return {**headers, self._headers[0]: signature}


_ENCODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "hex": lambda digest: digest.hex().encode(),
    "base64": base64.b64encode,
    "base64url": lambda digest: base64.urlsafe_b64encode(digest).rstrip(b"="),
}

_Part = Callable[[Mapping[str, str], bytes, str], bytes]


def _template(scheme: HmacScheme, url: str | None) -> list[_Part]:
    """The signed text as a list of functions of (headers, body, timestamp)."""
    if "{url}" in scheme.template and url is None:
        raise ValueError("this sender signs the address that it calls; write it under `url`, exactly as it is registered there")
    pieces = PLACEHOLDER.split(scheme.template)
    return [_part(piece, scheme, url or "") if at % 2 else _literal(piece) for at, piece in enumerate(pieces) if piece]


def _literal(piece: str) -> _Part:
    written = piece.encode()
    return lambda _headers, _body, _stamp: written


def _part(piece: str, scheme: HmacScheme, url: str) -> _Part:
    if piece == "body":
        return lambda _headers, body, _stamp: body
    if piece == "url":
        return _literal(url)
    if piece == "timestamp":
        return lambda _headers, _body, stamp: header_bytes(stamp)
    name = (scheme.id or "") if piece == "id" else _OF_REQUEST.get(piece, piece.removeprefix("header:"))
    name = name.lower()
    return lambda headers, _body, _stamp: header_bytes(headers.get(name, ""))


def _key(secret: str, form: str) -> bytes:
    try:
        match form:
            case "hex":
                return bytes.fromhex(secret)
            case "base64":
                return base64.b64decode(secret, validate=True)
            case "standard":
                return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
            case _:
                return secret.encode()
    except ValueError:
        raise ValueError(f"a secret is not {'base64' if form == 'standard' else form}; copy it exactly as the sender shows it") from None
