"""What can be mapped, and the words for it: the model of `fields` in a preset and of `overrides` in bindery.yaml.

Owns: names and options of fields. Does not own: reading them from a payload (mapping.py), what the leaves mean (app/domain/keys.py).
Next stop: app/sources/mapping.py.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic_core import CoreSchema

from app.domain.territories import territories
from app.sources.expressions import compile_expression


class Strict(BaseModel):
    """A part of a configuration: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _expression(text: str) -> str:
    compile_expression(text)
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError("expected the name of a time zone, such as Europe/Stockholm or UTC") from None
    return name


Side = Literal["dam", "pim"]
# Kinds of records that senders tell of; people's decisions are one more (app/domain/keys.py).
KindName = Literal["asset", "product", "model"]
Expr = Annotated[str, AfterValidator(_expression)]
Zone = Annotated[str, AfterValidator(_zone)]
End = Literal["inclusive", "exclusive"]
Scalar = str | int | bool | None


def bare_too(schema: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a model of which a bare string is the path, where nothing else is needed."""
    described = {"description": schema.pop("description")} if "description" in schema else {}
    return {**described, "anyOf": [{"type": "string"}, schema]} if set(schema.get("required", ())) <= {"path"} else {**described, **schema}


class Spec(Strict):
    """Where a value stands. A bare string is its path."""

    path: Expr

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, data: Any) -> Any:
        return {"path": data} if isinstance(data, str) else data

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return bare_too(handler(core_schema))


class Listed(Spec):
    """One or many values. split: a string may hold several, as JSON or delimited by , ; | or newline."""

    split: bool = True


class Owned(Listed):
    """Ids of things of another system."""

    system: str


class Looked(Spec):
    """A word that is translated. lookup: theirs -> ours; otherwise: for words that are not in it. boolean: read 0, 1, true … first."""

    # Not a dict: nobody writes to it, so that the words below may narrow what it gives.
    lookup: Mapping[str, str] = {}
    otherwise: str | None = None
    boolean: bool = False


Approved = Literal["approved", "pending", "archived", "rejected"]


class Approval(Looked):
    """A word, or several, that say whether an asset is approved; of several the strictest counts."""

    lookup: Mapping[str, Approved] = {}
    otherwise: Approved | None = None


class Enabled(Looked):
    """A word that says whether a product is switched on."""

    lookup: Mapping[str, Literal["true", "false"]] = {}
    otherwise: Literal["true", "false"] | None = None


class Public(Looked):
    """A word that says whether the public can open the asset's URLs."""

    lookup: Mapping[str, Literal["yes", "no"]] = {"true": "yes", "false": "no"}
    otherwise: Literal["yes", "no"] | None = "no"


class Instant(Spec):
    """A date or an instant. zone: of dates and of times without one (default: the source's). end: whether a bare date still counts."""

    zone: Zone | None = None
    end: End = "exclusive"


class Intervals(Spec):
    """A list of periods. when: members that an entry must have to count at all. from, until: where its ends stand."""

    when: dict[str, Scalar] = {}
    from_: Expr | None = Field(None, alias="from")
    until: Expr | None = None
    zone: Zone | None = None
    end: End = "exclusive"


class Url(Spec):
    """An address. style `cloudinary`: version and public id in it become placeholders, so that a rename changes every URL; a signed one
    could not follow, and it opens what the public may not see, so it is no URL at all."""

    style: Literal["plain", "cloudinary"] = "plain"
    public_id: Expr = "public_id"


class Renditions(Spec):
    """A list of objects, or a map name -> object or URL. name, url, width, height, format: where they stand in each (`_name`, `_value`:
    key and value of a map's entry). Entries without a URL are left out."""

    name: Expr = "_name"
    url: Expr = "url || _value"
    width: Expr = "width"
    height: Expr = "height"
    format: Expr = "format"
    style: Literal["plain", "cloudinary"] = "plain"
    public_id: Expr = "public_id"


class Link(Spec):
    """Assets of a product in display order: a list of ids, or of objects with `asset` (their id) and, where given, role, locale, channel,
    position. system, by: whose ids, and which (default: `joins` of this name, else the source's own system, by id)."""

    asset: Expr | None = None
    role: Expr | None = None
    locale: Expr | None = None
    channel: Expr | None = None
    position: Expr | None = None
    system: str | None = None
    by: str | None = None


class Named(Strict):
    """Whose assets references name (default: the source's own), and by which alias."""

    system: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")
    by: str = "id"


class Collections(Spec):
    """Akeneo-style values at `path`: attribute -> [{data, locale, scope, type}]. Attributes of these types (each with whose assets its
    values name, unless `joins` says so for the attribute), and those that `joins` or `roles` name, link assets; the role is the attribute's
    code unless `roles` says otherwise."""

    types: dict[str, Named]

    @field_validator("types", mode="before")
    @classmethod
    def _listed(cls, types: Any) -> Any:
        return {name: {} for name in types} if isinstance(types, list) else types


class AssetTexts(Spec):
    """Texts that a PIM keeps for assets: a list of objects with the asset's id and texts (kind -> path; a text or a map by locale).
    system: whose assets; or link: the link whose `joins` says so."""

    asset: Expr = "id"
    texts: dict[str, Expr]
    system: str | None = None
    link: str = ""


class Territory(Listed):
    """A list of territories: ISO 3166-1 codes of two or three letters, EL, UK, URIs that end in such a code, EU, EEA, EFTA, EZ,
    WORLDWIDE. An empty list is nowhere, a missing one everywhere. lookup: the customer's own words -> one or several of these."""

    lookup: dict[str, str | list[str]] = {}

    @field_validator("lookup")
    @classmethod
    def _known(cls, lookup: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        for word, meaning in lookup.items():
            try:
                territories([meaning] if isinstance(meaning, str) else meaning)
            except ValueError as wrong:
                raise ValueError(f"the meaning of {word!r} is no territory: {str(wrong).removesuffix('; add it to `lookup`')}") from None
        return lookup


class Territories(Strict):
    """Where an asset may be shown. deny wins over allow."""

    allow: Territory | None = None
    deny: Territory | None = None


class Rights(Strict):
    """Windows and territories. access: periods of which one must hold."""

    from_: Instant | None = Field(None, alias="from")
    until: Instant | None = None
    access: Intervals | None = None
    territories: Territories | None = None


class Percents(Spec):
    """How complete a product is: a list of objects. channel, locale: for what (a missing one: for all). percent: where the number stands;
    value: the number itself, for senders that only name what is complete."""

    channel: Expr = "scope"
    locale: Expr = "locale"
    percent: Expr = "data"
    value: int | None = Field(None, ge=0, le=100)


class Fields(Strict):
    """Everything that can be mapped. texts: kind -> path, or kind -> locale -> path. parts: what placeholders in URLs stand for. public:
    may the public open the asset's URLs (meanings `yes` and `no`, a missing word is a yes)? If not, no url and no renditions are kept."""

    sku: Listed | None = None
    gtin: Listed | None = None
    # Of assets.
    product: Owned | None = None
    model: Owned | None = None
    aliases: dict[str, Listed] = {}
    role: Looked | None = None
    position: Spec | None = None
    locale: Looked | None = None
    channel: Looked | None = None
    tags: Listed | None = None
    texts: dict[str, Spec | dict[str, Spec]] = {}
    approval: Approval | None = None
    public: Public | None = None
    url: Url | None = None
    parts: dict[str, Spec] = {}
    checksum: Spec | None = None
    content_version: Spec | None = None
    media: dict[Literal["width", "height", "bytes", "format", "type"], Spec] = {}
    renditions: Renditions | None = None
    rights: Rights = Rights()
    # Of products and models.
    parent: Spec | None = None
    name: Spec | None = None
    # For `include`.
    family: Spec | None = None
    categories: Listed | None = None
    completeness: Percents | None = None
    # Of models: the ids of all of their variants.
    variants: Listed | None = None
    # Of products, and of models for all of their variants: false where the PIM has switched one off. A lookup gives "true" or "false".
    enabled: Enabled | None = None
    links: dict[str, Link] = {}
    collections: Collections | None = None
    asset_texts: AssetTexts | None = None
