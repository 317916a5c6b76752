"""The shapes of answers about SKUs and assets, for the OpenAPI. The bytes themselves come from the store and are not made from these.

Owns: fields, their meaning, examples. Does not own: the content (app/domain/bind.py decides it; schemas/ is the contract of the topic).
Next stop: app/api/skus.py.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.domain.reasons import State


class AssetName(BaseModel):
    """An asset by its system and its id there."""

    system: str = Field(examples=["cloudinary-eu"])
    id: str = Field(examples=["7d1f0a"])


class Named(AssetName):
    """An asset of a binding."""

    by: str | None = Field(None, description="Only while no such asset is known: `id` is then the alias of this kind that a product names.")


class Reason(BaseModel):
    """Why a binding is in its state."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(examples=["embargoed"], description="For programs; stable.")
    text: str = Field(examples=["The DAM (cloudinary-eu) lets it be shown only from 2026-03-01T00:00:00Z."])
    changes_at: str | None = Field(None, description="When time alone changes it.")
    why: str | None = Field(None, description="What a person gave as the reason.")


class Binding(BaseModel):
    """One asset on one SKU, in one role, locale and channel."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(description="Stable as long as SKU, asset, role, locale and channel are.")
    asset: Named
    role: str = Field(examples=["packshots"])
    position: int = Field(description="Place in the order of display within the role, from 0.")
    locale: str = Field(description="`*`: every locale.", examples=["en_GB"])
    channel: str = Field(description="`*`: every channel.", examples=["ecommerce"])
    state: State
    reason: Reason
    url: str | None = Field(description="Only while the state is `live`.", examples=["https://assets.example.com/7d1f0a.jpg"])
    content: dict[str, Any] = Field(description="Checksum and version: they change when the bytes behind the URL do.")
    renditions: dict[str, Any] = Field(description="Name -> url, width, height, format. Only while the state is `live`.")
    texts: dict[str, Any] = Field(description="Kind (alt, caption, title, credit) -> locale -> text.")
    rights: dict[str, Any] = Field(
        description="`from` (inclusive) and `until` (exclusive), RFC 3339 in UTC; `territories`: `allow` and `deny`, or null."
    )
    origins: list[dict[str, Any]] = Field(description="Who says that the asset belongs to the SKU.")
    valid_until: str | None = Field(None, description="The URL may not be shown from this instant on. RFC 3339 in UTC.")


class SkuAnswer(BaseModel):
    """Which assets may be shown for a SKU."""

    model_config = ConfigDict(extra="allow")

    sku: str = Field(examples=["NH-TEE-001"])
    revision: int = Field(description="Rises by one whenever the content changes.", examples=[3])
    product: dict[str, Any] | None = Field(description="system, id, name, gtins, parents; null: no product with this SKU is known.")
    bindings: list[Binding]
    next_change_at: str | None = Field(description="When time alone changes this answer next.", examples=["2026-06-30T22:00:00Z"])
    flags: list[dict[str, Any]] = Field(description="What somebody should look at: code, text and more, as in `sku-conflict`.")
    overflow: dict[str, int] | None = Field(None, description="Only where bindings were cut off: how many were kept and dropped.")


class ChangesPage(BaseModel):
    """SKUs whose answer changed, each with its present answer."""

    items: list[SkuAnswer]
    next: str = Field(description="Give it as `changed_since` to go on; never null, since more may change.")


class SkuBatch(BaseModel):
    """SKUs to look up."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"skus": ["NH-TEE-001", "NH-TEE-002"]}})

    skus: list[str] = Field(min_length=1, max_length=500, description="In any spelling.")


class SkuBatchAnswer(BaseModel):
    """Answers, in the order asked for."""

    items: list[SkuAnswer]
    missing: list[str] = Field(description="SKUs, as asked for, of which nothing is known.")
    next: None = None


class Explanation(BaseModel):
    """Why assets are shown for a SKU or not, decided anew at this instant."""

    model_config = ConfigDict(extra="allow")

    sku: str
    at: str = Field(description="The instant it is explained for.")
    flags: list[dict[str, Any]]
    next_change_at: str | None = Field(description="When time alone changes something next.")
    products: list[dict[str, Any]] = Field(
        description="The products that have this SKU; `speaks` marks the one that speaks for it, `why` says why one is gone or excluded."
    )
    assets: list[dict[str, Any]] = Field(
        description="asset, shown, bindings (without URLs), not_bound (sentences), changes_at, and the facts that decided (decided_by)."
    )


class ShownOn(BaseModel):
    """A SKU with the bindings of one asset."""

    sku: str
    revision: int
    bindings: list[Binding]


class ShownOnPage(BaseModel):
    """SKUs that hold an asset."""

    items: list[ShownOn]
    next: str | None


class AssetAnswer(BaseModel):
    """What is known of one asset and where it is used. Its URL stands at the SKUs, and only while it may be shown there."""

    asset: AssetName
    status: Literal["active", "deleted", "unknown"] = Field(description="unknown: named by a product, and no event of its own came yet.")
    complete: bool = Field(description="Whether its full state is known, rather than single changes only.")
    facts: dict[str, Any] = Field(description="What its system said last, by path.")
    skus: ShownOnPage


class Decision(BaseModel):
    """What a person decides about an asset on a product. It replaces what was decided before."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"verdict": "reject", "why": "Shows the colour of last season."}}
    )

    verdict: Literal["approve", "reject"] | None = Field(None, description="Reject: never shown. Approve: ends a pending review.")
    pin: bool = Field(default=False, description="Put it in front of the others of its role.")
    place: int | None = Field(None, ge=0, le=9_999, description="Its place in the order of display, from 0.")
    why: str = Field(min_length=1, max_length=500, description="For the audit and for colleagues.")


class Accepted(BaseModel):
    """The decision is durable; the answer of the SKU follows within moments."""

    accepted: str = Field(description="The id of the event.", examples=["5f2d4c1e9a"])


class WebhookAnswer(BaseModel):
    """What became durable. Together the two lists are all that the request said."""

    accepted: list[str] = Field(description="Ids of the events.")
    dead_letters: list[str] = Field(description="Ids of letters: authentic, but not understood.")
