"""Territories of an asset: a binding says where it may be shown, and one that may be shown nowhere is withdrawn.

Owns: the rule. Does not own: reading territories (tests/sources/test_territories.py). Next stop: tests/domain/test_variants.py.
"""

from typing import Any

import pytest

from app.domain.policy import Policy
from app.domain.territories import ALL
from tests.domain.building import SKU, a_product, an_asset, bound

OURS = {"claims.sku": [[SKU, SKU]]}
ALLOW, DENY = "rights.territories.allow", "rights.territories.deny"


def decided(**leaves: Any) -> dict[str, Any]:
    """The only binding of an asset that is approved, has a URL and these leaves."""
    told = {**OURS, **{"rights.territories." + name: value for name, value in leaves.items()}}
    asset = an_asset("a", {"status": "active", "url": "https://dam.example/a", **told}, bare=True)
    (binding,) = bound(a_product(), asset, policy=Policy(when_rights_unknown={"dam": "hide"})).content["bindings"]
    return dict(binding)


@pytest.mark.parametrize(
    ("leaves", "territories"),
    [
        ({"allow": ["DE", "SE"]}, {"allow": ["DE", "SE"], "deny": None}),
        ({"deny": ["US"]}, {"allow": None, "deny": ["US"]}),
        ({"allow": ["DE", "SE"], "deny": ["SE"]}, {"allow": ["DE", "SE"], "deny": ["SE"]}),
        ({"allow": sorted(ALL)}, {"allow": None, "deny": None}),
    ],
)
def test_a_live_binding_says_where(leaves: dict[str, Any], territories: dict[str, Any]) -> None:
    """Both lists as they are known; territories alone are rights data, so nothing is unknown about them."""
    binding = decided(**leaves)
    assert (binding["state"], binding["rights"]["territories"]) == ("live", territories)


@pytest.mark.parametrize("leaves", [{"allow": []}, {"allow": ["DE"], "deny": ["DE", "SE"]}, {"deny": sorted(ALL)}])
def test_nowhere_is_withdrawn(leaves: dict[str, Any]) -> None:
    """An empty list is no restriction that was forgotten, and what is denied everywhere is allowed nowhere."""
    binding = decided(**leaves)
    assert (binding["state"], binding["url"], binding["reason"]["code"]) == ("withdrawn", None, "nowhere")
    assert binding["reason"]["text"] == "The DAM (dam) lets it be shown in no territory at all."


def test_without_a_word_nothing_is_said() -> None:
    """No list is null in the binding, and rights about which nothing is known stay hidden."""
    binding = decided(table="iso-3166-1 2026-01")
    assert (binding["state"], binding["rights"]["territories"]) == ("rights-unknown", None)


@pytest.mark.parametrize("value", ["DE", {"DE": True}, [1], 0])
def test_what_is_no_list_is_not_a_right(value: Any) -> None:
    """It is held back, and no half-understood list is handed on."""
    binding = decided(allow=value)
    assert (binding["state"], binding["reason"]["code"], binding["rights"]["territories"]) == ("suspect", "rights-unreadable", None)
