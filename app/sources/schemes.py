"""The words for verification: which scheme, where signatures stand, what is signed.

Owns: the models of `verify` in a preset. Does not own: checking anything (app/sources/verifiers/). Next stop: app/sources/verify.py.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from app.sources.expressions import plain_names
from app.sources.fields import Strict

PLACEHOLDER = re.compile(r"\{(body|timestamp|id|method|path|url|header:[A-Za-z0-9-]+)\}")


class HmacScheme(Strict):
    """An HMAC over a template of {body}, {timestamp}, {id}, {header:NAME}, {method}, {path} (with its query) and {url} (the source's url).

    headers: where a signature may stand, any one suffices. separator: between several signatures in one header. prefix: before each
    (taken off where it is there); with a separator, parts without the prefix are passed over. timestamp: header (or, with timestamp_field,
    the member of the signature header, as in `t=…,v1=…`); it stands in the template, or it would prove nothing. key: how a secret's
    text becomes key bytes; `standard` is whsec_ + base64. optional: a source without any secret proves nothing, for senders that cannot
    sign, or of whose signature too little is known.
    """

    scheme: Literal["hmac"]
    headers: tuple[str, ...] = Field(min_length=1)
    algorithm: Literal["sha1", "sha256", "sha384", "sha512"] = "sha256"
    encoding: Literal["hex", "base64", "base64url"] = "hex"
    prefix: str = ""
    separator: str = ""
    template: str = "{body}"
    timestamp: str | None = None
    timestamp_field: str | None = None
    timestamp_unit: Literal["s", "ms", "iso"] = "s"
    id: str | None = None
    key: Literal["utf8", "base64", "hex", "standard"] = "utf8"
    tolerance_s: float | None = Field(300, ge=0)
    optional: bool = False

    @field_validator("template")
    @classmethod
    def _template(cls, template: str) -> str:
        if "{body}" not in template or re.search(r"[{}]", PLACEHOLDER.sub("", template)):
            raise ValueError(
                "expected a template of {body}, {timestamp}, {id}, {header:NAME}, {method}, {path}, {url} and plain text, with {body} in it"
            )
        return template

    @model_validator(mode="after")
    def _said(self) -> Self:
        placed = {place.lower() for place in PLACEHOLDER.findall(self.template)}
        timed = self.timestamp is not None or self.timestamp_field is not None
        if timed and not {"timestamp", f"header:{self.timestamp}".lower()} & placed:
            raise ValueError("expected {timestamp} in the template: a time that is not signed can be set by anybody, and proves no age")
        if ("timestamp" in placed) > timed or ("id" in placed) > (self.id is not None):
            raise ValueError(
                "the template signs {timestamp} or {id}, and nothing says where it stands; add timestamp or timestamp_field, or id"
            )
        return self


class StandardScheme(Strict):
    """Standard Webhooks. key: `standard` (whsec_ + base64), or `utf8` where the text itself is the key."""

    scheme: Literal["standard-webhooks"]
    key: Literal["utf8", "standard"] = "standard"
    tolerance_s: float | None = Field(300, ge=0)


class CloudinaryScheme(Strict):
    """Cloudinary's digest of body + timestamp + secret."""

    scheme: Literal["cloudinary"]
    algorithm: Literal["sha1", "sha256"] = "sha1"
    tolerance_s: float | None = Field(7200, ge=0)


class TokenScheme(Strict):
    """A fixed token: in a header (after a prefix such as `Bearer `), in a member of the body, which is dropped before anything is kept, in
    a parameter of the query, or as the last part of the path: /webhooks/{source}/{token}. user: a user's id and a colon may stand before
    the token. optional: as in HmacScheme."""

    scheme: Literal["token"]
    header: str | None = None
    prefix: str = ""
    field: str | None = None
    query: str | None = None
    path: bool = False
    user: bool = False
    optional: bool = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum((self.header is not None, self.field is not None, self.query is not None, self.path)) != 1:
            raise ValueError("expected exactly one of header, field, query and path: true")
        if self.prefix and self.header is None:
            raise ValueError("a prefix stands before a token in a header only")
        if self.field is not None and not plain_names(self.field):
            raise ValueError("expected a plain dotted path as field")
        return self


class BasicScheme(Strict):
    """HTTP Basic; a secret is written user:password."""

    scheme: Literal["basic"]


class JwtScheme(Strict):
    """A JSON Web Token, HS256. tolerance_s: how far the clocks may be apart at its beginning and its end (nbf, exp)."""

    scheme: Literal["jwt"]
    header: str
    prefix: str = ""
    tolerance_s: float | None = Field(60, ge=0)


class ContentfulScheme(Strict):
    """Contentful's signature over the canonical request."""

    scheme: Literal["contentful"]
    tolerance_s: float | None = Field(30, ge=0)


class SnsScheme(Strict):
    """Amazon SNS. Without topic_arn only accepted topics count. Retries keep their time for up to an hour, so ages are not looked at
    unless tolerance_s says so."""

    scheme: Literal["sns"]
    tolerance_s: float | None = Field(None, ge=0)


class SalsifyScheme(Strict):
    """Salsify's RSA signature; needs the source's url. organization: the own id, which every request then has to name."""

    scheme: Literal["salsify"]
    organization: str | None = None
    tolerance_s: float | None = Field(300, ge=0)


class AdobeScheme(Strict):
    """Adobe I/O Events. recipient: the own client id, which every event then has to name."""

    scheme: Literal["adobe"]
    recipient: str | None = None


class RsaScheme(Strict):
    """An RSA signature (PKCS#1 v1.5) over the body, in a header, by one of the source's keys."""

    scheme: Literal["rsa"]
    header: str
    prefix: str = ""
    algorithm: Literal["sha1", "sha256", "sha384", "sha512"] = "sha256"
    encoding: Literal["base64", "hex"] = "base64"


class NoScheme(Strict):
    """The sender signs nothing: an unguessable source name is all there is."""

    scheme: Literal["none"]


Scheme = Annotated[
    HmacScheme
    | StandardScheme
    | CloudinaryScheme
    | ContentfulScheme
    | JwtScheme
    | TokenScheme
    | BasicScheme
    | SnsScheme
    | SalsifyScheme
    | AdobeScheme
    | RsaScheme
    | NoScheme,
    Field(discriminator="scheme"),
]
_SHARED = HmacScheme | StandardScheme | CloudinaryScheme | ContentfulScheme | JwtScheme | TokenScheme | BasicScheme


def has_clock(scheme: Scheme) -> bool:
    """Whether the scheme signs a time, so that a tolerance means anything."""
    if isinstance(scheme, HmacScheme):
        return scheme.timestamp is not None or scheme.timestamp_field is not None
    return isinstance(scheme, StandardScheme | CloudinaryScheme | ContentfulScheme | JwtScheme | SnsScheme | SalsifyScheme)


def takes_secrets(scheme: Scheme) -> bool:
    """Whether the scheme verifies by a secret that both ends share."""
    return isinstance(scheme, _SHARED)


def needs_secrets(scheme: Scheme) -> bool:
    """Whether the scheme cannot do without such a secret."""
    return takes_secrets(scheme) and not getattr(scheme, "optional", False)
