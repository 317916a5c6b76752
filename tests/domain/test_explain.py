"""Every (SKU, asset) pair can be explained (promise P7).

Owns: what an explanation holds. Does not own: the decision itself (tests/domain/test_bind.py). Next stop: app/domain/explain.py.
"""

from typing import Any

from app.domain.bind import explain
from app.domain.facets import Change, EventRef, Record, merge
from app.domain.policy import Policy
from app.domain.view import view
from tests.domain.building import AT_US, SKU, a_decision, a_product, an_asset, inputs, links

PACKSHOTS = "links.packshots.*.*"
OURS = {"claims.sku": [[SKU, SKU]]}


def told(*views: Any, asset: str | None = None, policy: Policy | None = None) -> Any:
    """The explanation of the assets."""
    return explain(inputs(*views), policy or Policy(), AT_US, asset and f"asset/dam/{asset}")["assets"]


def test_a_fact_names_its_event() -> None:
    """What decided is told with its path, value, order and the event that said so."""
    record = Record("asset/dam/a")
    merge(record, [Change("asset/dam/a", "7", {"status": "active", **OURS, "rights.until": 5}, EventRef("cloud", "e1", "upload"), ("",))])
    (asset,) = told(a_product("p1"), view(record))
    assert asset["shown"] is False
    assert asset["bindings"][0]["state"] == "expired"
    assert {
        "record": "asset/dam/a",
        "path": "rights.until",
        "value": 5,
        "order": "7",
        "event": {"source": "cloud", "id": "e1", "type": "upload"},
    } in asset["decided_by"]


def test_links_and_decisions_are_facts() -> None:
    """The PIM's link and the person's decision are among what decided."""
    (asset,) = told(a_product("p1", {PACKSHOTS: links("a")}), an_asset("a"), a_decision("p1", "a", verdict="reject", by="ann"))
    facts = {(fact["record"], fact["path"]): fact["value"] for fact in asset["decided_by"]}
    assert facts["product/pim/p1", PACKSHOTS] == links("a")
    assert facts["decision/people/p1-a", "by"] == "ann"


def test_what_configuration_keeps_off_is_told() -> None:
    """A role that the other side owns is named."""
    views = a_product("p1", {"links.hero.*.*": links("a")}), an_asset("a"), an_asset("b", {**OURS, "role": "packshots"})
    first, second = told(*views, policy=Policy(ownership={"hero": "dam", "packshots": "pim"}))
    assert first["not_bound"] == ["The PIM (pim) links it as hero, and by configuration only the DAM decides about that role."]
    assert second["not_bound"] == [
        "The DAM (dam) names this SKU for it as packshots, and by configuration only the PIM decides about that role."
    ]


def test_what_a_product_that_lost_says_is_told() -> None:
    """An asset of a product that yields the SKU to another one says so."""
    older = a_product("p1", {PACKSHOTS: links("a")}, order="1")
    (asset,) = told(older, a_product("p2", order="2"), an_asset("a"))
    assert asset["not_bound"] == [
        "The product product/pim/p1 puts it on this SKU, but product/pim/p2 has the SKU by now and speaks for it."
    ]


def test_what_stands_behind_the_cut_is_told() -> None:
    """An asset beyond the limit says at which place it would stand."""
    assets = told(a_product("p1", {PACKSHOTS: links("a", "b")}), an_asset("a"), an_asset("b"), policy=Policy(max_bindings_per_sku=1))
    assert [asset["shown"] for asset in assets] == [True, False]
    assert assets[1]["not_bound"] == ["As packshots it stands at place 1, behind the 1 bindings that a SKU may have."]


def test_a_stranger_is_told_from_the_rest() -> None:
    """An asset that nothing puts on the SKU, known or not, says just that."""
    nothing = ["Nothing that is known puts it on this SKU."]
    assert told(a_product("p1"), an_asset("a", {"claims.sku": [["x", "OTHER"]]}))[0]["not_bound"] == nothing
    assert told(a_product("p1"), asset="never-seen") == [
        {
            "asset": {"system": "dam", "id": "never-seen"},
            "shown": False,
            "bindings": [],
            "not_bound": nothing,
            "decided_by": [],
            "changes_at": None,
        }
    ]


def test_one_asset_can_be_asked_for() -> None:
    """The others are left out, and it says when it changes."""
    views = a_product("p1", {PACKSHOTS: links("a", "b")}), an_asset("a", {"rights.until": AT_US + 1}), an_asset("b")
    (asset,) = told(*views, asset="a")
    assert (asset["asset"], asset["shown"], asset["changes_at"]) == ({"system": "dam", "id": "a"}, True, "1970-01-01T00:00:01.000001Z")


def test_no_url_is_told() -> None:
    """Whatever names an address, by the asset or by a link, stays out."""
    secret = "https://dam.example/secret.jpg"
    product = a_product("p1", {PACKSHOTS: [*links(secret, by="url"), *links("a")]})
    for asset in (an_asset("a", {"url": secret}), an_asset("a", {"url": secret, "aliases.url": [secret]}), an_asset("z")):
        assert "https://" not in str(explain(inputs(product, asset), Policy(), AT_US))
    only_dam = Policy(ownership={"*": "dam"})
    assert "https://" not in str(explain(inputs(product), only_dam, AT_US))
