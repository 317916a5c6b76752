"""`jwt`: a JSON Web Token in a header, signed by HS256.

Owns: Jwt. Does not own: the handshake that brings the secret (app/sources/handshakes.py). Next stop: app/sources/verify.py.

Sources: RFC 7515 and RFC 7519; docs.ergonode.com/apps/detailed-reference/authentication. The algorithm is fixed here and never chosen by
the token; what it demands beside (`crit`) is refused, as RFC 7515 wants it. The token does not bind the body, so one that does not end is
refused.
"""

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from app.sources.schemes import JwtScheme
from app.sources.verifiers.ages import header_bytes

_HEADER = base64.urlsafe_b64encode(b'{"typ":"JWT","alg":"HS256"}').rstrip(b"=")
_LASTS_S = 300


class Jwt:
    def __init__(self, scheme: JwtScheme, secrets: Sequence[str]) -> None:
        self._secrets = [secret.encode() for secret in secrets]
        self._header, self._prefix = scheme.header.lower(), scheme.prefix
        self._tolerance_s = scheme.tolerance_s

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        token = headers.get(self._header, "").strip().removeprefix(self._prefix)
        if not token:
            return f"the header {self._header} is missing"
        signed, _, given = header_bytes(token).rpartition(b".")
        fits = [hmac.compare_digest(_base64url(hmac.digest(secret, signed, "sha256")), given.rstrip(b"=")) for secret in self._secrets]
        if not any(fits):
            return f"the token in {self._header} is signed with none of the configured secrets"
        head, _, claims = signed.partition(b".")
        protected = _object(head)
        if protected.get("alg") != "HS256" or "crit" in protected:
            return f"the token in {self._header} is not an HS256 one, or asks for more than that (crit)"
        return self._dates(_object(claims), now_s)

    def _dates(self, claims: Mapping[str, Any], now_s: float) -> str:
        if self._tolerance_s is None:
            return ""
        ends_s: Any = claims.get("exp")
        begins_s: Any = claims.get("nbf", 0)
        if not _is_number(ends_s) or not _is_number(begins_s):
            return "the token says not when it ends (exp), or not in numbers"
        if now_s >= ends_s + self._tolerance_s:
            return f"the token ended {now_s - ends_s:.0f} s ago, {self._tolerance_s:.0f} s are tolerated (tolerance_s)"
        if now_s < begins_s - self._tolerance_s:
            return f"the token begins in {begins_s - now_s:.0f} s, {self._tolerance_s:.0f} s are tolerated (tolerance_s)"
        return ""

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        at_s = int(now_s)
        signed = _HEADER + b"." + _base64url(orjson.dumps({"iat": at_s, "nbf": at_s, "exp": at_s + _LASTS_S}))
        signature = _base64url(hmac.digest(self._secrets[0], signed, "sha256"))
        return {"content-type": "application/json", self._header: self._prefix + (signed + b"." + signature).decode()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _object(part: bytes) -> dict[str, Any]:
    """The JSON object in one part of a token, {} where there is none."""
    try:
        found = orjson.loads(base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
