"""Adobe Commerce and Magento: what their events mean beyond the samples, and every trap that their facts name.

Owns: bodies made from the facts. Does not own: the samples themselves (tests/sources/test_golden.py), Adobe's signature
(tests/sources/test_verify.py). Next stop: tests/sources/test_golden.py.
"""

import hashlib
import hmac
from itertools import permutations
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.sources.builders import NOW_S, SAMPLES
from tests.sources.expectations import Golden
from tests.sources.vendors.deciding import Shop, overridden, received, sample

SAMPLE = "adobe-commerce-product-save-commit-after"
PREFIX = "com.adobe.commerce.observer.catalog_product"
SKU = "LMP-2041-BLK"
BASE = {"embedded_fields": {"asset": {"url": "concat('https://shop.example/media/catalog/product', quoted(file))"}}}
FRONT = {"value_id": "12", "file": "/l/m/front.jpg", "media_type": "image", "label": "Front", "position": "2", "disabled": "0"}
SIDE = {"value_id": "13", "file": "/l/m/side view.jpg", "media_type": "image", "label": None, "position": "10", "disabled": "0"}
BACK = {"value_id": "14", "file": "/l/m/back.jpg", "media_type": "image", "label": "", "position": "1", "disabled": "0"}


def event(
    type_: str = "save_commit_after", *, store: str | int = "0", time: str = "2026-08-24T09:16:42.436Z", **value: Any
) -> dict[str, Any]:
    body = sample(SAMPLE)
    held = {**{key: body["data"]["value"][key] for key in ("sku", "updated_at")}, **value}
    data = {**body["data"], "value": held, "_metadata": {**body["data"]["_metadata"], "storeId": store}}
    return {**body, "type": f"{PREFIX}_{type_}", "time": time, "data": data}


def gallery(*images: dict[str, Any], as_map: bool = False) -> dict[str, Any]:
    return {"images": {f"k{n}": one for n, one in enumerate(images)} if as_map else list(images), "values": []}


@pytest.mark.parametrize("as_map", [False, True], ids=["a list", "a map"])
def test_the_gallery_in_its_order(tmp_path: Path, as_map: bool) -> None:
    """Images are shown by position as a number, below the configured base URL, be the gallery a list or a map."""
    shop = Shop("adobe-commerce", overridden(tmp_path, "adobe-commerce", BASE))
    shop.send(event(media_gallery=gallery(SIDE, FRONT, BACK, as_map=as_map)))
    base = "https://shop.example/media/catalog/product/l/m"
    assert shop.urls(SKU) == [f"{base}/back.jpg", f"{base}/front.jpg", f"{base}/side%20view.jpg"]
    assert shop.leaves("asset/adobe-commerce//l/m/front.jpg")["texts.alt.*"] == "Front"


def test_without_a_base_there_is_no_public_url() -> None:
    """Where images are served is not sent; until it is configured, the state says so."""
    shop = Shop("adobe-commerce")
    shop.send(event(media_gallery=gallery(FRONT)))
    assert shop.shown(SKU) == [("/l/m/front.jpg", "images", "no-public-url")]


@pytest.mark.parametrize("flag", [{"removed": "1"}, {"removed": 1}, {"disabled": "1"}, {"disabled": 1}, {"disabled": True}])
def test_removed_and_disabled_images_are_not_shown(flag: dict[str, Any]) -> None:
    """A save lists the images that it removes, flagged; hidden ones are flagged as well."""
    shop = Shop("adobe-commerce")
    shop.send(event(media_gallery=gallery(FRONT, {**BACK, **flag})))
    assert [thing for thing, _, _ in shop.shown(SKU)] == ["/l/m/front.jpg"]


def test_fields_that_a_subscription_leaves_out_stay() -> None:
    """A subscription without the gallery does not take images away; an emptied gallery does."""
    shop = Shop("adobe-commerce")
    shop.send(event(media_gallery=gallery(FRONT), name="Lamp"))
    shop.send(event(updated_at="2026-08-24 09:20:00", name="New lamp"))
    assert (shop.answer(SKU)["product"]["name"], len(shop.shown(SKU))) == ("New lamp", 1)
    shop.send(event(updated_at="2026-08-24 09:21:00", media_gallery=gallery()))
    assert shop.shown(SKU) == []


def test_saves_out_of_order() -> None:
    """updated_at orders saves, in UTC; of two saves in one second the event's time does."""
    steps = [
        event(updated_at="2026-08-24 09:15:40", time="2026-08-24T09:20:00Z", name="one"),
        event(updated_at="2026-08-24 09:15:41", time="2026-08-24T09:16:00.1Z", name="two"),
        event(updated_at="2026-08-24 09:15:41", time="2026-08-24T09:16:00.2Z", name="three"),
    ]
    for order in permutations(steps):
        shop = Shop("adobe-commerce")
        for body in order:
            shop.send(body)
        assert shop.answer(SKU)["product"]["name"] == "three"


def test_deleted_and_created_again() -> None:
    """A deletion carries the time of the last save and outranks it; a product that is created again within the minute of the cron lives."""
    save = event(name="Lamp")
    delete = event("delete_commit_after", time="2026-08-24T09:17:00Z")
    again = event(updated_at="2026-08-24 09:15:50", time="2026-08-24T09:17:00Z", name="Lamp again")
    for order in permutations([save, delete]):
        shop = Shop("adobe-commerce")
        for body in order:
            shop.send(body)
        assert shop.answer(SKU)["product"] is None
        shop.send(again)
        assert shop.answer(SKU)["product"]["name"] == "Lamp again"


def test_a_disabled_product_shows_nothing() -> None:
    """status 2 switches off, 1 on; a save for one store view says nothing for the others."""
    shop = Shop("adobe-commerce")
    shop.send(event(media_gallery=gallery(FRONT), status="1", name="Lamp"))
    shop.send(event(store="3", updated_at="2026-08-24 09:16:00", status="2", name="Lampe"))
    assert (shop.shown(SKU)[0][2], shop.answer(SKU)["product"]["name"]) == ("no-public-url", "Lamp")
    shop.send(event(store=0, updated_at="2026-08-24 09:17:00", status=2))
    assert shop.shown(SKU)[0][2] == "withdrawn"


@pytest.mark.parametrize("type_", ["save_after", "delete_after"])
def test_both_kinds_of_observers(type_: str) -> None:
    """Subscriptions to the event before the commit are read as well."""
    assert Shop("adobe-commerce").send(event(type_)) == [f"product/adobe-commerce/{SKU}"]


def test_other_events_of_the_registration_leave_nothing() -> None:
    """Events of Commerce about anything else, such as orders with their customers, become neither events nor letters; others a letter."""
    source = Shop("adobe-commerce").source
    for name in ("observer.sales_order_save_commit_after", "observer.customer_login", "plugin.magento.sales.api.order_repository.save"):
        one = received(source, {**event(), "type": f"com.adobe.commerce.{name}"})
        assert (one.events, one.unread) == ([], [])
    # An alias of the customer's own for a product's event is a letter, not nothing.
    assert len(received(source, {**event(), "type": "com.adobe.commerce.my_product_saved"}).unread) == 1


def test_a_batch_is_its_events() -> None:
    """The delivery type webhook_batch sends a list: every event is read as if it had come alone, with an id of its own."""
    one, other = event(name="A"), {**event(sku="OTHER"), "eventid": "e-2", "event_id": "e-2"}
    events = received(Shop("adobe-commerce").source, [one, other]).events
    assert [found.key for found in events] == [f"product/adobe-commerce/{SKU}", "product/adobe-commerce/OTHER"]
    assert [found.id for found in events] == ["0a7d5e93-c1f4-4b28-86e7-d9b3c20f5a41", "e-2"]


def test_prices_and_stock_stay_out() -> None:
    """Prices and stock do not reach the log, at whatever depth."""
    value: dict[str, Any] = {"price": "129.0", "special_price": "99.0", "tier_price": [{"price": "88.0"}], "stock_data": {"qty": 7}}
    (one,) = received(Shop("adobe-commerce").source, event(**value)).events
    assert not any(word in one.value for word in (b"129.0", b"99.0", b"88.0", b"qty"))


def test_the_own_client_id_alone(tmp_path: Path) -> None:
    """Adobe signs for all of its customers with the same keys: a genuine event for another client id is refused."""
    golden = Golden(SAMPLE, {"source": "adobe-commerce"})
    assert golden.source.verify(golden.headers, golden.body, NOW_S) == ""
    other = overridden(tmp_path, "adobe-commerce", {"verify": {"recipient": "somebody-else"}}).sources["adobe-commerce"]
    assert "client" in other.verify(golden.headers, golden.body, NOW_S)


def test_the_event_id_outlives_its_spellings() -> None:
    """The id is the same with both spellings, with the new one alone, and in the header of every attempt."""
    source, body = Shop("adobe-commerce").source, event()
    without = {key: value for key, value in body.items() if key not in {"event_id", "recipient_client_id"}}
    assert {received(source, one).events[0].id for one in (body, without)} == {"0a7d5e93-c1f4-4b28-86e7-d9b3c20f5a41"}


def test_magento_signs_the_bytes_as_php_wrote_them() -> None:
    """A hash over JSON that was written anew is refused, since PHP escapes slashes and letters beyond ASCII."""
    body = rb'{"sku":"A\/1","name":"Stehleuchte gro\u00df","updated_at":"2026-08-24 09:15:40"}'
    source = Shop("magento").source

    def verified(signed: bytes) -> bool:
        return source.verify({"x-magento-signature": hmac.new(b"s3cr3t", signed, hashlib.sha256).hexdigest()}, body, NOW_S) == ""

    assert verified(body)
    assert not verified(orjson.dumps(orjson.loads(body)))
    shop = Shop("magento")
    shop.send(body)
    assert shop.answer("A/1")["product"]["name"] == "Stehleuchte groß"


def test_magentos_rest_product(tmp_path: Path) -> None:
    """Entries of the gallery, attributes in pairs, categories and the switch of a REST product are read; an empty gallery takes away."""
    body = {
        **orjson.loads((SAMPLES / "magento-async-events-product-updated.json").read_bytes()),
        "status": 1,
        "price": 129,
        "custom_attributes": [{"attribute_code": "ean", "value": "9520000204112"}],
        "extension_attributes": {"category_links": [{"position": 0, "category_id": "7"}]},
        "media_gallery_entries": [{**SIDE, "position": 2, "disabled": False}, {**FRONT, "position": 1}, {**BACK, "disabled": True}],
    }
    shop = Shop("magento", overridden(tmp_path, "magento", BASE))
    shop.send(body)
    assert shop.answer(SKU)["product"]["gtins"] == ["09520000204112"]
    assert [url.rpartition("/")[2] for url in shop.urls(SKU)] == ["front.jpg", "side%20view.jpg"]
    assert shop.leaves(f"product/magento/{SKU}")["categories.7"] is True
    shop.send({**body, "updated_at": "2026-08-24 09:16:00", "status": 2})
    assert {state for _, _, state in shop.shown(SKU)} == {"withdrawn"}
    shop.send({**body, "updated_at": "2026-08-24 09:17:00", "media_gallery_entries": []})
    assert shop.shown(SKU) == []
