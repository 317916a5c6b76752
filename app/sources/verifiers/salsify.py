"""`salsify`: RSA over time, request, organisation, the address that Salsify calls, and the body.

Owns: Salsify. Does not own: fetching certificates (app/outbound/keys.py). Next stop: app/sources/verify.py.

Source: getstarted.salsify.com/help/product-change-webhooks. The address is the one registered at Salsify; behind a proxy no request tells
it, so it comes from the configuration (`url`). Salsify signs for every customer with the same key, and whoever knows the address can
register it: `organization` pins the own one.

What is signed is joined by dots, and a customer chooses the address that is called: with a dot in time or request id, a request to
`https://evil.example/?.OURS.https://our.example/…` would read as one of ours. So these two have none.
"""

from collections.abc import Mapping

from app.sources.credentials import Credentials
from app.sources.keyring import SALSIFY_CERTIFICATE, KeyRefused
from app.sources.schemes import SalsifyScheme
from app.sources.verifiers.ages import age, header_bytes
from app.sources.verifiers.rsa import SHA256, KeyUse, fits, signature_of, unsignable

_TIME, _SIGNATURE, _CERTIFICATE = "x-salsify-timestamp", "x-salsify-signature-v1", "x-salsify-cert-url"
_REQUEST, _ORGANIZATION = "x-salsify-request-id", "x-salsify-organization-id"
_SIGNED = (_TIME, _REQUEST, _ORGANIZATION)


class Salsify:
    """Raises ValueError where the source has no `url`."""

    def __init__(self, scheme: SalsifyScheme, credentials: Credentials) -> None:
        if credentials.url is None:
            raise ValueError("Salsify signs the address that it calls; write it under `url`, exactly as it is registered there")
        self._keys = KeyUse(credentials.keys, credentials.keyring)
        self._url, self._tolerance_s = credentials.url.encode(), scheme.tolerance_s
        self._organization = scheme.organization

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        for name in (*_SIGNED, _SIGNATURE, _CERTIFICATE):
            if not headers.get(name):
                return f"the header {name} is missing"
        for name in (_TIME, _REQUEST):
            if "." in headers[name]:
                return f"the header {name} has a dot in it, so that what is signed could be read in two ways"
        certificate = headers[_CERTIFICATE]
        if not SALSIFY_CERTIFICATE.fullmatch(certificate):
            return f"{_CERTIFICATE} is no address of webhooks-auth.salsify.com"
        try:
            keys = self._keys.of(certificate, now_s)
        except KeyRefused as refused:
            return f"the certificate that the request names cannot be used: {refused}"
        signed = b".".join((*(header_bytes(headers[name]) for name in _SIGNED), self._url, body))
        signature = signature_of(headers[_SIGNATURE])
        if not any(fits(key, signature, signed, SHA256) for key in keys):
            return f"the signature in {_SIGNATURE} does not fit; compare the source's url with the address registered at Salsify"
        if self._organization not in {None, headers[_ORGANIZATION]}:
            return f"the request is of another organisation than the source's verify.organization ({_ORGANIZATION})"
        return age(headers[_TIME], now_s, self._tolerance_s)

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        raise unsignable("Salsify")
