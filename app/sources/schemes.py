"""The words for verification: which scheme, where signatures stand, what is signed.

Owns: the models of `verify` in a preset. Does not own: checking anything (verify.py). Next stop: app/sources/verify.py.
"""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from app.sources.expressions import plain_names
from app.sources.fields import Strict

PLACEHOLDER = re.compile(r"\{(body|timestamp|id|header:[A-Za-z0-9-]+)\}")


class HmacScheme(Strict):
    """An HMAC over a template of {body}, {timestamp}, {id} and {header:NAME}.

    headers: where a signature may stand, any one suffices. separator: between several signatures in one header. prefix: before each
    (taken off where it is there); with a separator, parts without the prefix are passed over. timestamp: header (or, with timestamp_field,
    the member of the signature header, as in `t=…,v1=…`). key: how a secret's text becomes key bytes; `standard` is whsec_ + base64.
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
    timestamp_unit: Literal["s", "ms"] = "s"
    id: str | None = None
    key: Literal["utf8", "base64", "hex", "standard"] = "utf8"
    tolerance_s: float | None = Field(300, ge=0)

    @field_validator("template")
    @classmethod
    def _template(cls, template: str) -> str:
        if "{body}" not in template or re.search(r"[{}]", PLACEHOLDER.sub("", template)):
            raise ValueError("expected a template of {body}, {timestamp}, {id}, {header:NAME} and plain text, with {body} in it")
        return template


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
    """A fixed token: in a header (after a prefix such as `Bearer `), or in a member of the body, which is dropped
    before anything is kept."""

    scheme: Literal["token"]
    header: str | None = None
    prefix: str = ""
    field: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.header is None) == (self.field is None):
            raise ValueError("expected exactly one of header and field")
        if self.field is not None and not plain_names(self.field):
            raise ValueError("expected a plain dotted path as field")
        return self


class NoScheme(Strict):
    """The sender signs nothing: an unguessable source name is all there is."""

    scheme: Literal["none"]


Scheme = Annotated[HmacScheme | StandardScheme | CloudinaryScheme | TokenScheme | NoScheme, Field(discriminator="scheme")]


def has_clock(scheme: Scheme) -> bool:
    """Whether the scheme signs a time, so that a tolerance means anything."""
    if isinstance(scheme, HmacScheme):
        return scheme.timestamp is not None or scheme.timestamp_field is not None
    return isinstance(scheme, StandardScheme | CloudinaryScheme)
