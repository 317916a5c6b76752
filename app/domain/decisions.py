"""Decisions of people as records: keyed by (product, asset), so that a rename of the SKU keeps them.

Owns: the record's key, its event's value, the change it makes. Does not own: who may decide (app/api/decisions.py), what a decision
does to a binding (app/domain/bind.py). Next stop: consumers/projector.py.
"""

from hashlib import blake2b
from typing import Any

import orjson

from app.domain import keys, order
from app.domain.facets import Change, EventRef
from app.errors import Malformed, Unmappable
from schemas.event import Event

SOURCE = "people"
SET, CLEARED = "decision.set", "decision.cleared"


def decision_key(product: str, asset: str) -> str:
    """The record key of what people decided about this asset on this product (both given as record keys)."""
    return keys.record_key("decision", SOURCE, blake2b(f"{product}\n{asset}".encode(), digest_size=16).hexdigest())


def change_of(event: Event, version: int) -> Change:
    """The change a decision event makes: each decision is the full state of what is decided. Raises Malformed, Unmappable."""
    try:
        value: Any = orjson.loads(event.value)
    except orjson.JSONDecodeError:
        raise Malformed("a decision's value is not JSON") from None
    about = value.get("about") if isinstance(value, dict) else None
    if not (isinstance(about, list) and len(about) == 2 and all(isinstance(key, str) and key.count("/") >= 2 for key in about)):
        raise Unmappable("people: about: expected the record keys of a product and an asset")
    if not isinstance(value.get("at_us"), int):
        raise Unmappable(f"people: at_us: expected microseconds as an integer, found {type(value.get('at_us')).__name__}")
    cleared = event.type == CLEARED
    # Order and `about` always stay: the product is found by `about` after the decision was taken back, too.
    leaves = {"about": about, "status": "deleted" if cleared else "active"}
    if not cleared:
        leaves |= {name: value[name] for name in ("verdict", "pin", "place", "by", "why", "at_us") if value.get(name) is not None}
    return Change(
        record=event.key,
        order=order.order(
            era=event.era,
            source=value["at_us"],
            rank=order.DELETION if cleared else order.CHANGE,
            event_hash=order.event_hash(event.value),
            version=version,
        ),
        leaves=leaves,
        event=EventRef(event.source, event.id, event.type),
        full=("",),
    )
