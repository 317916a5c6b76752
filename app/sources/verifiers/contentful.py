"""`contentful`: an HMAC over a canonical form of the whole request.

Owns: Contentful. Does not own: who says method and path (the door: headers ":method", ":path"). Next stop: app/sources/verify.py.

    METHOD \\n path \\n name:value;name:value… \\n body

Source: `@contentful/node-apps-toolkit` 3.16.1 (sign-request, verify-request, utils): names are those in x-contentful-signed-headers and are
sorted; the timestamp and that list itself are always among them; the query is escaped and then escaped again with the path. 30 s old is too
old; the future is not looked at. Secrets have 64 characters at Contentful and are used as they are.
"""

import hmac
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import quote, urlsplit

from app.sources.schemes import ContentfulScheme
from app.sources.verifiers.ages import age, header_bytes

_SIGNATURE, _LIST, _TIME = "x-contentful-signature", "x-contentful-signed-headers", "x-contentful-timestamp"
# What encodeURI and querystring.escape of JavaScript leave as it is, beside letters and digits.
_COMPONENT = "-_.!~*'()"
_URI = _COMPONENT + ";,/?:@&=+$#"
_MOST = 100


class Contentful:
    """url: the address that Contentful calls, where a proxy changes the path on the way. path: where it calls otherwise, for sign()."""

    def __init__(self, scheme: ContentfulScheme, secrets: Sequence[str], url: str | None, path: str) -> None:
        self._keys = [secret.encode() for secret in secrets]
        self._tolerance_s = scheme.tolerance_s
        self._path = path
        self._registered = None
        if url is not None:
            parts = urlsplit(url)
            self._registered = self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        for name in (_SIGNATURE, _LIST, _TIME):
            if not headers.get(name):
                return f"the header {name} is missing"
        path = self._registered or headers.get(":path")
        if not path or not headers.get(":method"):
            return "the method and path of the request, which are signed, are not known"
        stamp = headers[_TIME].strip()
        given = header_bytes(headers[_SIGNATURE].strip().lower())
        signed = canonical(headers[":method"], path, headers, headers[_LIST].split(",")[:_MOST], body)
        fits = [hmac.compare_digest(hmac.digest(key, signed, "sha256").hex().encode(), given) for key in self._keys]
        if not any(fits):
            return f"the signature in {_SIGNATURE} fits none of the configured secrets"
        return age(stamp, now_s, self._tolerance_s, scale=1000, future=False)

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        headers = {"content-type": "application/json", _TIME: str(int(now_s * 1000))}
        names = sorted({*headers, _LIST})
        headers[_LIST] = ",".join(names)
        signed = canonical("POST", self._path, headers, names, body)
        return {**headers, _SIGNATURE: hmac.digest(self._keys[0], signed, "sha256").hex()}


def canonical(method: str, path: str, headers: Mapping[str, str], listed: Collection[str], body: bytes) -> bytes:
    """The signed text. path: as sent, with the query. headers: lower-case names; those that are listed and absent are left out."""
    wanted = (name.strip().lower() for name in listed)
    names = sorted({_LIST, _TIME, *(name for name in wanted if name in headers)})
    # The list stands in the signed text as it should be, whatever order it came in.
    lines = ";".join(f"{name}:{','.join(names) if name == _LIST else headers[name].strip()}" for name in names)
    return b"\n".join((header_bytes(method.upper()), encoded(path), header_bytes(lines), body))


def encoded(path: str) -> bytes:
    """The path as Contentful signs it."""
    before, _, query = path.partition("?")
    # A second "?" ends what the reference reads of the query.
    escaped = quote(query.partition("?")[0], safe=_COMPONENT, errors="replace")
    return quote(f"{before}?{escaped}" if escaped else before, safe=_URI, errors="replace").encode()
