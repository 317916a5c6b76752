"""The decision: which assets may be shown for a SKU at an instant, in which order, and why.

Owns: the shape of the answer. Does not own: how it comes about (app/domain/case.py), the same for people (app/domain/explain.py), loading
the inputs and storing the answer (consumers/binder.py). Next stop: app/domain/case.py, then back in consumers/binder.py.

Pure: the same inputs in whatever order, the same policy and instant give the same bytes; between an answer's instant and its next change
every other instant gives them too.
"""

import orjson

from app.domain.case import Case
from app.domain.explain import explain
from app.domain.facets import Json
from app.domain.family import Family
from app.domain.inputs import Bound, Inputs
from app.domain.instants import optional
from app.domain.keys import split_key
from app.domain.policy import Policy

__all__ = ["Bound", "Inputs", "bind", "explain"]


def bind(inputs: Inputs, policy: Policy, at_us: int) -> Bound:
    """Decides about one SKU at an instant (µs, UTC)."""
    case = Case(inputs, policy, at_us)
    family = case.family
    bindings, instants = case.bindings()
    next_change_us = min(instants) if instants else None
    content: dict[str, Json] = {
        "sku": family.product.leaves["keys.sku"][0] if family.product else inputs.sku,
        "product": _product(family),
        "bindings": bindings,
        "next_change_at": optional(next_change_us),
        "flags": family.flags,
    }
    dropped = len(case.everything) - len(bindings)
    if dropped:
        content["overflow"] = {"kept": len(bindings), "dropped": dropped}
    asset_keys = {f"asset/{one['asset']['system']}/{one['asset']['id']}" for one in bindings if "by" not in one["asset"]}
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()
    return Bound(content, text, next_change_us, tuple(sorted(asset_keys)))


def _product(family: Family) -> dict[str, Json] | None:
    if family.product is None:
        return None
    _, system, thing = split_key(family.product.key)
    parents = [split_key(member.key)[2] for member in family.members[1:]]
    return {"system": system, "id": thing, "name": family.name(), "gtins": sorted(set(family.gtins)), "parents": parents}
