"""The rules of a decision, one by one: who speaks for a SKU, what is inherited, what links lead to.

Owns: single rules of bind(). Does not own: roles, people and order (tests/domain/test_ownership.py), time and rights
(tests/domain/test_rights.py), what holds for all inputs (tests/domain/test_bind_properties.py). Next stop: tests/domain/test_ownership.py.
"""

from typing import Any

import orjson
import pytest

from app.domain.policy import Policy
from tests.domain.building import SKU, a_product, a_view, an_asset, bound, links, shape

PACKSHOTS = "links.packshots.*.*"
GTIN = "00000000000017"
OURS = {"claims.sku": [["nh-1", SKU]]}


def flags(answer: Any) -> list[str]:
    """The codes of the flags."""
    return [flag["code"] for flag in answer.content["flags"]]


def one(answer: Any) -> Any:
    """The only binding."""
    (binding,) = answer.content["bindings"]
    return binding


def test_a_link_and_a_named_sku_are_one_binding() -> None:
    """Both sides placing an asset alike make one binding that lists both."""
    answer = bound(a_product("p1", {PACKSHOTS: links("a"), "name": "Chair"}), an_asset("a", {**OURS, "role": "packshots"}))
    assert one(answer) == {
        "id": one(answer)["id"],
        "asset": {"system": "dam", "id": "a"},
        "role": "packshots",
        "position": 0,
        "locale": "*",
        "channel": "*",
        "state": "live",
        "reason": {
            "code": "live",
            "text": "The PIM (pim) links it and the DAM (dam) names this SKU, and the DAM (dam) lets it be shown without an end.",
        },
        "url": "https://dam.example/a.jpg",
        "content": {"checksum": None, "version": None},
        "renditions": {},
        "texts": {},
        "rights": {"from": "1970-01-01T00:00:00Z", "until": None, "territories": None},
        "origins": [
            {"side": "pim", "system": "pim", "by": "link", "record": "product/pim/p1"},
            {"side": "dam", "system": "dam", "by": "sku", "value": "nh-1"},
        ],
        "valid_until": None,
    }
    assert answer.content["product"] == {"system": "pim", "id": "p1", "name": "Chair", "gtins": [], "parents": []}
    assert answer.asset_keys == ("asset/dam/a",)
    assert answer.next_change_us is None


def test_the_sku_is_shown_as_the_product_spells_it() -> None:
    """The display form comes from the winner; without one the normalised form stands."""
    assert bound(a_product("p1", {"keys.sku": ["nh 1", SKU]})).content["sku"] == "nh 1"
    assert bound(an_asset("a", OURS)).content["sku"] == SKU


@pytest.mark.parametrize(
    ("first", "second", "winner"), [("1", "2", "p2"), ("2", "1", "p1"), ("1", "1", "p1")], ids=["later", "earlier", "a tie"]
)
def test_the_product_whose_sku_was_set_last_wins(first: str, second: str, winner: str) -> None:
    """Two products on one SKU are flagged with both keys; the order of the SKU decides, then the smaller key."""
    answer = bound(
        a_product("p1", {PACKSHOTS: links("a")}, orders={"keys.sku": first}),
        a_product("p2", {PACKSHOTS: links("b")}, orders={"keys.sku": second}),
        *(an_asset("a"), an_asset("b")),
    )
    assert answer.content["product"]["id"] == winner
    assert flags(answer) == ["sku-conflict"]
    assert sorted(answer.content["flags"][0]["products"]) == ["product/pim/p1", "product/pim/p2"]
    assert shape(answer) == [("a" if winner == "p1" else "b", "packshots", 0, "live")]


def test_a_localised_name_is_a_map() -> None:
    """Names by locale, each a leaf of its own, are told together; the nearest record with any name wins."""
    model = a_view("model/pim/M", {"name.en_GB": "Chair", "name.de_DE": "Stuhl"})
    assert bound(a_product("p1", {"parent": "M"}), model).content["product"]["name"] == {"en_GB": "Chair", "de_DE": "Stuhl"}
    assert bound(a_product("p1", {"parent": "M", "name": "Stool"}), model).content["product"]["name"] == "Stool"


def test_a_deleted_product_does_not_speak() -> None:
    """It loses the SKU to another one without a conflict, and alone it leaves the SKU without a product."""
    gone = a_product("p1", {"status": "deleted"}, order="9")
    assert flags(bound(gone, a_product("p2"))) == []
    assert bound(gone, a_product("p2")).content["product"]["id"] == "p2"
    assert bound(gone).content["product"] is None


def test_a_named_sku_without_a_product_is_pending() -> None:
    """The asset waits, without a URL, for the product."""
    answer = bound(an_asset("a", {**OURS, "role": "hero"}))
    assert shape(answer) == [("a", "hero", 0, "pending-product")]
    assert one(answer)["reason"]["text"] == "The DAM (dam) names the SKU NH-1, which no product of a PIM has."
    assert answer.content["product"] is None


def test_a_shared_gtin_binds_to_all_and_is_flagged() -> None:
    """The asset of a GTIN that two products hold is bound to this one, too."""
    product = a_product("p1", {"keys.gtin": [["17", GTIN]]})
    asset = an_asset("a", {"claims.gtin": [["17", GTIN]]})
    answer = bound(product, asset, holders={GTIN: ["product/pim/p1", "product/pim/p2"]})
    assert shape(answer) == [("a", "asset", 0, "live")]
    assert answer.content["flags"][0]["products"] == ["product/pim/p1", "product/pim/p2"]
    assert flags(bound(product, asset, holders={GTIN: ["product/pim/p1"]})) == []


@pytest.mark.parametrize(
    "names",
    [
        {"claims.sku": [["x", "OTHER"], ["NH-1", SKU]]},
        {"claims.gtin": [["17", GTIN]]},
        {"claims.product": [["pim", "p1"]]},
        {"claims.model": [["pim", "M"]]},
        {"claims.model": [["pim", "TOP"]]},
    ],
    ids=lambda names: next(iter(names)),
)
def test_an_asset_is_found_by_every_key(names: dict[str, Any]) -> None:
    """SKU, GTIN, the product's own id, its model and the model above."""
    product = a_product("p1", {"keys.gtin": [["17", GTIN]], "parent": "M"})
    models = (a_view("model/pim/M", {"parent": "TOP"}), a_view("model/pim/TOP", {}))
    assert shape(bound(product, *models, an_asset("a", names))) == [("a", "asset", 0, "live")]
    assert shape(bound(product, *models, an_asset("a", {"claims.sku": [["x", "OTHER"]]}))) == []


class TestInheritance:
    """Models above a product."""

    def test_the_nearest_word_counts(self) -> None:
        """A path that the child has replaces the parent's, an empty list too; other paths are inherited."""
        product = a_product("p1", {"parent": "M", PACKSHOTS: links("own"), "links.hero.*.*": []})
        model = a_view(
            "model/pim/M", {PACKSHOTS: links("above"), "links.hero.*.*": links("hero"), "links.mood.*.*": links("mood"), "name": "T"}
        )
        answer = bound(product, model, an_asset("own"), an_asset("above"), an_asset("hero"), an_asset("mood"))
        assert shape(answer) == [("mood", "mood", 0, "live"), ("own", "packshots", 0, "live")]
        assert answer.content["bindings"][0]["origins"][0]["record"] == "model/pim/M"
        assert "links it to model/pim/M" in answer.content["bindings"][0]["reason"]["text"]
        assert answer.content["product"] == {"system": "pim", "id": "p1", "name": "T", "gtins": [], "parents": ["M"]}

    def test_a_flattened_source_is_not_climbed(self) -> None:
        """Where the PIM delivers inherited values itself, models say nothing."""
        policy = Policy(inheritance={"pim": "flattened"})
        answer = bound(a_product("p1", {"parent": "M"}), a_view("model/pim/M", {PACKSHOTS: links("a")}), an_asset("a"), policy=policy)
        assert shape(answer) == []
        assert flags(answer) == []

    def test_a_circle_ends(self) -> None:
        """Models that are each other's parents are climbed once and flagged."""
        models = (a_view("model/pim/M", {"parent": "N"}), a_view("model/pim/N", {"parent": "M", PACKSHOTS: links("a")}))
        answer = bound(a_product("p1", {"parent": "M"}), *models, an_asset("a"))
        assert shape(answer) == [("a", "packshots", 0, "live")]
        assert flags(answer) == ["parent-cycle"]

    def test_five_levels_are_climbed(self) -> None:
        """The fifth model above still counts, the sixth does not and is flagged."""
        models = [a_view(f"model/pim/{n}", {"parent": str(n + 1), f"links.r{n}.*.*": links("a")}) for n in range(1, 8)]
        answer = bound(a_product("p1", {"parent": "1"}), *models, an_asset("a"))
        assert {binding["role"] for binding in answer.content["bindings"]} == {"r1", "r2", "r3", "r4", "r5"}
        assert flags(answer) == ["parent-too-deep"]

    @pytest.mark.parametrize(
        "models", [(), (a_view("model/pim/M", {"status": "deleted", PACKSHOTS: links("a")}),)], ids=["unknown", "deleted"]
    )
    def test_a_missing_parent_is_flagged(self, models: tuple[Any, ...]) -> None:
        """What an unknown or deleted model would say does not count."""
        answer = bound(a_product("p1", {"parent": "M"}), *models, an_asset("a"))
        assert (shape(answer), flags(answer)) == ([], ["parent-missing"])


class TestLinks:
    """What the PIM's links lead to."""

    def test_an_unknown_asset_is_pending(self) -> None:
        """Linked by id, it is named by its id and found again when it comes."""
        answer = bound(a_product("p1", {PACKSHOTS: links("new")}))
        assert shape(answer) == [("new", "packshots", 0, "pending-asset")]
        assert answer.asset_keys == ("asset/dam/new",)
        assert one(answer)["id"] == one(bound(a_product("p1", {PACKSHOTS: links("new")}), an_asset("new")))["id"]

    def test_an_unknown_alias_is_pending(self) -> None:
        """Linked by another name, it says by which."""
        answer = bound(a_product("p1", {PACKSHOTS: links("shoes/x", by="public_id")}))
        assert one(answer)["asset"] == {"system": "dam", "id": "shoes/x", "by": "public_id"}
        assert one(answer)["reason"]["text"] == (
            "The PIM (pim) links the asset of dam whose public_id is shoes/x, and no known asset has it."
        )
        assert answer.asset_keys == ()

    def test_an_alias_leads_to_its_newest_holder(self) -> None:
        """An alias that was taken over leads to the asset that took it, a deleted holder does not count, the smaller key settles a tie."""
        product, alias = a_product("p1", {PACKSHOTS: links("x", by="public_id")}), {"aliases.public_id": ["x"]}
        older, newer = an_asset("a", alias, orders={"aliases.public_id": "1"}), an_asset("b", alias, orders={"aliases.public_id": "2"})
        gone = an_asset("c", {**alias, "status": "deleted"}, order="3")
        assert shape(bound(product, older, newer, gone))[0][0] == "b"
        assert shape(bound(product, older, gone))[0][0] == "a"
        assert shape(bound(product, an_asset("b", alias), an_asset("a", alias)))[0][0] == "a"

    def test_an_asset_that_is_linked_twice_stands_once(self) -> None:
        """By id and by alias in one list, it keeps its first place."""
        product = a_product("p1", {PACKSHOTS: [*links("a"), *links("b"), *links("x", by="public_id")]})
        answer = bound(product, an_asset("a", {"aliases.public_id": ["x"]}), an_asset("b"))
        assert shape(answer) == [("a", "packshots", 0, "live"), ("b", "packshots", 1, "live")]

    def test_a_url_that_leads_nowhere_is_not_handed_out(self) -> None:
        """An asset that is linked by URL and not known is named by a digest."""
        answer = bound(a_product("p1", {PACKSHOTS: links("https://dam.example/secret.jpg", by="url")}))
        assert one(answer)["state"] == "pending-asset"
        assert "https://" not in answer.text

    def test_names_with_dots_are_read(self) -> None:
        """Roles and locales may hold the characters that paths escape."""
        assert bound(a_product("p1", {"links.a~1b~0c.*.web~1de": links("a")}), an_asset("a")).text.count('"a.b~c"') == 1


def test_new_bytes_make_new_content() -> None:
    """A checksum or version that changes under one URL changes the answer."""
    product = a_product("p1", {PACKSHOTS: links("a")})
    answers = {
        bound(product, an_asset("a", leaves)).text for leaves in ({}, {"checksum": "x"}, {"content_version": 2}, {"content_version": "2"})
    }
    assert len(answers) == 4


def test_the_text_is_canonical() -> None:
    """The text is the content with sorted keys."""
    answer = bound(a_product("p1", {PACKSHOTS: links("a")}), an_asset("a"))
    assert answer.text == orjson.dumps(answer.content, option=orjson.OPT_SORT_KEYS).decode()
