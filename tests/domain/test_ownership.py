"""Who decides about a role, what people decided, in which order assets stand, whose texts win.

Owns: rules of ownership, order and texts. Does not own: how assets are found (tests/domain/test_bind.py).
Next stop: docs/decisions/ownership-of-roles.md.
"""

from typing import Any

import pytest

from app.domain.bind import bind
from app.domain.policy import Policy
from tests.domain.building import AT_US, SKU, a_decision, a_product, a_view, an_asset, bound, inputs, links, shape

PACKSHOTS = "links.packshots.*.*"
OURS = {"claims.sku": [["nh-1", SKU]]}


class TestOwnership:
    """Who decides about a role."""

    PRODUCT = a_product("p1", {PACKSHOTS: links("linked")})
    ASSETS = (an_asset("linked"), an_asset("named", {**OURS, "role": "packshots"}))

    @pytest.mark.parametrize(
        ("ownership", "bound_assets"),
        [
            ({"*": "both"}, {"linked", "named"}),
            ({"*": "pim"}, {"linked"}),
            ({"*": "dam"}, {"named"}),
            ({"packshots": "dam"}, {"named"}),
            ({}, {"linked", "named"}),
        ],
        ids=["hybrid", "PIM-driven", "DAM-driven", "one role", "not configured"],
    )
    def test_the_owner_decides(self, ownership: dict[str, Any], bound_assets: set[str]) -> None:
        """What the other side says about the role does not bind."""
        answer = bound(self.PRODUCT, *self.ASSETS, policy=Policy(ownership=ownership))
        assert {binding["asset"]["id"] for binding in answer.content["bindings"]} == bound_assets

    @pytest.mark.parametrize(
        ("leaves", "expected"),
        [
            ({"role": "hero", "tags.role:mood": True}, [("hero", "*", "*")]),
            ({"tags.role:mood": True, "tags.role:hero": True, "tags.summer": True}, [("hero", "*", "*"), ("mood", "*", "*")]),
            ({"locale": "de_DE", "channel": "web"}, [("asset", "de_DE", "web")]),
            ({}, [("asset", "*", "*")]),
        ],
        ids=["its own", "tags", "placed", "none"],
    )
    def test_the_role_of_an_asset_that_is_not_linked(self, leaves: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
        """Its own role, else one for each tag with the prefix, else the default; its own locale and channel."""
        answer = bound(a_product("p1"), an_asset("a", {**OURS, **leaves}))
        assert [(b["role"], b["locale"], b["channel"]) for b in answer.content["bindings"]] == expected

    @pytest.mark.parametrize(
        ("leaves", "expected"),
        [
            ({}, {("packshots", "en_GB", "web"): 2}),
            ({"locale": "en_GB"}, {("packshots", "en_GB", "web"): 2}),
            ({"locale": "de_DE"}, {("packshots", "en_GB", "web"): 1, ("packshots", "de_DE", "*"): 1}),
            ({"role": "packshots"}, {("packshots", "en_GB", "web"): 1, ("packshots", "*", "*"): 1}),
        ],
        ids=["nothing said", "agrees", "another locale", "a role of its own"],
    )
    def test_the_role_of_an_asset_that_is_linked(self, leaves: dict[str, Any], expected: dict[tuple[str, str, str], int]) -> None:
        """Without a role of its own it stands where the PIM links it; with one it stands there as well."""
        answer = bound(a_product("p1", {"links.packshots.en_GB.web": links("a")}), an_asset("a", {**OURS, **leaves}))
        assert {(b["role"], b["locale"], b["channel"]): len(b["origins"]) for b in answer.content["bindings"]} == expected

    def test_an_asset_in_a_role_of_the_pim_needs_no_second_place(self) -> None:
        """Named without a role and linked in a role that the PIM owns, it stands there and nowhere else, on the PIM's word."""
        answer = bound(a_product("p1", {PACKSHOTS: links("a")}), an_asset("a", OURS), policy=Policy(ownership={"packshots": "pim"}))
        assert [(b["role"], len(b["origins"])) for b in answer.content["bindings"]] == [("packshots", 1)]


class TestPeople:
    """What people decided."""

    PRODUCT = a_product("p1", {PACKSHOTS: links("a", "b", "c", "d")})
    ASSETS = tuple(an_asset(name) for name in "abcd")

    def order(self, *decisions: Any) -> str:
        answer = bound(self.PRODUCT, *self.ASSETS, *decisions)
        return "".join(binding["asset"]["id"] for binding in answer.content["bindings"])

    def test_pinned_ones_go_first(self) -> None:
        """Pinned assets stand in front, in their own order."""
        assert self.order(a_decision("p1", "d", pin=True), a_decision("p1", "b", pin=True)) == "bdac"

    def test_a_place_is_kept(self) -> None:
        """A placed asset stands at that index, at the end where there are fewer; two on one place stand side by side."""
        assert self.order(a_decision("p1", "a", place=2)) == "bcad"
        assert self.order(a_decision("p1", "a", place=99)) == "bcda"
        assert self.order(a_decision("p1", "c", place=0), a_decision("p1", "d", place=0)) == "cdab"
        assert self.order(a_decision("p1", "d", place=1), a_decision("p1", "c", pin=True)) == "cdab"

    def test_a_rejected_asset_is_not_shown(self) -> None:
        """The verdict and the reason given stand in the answer, for an asset that is not known yet, too."""
        answer = bound(
            a_product("p1", {PACKSHOTS: links("a", "new")}),
            an_asset("a"),
            *(a_decision("p1", x, verdict="reject", why="Old") for x in ("a", "new")),
        )
        assert [binding["state"] for binding in answer.content["bindings"]] == ["rejected", "rejected"]
        assert answer.content["bindings"][0]["reason"]["why"] == "Old"

    def test_a_decision_about_another_product_does_not_count(self) -> None:
        """Decisions belong to a product, so that a SKU's next owner starts afresh; one that was taken back is void."""
        assert self.order(a_decision("p2", "d", pin=True)) == "abcd"
        assert self.order(a_decision("p1", "d", pin=True, status="deleted")) == "abcd"

    def test_a_rename_keeps_decisions_and_ids(self) -> None:
        """Under its new SKU the same product has the same bindings."""
        renamed = a_product("p1", {PACKSHOTS: links("a", "b"), "keys.sku": ["NEW", "NEW"]})
        assets, decision = self.ASSETS[:2], a_decision("p1", "b", pin=True)
        before = bound(a_product("p1", {PACKSHOTS: links("a", "b")}), *assets, decision)
        after = bind(inputs(renamed, *assets, decision, sku="NEW"), Policy(), AT_US)
        assert after.content["bindings"] == before.content["bindings"]


class TestOrder:
    """Positions, and the cut."""

    def test_links_go_before_positions_before_keys(self) -> None:
        """The PIM's order, then the DAM's positions, then assets without one by their keys."""
        named = {**OURS, "role": "packshots"}
        assets = (an_asset("a", named), an_asset("b", {**named, "position": 1}), an_asset("c", {**named, "position": 0}), an_asset("z"))
        assert [row[0] for row in shape(bound(a_product("p1", {PACKSHOTS: links("z")}), *assets))] == ["z", "c", "b", "a"]

    def test_each_role_locale_and_channel_counts_for_itself(self) -> None:
        """Positions start at 0 in each of them."""
        product = a_product("p1", {PACKSHOTS: links("a", "b"), "links.packshots.en_GB.*": links("b"), "links.hero.*.*": links("b")})
        assert shape(bound(product, an_asset("a"), an_asset("b"))) == [
            *[("b", "hero", 0, "live"), ("a", "packshots", 0, "live"), ("b", "packshots", 1, "live"), ("b", "packshots", 0, "live")]
        ]

    def test_too_many_are_cut_visibly(self) -> None:
        """Every role keeps its first ones."""
        product = a_product("p1", {"links.hero.*.*": links("h1", "h2", "h3"), PACKSHOTS: links("p1", "p2", "p3")})
        answer = bound(product, policy=Policy(max_bindings_per_sku=3))
        assert [row[0] for row in shape(answer)] == ["h1", "h2", "p1"]
        assert answer.content["overflow"] == {"kept": 3, "dropped": 3}
        assert "overflow" not in bound(product).content


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        ("both", {"alt": {"en_GB": "PIM", "de_DE": "DAM"}, "credit": {"*": "DAM"}}),
        ("pim", {"alt": {"en_GB": "PIM"}}),
        ("dam", {"alt": {"en_GB": "DAM", "de_DE": "DAM"}, "credit": {"*": "DAM"}}),
    ],
)
def test_texts_are_merged_by_policy(owner: Any, expected: dict[str, Any]) -> None:
    """The PIM's text goes before the DAM's, or one side speaks alone."""
    product = a_product("p1", {PACKSHOTS: links("a"), "asset_texts.dam.a.alt.en_GB": "PIM"})
    asset = an_asset("a", {"texts.alt.en_GB": "DAM", "texts.alt.de_DE": "DAM", "texts.credit.*": "DAM"})
    assert bound(product, asset, policy=Policy(texts=owner)).content["bindings"][0]["texts"] == expected


def test_texts_are_found_by_alias_and_inherited() -> None:
    """A PIM that knows an asset by an alias only names its text by that; the id goes first, the nearest text wins."""
    product = a_product("p1", {"parent": "M", PACKSHOTS: links("x", by="public_id"), "asset_texts.dam.x.alt.en_GB": "by alias"})
    model = a_view("model/pim/M", {"asset_texts.dam.x.alt.en_GB": "above", "asset_texts.dam.a.alt.de_DE": "by id"})
    answer = bound(product, model, an_asset("a", {"aliases.public_id": ["x"]}))
    assert answer.content["bindings"][0]["texts"] == {"alt": {"en_GB": "by alias", "de_DE": "by id"}}
