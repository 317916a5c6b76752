"""Salsify: what its webhooks mean beyond the one sample, and every trap that its facts name.

Owns: bodies made from the facts. Does not own: the sample itself (tests/sources/test_golden.py), its signature
(tests/sources/test_verify.py). Next stop: tests/sources/test_golden.py.
"""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from app.errors import Unmappable
from tests.sources.builders import NOW_S
from tests.sources.expectations import Golden
from tests.sources.vendors.deciding import Shop, overridden, received

SKU = "LMP-BLK"


def headers(at_s: int = 1787562952, request: str = "r-1") -> dict[str, str]:
    return {"x-salsify-request-id": request, "x-salsify-timestamp": str(at_s)}


def asset(thing: str, updated: str = "2026-08-24T09:15:38.004Z", **more: Any) -> dict[str, Any]:
    return {
        "salsify:id": thing,
        "salsify:url": f"https://images.salsify.com/{thing}.jpg",
        "salsify:name": thing,
        "salsify:filename": f"{thing}.jpg",
        "salsify:status": "completed",
        "salsify:updated_at": updated,
        **more,
    }


def product(version: int = 37, thing: str = SKU, *assets: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"salsify:id": thing, "salsify:version": version, "salsify:digital_assets": list(assets) or [asset("front")], **more}


def alert(trigger: str, *products: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"alert": {"id": "a-1", "trigger_type": trigger}, "products": list(products), **more}


def of_assets(trigger: str, *assets: dict[str, Any]) -> dict[str, Any]:
    return {"alert": {"id": "a-2", "trigger_type": trigger}, "digital_assets": list(assets)}


def test_products_are_ordered_by_their_version() -> None:
    """The greater salsify:version wins in whichever order requests arrive, as a number: 10 after 9."""
    bodies = [alert("change", product(version, Name=f"version {version}")) for version in (9, 10)]
    for order in permutations(bodies):
        shop = Shop("salsify")
        for body in order:
            shop.send(body, headers())
        assert shop.leaves(f"product/salsify/{SKU}")["name"] == "version 10"


def test_the_trigger_beside_the_products() -> None:
    """No full sample of a body is in the facts: the trigger is read inside `alert` and beside it."""
    shop = Shop("salsify")
    shop.send({"trigger_type": "remove", "products": [product()]}, headers())
    assert shop.leaves(f"product/salsify/{SKU}")["enabled"] is False


def test_an_asset_without_a_time_is_as_its_product_has_it() -> None:
    """One asset that tells no time costs the product nothing: it is ordered by the product's."""
    shop = Shop("salsify")
    bare = {name: value for name, value in asset("front").items() if name != "salsify:updated_at"}
    shop.send(alert("change", product(37, SKU, bare, **{"salsify:updated_at": "2026-08-24T09:15:40Z"})), headers())
    assert shop.letters == []
    assert shop.leaves("asset/salsify/front")["url"]


def test_each_product_of_a_request_is_an_event() -> None:
    """A request about several products becomes one event each, keyed by its product, with ids that stay the same when it is sent again."""
    source = Shop("salsify").source
    body = alert("change", product(1, "A"), product(1, "B"))
    for _ in range(2):
        events = received(source, body, headers()).events
        assert [(event.id, event.key) for event in events] == [("r-1:0", "product/salsify/A"), ("r-1:1", "product/salsify/B")]


@pytest.mark.parametrize("order", [*permutations(range(3))])
def test_leaving_and_entering_a_list_without_a_new_version(order: tuple[int, ...]) -> None:
    """A product that is taken off its list and put back has one version all the time; what was sent last says whether it is on."""
    steps = [
        (alert("change", product()), headers(1787562000, "r-1")),
        (alert("remove", product()), headers(1787562100, "r-2")),
        (alert("add", product()), headers(1787562200, "r-3")),
    ]
    shop = Shop("salsify")
    for at in order:
        shop.send(*steps[at])
    assert {state for _, _, state in shop.shown(SKU)} == {"live"}


@pytest.mark.parametrize("order", [*permutations(range(2))])
def test_a_product_off_its_list_shows_nothing(order: tuple[int, ...]) -> None:
    """remove switches a product off, whenever the change before it arrives."""
    steps = [(alert("change", product()), headers(1787562000)), (alert("remove", product()), headers(1787562100))]
    shop = Shop("salsify")
    for at in order:
        shop.send(*steps[at])
    assert {state for _, _, state in shop.shown(SKU)} == {"withdrawn"}


@pytest.mark.parametrize("trigger", ["remove", "change"])
def test_a_destroyed_product_is_deleted(trigger: str) -> None:
    """What carries salsify:destroyed_at is gone, whatever the trigger; an older state does not bring it back."""
    shop = Shop("salsify")
    shop.send(alert("change", product(37)), headers())
    shop.send(alert(trigger, {"salsify:id": SKU, "salsify:version": 38, "salsify:destroyed_at": "2026-08-24T10:00:00Z"}), headers())
    shop.send(alert("change", product(38)), headers(1787569999))
    assert shop.answer(SKU)["product"] is None


@pytest.mark.parametrize("status", ["failed", "processing"])
def test_assets_that_are_not_completed_keep_their_state(status: str) -> None:
    """A status other than completed says nothing: neither in a product nor in an asset's own request is its URL taken."""
    shop = Shop("salsify")
    broken = asset("front", "2026-08-24T11:00:00Z", **{"salsify:status": status, "salsify:url": "https://images.salsify.com/broken.jpg"})
    shop.send(alert("change", product(1, SKU, asset("front"))), headers())
    shop.send(alert("change", product(2, SKU, broken)), headers())
    shop.send(of_assets("change", broken), headers())
    assert shop.urls(SKU) == ["https://images.salsify.com/front.jpg"]
    fresh = Shop("salsify")
    fresh.send(alert("change", product(2, SKU, broken)), headers())
    assert fresh.shown(SKU) == [("front", "images", "pending-asset")]


def test_an_assets_own_requests() -> None:
    """A new file of an asset, its removal from the list and its destruction; its own id is never taken for a SKU."""
    shop = Shop("salsify")
    shop.send(alert("change", product()), headers())
    newer = asset("front", "2026-08-24T12:00:00Z", **{"salsify:url": "https://images.salsify.com/new.jpg"})
    assert shop.send(of_assets("change", newer), headers()) == ["asset/salsify/front"]
    assert not [leaf for leaf in shop.leaves("asset/salsify/front") if leaf.startswith("claims")]
    assert shop.urls(SKU) == ["https://images.salsify.com/new.jpg"]
    # An older request about the product does not bring the older file back.
    shop.send(alert("change", product(36)), headers())
    assert shop.urls(SKU) == ["https://images.salsify.com/new.jpg"]
    shop.send(of_assets("remove", newer), headers())
    assert [state for _, _, state in shop.shown(SKU)] == ["withdrawn"]


def test_either_request_says_the_same_of_an_asset() -> None:
    """What a file is stands in the asset of a product and in the asset's own request alike, as in Salsify's own example of an asset."""
    more = {"etag": "9fc0", "asset_height": 2579, "asset_width": 3869, "asset_resource_type": "image", "bytes": 2768247, "format": "jpg"}
    whole = asset("front") | {f"salsify:{name}": value for name, value in more.items()}
    own, inside = Shop("salsify"), Shop("salsify")
    own.send(of_assets("change", whole), headers())
    inside.send(alert("change", product(1, SKU, whole)), headers())
    found = own.leaves("asset/salsify/front")
    assert found == inside.leaves("asset/salsify/front")
    assert found["checksum"] == "9fc0"
    assert found["media"] == {"width": 3869, "height": 2579, "bytes": 2768247, "format": "jpg", "type": "image"}


def test_a_destroyed_asset_is_deleted() -> None:
    """An asset with salsify:destroyed_at is gone, also under the trigger of a change."""
    shop = Shop("salsify")
    shop.send(alert("change", product()), headers())
    shop.send(of_assets("change", asset("front", "2026-08-24T12:00:00Z", **{"salsify:destroyed_at": "2026-08-24T12:00:00Z"})), headers())
    assert [state for _, _, state in shop.shown(SKU)] == ["withdrawn"]


def test_parents_come_along() -> None:
    """A variant inherits from its parent and that parent's parent, which come in parent_products, with their assets."""
    variant = product(3, SKU, **{"salsify:parent_id": "SUB", "salsify:digital_assets": []})
    sub = product(2, "SUB", asset("sub"), **{"salsify:parent_id": "TOP", "salsify:digital_assets": []})
    top = product(1, "TOP", asset("family"), **{"Product Name": "Lamps"})
    other = product(9, "OTHER", asset("other"))
    shop = Shop("salsify")
    keys = shop.send(alert("change", variant, parent_products=[other, top, sub]), headers())
    assert keys == [f"product/salsify/{SKU}", "model/salsify/SUB", "model/salsify/TOP", "asset/salsify/family"]
    answer = shop.answer(SKU)
    assert answer["product"]["parents"] == ["SUB", "TOP"]
    assert answer["product"]["name"] == "Lamps"
    assert shop.urls(SKU) == ["https://images.salsify.com/family.jpg"]


def test_properties_of_a_customer(tmp_path: Path) -> None:
    """GTIN and role-bearing asset properties are named in overrides; a property may hold one asset or several."""
    links = {"packshots": '"Main Image"', "details": "Details"}
    config = overridden(tmp_path, "salsify", {"gtin": '"Bar Code"', "links": links})
    shop = Shop("salsify", config)
    assets = [asset(name) for name in ("front", "left", "right")]
    shop.send(
        alert("add", product(1, SKU, *assets, **{"Bar Code": "9520000204112", "Main Image": "front", "Details": ["right", "left"]})),
        headers(),
    )
    assert shop.answer(SKU)["product"]["gtins"] == ["09520000204112"]
    roles = {role: [thing for thing, own, _ in shop.shown(SKU) if own == role] for role in ("packshots", "details", "images")}
    assert roles == {"packshots": ["front"], "details": ["right", "left"], "images": ["front", "left", "right"]}


def test_prices_and_stock_stay_out() -> None:
    """Properties of the commonest names for prices and stock do not reach the log."""
    priced = {**product(), "MSRP": "129.00", "List Price": 99, "Stock": 4}
    (event,) = received(Shop("salsify").source, alert("change", priced), headers()).events
    assert not any(word in event.value for word in (b"129.00", b"List Price", b"Stock"))


@pytest.mark.parametrize("body", [{"alert": {"trigger_type": "change"}}, {"products": [product()]}, alert("renamed", product())])
def test_other_bodies_are_letters(body: dict[str, Any]) -> None:
    """A request without a list, without a trigger or with an unknown one is a letter."""
    assert len(received(Shop("salsify").source, body, headers()).unread) == 1


def test_a_product_without_its_version_is_a_letter() -> None:
    """Nobody could tell which of two states is newer."""
    with pytest.raises(Unmappable, match="salsify:version"):
        Shop("salsify").send(alert("change", {"salsify:id": SKU}), headers())


def test_the_own_organisation_alone(tmp_path: Path) -> None:
    """Salsify signs for all of its customers with the same key: a genuine request of another organisation is refused."""
    golden = Golden("salsify-product-change", {"source": "salsify"})
    own = golden.headers["x-salsify-organization-id"]
    for organization, genuine in ((own, True), ("s-somebody-else", False)):
        words = {"verify": {"organization": organization}}
        source = overridden(tmp_path / organization, "salsify", words).sources["salsify"]
        assert (source.verify(golden.headers, golden.body, NOW_S) == "") is genuine
