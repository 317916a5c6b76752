"""The words of bindery.yaml.

Owns: the model of the file and the checks within one source. Does not own: the words of presets (preset.py), checks across sources
(agreements.py), reading files (app/configuration.py). Next stop: app/sources/build.py.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from app.domain import policy
from app.sources.fields import Fields, Strict, Zone
from app.sources.handshakes import AnswerWords, Notice
from app.sources.preset import EventWords, Fetch, KindName, PlainPath, Receive, Taken

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")
Owner = Literal["pim", "dam", "both"]


def checked_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("expected a name of lower-case letters, digits, dots, hyphens and underscores, 63 characters at most")
    return text


def _reference(text: str) -> str:
    if not _REFERENCE.fullmatch(text):
        raise ValueError("expected a reference, env:NAME or file:PATH; a secret itself never stands in this file")
    return text


Name = Annotated[str, AfterValidator(checked_name)]
Reference = Annotated[str, AfterValidator(_reference)]


class Spelling(Strict):
    """How two spellings of a shared id are compared. Of SKUs, people always see the one that was sent."""

    case: Literal["keep", "upper", "lower"] = "keep"
    hyphens: Literal["keep", "drop"] = "keep"
    leading_zeros: Literal["keep", "drop"] = "keep"

    def normaliser(self) -> Callable[[str], str]:
        """Id as sent -> id as compared. Never empty for an id that is not."""
        case, drop_hyphens, drop_zeros = self.case, self.hyphens == "drop", self.leading_zeros == "drop"

        def normalise(sent: str) -> str:
            key = sent.strip()
            if drop_hyphens:
                key = key.replace("-", "") or key
            if drop_zeros:
                key = key.lstrip("0") or "0"
            return key.upper() if case == "upper" else key.lower() if case == "lower" else key

        return normalise


class JoinWords(Strict):
    """Whose assets a link's references name. by: `id`, or the alias that the other source's mapping keeps (`aliases`). normalise: how
    spellings of that alias are compared, at both ends."""

    system: str
    by: str = "id"
    normalise: Spelling | None = None


class Overrides(Fields, EventWords):
    """Any part of a preset, written anew: fields by their names, and how to read events. embedded_fields: kind -> fields of the records of
    that kind which are embedded, such as variants or images, written over the preset's."""

    embedded_fields: dict[KindName, Fields] | None = None
    verify: dict[str, Any] | None = None
    each: PlainPath | None = None
    type: Taken | None = None
    id: Taken | None = None
    receive: Receive | None = None
    answers: list[AnswerWords] | None = None
    notices: dict[str, Notice] | None = None
    authors: list[str] | None = None
    fetched_authors: list[str] | None = None
    hot_types: list[str] | None = None
    hot_shapes: list[list[str]] | None = None
    ignore: list[str] | None = None
    events: dict[str, EventWords | None] | None = None
    fetching: Fetch | None = None


class Completeness(Strict):
    """How complete a product has to be, in every one of the named scopes (all that it tells, where none is named)."""

    at_least: int = Field(100, ge=0, le=100)
    channels: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()


class Include(Strict):
    """Which products count; all conditions must hold, of a list any entry. The others stay visible as excluded."""

    family: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    completeness: Completeness | None = None

    def policy(self) -> policy.Include:
        """The same, as the rules read it."""
        asked = self.completeness
        return policy.Include(
            families=frozenset(self.family),
            categories=frozenset(self.category),
            at_least=asked.at_least if asked else None,
            channels=asked.channels if asked else (),
            locales=asked.locales if asked else (),
        )


class SourceWords(Strict):
    """One source.

    keys: public keys or certificates (PEM) that replace downloads. topic_arn: of Amazon SNS. url: the address that the sender signs.
    quarantine: answer requests whose signature fails with 200 and keep them apart. include: of products. api: access to fetch states.
    """

    preset: str
    side: Literal["dam", "pim"] | None = None
    system: Name | None = None
    secrets: tuple[Reference, ...] = ()
    keys: tuple[Reference, ...] = ()
    topic_arn: str | None = Field(None, pattern=r"^arn:[A-Za-z0-9:_./*-]+$")
    url: str | None = Field(None, pattern=r"^https?://")
    quarantine: bool = False
    include: Include | None = None
    tolerance_s: float | None = Field(None, ge=0)
    when_rights_unknown: Literal["hide", "show"] | None = None
    timezone: Zone = "UTC"
    era: int = Field(0, ge=0, le=0xFFFF)
    hot_fields: tuple[str, ...] = ()
    overrides: dict[str, Any] = Field(default_factory=dict)
    joins: dict[str, JoinWords] = Field(default_factory=dict)
    roles: dict[str, str] = Field(default_factory=dict)
    inheritance: Literal["own", "flattened"] | None = None
    api: dict[str, Any] = Field(default_factory=dict)
    retired: bool = False
    max_body_bytes: int = Field(786_432, ge=1_024, le=900_000)
    rate_per_s: float | None = Field(None, gt=0)

    @field_validator("roles")
    @classmethod
    def _roles(cls, roles: dict[str, str]) -> dict[str, str]:
        doubled = sorted({role for role in roles.values() if list(roles.values()).count(role) > 1})
        if doubled:
            raise ValueError(f"two links cannot have one role, their orders would mix: {', '.join(doubled)}")
        return roles


class Binding(Strict):
    """How bindings are decided; app/domain/policy.py says what each word means."""

    ownership: dict[str, Owner] = Field(default_factory=dict)
    texts: Owner = "both"
    role_tag_prefix: str = "role:"
    default_role: str = Field("asset", min_length=1)
    max_bindings_per_sku: int = Field(500, ge=1, le=5_000)


class Normalise(Strict):
    """Normalisation of shared ids."""

    sku: Spelling = Spelling()


class Deployment(Strict):
    """The whole file. The sources are checked one by one, so that a mistake in one hides none in another."""

    version: int | None = Field(None, ge=1, le=0xFFFF_FFFF)
    sources: dict[str, dict[str, Any]] = Field(default_factory=dict)
    binding: Binding = Binding()
    hot_fields: tuple[str, ...] = ()
    normalise: Normalise = Normalise()
