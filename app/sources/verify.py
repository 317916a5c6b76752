"""Is this request genuine? Schemes compiled with a source's secrets.

Owns: the check on raw bytes. Does not own: the words for it (schemes.py), where secrets come from (app/configuration.py), HTTP answers.
Next stop: app/sources/receive.py.

Sources: RFC 2104 (HMAC); standardwebhooks.com, specification 1.0.0; cloudinary.com/documentation/notification_signatures (a plain digest,
not an HMAC; SHA-256 where the signature has 64 digits). Signatures are compared before ages are looked at, in constant time, on bytes.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence

import orjson

from app.errors import Misconfigured
from app.sources.credentials import Credentials
from app.sources.expressions import compile_expression
from app.sources.schemes import PLACEHOLDER, CloudinaryScheme, HmacScheme, NoScheme, Scheme, StandardScheme, TokenScheme
from app.sources.source import Verifier

_SCALES = {"s": 1, "ms": 1000}


def compile_scheme(scheme: Scheme, secrets: Sequence[str], credentials: Credentials) -> Verifier:
    """The verifier of a scheme with these secrets; any of them makes a request genuine. Raises ValueError for secrets it cannot use."""
    if isinstance(scheme, NoScheme):
        return _Open()
    if not secrets:
        raise ValueError("no secret is configured; add one under `secrets`, as env:NAME or file:PATH")
    if isinstance(scheme, CloudinaryScheme):
        return _Cloudinary(scheme, secrets)
    if isinstance(scheme, TokenScheme):
        return _Token(scheme, secrets)
    if isinstance(scheme, StandardScheme):
        scheme = HmacScheme(
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
    return _Hmac(scheme, secrets)


def _bytes(header: str) -> bytes:
    return header.encode("utf-8", "replace")


def _age(stamp: str, now_s: float, tolerance_s: float | None, scale: int, future: bool = True) -> str:
    """Why a timestamp is not acceptable, "" where it is."""
    if tolerance_s is None:
        return ""
    try:
        age_s = now_s - int(stamp[:20]) / scale
    except ValueError:
        return "the signed timestamp is not a number"
    if age_s > tolerance_s:
        return f"the signed timestamp is {age_s:.0f} s old, {tolerance_s:.0f} s are tolerated (tolerance_s)"
    if future and -age_s > tolerance_s:
        return f"the signed timestamp lies {-age_s:.0f} s in the future, {tolerance_s:.0f} s are tolerated (tolerance_s)"
    return ""


class Refusing:
    """Refuses everything: what stands in for a verifier whose secrets are not there."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        return self._reason

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        raise Misconfigured(f"nothing can be signed: {self._reason}")


class _Open:
    """Verifies nothing."""

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        return ""

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        return {"content-type": "application/json"}


class _Cloudinary:
    def __init__(self, scheme: CloudinaryScheme, secrets: Sequence[str]) -> None:
        self._secrets = [secret.encode() for secret in secrets]
        self._tolerance_s = scheme.tolerance_s
        self._algorithm = scheme.algorithm

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        given, stamp = headers.get("x-cld-signature"), headers.get("x-cld-timestamp")
        if not given or not stamp:
            return f"the header {'x-cld-timestamp' if given else 'x-cld-signature'} is missing"
        given_bytes = _bytes(given.strip().lower())
        digest = hashlib.sha256 if len(given_bytes) == 64 else hashlib.sha1
        signed = body + _bytes(stamp)
        for secret in self._secrets:
            if hmac.compare_digest(digest(signed + secret, usedforsecurity=False).hexdigest().encode(), given_bytes):
                return _age(stamp, now_s, self._tolerance_s, 1, future=False)
        return "the signature in x-cld-signature fits none of the configured secrets"

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        stamp = str(int(now_s))
        digest = hashlib.new(self._algorithm, body + stamp.encode() + self._secrets[0], usedforsecurity=False)
        return {"content-type": "application/json", "x-cld-timestamp": stamp, "x-cld-signature": digest.hexdigest()}


class _Token:
    def __init__(self, scheme: TokenScheme, secrets: Sequence[str]) -> None:
        self._secrets = [(scheme.prefix + secret).encode() for secret in secrets]
        self._header = scheme.header.lower() if scheme.header else ""
        self._get = compile_expression(scheme.field).get if scheme.field else None
        self._where = scheme.header or f"member {scheme.field} of the body"

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        given = self._given(headers, body)
        if not given:
            return f"the token in {self._where} is missing"
        fits = [hmac.compare_digest(secret, given) for secret in self._secrets]
        return "" if any(fits) else f"the token in {self._where} is none of the configured ones"

    def _given(self, headers: Mapping[str, str], body: bytes) -> bytes:
        if self._get is None:
            return _bytes(headers.get(self._header, ""))
        try:
            token = self._get(orjson.loads(body))
        except orjson.JSONDecodeError:
            return b""
        return _bytes(token) if isinstance(token, str) else b""

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        if not self._header:
            raise Misconfigured(f"the token belongs into the {self._where}; put it there, no header can carry it")
        return {"content-type": "application/json", self._header: self._secrets[0].decode()}


class _Hmac:
    def __init__(self, scheme: HmacScheme, secrets: Sequence[str]) -> None:
        self._scheme = scheme
        self._headers = tuple(name.lower() for name in scheme.headers)
        self._keys = [_key(secret, scheme.key) for secret in secrets]
        self._encode = _ENCODINGS[scheme.encoding]
        self._parts = _template(scheme)
        self._stamp = scheme.timestamp.lower() if scheme.timestamp else ""
        self._needed = tuple(n for n in (self._stamp, (scheme.id or "").lower()) if n)

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
                    has_clock = self._stamp or self._scheme.timestamp_field
                    return _age(stamp, now_s, self._scheme.tolerance_s, _SCALES[self._scheme.timestamp_unit]) if has_clock else ""
        return f"the signature in {' or '.join(self._headers)} fits none of the configured secrets"

    def _signatures(self, value: str) -> list[bytes]:
        """The signatures in a header, as the encoding writes them, without padding."""
        prefix, separator = self._scheme.prefix, self._scheme.separator
        parts = [part.strip() for part in value.split(separator)] if separator else [value.strip()]
        if prefix:
            parts = [part.removeprefix(prefix) for part in parts if part.startswith(prefix) or not separator]
        return [_bytes(part.lower() if self._scheme.encoding == "hex" else part.rstrip("=")) for part in parts[:8]]

    def _member(self, value: str) -> str:
        name = f"{self._scheme.timestamp_field}="
        parts = (part.strip() for part in value.split(self._scheme.separator or ","))
        return next((part.removeprefix(name) for part in parts if part.startswith(name)), "")

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        scheme = self._scheme
        stamp = str(int(now_s * _SCALES[scheme.timestamp_unit]))
        headers = {"content-type": "application/json"}
        if self._stamp:
            headers[self._stamp] = stamp
        if scheme.id:
            headers[scheme.id.lower()] = f"msg_{hashlib.blake2b(body, digest_size=12).hexdigest()}"
        signed = b"".join(part(headers, body, stamp) for part in self._parts)
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


def _template(scheme: HmacScheme) -> list[_Part]:
    """The signed text as a list of functions of (headers, body, timestamp)."""
    pieces = PLACEHOLDER.split(scheme.template)
    return [_part(piece, scheme) if at % 2 else _literal(piece) for at, piece in enumerate(pieces) if piece]


def _literal(piece: str) -> _Part:
    written = piece.encode()
    return lambda _headers, _body, _stamp: written


def _part(piece: str, scheme: HmacScheme) -> _Part:
    if piece == "body":
        return lambda _headers, body, _stamp: body
    if piece == "timestamp":
        return lambda _headers, _body, stamp: _bytes(stamp)
    name = ((scheme.id or "") if piece == "id" else piece.removeprefix("header:")).lower()
    return lambda headers, _body, _stamp: _bytes(headers.get(name, ""))


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
