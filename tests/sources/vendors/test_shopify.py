"""Shopify: what its webhooks mean beyond the two samples, and every trap that its facts name.

Owns: bodies made from the facts. Does not own: the samples themselves (tests/sources/test_golden.py).
Next stop: tests/sources/test_golden.py.
"""

import base64
import hashlib
import hmac
from itertools import permutations
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain.order import parts
from app.errors import Unmappable
from tests.sources.builders import ARRIVED_US, NOW_S, SAMPLES, VERSION
from tests.sources.vendors.deciding import Shop, overridden, received, sample

PRODUCT, BLACK, WHITE, FRONT, SIDE, CHART = 8214093758712, 44801927364856, 44801927364857, 38120475599096, 38120475599097, 38120475599098
MODEL = f"model/shopify/{PRODUCT}"
CDN = "https://cdn.shopify.com/s/files/1/0612"


def headers(topic: str = "products/update", triggered: str = "2026-08-24T09:15:40.7Z") -> dict[str, str]:
    return {"x-shopify-topic": topic, "x-shopify-webhook-id": "w-1", "x-shopify-triggered-at": triggered}


def image(thing: int, position: int, *variants: int, version: int = 1) -> dict[str, Any]:
    return {
        "id": thing,
        "position": position,
        "alt": f"image {position}",
        "src": f"{CDN}/{thing}.jpg?v={version}",
        "variant_ids": list(variants),
    }


def product(updated: str = "2026-08-24T05:15:40-04:00", **more: Any) -> dict[str, Any]:
    """Two variants: one with an image of its own, both with the chart."""
    return {
        "id": PRODUCT,
        "title": "Arc desk lamp",
        "status": "active",
        "updated_at": updated,
        "variants": [
            {"id": BLACK, "product_id": PRODUCT, "sku": "LMP-BLK", "barcode": "9520000204112", "price": "129.00"},
            {"id": WHITE, "product_id": PRODUCT, "sku": "LMP-WHT", "barcode": "", "inventory_quantity": 3},
        ],
        "images": [image(CHART, 3), image(SIDE, 2, WHITE), image(FRONT, 1, BLACK)],
        "variant_gids": [{"admin_graphql_api_id": f"gid://shopify/ProductVariant/{thing}"} for thing in (BLACK, WHITE)],
        **more,
    }


def test_images_of_a_variant_and_of_the_product_in_their_order() -> None:
    """A variant shows its own images and those of no variant, by position, whatever the order of the list."""
    shop = Shop("shopify")
    shop.send(product(), headers())
    assert shop.shown("LMP-BLK") == [(str(FRONT), "images", "live"), (str(CHART), "images", "live")]
    assert shop.shown("LMP-WHT") == [(str(SIDE), "images", "live"), (str(CHART), "images", "live")]


def test_update_before_create() -> None:
    """An update that overtakes its create is not undone by it (Shopify/shopify-app-js#603)."""
    older, newer = product("2026-08-24T04:58:10-04:00", title="Lamp"), product()
    for order in permutations([(older, "products/create"), (newer, "products/update"), (newer, "products/update")]):
        shop = Shop("shopify")
        for body, topic in order:
            shop.send(body, headers(topic))
        assert shop.leaves(MODEL)["name"] == "Arc desk lamp"


def test_offsets_are_the_shops_own() -> None:
    """An instant in the shop's offset is compared in UTC, not as text."""
    shop = Shop("shopify")
    shop.send(product("2026-08-24T05:15:40-04:00", title="later"), headers())
    shop.send(product("2026-08-24T09:00:00Z", title="earlier"), headers())
    assert shop.leaves(MODEL)["name"] == "later"


def test_triggered_at_decides_within_one_updated_at() -> None:
    """Two bodies of one updated_at (a debounced update) are ordered by the header of the trigger, in whichever order they arrive."""
    one = (product(title="one"), headers(triggered="2026-08-24T09:15:40.100Z"))
    two = (product(title="two"), headers(triggered="2026-08-24T09:15:40.200000123Z"))
    for order in permutations([one, two]):
        shop = Shop("shopify")
        for body, sent in order:
            shop.send(body, sent)
        assert shop.leaves(MODEL)["name"] == "two"


@pytest.mark.parametrize("topic", ["products/create", "products/update"])
@pytest.mark.parametrize(
    "body",
    [
        product()["variants"][0] | {"updated_at": "2026-08-24T05:15:40-04:00"},
        {key: value for key, value in product().items() if key != "variants"},
        {key: value for key, value in product().items() if key != "id"},
        product(variants=[]),
    ],
    ids=["a variant", "no variants", "no id", "empty variants"],
)
def test_another_body_on_a_product_topic(topic: str, body: dict[str, Any]) -> None:
    """The body of a variant on a product's topic (Shopify/shopify-api-ruby#465), or one without id or variants, is a letter."""
    shop = Shop("shopify")
    assert shop.send(body, headers(topic)) == []
    (letter,) = shop.letters
    assert "key at" in letter


def test_a_deleted_product_takes_its_variants_along() -> None:
    """The body holds the id alone; its variants are gone with it, and an older update does not bring them back."""
    shop = Shop("shopify")
    shop.send(product(), headers())
    assert shop.send({"id": PRODUCT}, headers("products/delete", "2026-08-24T10:00:00Z")) == [MODEL]
    assert shop.answer("LMP-BLK")["product"] is None
    shop.send(product("2026-08-24T05:30:00-04:00"), headers())
    assert shop.answer("LMP-BLK")["product"] is None
    assert shop.shown("LMP-BLK") == []


def test_a_deletion_without_a_time_counts_as_of_its_arrival() -> None:
    """The header with the time is not signed and may be missing: what Shopify deletes does not come back, so the arrival will do."""
    shop = Shop("shopify")
    shop.send(product(), headers())
    shop.send({"id": PRODUCT}, {"x-shopify-topic": "products/delete"})
    assert shop.answer("LMP-BLK")["product"] is None
    assert parts(shop.records[MODEL].floors[""]).source == ARRIVED_US


def test_a_signed_body_is_no_deletion_by_its_topic_alone() -> None:
    """The topic is not signed: a replayed update under the topic of a deletion deletes nothing, it becomes a letter."""
    shop = Shop("shopify")
    shop.send(product(), headers())
    with pytest.raises(Unmappable, match="mode at"):
        shop.send(product(), headers("products/delete", "2026-08-24T10:00:00Z"))
    assert shop.leaves(MODEL)["status"] == "active"


@pytest.mark.parametrize(("status", "state"), [("active", "live"), ("unlisted", "live"), ("draft", "withdrawn"), ("archived", "withdrawn")])
def test_what_is_not_for_sale_is_switched_off(status: str, state: str) -> None:
    """Draft and archived products show nothing, also on variants that the cut list leaves out."""
    shop = Shop("shopify")
    shop.send(product(), headers())
    cut = product("2026-08-24T06:00:00-04:00", status=status)
    cut["variants"] = cut["variants"][:1]
    shop.send(cut, headers())
    assert {one[2] for sku in ("LMP-BLK", "LMP-WHT") for one in shop.shown(sku)} == {state}


def test_a_cut_list_of_variants_deletes_none() -> None:
    """Large products list some variants and name all of them in variant_gids; those that only the latter names stay."""
    shop = Shop("shopify")
    shop.send(product(), headers())
    cut = product("2026-08-24T06:00:00-04:00")
    cut["variants"] = cut["variants"][:1]
    shop.send(cut, headers())
    assert shop.leaves(MODEL)["variants"] == [str(BLACK), str(WHITE)]
    assert shop.shown("LMP-WHT")


def test_a_removed_variant_is_gone() -> None:
    """A variant that neither list names any more counts as deleted, and comes back when it is named again."""
    shop = Shop("shopify")
    shop.send(product(), headers())
    less = product("2026-08-24T06:00:00-04:00")
    less["variants"], less["variant_gids"] = less["variants"][:1], less["variant_gids"][:1]
    shop.send(less, headers())
    assert shop.answer("LMP-WHT")["product"] is None
    shop.send(product("2026-08-24T07:00:00-04:00"), headers())
    assert shop.shown("LMP-WHT")


def test_lists_without_gids() -> None:
    """Before 2024 there were no variant_gids; then the list of variants is the whole."""
    shop = Shop("shopify")
    shop.send({key: value for key, value in product().items() if key != "variant_gids"}, headers())
    assert shop.leaves(MODEL)["variants"] == [str(BLACK), str(WHITE)]


def test_a_removed_image_disappears() -> None:
    """An update without an image takes it off, and a new version of an image has its new cache buster under the same alias."""
    shop = Shop("shopify")
    shop.send(product(), headers())
    shop.send(product("2026-08-24T06:00:00-04:00", images=[image(FRONT, 1, BLACK, version=2)]), headers())
    assert shop.urls("LMP-BLK") == [f"{CDN}/{FRONT}.jpg?v=2"]
    assert shop.leaves(f"asset/shopify/{FRONT}")["aliases.url"] == [f"{CDN}/{FRONT}.jpg"]
    assert shop.shown("LMP-WHT") == []


def test_prices_and_stock_stay_out() -> None:
    """Neither prices nor stock reach the log, at whatever depth; the rest does."""
    source = Shop("shopify").source
    body = product(variants=[{**product()["variants"][0], "compare_at_price": "199", "presentment_prices": [{"price": {"amount": "1"}}]}])
    (event,) = received(source, body, headers()).events
    assert not any(word in event.value for word in (b"price", b"inventory_quantity", b"129", b"199"))
    assert b"LMP-BLK" in event.value


def test_topics_about_people_leave_nothing() -> None:
    """Topics that every app has to receive, and hold personal data, become neither events nor letters."""
    source = Shop("shopify").source
    for topic in ("customers/redact", "customers/data_request", "shop/redact", "app/uninstalled", "orders/create"):
        one = received(source, {"customer": {"email": "a@b.example"}}, headers(topic))
        assert (one.events, one.unread) == ([], [])


def test_a_topic_that_is_not_known_is_a_letter() -> None:
    """Nothing authentic is lost: an unknown topic becomes a letter."""
    assert len(received(Shop("shopify").source, product(), headers("products/merged")).unread) == 1


def test_wrong_signature_codes() -> None:
    """Hexadecimal instead of base64, or a hash over JSON written anew, is refused: only base64 over the bytes as they came counts."""
    source, body = Shop("shopify").source, (SAMPLES / "shopify-products-create.json").read_bytes()
    anew = orjson.dumps(orjson.loads(body))
    assert anew != body

    def verified(signed: bytes, *, as_hex: bool = False) -> bool:
        mac = hmac.new(b"s3cr3t", signed, hashlib.sha256)
        return (
            source.verify({"x-shopify-hmac-sha256": mac.hexdigest() if as_hex else base64.b64encode(mac.digest()).decode()}, body, NOW_S)
            == ""
        )

    assert verified(body)
    assert not verified(anew)
    assert not verified(body, as_hex=True)


def test_the_same_delivery_has_the_same_id() -> None:
    """Retries repeat the id and the stale payload, and change nothing."""
    shop = Shop("shopify")
    body = sample("shopify-products-update")
    first, again = (received(shop.source, body, headers()).events[0] for _ in range(2))
    assert (first.id, first.key, first.value) == (again.id, again.key, again.value)
    orders = {change.order for event in (first, again) for change in shop.source.project(event, VERSION).changes}
    assert len(orders) == 1
    assert parts(orders.pop()).source == 1787562940000000


def test_a_forged_time_from_the_future_freezes_nothing() -> None:
    """A deletion whose unsigned header lies in the future is a letter."""
    with pytest.raises(Unmappable, match="after the arrival"):
        Shop("shopify").send({"id": PRODUCT}, headers("products/delete", "2030-01-01T00:00:00Z"))
    assert ARRIVED_US < 1_893_456_000_000_000


def test_products_may_be_chosen_by_type_and_tag(tmp_path: Path) -> None:
    """`include` reads the product's type and its tags; the others are withdrawn, visibly."""
    config = overridden(tmp_path, "shopify", {}, include={"family": ["Desk lamps"], "category": ["led"]})
    for type_, tags, state in (("Desk lamps", "led, desk", "live"), ("Desk lamps", "desk", "withdrawn"), ("Chairs", "led", "withdrawn")):
        shop = Shop("shopify", config)
        shop.send(product(product_type=type_, tags=tags), headers())
        assert {one[2] for one in shop.shown("LMP-BLK")} == {state}
