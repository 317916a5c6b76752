"""`token` and `basic`: a fixed secret that travels with every request.

Owns: Token, Basic. Does not own: taking a body's token away (app/sources/receive.py). Next stop: app/sources/verify.py.

Neither binds the body: whoever sees one request can make others. They are for senders that offer nothing better. Source: RFC 7617 (Basic).
"""

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import parse_qsl, unquote_to_bytes

import orjson

from app.errors import Misconfigured
from app.sources.expressions import compile_expression
from app.sources.paths import segments_below
from app.sources.schemes import TokenScheme
from app.sources.verifiers.ages import header_bytes

_Read = Callable[[Mapping[str, str], bytes], bytes]


class Token:
    def __init__(self, scheme: TokenScheme, secrets: Sequence[str]) -> None:
        self._secrets = [(scheme.prefix + secret).encode() for secret in secrets]
        self._header = scheme.header.lower() if scheme.header else ""
        self._where, self._given, self._user = *_place(scheme), scheme.user

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        given = self._given(headers, body)
        if not given:
            return f"the token in {self._where} is missing"
        fits = [hmac.compare_digest(secret, given) for secret in self._secrets]
        if self._user:
            after = given.partition(b":")[2]
            fits += [hmac.compare_digest(secret, after) for secret in self._secrets]
        return "" if any(fits) else f"the token in {self._where} is none of the configured ones"

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        if not self._header:
            raise Misconfigured(f"the token belongs into {self._where}; put it there, no header can carry it")
        return {"content-type": "application/json", self._header: self._secrets[0].decode()}


def _place(scheme: TokenScheme) -> tuple[str, _Read]:
    """Where the token stands, in words, and what reads it; b"" where there is none."""
    if scheme.header is not None:
        name = scheme.header.lower()
        return f"the header {scheme.header}", lambda headers, _body: header_bytes(headers.get(name, ""))
    if scheme.field is not None:
        get = compile_expression(scheme.field).get
        return f"member {scheme.field} of the body", lambda _headers, body: _member(get, body)
    if scheme.query is not None:
        wanted = scheme.query
        return f"the query parameter {wanted}", lambda headers, _body: _parameter(headers.get(":path", ""), wanted)
    return "the last part of the path", lambda headers, _body: _segment(headers.get(":path", ""))


def _member(get: Callable[[object], object], body: bytes) -> bytes:
    try:
        token = get(orjson.loads(body))
    except orjson.JSONDecodeError:
        return b""
    return header_bytes(token) if isinstance(token, str) else b""


def _parameter(path: str, name: str) -> bytes:
    try:
        pairs = parse_qsl(path.partition("?")[2], max_num_fields=100)
    except ValueError:
        return b""
    return next((header_bytes(value) for key, value in pairs if key == name), b"")


def _segment(path: str) -> bytes:
    """The last part of /webhooks/{source}/{token}; the source's own name is no token."""
    below = segments_below(path.partition("?")[0].rstrip("/"))
    return unquote_to_bytes(header_bytes(below[-1])) if below else b""


class Basic:
    def __init__(self, secrets: Sequence[str]) -> None:
        if not all(":" in secret for secret in secrets):
            raise ValueError("a secret for Basic is written user:password, with the colon")
        self._secrets = [secret.encode() for secret in secrets]

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        kind, _, given = headers.get("authorization", "").strip().partition(" ")
        if kind.lower() != "basic":
            return "the header authorization is missing, or is not Basic"
        try:
            pair = base64.b64decode(header_bytes(given.strip()), validate=True)
        except ValueError:
            return "what follows Basic in the header authorization is not base64"
        fits = [hmac.compare_digest(secret, pair) for secret in self._secrets]
        return "" if any(fits) else "the user and password in the header authorization are none of the configured ones"

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        return {"content-type": "application/json", "authorization": "Basic " + base64.b64encode(self._secrets[0]).decode()}
