"""Stored answers for the tests of the reading doors, decided by the real bind() from records made by hand.

Owns: records of one product and its assets, storing what bind() says of them. Does not own: bind() (tests/domain/).
Next stop: tests/api/test_skus.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.domain import facets, keys, order
from app.domain.bind import bind
from app.domain.facets import Change, EventRef, Record
from app.domain.inputs import Inputs
from app.domain.policy import Policy
from app.domain.view import view
from app.ports import Doc, StoreView
from schemas import topics
from tests.api.parts import NOW_US


@dataclass
class Shelf:
    """One product with assets, as records and as an answer. windows: asset id -> (from_us, until_us)."""

    sku: str
    windows: dict[str, tuple[int | None, int | None]] = field(default_factory=lambda: {"front": (None, None)})
    with_product: bool = True
    records: list[Record] = field(default_factory=list)

    def __post_init__(self) -> None:
        norm = self.sku.strip().upper()
        if self.with_product:
            product = {"keys.sku": [self.sku, norm], "name": f"About {self.sku}", "status": "active"}
            self.records.append(record(keys.record_key("product", "pim-1", f"id-of-{self.sku}"), product))
        for asset, (from_us, until_us) in self.windows.items():
            leaves = {
                "claims.sku": [[self.sku, norm]],
                "status": "active",
                "url": f"https://assets.example.com/{asset}.jpg",
                "renditions.small": {"url": f"https://assets.example.com/{asset}-small.jpg", "width": 10, "height": 10, "format": "jpg"},
                "aliases.url": [f"https://assets.example.com/{asset}.jpg"],
                "tags.summer": True,
                "rights.access": [[from_us, until_us]],
            }
            self.records.append(record(keys.record_key("asset", "dam-1", asset), leaves))

    async def keep(self, store: StoreView) -> None:
        """Keeps the records as they are."""
        known = await store.records.load([one.key for one in self.records])
        for one in self.records:
            version = known[one.key].version if one.key in known else 0
            tokens = tuple(sorted(keys.tokens_of(one.key, facets.visible(one))))
            assert not (await store.records.save([Doc(one.key, facets.dump(one), version, tokens)])).conflicts

    async def store(self, store: StoreView, at_us: int = NOW_US, *, revision: int = 1, partition: int = 0, offset: int = 0) -> None:
        """Keeps the records, and what bind() says at an instant as this revision at this place."""
        await self.keep(store)
        norm = self.sku.strip().upper()
        views = [view(one) for one in self.records]
        products = [one for one in views if one.key.startswith("product/")]
        inputs = Inputs(norm, products, assets=[one for one in views if one.key.startswith("asset/")])
        bound = bind(inputs, Policy(), at_us)
        numbers = {"revision": revision, "epoch": 1, "at_us": at_us, "config": 1, "topic_version": topics.BIND_REQUESTS_VERSION}
        numbers |= {"partition": partition, "offset": offset}
        if bound.next_change_us is not None:
            numbers["due_us"] = bound.next_change_us
        held = (await store.bindings.load([norm])).get(norm)
        assert not (await store.bindings.save([Doc(norm, bound.text, held.version if held else 0, bound.asset_keys, numbers)])).conflicts


def record(key: str, leaves: dict[str, Any]) -> Record:
    """A record of which one full state is known."""
    made = Record(key)
    at = order.order(era=0, source=1, rank=order.CHANGE, event_hash="00", version=1)
    facets.merge(made, [Change(key, at, leaves, EventRef("by-hand", "event-1", "made"), ("",))])
    return made


async def finished(store: StoreView, partition: int, offset: int) -> None:
    """Notes that a partition is done up to and with this offset."""
    id_ = f"{topics.BIND_REQUESTS}/{partition}"
    held = (await store.owners.load([id_])).get(id_)
    await store.owners.save([Doc(id_, "{}", held.version if held else 0, numbers={"epoch": 1, "finished": offset})])
