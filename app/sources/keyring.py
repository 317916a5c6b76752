"""Public keys by the address they come from: filled from outside, asked by verifiers.

Owns: KeyRing, the rules for addresses that keys may come from, reading PEM. Does not own: downloading (app/outbound/keys.py), what is
signed (app/sources/verifiers/). Next stop: app/sources/verify.py.

The rules name whole addresses in a small alphabet, so that no two readers of a URL can disagree about its host: no user, port, escape,
dot segment or second host fits. Sources: docs.aws.amazon.com/sns "verify signature" with `sns-validator` 0.3.5 (host rule), Salsify's help
page on product change webhooks (host), `@adobe/aio-lib-events` 4.1.0 (host and form of the path; the library itself checks neither).
"""

import re
from collections.abc import Iterator
from typing import TypeVar
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from app.errors import KeyMissing

V = TypeVar("V")

TTL_S = 86_400.0
# A key server that is away for a day stops nobody: a key past its time counts on while a fresh copy is asked for.
GRACE_S = 86_400.0
REFUSED_S = 60.0
# Whoever forges a request names an address; where a host answers many with one key, other hosts' keys stay.
CAPACITY, PER_HOST = 256, 64

ADOBE_HOST = "https://static.adobeioevents.com"
# Names in requests that Adobe sent are ten letters and digits (public samples of several customers); a UUID is told of as well.
ADOBE_PATH = re.compile(r"/(?:prod|stage)/keys/pub-key-[0-9A-Za-z-]{8,64}\.pem")
# Narrower than Amazon's own validator, which takes any name for a region's: `sns.s3-us-west-2` is the host of a bucket, whoever owns it.
SNS_HOST = re.compile(r"sns\.[a-z]{2,4}(?:-[a-z]+)+-[0-9]+\.amazonaws\.com(?:\.cn)?")
SNS_CERTIFICATE = re.compile(rf"https://{SNS_HOST.pattern}(?:/[A-Za-z0-9_-]+)+\.pem")
SALSIFY_CERTIFICATE = re.compile(r"https://webhooks-auth\.salsify\.com(?:/[A-Za-z0-9_~%-][A-Za-z0-9._~%-]*)+(?:\?[A-Za-z0-9._~%&=+-]*)?")
_RULES = (SNS_CERTIFICATE, SALSIFY_CERTIFICATE, re.compile(re.escape(ADOBE_HOST) + ADOBE_PATH.pattern))


def allowed(url: str) -> bool:
    """Whether any scheme lets keys come from this address. Asked again before every download."""
    return any(rule.fullmatch(url) for rule in _RULES)


def public_keys(pem: bytes) -> list[RSAPublicKey]:
    """The RSA keys in PEM text, of certificates or bare. Raises ValueError where it holds none. Dates of certificates are not looked at:
    who serves them (a pinned host, an operator's file) is what makes them count."""
    found = list(_keys(pem))
    if not found:
        raise ValueError("no RSA public key or certificate in PEM form is in it")
    return found


_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)


def _keys(pem: bytes) -> Iterator[RSAPublicKey]:
    for block in _BLOCK.finditer(pem):
        try:
            certified = block[1].endswith(b"CERTIFICATE")
            key = x509.load_pem_x509_certificate(block[0]).public_key() if certified else load_pem_public_key(block[0])
        except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as wrong:
            raise ValueError(f"a PEM block in it cannot be read ({type(wrong).__name__})") from None
        if isinstance(key, RSAPublicKey):
            yield key


class KeyRefused(Exception):
    """Where the key should be there is none that can be used; the message says what there is. It is asked for again after a minute."""


class KeyRing:
    """Keys by address, CAPACITY of them at most, PER_HOST of one host; the one put first goes first. One per Configuration. Does no I/O."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[RSAPublicKey, float]] = {}
        self._refused: dict[str, tuple[str, float]] = {}
        self._stale: set[str] = set()

    def find(self, url: str, now_s: float) -> RSAPublicKey:
        """The key from this address. Raises KeyMissing where it has yet to be fetched, KeyRefused where that was in vain just now."""
        held = self._keys.get(url)
        if held is not None and now_s < held[1] + TTL_S + GRACE_S:
            if now_s >= held[1] + TTL_S:
                self._stale.add(url)
            return held[0]
        why, until_s = self._refused.get(url, ("", 0.0))
        if now_s < until_s:
            raise KeyRefused(why)
        raise KeyMissing(url)

    def put(self, url: str, pem: bytes, now_s: float) -> None:
        """Keeps the key in this PEM text for TTL_S. Raises ValueError where there is none."""
        (key, *_) = public_keys(pem)
        self._refused.pop(url, None)
        self._stale.discard(url)
        self._keys.pop(url, None)
        self._keys[url] = (key, now_s)
        _bound(self._keys, url)

    def refused(self, url: str, why: str, now_s: float) -> None:
        """The address answers, and not with a key: requests that name it are refused for a minute, and a key from it counts no longer."""
        self._keys.pop(url, None)
        self._stale.discard(url)
        self._refused.pop(url, None)
        self._refused[url] = (why, now_s + REFUSED_S)
        _bound(self._refused, url)

    def stale(self) -> frozenset[str]:
        """Addresses of keys that were used past their time; fetch them anew."""
        return frozenset(self._stale)


def _bound(held: dict[str, tuple[V, float]], added: str) -> None:
    of_host = [url for url in held if urlsplit(url).netloc == urlsplit(added).netloc]
    if len(of_host) > PER_HOST:
        del held[of_host[0]]
    while len(held) > CAPACITY:
        del held[next(iter(held))]
