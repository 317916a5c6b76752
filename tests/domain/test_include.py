"""`include`: products that do not match show nothing, and say which condition fails.

Owns: the rule, its sentences, its explanation. Does not own: the words of bindery.yaml (tests/sources/test_include.py).
Next stop: tests/sources/test_include.py.
"""

from typing import Any

import pytest

from app.domain.bind import explain
from app.domain.policy import Include, Policy
from tests.domain.building import AT_US, a_decision, a_product, a_view, an_asset, bound, inputs, links

FAMILY = Include(families=frozenset({"shoes", "boots"}))
CATEGORY = Include(categories=frozenset({"summer", "sale"}))
COMPLETE = Include(at_least=100, channels=("web",), locales=("en_GB", "de_DE"))
FULL = {"completeness.web.en_GB": 100, "completeness.web.de_DE": 100}


def reason(include: Include, leaves: dict[str, Any], *above: Any, **more: Any) -> dict[str, Any]:
    """The reason of the product's only binding."""
    product = a_product("p1", {"links.packshots.*.*": links("a"), **leaves})
    policy = Policy(include={"pim": include}, **more)
    (binding,) = bound(product, *above, an_asset("a"), policy=policy).content["bindings"]
    assert (binding["state"] == "live") is (binding["url"] is not None) is (binding["reason"]["code"] == "live")
    return dict(binding["reason"])


@pytest.mark.parametrize(
    ("include", "leaves"),
    [
        (Include(), {}),
        (FAMILY, {"family": "boots"}),
        (CATEGORY, {"categories.winter": True, "categories.sale": True}),
        (COMPLETE, FULL | {"completeness.print.en_GB": 3}),
        (COMPLETE, {"completeness.*.en_GB": 100, "completeness.web.*": 100}),
        (Include(at_least=80), {"completeness.web.en_GB": 80}),
        (Include(at_least=80, locales=("en_GB",)), {"completeness.web.en_GB": 90, "completeness.web.de_DE": 3}),
    ],
)
def test_what_matches_is_shown(include: Include, leaves: dict[str, Any]) -> None:
    """Of a list any entry suffices; of channels and locales every named one counts, and no other."""
    assert reason(include, leaves)["code"] == "live"


@pytest.mark.parametrize(
    ("include", "leaves", "text"),
    [
        (FAMILY, {"family": "socks"}, "gives this product the family socks, and by configuration only boots, shoes count."),
        (FAMILY, {}, "gives this product no family, and by configuration only boots, shoes count."),
        (CATEGORY, {"categories.a~1b": True}, "files this product under a.b, and by configuration only what is under sale, summer counts."),
        (CATEGORY, {}, "files this product under no category, and by configuration only what is under sale, summer counts."),
        (
            COMPLETE,
            FULL | {"completeness.web.de_DE": 99},
            "says that this product is 99 % complete for web in de_DE, and by configuration it counts from 100 % on.",
        ),
        (
            COMPLETE,
            {"completeness.web.en_GB": 100},
            "has not told how complete this product is for web in de_DE, and by configuration it counts from 100 % on.",
        ),
        (Include(at_least=1), {}, "has not told how complete this product is, and by configuration it counts from 1 % on."),
        (
            Include(families=frozenset("abcdefg")),
            {"family": "x"},
            "gives this product the family x, and by configuration only a, b, c, d, e and 2 more count.",
        ),
    ],
)
def test_what_does_not_match_says_why(include: Include, leaves: dict[str, Any], text: str) -> None:
    """The first condition that fails, in a sentence; what is not told does not match."""
    assert reason(include, leaves) == {"code": "product-excluded", "text": f"The PIM (pim) {text}"}


def test_all_conditions_have_to_hold() -> None:
    """Each of them alone keeps a product out."""
    both = Include(families=frozenset({"shoes"}), categories=frozenset({"summer"}), at_least=50)
    leaves = {"family": "shoes", "categories.summer": True, "completeness.web.en_GB": 50}
    assert reason(both, leaves)["code"] == "live"
    for leaf in leaves:
        assert reason(both, {name: value for name, value in leaves.items() if name != leaf})["code"] == "product-excluded"


def test_a_model_says_what_its_variant_does_not() -> None:
    """The nearest family counts, categories of all; where values come flattened, the product speaks for itself."""
    model = a_view("model/pim/M", {"status": "active", "family": "boots", "categories.sale": True, "completeness.web.en_GB": 100})
    everything = Include(FAMILY.families, CATEGORY.categories, 100)
    leaves = {"parent": "M", "categories.winter": True}
    assert reason(everything, leaves, model)["code"] == "live"
    assert reason(everything, leaves | {"family": "socks"}, model)["code"] == "product-excluded"
    assert reason(everything, leaves, model, inheritance={"pim": "flattened"})["code"] == "product-excluded"


def test_other_systems_are_not_asked() -> None:
    """`include` of one PIM says nothing about the products of another."""
    product = a_product("p1", {"links.packshots.*.*": links("a")})
    (binding,) = bound(product, an_asset("a"), policy=Policy(include={"erp": FAMILY})).content["bindings"]
    assert binding["state"] == "live"


def test_nobody_brings_an_excluded_product_back() -> None:
    """A person's approval is about an asset; a link to an asset that is not known is excluded as well."""
    product = a_product("p1", {"links.packshots.*.*": links("a", "unknown")})
    answer = bound(product, an_asset("a"), a_decision("p1", "a", verdict="approve"), policy=Policy(include={"pim": FAMILY}))
    assert [one["reason"]["code"] for one in answer.content["bindings"]] == ["product-excluded", "product-excluded"]
    assert answer.next_change_us is None


def test_a_product_without_assets_is_flagged() -> None:
    """Where there is no binding that could say so, the answer does; one that counts has no flag."""
    policy = Policy(include={"pim": FAMILY})
    answer = bound(a_product("p1", {"family": "socks"}), policy=policy).content
    text = "The PIM (pim) gives this product the family socks, and by configuration only boots, shoes count."
    assert (answer["bindings"], answer["flags"]) == ([], [{"code": "product-excluded", "text": text}])
    assert bound(a_product("p1", {"family": "boots"}), policy=policy).content["flags"] == []


def test_it_is_explained() -> None:
    """The product is named with the sentence, and with everything that the conditions look at."""
    product = a_product("p1", {"family": "socks", "categories.sale": True, "completeness.web.en_GB": 3})
    (told,) = explain(inputs(product), Policy(include={"pim": FAMILY}), AT_US)["products"]
    assert told["why"] == "The PIM (pim) gives this product the family socks, and by configuration only boots, shoes count."
    assert {"family", "categories.sale", "completeness.web.en_GB"} <= {fact["path"] for fact in told["decided_by"]}
    (told,) = explain(inputs(a_product("p1", {"family": "shoes"})), Policy(include={"pim": FAMILY}), AT_US)["products"]
    assert told["why"] is None
