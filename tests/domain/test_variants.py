"""Variants that their model does not have any more count as deleted, where the system's models list their variants.

Owns: the rule and its explanation. Does not own: reading lists of variants (tests/sources/test_embedded.py).
Next stop: tests/domain/test_include.py.
"""

from typing import Any

import pytest

from app.domain.bind import explain
from app.domain.policy import Policy
from app.domain.view import View
from tests.domain.building import AT_US, a_product, a_view, an_asset, bound, inputs, links

LISTED = Policy(variants_listed={"pim"})
PACKSHOTS = {"links.packshots.*.*": links("a")}


def a_model(leaves: dict[str, Any], order: str = "2") -> View:
    return a_view("model/pim/M", {"status": "active", **leaves}, order=order)


def variant(order: str = "1") -> View:
    return a_product("p1", {"parent": "M", **PACKSHOTS}, order=order)


@pytest.mark.parametrize(
    ("model", "there"),
    [
        (a_model({"variants": ["p1", "p2"]}), True),
        (a_model({"variants": ["p2"]}), False),
        (a_model({"variants": []}), False),
        (a_model({}), True),
        (a_model({"variants": ["p2"]}, order="0"), True),
        (a_model({"status": "deleted"}), False),
        (a_model({"status": "deleted"}, order="0"), True),
    ],
    ids=["listed", "not listed", "none listed", "no list", "told anew since", "deleted", "deleted before"],
)
def test_who_is_there(model: View, there: bool) -> None:
    """The newer word of the two counts: the model's list or deletion, or the variant's own state."""
    answer = bound(variant(), model, an_asset("a"), policy=LISTED)
    assert (answer.content["product"] is not None) is there
    assert bool(answer.content["bindings"]) is there


@pytest.mark.parametrize("policy", [Policy(), Policy(variants_listed={"other"})])
def test_elsewhere_a_list_says_nothing(policy: Policy) -> None:
    """A model that was deleted, or lists other variants, ends none where variants are told for themselves."""
    for model in (a_model({"variants": []}), a_model({"status": "deleted"})):
        assert bound(variant(), model, an_asset("a"), policy=policy).content["bindings"]


def test_a_model_that_is_not_known_ends_nothing() -> None:
    """Its state may come later."""
    assert bound(variant(), an_asset("a"), policy=LISTED).content["bindings"]


def test_another_product_takes_the_sku_over() -> None:
    """What is gone contends for nothing, so there is no conflict."""
    answer = bound(variant("9"), a_model({"variants": []}, "99"), a_product("p2"), policy=LISTED)
    assert (answer.content["product"]["id"], answer.content["flags"]) == ("p2", [])


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (a_model({"variants": ["p2"]}), "The PIM (pim) lists the variants of M without it."),
        (a_model({"status": "deleted"}), "The PIM (pim) has deleted M."),
    ],
)
def test_it_is_explained(model: View, why: str) -> None:
    """The product is still named, with the sentence and the model's word that ended it."""
    told = explain(inputs(variant(), model, an_asset("a")), LISTED, AT_US)
    (product,) = told["products"]
    assert (product["id"], product["speaks"], product["why"]) == ("p1", False, why)
    assert any(fact["record"] == "model/pim/M" and fact["path"] in {"variants", "status"} for fact in product["decided_by"])
