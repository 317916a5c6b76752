"""The answer for one SKU, as it stands in bindery.sku.bindings.v1 and in `GET /v1/skus/{sku}`.

Owns: its shape, member by member, and the meaning of each state. Does not own: deciding it (app/domain/bind.py). Next stop:
docs/wire-contract.md.

The hot path makes the bytes without these models; tests/schemas/ holds the two together. Nothing is left open: an unknown member is
refused, so that nothing leaves the process unannounced. Readers should be kinder, since a version may gain optional members. A member that
has a default here may be absent; all others are always there, and null says that there is nothing.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import CoreSchema


class State(StrEnum):
    """What an asset on a SKU is now."""

    LIVE = "live"
    EMBARGOED = "embargoed"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    SUSPECT = "suspect"
    PENDING_ASSET = "pending-asset"
    PENDING_PRODUCT = "pending-product"
    PENDING_REVIEW = "pending-review"
    REJECTED = "rejected"
    RIGHTS_UNKNOWN = "rights-unknown"
    NO_PUBLIC_URL = "no-public-url"

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        made = handler.resolve_ref_schema(handler(schema))
        made["description"] = " ".join(f"{state}: {MEANINGS[state]}" for state in cls)
        return made


MEANINGS: Mapping[State, str] = {
    State.LIVE: "It may be shown now, and it is the only state with a URL.",
    State.EMBARGOED: "It may be shown from an instant that is known and still to come.",
    State.EXPIRED: "The time in which it might be shown is over.",
    State.WITHDRAWN: (
        "Its DAM deleted it, archived it, does not approve of it or lets it be shown nowhere; or the PIM switched its product off, or the "
        "product does not count by configuration."
    ),
    State.SUSPECT: "Its rights cannot be understood, so it is held back until they can or a person decides.",
    State.PENDING_ASSET: "A PIM links it, and nothing is known about it yet.",
    State.PENDING_PRODUCT: "A DAM names this SKU for it, and no PIM has a product with the SKU.",
    State.PENDING_REVIEW: "Its DAM says that it is not approved yet.",
    State.REJECTED: "A person rejected it for this product.",
    State.RIGHTS_UNKNOWN: "There are no rights data for it, and the configuration hides such assets of its system.",
    State.NO_PUBLIC_URL: "It might be shown, but there is no URL that the public can open.",
}

INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z$"
Instant = Annotated[str, Field(pattern=INSTANT, description="RFC 3339 in UTC.")]
Name = Annotated[str, Field(min_length=1)]
Scope = Annotated[Name, Field(description='"*": for all of them.')]
Url = Annotated[str, Field(min_length=1, description="To be used as it is.")]


class Closed(BaseModel):
    """A model that refuses unknown members and does not turn one type into another."""

    model_config = ConfigDict(extra="forbid", strict=True)


class AssetId(Closed):
    """An asset by its system and its id there."""

    system: Name
    id: Name
    by: Name | SkipJsonSchema[None] = Field(
        None, description="Only while a PIM's link leads to no known asset: what the link calls `id` (say, public_id)."
    )


class Product(Closed):
    """The product that has the SKU."""

    system: Name
    id: Name = Field(description="The product's own id at its system.")
    name: str | dict[str, str] | None = Field(description="As its PIM gives it: one text, or locale -> text.")
    gtins: list[Name] = Field(description="14 digits each.")
    parents: list[Name] = Field(description="Codes of the models it inherits from here, the nearest first.")


class Reason(Closed):
    """Why a binding is in its state."""

    code: Name = Field(description="For programs; more codes may come.")
    text: Name = Field(description="For people: one sentence, naming the side and the source.")
    changes_at: Instant | SkipJsonSchema[None] = Field(None, description="When time alone ends this state; absent where it does not.")
    why: Name | SkipJsonSchema[None] = Field(None, description="The words of the person who decided; absent where nobody did.")


class Content(Closed):
    """Which bytes stand behind the URL: a change of either is a new revision, even where the URL stays."""

    checksum: str | None
    version: str | int | None


class Rendition(Closed):
    """Another form of the asset."""

    url: Url
    width: int | None = None
    height: int | None = None
    format: str | None = None


Territory = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2, and XK.")]


class Territories(Closed):
    """Where it may be shown: in what is allowed and not denied, and nowhere else."""

    allow: list[Territory] | None = Field(description="null: everywhere.")
    deny: list[Territory] | None = Field(description="null: nowhere is denied.")


class Rights(Closed):
    """The half-open period [from, until) in which it may be shown (null: without that end), and where."""

    from_: Instant | None = Field(alias="from")
    until: Instant | None
    territories: Territories | None = Field(description="null: nothing is said about territories.")


class FromPim(Closed):
    """A PIM's word that the asset belongs to the product."""

    side: Literal["pim"]
    system: Name
    by: Literal["link"]
    record: Name = Field(description="The record that links it: the product or a model above it.")


class FromDam(Closed):
    """A DAM's word that the asset belongs to the product."""

    side: Literal["dam"]
    system: Name
    by: Literal["product", "model", "sku", "gtin"]
    value: Name = Field(description="The key that the asset names, as its DAM spells it.")


ONLY_WHILE_LIVE: JsonDict = {
    "if": {"properties": {"state": {"const": State.LIVE.value}}},
    "then": {"properties": {"url": {"type": "string"}}},
    "else": {"properties": {"url": {"type": "null"}, "renditions": {"maxProperties": 0}, "valid_until": {"type": "null"}}},
}


class Binding(Closed):
    """One asset on one SKU, in one role, locale and channel."""

    model_config = ConfigDict(json_schema_extra=ONLY_WHILE_LIVE)

    id: Name = Field(description="The same as long as product, asset, role, locale and channel are.")
    asset: AssetId
    role: Name
    position: int = Field(ge=0, description="Place in the display order of its role, locale and channel.")
    locale: Scope
    channel: Scope
    state: State
    reason: Reason
    url: Url | None = Field(description="null unless the state is live.")
    content: Content
    renditions: dict[str, Rendition] = Field(description="By name; empty unless the state is live.")
    texts: dict[str, dict[str, str]] = Field(description='Kind (alt, caption, title, credit) -> locale ("*" for all) -> text.')
    rights: Rights
    origins: list[FromPim | FromDam] = Field(min_length=1, description="Who says that the asset belongs to the product.")
    valid_until: Instant | None = Field(description="The URL may not be shown from this instant on; null: no end is known.")

    @model_validator(mode="after")
    def _a_url_only_while_live(self) -> Self:
        if self.state is State.LIVE:
            if self.url is None:
                raise ValueError("the state is live, and there is no url")
        elif self.url is not None or self.renditions or self.valid_until is not None:
            raise ValueError(f"the state is {self.state}: only a live binding has url, renditions and valid_until")
        return self


class Flag(Closed):
    """Something about the product that a person should see."""

    code: Literal["sku-conflict", "gtin-shared", "parent-missing", "parent-cycle", "parent-too-deep", "product-excluded", "shortened"]
    text: Name
    products: list[Name] = Field([], description="Record keys, the winner of a conflict first; of many, the first 21 at most.")
    gtin: str = ""
    model: str = Field("", description="Record key.")


class Overflow(Closed):
    """How many bindings are in the answer, and how many were cut off so that it stays small enough."""

    kept: int = Field(ge=0)
    dropped: int = Field(ge=1)


class SkuContent(Closed):
    """What is shown for a SKU: equal contents are one revision."""

    sku: Name = Field(description="As its PIM spells it, where one has it; the message's key is the normalised form.")
    product: Product | None = Field(description="null: no PIM has a product with this SKU.")
    bindings: list[Binding] = Field(description="By role, locale, channel and position.")
    next_change_at: Instant | None = Field(description="When time alone changes this answer next.")
    flags: list[Flag]
    overflow: Overflow | SkipJsonSchema[None] = Field(None, description="Absent where nothing was cut off.")


class SkuBindings(SkuContent):
    """The whole answer for one SKU, replacing every earlier one."""

    revision: int = Field(ge=1, description="One more whenever the content changes; a number never names two contents.")
