"""`rsa`: a signature over the body with a key that the operator gives; and what the other RSA schemes share.

Owns: Rsa, fits(), KeyUse. Does not own: keys by address (app/sources/keyring.py). Next stop: app/sources/verifiers/sns.py.

All of them are PKCS#1 v1.5 (RFC 8017, 8.2). Verifying needs no constant time: nothing about it is secret.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from app.errors import Misconfigured
from app.sources.keyring import KeyRing, public_keys
from app.sources.schemes import RsaScheme

SHA1, SHA256 = hashes.SHA1(), hashes.SHA256()  # noqa: S303 -- the senders' choice; forging needs a second preimage, not a collision
_HASHES: Mapping[str, hashes.HashAlgorithm] = {"sha1": SHA1, "sha256": SHA256, "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_PADDING = PKCS1v15()


def signature_of(text: str) -> bytes:
    """The bytes of a base64 signature; b"", which fits nothing, where it is none."""
    try:
        return base64.b64decode(text.encode("ascii", "replace").strip(), validate=True)
    except ValueError:
        return b""


def fits(key: RSAPublicKey, signature: bytes, signed: bytes, digest: hashes.HashAlgorithm) -> bool:
    """Whether the signature over these bytes was made with the key's other half."""
    try:
        key.verify(signature, signed, _PADDING, digest)
    except InvalidSignature:
        return False
    return True


def given_keys(pems: Iterable[bytes]) -> list[RSAPublicKey]:
    """The keys of `keys:`. Raises ValueError where a text among them holds none."""
    try:
        return [key for pem in pems for key in public_keys(pem)]
    except ValueError as wrong:
        raise ValueError(f"one of `keys` is no key: {wrong}; give a PEM file with a certificate or an RSA public key") from None


class KeyUse:
    """Where a source's keys come from: given in its configuration, or by the address that a request names."""

    def __init__(self, pems: Sequence[bytes], keyring: KeyRing) -> None:
        self.given = given_keys(pems)
        self._keyring = keyring

    def of(self, url: str, now_s: float) -> list[RSAPublicKey]:
        """The keys that count for a request that names this address, which a rule has let pass. Raises KeyMissing, KeyRefused."""
        return self.given or [self._keyring.find(url, now_s)]


class Rsa:
    """keys: PEM texts. Raises ValueError where there are none."""

    def __init__(self, scheme: RsaScheme, keys: Sequence[bytes]) -> None:
        self._keys = given_keys(keys)
        if not self._keys:
            raise ValueError("no public key is configured; add the sender's under `keys`, as file:PATH")
        self._header, self._prefix, self._hex = scheme.header.lower(), scheme.prefix, scheme.encoding == "hex"
        self._digest = _HASHES[scheme.algorithm]

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        text = headers.get(self._header, "").strip().removeprefix(self._prefix)
        if not text:
            return f"the header {self._header} is missing"
        signature = self._unhex(text) if self._hex else signature_of(text)
        if any(fits(key, signature, body, self._digest) for key in self._keys):
            return ""
        return f"the signature in {self._header} fits none of the configured keys"

    def _unhex(self, text: str) -> bytes:
        try:
            return bytes.fromhex(text)
        except ValueError:
            return b""

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        raise unsignable("the sender")


def unsignable(who: str) -> Misconfigured:
    """Why such a scheme cannot sign."""
    return Misconfigured(f"only {who} holds the private key, so nothing can be signed here; send a recorded request with its own headers")
