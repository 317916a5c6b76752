"""The words of bindery.yaml.

Owns: the model of the file and the checks within one source. Does not own: the words of presets (preset.py), checks across sources
(agreements.py), reading files (app/configuration.py). Next stop: app/sources/build.py.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator

from app.domain import policy
from app.domain.policy import Inheritance, Owner
from app.sources.fields import Fields, KindName, Side, Strict, Zone
from app.sources.handshakes import AnswerWords, Notice
from app.sources.preset import EventWords, Fetch, PlainPath, Receive, Taken

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")


def checked_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("expected a name of lower-case letters, digits, dots, hyphens and underscores, 63 characters at most")
    return text


def _reference(text: str) -> str:
    if not _REFERENCE.fullmatch(text):
        raise ValueError("expected a reference, env:NAME or file:PATH; a secret itself never stands in this file")
    return text


Name = Annotated[str, AfterValidator(checked_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
Reference = Annotated[str, AfterValidator(_reference), WithJsonSchema({"type": "string", "pattern": f"^({_REFERENCE.pattern})$"})]


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
    """One source. The descriptions are what editors show (app/sources/editor.py)."""

    preset: str = Field(description="The vendor: a preset's name, or the path of a .yaml file of your own.")
    side: Side | None = Field(None, description="Known from the preset; may be said for readers.")
    system: Name | None = Field(
        None, description="What its records belong to; several sources may speak for one. Default: the source's name."
    )
    secrets: tuple[Reference, ...] = Field((), description="References to the secrets, env:NAME or file:PATH; several while one rotates.")
    keys: tuple[Reference, ...] = Field((), description="Public keys or certificates (PEM) that replace downloads.")
    topic_arn: str | None = Field(None, pattern=r"^arn:[A-Za-z0-9:_./*-]+$", description="The Amazon SNS topic that counts.")
    url: str | None = Field(None, pattern=r"^https?://", description="The address that the sender calls, where it signs that too.")
    quarantine: bool = Field(False, description="Answer requests whose signature fails with 200 and keep them apart.")
    include: Include | None = None
    tolerance_s: float | None = Field(None, ge=0, description="Seconds that a signature stays valid; null: for ever.")
    when_rights_unknown: Literal["hide", "show"] | None = Field(
        None, description="May an asset be shown about whose rights nothing at all is known? Every DAM source has to say."
    )
    timezone: Zone = Field("UTC", description="Of dates and times that name none, such as Europe/Stockholm.")
    era: int = Field(0, ge=0, le=0xFFFF, description="Raise it after the system was restored from a backup.")
    hot_fields: tuple[str, ...] = Field((), description="Names that must reach neither log nor store, at any depth.")
    overrides: dict[str, Any] = Field(default_factory=dict, description="Parts of the preset, written anew; null takes one away.")
    joins: dict[str, JoinWords] = Field(default_factory=dict, description="Link or attribute -> whose assets its references name.")
    roles: dict[str, str] = Field(default_factory=dict, description="Link or attribute -> role of its assets.")
    inheritance: Inheritance | None = Field(
        None, description="Do variants come with what they inherit (flattened), or do they inherit it here (own)?"
    )
    api: dict[str, Any] = Field(default_factory=dict, description="Access to the vendor's API, to fetch states.")
    retired: bool = Field(False, description="Refuse its requests, and go on reading what is on the log.")
    max_body_bytes: int = Field(786_432, ge=1_024, le=900_000)
    rate_per_s: float | None = Field(None, gt=0, description="Requests per second that are admitted.")

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
