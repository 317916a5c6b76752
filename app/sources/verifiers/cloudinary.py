"""`cloudinary`: a plain digest over body, timestamp and secret.

Owns: Cloudinary. Does not own: its words (app/sources/schemes.py). Next stop: app/sources/verify.py.

Source: cloudinary.com/documentation/notification_signatures: a digest, not an HMAC; SHA-256 where the signature has 64 digits; only "too
old" is checked.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from app.sources.schemes import CloudinaryScheme
from app.sources.verifiers.ages import age, header_bytes


class Cloudinary:
    def __init__(self, scheme: CloudinaryScheme, secrets: Sequence[str]) -> None:
        self._secrets = [secret.encode() for secret in secrets]
        self._tolerance_s = scheme.tolerance_s
        self._algorithm = scheme.algorithm

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        given, stamp = headers.get("x-cld-signature"), headers.get("x-cld-timestamp")
        if not given or not stamp:
            return f"the header {'x-cld-timestamp' if given else 'x-cld-signature'} is missing"
        given_bytes = header_bytes(given.strip().lower())
        digest = hashlib.sha256 if len(given_bytes) == 64 else hashlib.sha1
        signed = body + header_bytes(stamp)
        for secret in self._secrets:
            if hmac.compare_digest(digest(signed + secret, usedforsecurity=False).hexdigest().encode(), given_bytes):
                return age(stamp, now_s, self._tolerance_s, future=False)
        return "the signature in x-cld-signature fits none of the configured secrets"

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        stamp = str(int(now_s))
        digest = hashlib.new(self._algorithm, body + stamp.encode() + self._secrets[0], usedforsecurity=False)
        return {"content-type": "application/json", "x-cld-timestamp": stamp, "x-cld-signature": digest.hexdigest()}
