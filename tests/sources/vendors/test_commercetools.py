"""commercetools: what its notifications mean beyond the samples, and every trap that its facts name.

Owns: bodies made from the facts. Does not own: the samples themselves (tests/sources/test_golden.py).
Next stop: tests/sources/test_golden.py.
"""

import hashlib
import hmac
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from app.errors import Unmappable
from tests.sources.builders import NOW_S
from tests.sources.vendors.deciding import Shop, overridden, received

PRODUCT = "d2c7f0a9-5b18-4e63-9c4d-81f6e3b7a025"
MODEL = f"model/commercetools/{PRODUCT}"
IMAGE = "https://dam.example.com/m/front.jpg"


def variant(number: int, sku: str, *images: str, assets: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "sku": sku,
        "images": [{"url": url, "dimensions": {"w": 1, "h": 2}} for url in images],
        "assets": list(assets),
        **more,
    }


MASTER, SECOND = variant(1, "LMP-BLK", IMAGE), variant(2, "LMP-WHT", "https://dam.example.com/m/white.jpg")


def message(type_: str, version: int, **more: Any) -> dict[str, Any]:
    return {
        "notificationType": "Message",
        "projectKey": "acme",
        "id": f"m-{type_}-{version}",
        "version": 1,
        "sequenceNumber": version,
        "resource": {"typeId": "product", "id": PRODUCT},
        "resourceVersion": version,
        "type": type_,
        **more,
    }


def published(version: int, *variants: dict[str, Any], type_: str = "ProductPublished", on: bool = True) -> dict[str, Any]:
    master, *others = variants or (MASTER, SECOND)
    projection = {"id": PRODUCT, "version": version, "name": {"en": "Lamp"}, "masterVariant": master, "variants": others, "published": on}
    return message(type_, version, productProjection=projection)


def change(type_: str, version: int, kind: str = "product") -> dict[str, Any]:
    return {"notificationType": type_, "projectKey": "acme", "resource": {"typeId": kind, "id": PRODUCT}, "version": version}


def as_cloud_event(body: dict[str, Any]) -> dict[str, Any]:
    part = "message" if body["notificationType"] == "Message" else "change"
    type_, number = body.get("type", body["notificationType"]), body.get("sequenceNumber")
    extra = {"sequence": str(number), "sequencetype": "Integer"} if number else {}
    return {
        "specversion": "1.0",
        "id": "c-1",
        "type": f"com.commercetools.product.{part}.{type_}",
        "subject": PRODUCT,
        **extra,
        "data": body,
    }


BODIES = [
    published(14),
    message("ProductUnpublished", 15),
    message("ProductDeleted", 16),
    change("ResourceDeleted", 17),
    change("ResourceUpdated", 18),
    message("ProductSlugChanged", 19, slug={"en": "lamp"}),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.get("type", body["notificationType"]))
def test_both_formats_say_the_same(body: dict[str, Any]) -> None:
    """A CloudEvent means what the Platform format means: the same records, leaves, orders and wishes."""
    shops = Shop("commercetools"), Shop("commercetools")
    for shop, sent in zip(shops, (body, as_cloud_event(body)), strict=True):
        shop.send(sent)
    one, other = shops
    assert {key: record.leaves.keys() for key, record in one.records.items()} == {key: r.leaves.keys() for key, r in other.records.items()}
    assert [one.leaves(key) for key in one.records] == [other.leaves(key) for key in other.records]
    assert one.wishes() == other.wishes()


def test_versions_order_and_not_arrival() -> None:
    """The greater resourceVersion wins, as a number; its gaps are no loss (one action may raise it by more than one)."""
    bodies = [published(9, variant(1, "LMP-BLK", "https://dam.example.com/old.jpg")), published(12)]
    for order in permutations(bodies):
        shop = Shop("commercetools")
        for body in order:
            shop.send(body)
        assert shop.urls("LMP-BLK") == [IMAGE]


def test_messages_of_one_version_are_ordered_by_their_number() -> None:
    """Two messages of one version of a product are told apart by sequenceNumber, which CloudEvents write as a text."""
    off = {**message("ProductUnpublished", 14), "sequenceNumber": 10}
    on = {**published(14), "sequenceNumber": 9}
    for order in permutations([as_cloud_event(off), as_cloud_event(on)]):
        shop = Shop("commercetools")
        for body in order:
            shop.send(body)
        assert {state for _, _, state in shop.shown("LMP-BLK")} == {"withdrawn"}


def test_unpublished_and_published_again() -> None:
    """An unpublished product is switched off with all of its variants, until it is published again."""
    shop = Shop("commercetools")
    shop.send(published(1))
    shop.send(message("ProductUnpublished", 2))
    assert {state for sku in ("LMP-BLK", "LMP-WHT") for _, _, state in shop.shown(sku)} == {"withdrawn"}
    shop.send(published(3))
    assert {state for sku in ("LMP-BLK", "LMP-WHT") for _, _, state in shop.shown(sku)} == {"live"}


def test_a_created_product_is_off_until_it_is_published() -> None:
    """ProductCreated brings the staged state; what is not published shows nothing."""
    shop = Shop("commercetools")
    shop.send(published(1, type_="ProductCreated", on=False))
    assert [state for _, _, state in shop.shown("LMP-BLK")] == ["withdrawn"]


def test_deletions() -> None:
    """A deleted product, by message or by change, is gone with its variants; an older state does not bring it back."""
    for deletion in (message("ProductDeleted", 5, removedImageUrls=[IMAGE]), change("ResourceDeleted", 5)):
        shop = Shop("commercetools")
        shop.send(published(4))
        shop.send(deletion)
        shop.send(published(3))
        assert shop.answer("LMP-BLK")["product"] is None


def test_a_removed_variant_is_gone_and_a_removed_image_disappears() -> None:
    """A published state without a variant or an image takes both away."""
    shop = Shop("commercetools")
    shop.send(published(1))
    shop.send(published(2, variant(1, "LMP-BLK")))
    assert shop.answer("LMP-WHT")["product"] is None
    assert shop.shown("LMP-BLK") == []


THIN = [
    "ProductImageAdded",
    "ProductVariantAdded",
    "ProductVariantDeleted",
    "ProductSlugChanged",
    "ProductStateTransition",
    "ProductSomethingNew",
]


@pytest.mark.parametrize("type_", THIN)
def test_messages_about_a_part_ask_for_the_whole(type_: str) -> None:
    """A message about a part of a product, staged perhaps, changes nothing and asks for the product; a type nobody knows does, too."""
    shop = Shop("commercetools")
    assert shop.send(message(type_, 2, variantId=1, image={"url": IMAGE}, staged=True)) == []
    assert shop.wishes() == [("model", PRODUCT)]


def test_attributes_have_no_message() -> None:
    """commercetools sends no message for a changed attribute: the change subscription's ResourceUpdated asks for the product."""
    shop = Shop("commercetools")
    assert shop.send(change("ResourceUpdated", 8)) == []
    assert shop.wishes() == [("model", PRODUCT)]


def state(version: int, *variants: dict[str, Any], on: bool = True) -> dict[str, Any]:
    """A Product, as the API gives it."""
    master, *others = variants or (MASTER, SECOND)
    current = {"name": {"en": "Lamp"}, "masterVariant": master, "variants": others, "categories": []}
    return {"id": PRODUCT, "version": version, "masterData": {"published": on, "current": current, "staged": {"masterVariant": SECOND}}}


def test_a_fetched_product_holds_what_is_published() -> None:
    """The current state counts, not the staged one; an older fetched state does not undo a newer message."""
    shop = Shop("commercetools")
    shop.send(published(5, variant(1, "LMP-BLK")))
    shop.fetch("model", PRODUCT, state(4))
    assert shop.shown("LMP-BLK") == []
    shop.fetch("model", PRODUCT, state(6))
    assert shop.urls("LMP-BLK") == [IMAGE]
    shop.fetch("model", PRODUCT, state(7, on=False))
    assert [one[2] for one in shop.shown("LMP-BLK")] == ["withdrawn"]


def test_assets_survive_an_added_variant() -> None:
    """Where a sync adds a variant and drops its assets (commercetools-sync-java#352), the state fetched after it says what it has."""
    manual = {"id": "a-1", "key": "manual", "sources": [{"uri": "s3://b/m.pdf"}, {"uri": "https://dam.example.com/m.pdf"}]}
    third = variant(3, "LMP-RED", assets=(manual,))
    shop = Shop("commercetools")
    shop.send(published(1))
    shop.send(message("ProductVariantAdded", 2, variant={**third, "assets": []}, staged=False))
    assert shop.answer("LMP-RED")["product"] is None
    shop.fetch("model", PRODUCT, state(2, MASTER, SECOND, third))
    assert shop.shown("LMP-RED") == [("a-1", "assets", "live")]


def test_absence_at_the_vendor_needs_a_number() -> None:
    """A product that the API does not have is deleted from a deletion's version on; clocks cannot be compared with versions."""
    shop = Shop("commercetools")
    shop.send(published(4))
    with pytest.raises(Unmappable, match="sequence number"):
        shop.fetch("model", PRODUCT, None)
    shop.fetch("model", PRODUCT, None, at_least=5)
    assert shop.answer("LMP-BLK")["product"] is None


@pytest.mark.parametrize("beside", [{}, {"type": "ProductPublished"}], ids=["no type", "type stays"])
def test_a_payload_that_was_left_out_for_its_size(beside: dict[str, Any]) -> None:
    """The stub of a message asks for the product, whether or not `type` stays beside it; of a deletion it is enough by itself."""

    def stub(type_: str, version: int) -> dict[str, Any]:
        body = message(type_, version, payloadNotIncluded={"reason": "Payload too large.", "payloadType": type_})
        del body["type"]
        return {**body, **beside}

    shop = Shop("commercetools")
    assert shop.send(stub("ProductPublished", 2)) == []
    assert shop.wishes() == [("model", PRODUCT)]
    shop.send(published(3))
    shop.send(stub("ProductUnpublished", 4))
    assert {one[2] for one in shop.shown("LMP-BLK")} == {"withdrawn"}
    shop.send(stub("ProductDeleted", 5))
    assert shop.answer("LMP-BLK")["product"] is None


@pytest.mark.parametrize(
    "kind", ["subscription", "category", "customer", "order", "payment-method", "product-price", "business-unit", "shopping-list"]
)
def test_other_resources_leave_nothing(kind: str) -> None:
    """The test notification of a subscription, and resources that are no products, become neither events nor letters."""
    for body in (change("ResourceCreated", 1, kind), as_cloud_event(change("ResourceUpdated", 2, kind))):
        one = received(Shop("commercetools").source, body)
        assert (one.events, one.unread) == ([], [])


def test_prices_stay_out() -> None:
    """Messages about prices are passed over; prices and money in attributes of a published product do not reach the log."""
    source = Shop("commercetools").source
    assert received(source, message("ProductPriceChanged", 3, newPrice={"value": {"centAmount": 990}})).events == []
    money = {"type": "centPrecision", "currencyCode": "EUR", "centAmount": 12900}
    priced = variant(
        1,
        "LMP-BLK",
        prices=[{"value": money}],
        attributes=[{"name": "deposit", "value": money}, {"name": "gtin", "value": "9520000204112"}],
    )
    (event,) = received(source, published(4, priced)).events
    assert b"centAmount" not in event.value
    assert b"9520000204112" in event.value


def test_what_has_no_resource_is_a_letter() -> None:
    """A body without resource or type is a letter."""
    bodies: list[dict[str, Any]] = [{}, {"resource": {"typeId": "product", "id": PRODUCT}}, {"data": []}, {"type": "ProductPublished"}]
    for body in bodies:
        assert len(received(Shop("commercetools").source, body).unread) == 1


def test_the_relay_proves_itself(tmp_path: Path) -> None:
    """By a token in a header as it is, or by an HMAC where the relay is configured so; nothing and another token are refused."""
    body = b'{"notificationType":"ResourceUpdated"}'
    source = Shop("commercetools").source
    assert source.verify({"authorization": "Bearer s3cr3t"}, body, NOW_S) == ""
    assert source.verify({"authorization": "Bearer other"}, body, NOW_S) != ""
    assert source.verify({}, body, NOW_S) != ""
    signed = overridden(tmp_path, "commercetools", {"verify": {"scheme": "hmac", "headers": ["x-signature"]}}).sources["commercetools"]
    assert signed.verify({"x-signature": hmac.new(b"s3cr3t", body, hashlib.sha256).hexdigest()}, body, NOW_S) == ""
    assert signed.verify({"authorization": "Bearer s3cr3t"}, body, NOW_S) != ""


def test_own_attributes(tmp_path: Path) -> None:
    """The customer's attribute for GTINs is named in `embedded_fields`, in messages and fetched states alike."""
    words = {"gtin": "having(attributes, 'name', 'barcode')[0].value"}
    config = overridden(tmp_path, "commercetools", {"embedded_fields": {"product": words}})
    own = variant(1, "LMP-BLK", attributes=[{"name": "barcode", "value": "9520000204112"}])
    by_message, by_fetch = Shop("commercetools", config), Shop("commercetools", config)
    by_message.send(published(1, own))
    by_fetch.fetch("model", PRODUCT, state(1, own))
    for shop in (by_message, by_fetch):
        assert shop.answer("LMP-BLK")["product"]["gtins"] == ["09520000204112"]


def test_an_image_is_not_named_by_its_address() -> None:
    """A binding that is not live names the image by a digest: the address is handed out by a live one alone."""
    shop = Shop("commercetools")
    shop.send(published(1, on=False))
    assert IMAGE not in str(shop.answer("LMP-BLK"))
