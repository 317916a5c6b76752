"""Builders for the tests of the domain: views and inputs in one line.

Owns: short-hands. Does not own: any rule. Next stop: tests/domain/test_bind.py.
"""

from collections.abc import Mapping
from typing import Any

from app.domain.bind import bind
from app.domain.inputs import Bound, Inputs
from app.domain.policy import Policy
from app.domain.view import View

SKU = "NH-1"
AT_US = 1_000_000
OPEN = {"rights.from": 0}
SHOWN = {"status": "active", "url": "https://dam.example/a.jpg", **OPEN}


def a_view(key: str, leaves: Mapping[str, Any], *, order: str = "1", orders: Mapping[str, str] | None = None, whole: bool = True) -> View:
    """A view whose leaves all have one order, those in `orders` apart."""
    held = dict(leaves)
    return View(key, held, {leaf: (orders or {}).get(leaf, order) for leaf in held}, whole, held.get("status") == "deleted")


def a_product(thing: str = "p1", leaves: Mapping[str, Any] | None = None, **more: Any) -> View:
    """A product of the PIM `pim` with the SKU."""
    return a_view(f"product/pim/{thing}", {"status": "active", "keys.sku": [SKU, SKU], **(leaves or {})}, **more)


def an_asset(thing: str = "a", leaves: Mapping[str, Any] | None = None, *, bare: bool = False, **more: Any) -> View:
    """An asset of the DAM `dam` that may be shown; `bare` without anything but the given leaves."""
    return a_view(f"asset/dam/{thing}", {**({} if bare else SHOWN), **(leaves or {})}, **more)


def a_decision(product: str, asset: str, **leaves: Any) -> View:
    """What a person decided about an asset (an id of `dam`) on a product (an id of `pim`)."""
    about = [f"product/pim/{product}", f"asset/dam/{asset}"]
    return a_view(f"decision/people/{product}-{asset}", {"about": about, "status": "active", **leaves})


def links(*things: str, by: str = "id") -> list[list[str]]:
    """Links to assets of `dam`."""
    return [["dam", by, thing] for thing in things]


def bound(*views: View, policy: Policy | None = None, at_us: int = AT_US, holders: Mapping[str, list[str]] | None = None) -> Bound:
    """Binds the SKU from these records."""
    return bind(inputs(*views, holders=holders), policy or Policy(), at_us)


def inputs(*views: View, holders: Mapping[str, list[str]] | None = None, sku: str = SKU) -> Inputs:
    """Inputs from records of all kinds; products that do not hold the SKU are left out."""
    return Inputs(
        sku,
        [view for view in views if view.key.startswith("product/") and (view.leaves.get("keys.sku") or ("", ""))[1] == sku],
        {view.key: view for view in views if view.key.startswith("model/")},
        [view for view in views if view.key.startswith("asset/")],
        dict(holders or {}),
        [view for view in views if view.key.startswith("decision/")],
    )


def shape(answer: Bound) -> list[tuple[str, str, int, str]]:
    """(asset id, role, position, state) of each binding."""
    return [(one["asset"]["id"], one["role"], one["position"], one["state"]) for one in answer.content["bindings"]]
