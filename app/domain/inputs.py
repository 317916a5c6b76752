"""What goes into a decision about one SKU and what comes out.

Owns: Inputs and Bound. Does not own: loading (consumers/binder.py), deciding (app/domain/bind.py). Next stop: app/domain/bind.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.facets import Json
from app.domain.view import View


@dataclass(slots=True)
class Inputs:
    """All that is known about one SKU. The order of the lists does not matter.

    sku: normalised. products: records of kind product that hold the SKU now, deleted ones too. ancestors: model record key -> View, at
    least the parents of the products: five levels up where their system inherits here, one where its models list their variants. assets:
    every asset that is linked by, or claims, a product, a model that it inherits from, the SKU or one of their GTINs. gtin_holders: GTIN of
    14 digits -> keys of the products that hold it and are not gone. decisions: people's decisions about the products (those about other
    products are ignored).
    """

    sku: str
    products: list[View] = field(default_factory=list)
    ancestors: Mapping[str, View] = field(default_factory=dict)
    assets: list[View] = field(default_factory=list)
    gtin_holders: Mapping[str, list[str]] = field(default_factory=dict)
    decisions: list[View] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bound:
    """The answer for one SKU at one instant.

    content: as plain data, fit for JSON. text: the same as canonical JSON (sorted keys), the unit of comparison. next_change_us: the first
    instant after `at_us` at which time alone changes the answer, None for never. asset_keys: record keys of the assets in it, sorted.
    """

    content: dict[str, Json]
    text: str
    next_change_us: int | None
    asset_keys: tuple[str, ...]
