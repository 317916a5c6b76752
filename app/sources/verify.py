"""Is this request genuine? Schemes compiled with a source's secrets and keys.

Owns: from a scheme's words to its verifier. Does not own: the words (schemes.py), how each is checked (app/sources/verifiers/), where
secrets come from (app/configuration.py), HTTP answers. Next stop: app/sources/verifiers/hmac_template.py, then app/sources/receive.py.
"""

from collections.abc import Callable, Sequence
from typing import Any

from app.sources import schemes
from app.sources.credentials import Credentials
from app.sources.schemes import Scheme, needs_secrets, takes_secrets
from app.sources.source import Verifier
from app.sources.verifiers.adobe import Adobe, readable
from app.sources.verifiers.cloudinary import Cloudinary
from app.sources.verifiers.contentful import Contentful
from app.sources.verifiers.hmac_template import Hmac, standard
from app.sources.verifiers.jwt import Jwt
from app.sources.verifiers.nothing import Open, Refusing
from app.sources.verifiers.rsa import Rsa
from app.sources.verifiers.salsify import Salsify
from app.sources.verifiers.sns import Sns
from app.sources.verifiers.static_token import Basic, Token

__all__ = ["Refusing", "compile_scheme", "unwrap_of"]

_Make = Callable[[Any, Sequence[str], Credentials], Verifier]
# Words -> what verifies by them. A scheme that is not in here cannot be configured (a test asks for each).
_MADE: dict[type, _Make] = {
    schemes.HmacScheme: Hmac,
    schemes.StandardScheme: lambda words, secrets, given: Hmac(standard(words), secrets, given),
    schemes.CloudinaryScheme: lambda words, secrets, _: Cloudinary(words, secrets),
    schemes.ContentfulScheme: lambda words, secrets, given: Contentful(words, secrets, given.url, given.path),
    schemes.JwtScheme: lambda words, secrets, _: Jwt(words, secrets),
    schemes.TokenScheme: lambda words, secrets, _: Token(words, secrets),
    schemes.BasicScheme: lambda _, secrets, __: Basic(secrets),
    schemes.SnsScheme: lambda words, _, given: Sns(words, given),
    schemes.SalsifyScheme: lambda words, _, given: Salsify(words, given),
    schemes.AdobeScheme: lambda words, _, given: Adobe(words, given),
    schemes.RsaScheme: lambda words, _, given: Rsa(words, given.keys),
    schemes.NoScheme: lambda _, __, ___: Open(),
}


def compile_scheme(scheme: Scheme, secrets: Sequence[str], credentials: Credentials) -> Verifier:
    """The verifier of a scheme; any of the secrets (or keys) makes a request genuine. Raises ValueError for what cannot verify anything."""
    if needs_secrets(scheme) and not secrets:
        raise ValueError("no secret is configured; add one under `secrets`, as env:NAME or file:PATH")
    if takes_secrets(scheme) and not secrets:
        return Open()
    return _MADE[type(scheme)](scheme, secrets, credentials)


def unwrap_of(scheme: Scheme) -> Callable[[bytes], bytes] | None:
    """What makes the JSON of a genuine body that may be wrapped; None where bodies are read as they come."""
    return readable if isinstance(scheme, schemes.AdobeScheme) else None
