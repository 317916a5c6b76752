"""Prices and stock of every PIM, in the places where that PIM keeps them: none of them is in what goes to the log.

Owns: what each preset drops by itself, without a word about it in bindery.yaml. Does not own: how it is found
(tests/sources/test_receive.py), all that a service writes (tests/functional/test_hot_fields.py). Next stop: app/sources/hot.py.
"""

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest

from app.configuration import PRESETS, Configuration, load
from app.sources.fetching import Found
from app.sources.preset import Preset
from app.sources.yaml_file import read_object
from tests.sources.builders import ARRIVED_US
from tests.sources.expectations import ENVIRON, VENDORS

MARK, AT = 4242.77, "2026-08-24T09:15:40Z"
PRICE = {"amount": str(MARK), "currency": "EUR"}
MONEY = {"type": "centPrecision", "currencyCode": "EUR", "centAmount": MARK}
VALUES = {"listino": [{"locale": None, "scope": None, "data": [PRICE]}], "sku": [{"locale": None, "scope": None, "data": "A"}]}
DELTA = {"listino": [{"previous": [PRICE], "new": [PRICE], "type": "pim_catalog_price_collection", "locale": None, "scope": None}]}


def akeneo(kind: str, **product: Any) -> dict[str, Any]:
    return {"id": "e", "type": f"com.akeneo.pim.v1.{kind}", "time": AT, "data": {"product": {"uuid": "u", **product}}}


def pimcore(**subject: Any) -> dict[str, Any]:
    general = {"eventName": "pimcore.dataobject.postUpdate", "timestamp": 1787562940, "versionOnly": False}
    return {"general": general, "subject": {"id": 1, "SKU (sku)": "A", **subject}}


def commercetools(**variant: Any) -> dict[str, Any]:
    return {
        "notificationType": "Message",
        "type": "ProductPublished",
        "resource": {"typeId": "product", "id": "p"},
        "resourceVersion": 2,
        "productProjection": {"id": "p", "published": True, "masterVariant": {"id": 1, "sku": "A", **variant}},
    }


# (preset, body, headers): one for every place in which its sender keeps prices or stock.
REQUESTS: list[tuple[str, Any, dict[str, str]]] = [
    ("akeneo-event-platform", akeneo("product.updated.delta", changes={"values": DELTA, "table_attributes": {"t": [PRICE]}}), {}),
    ("akeneo-events-api", {"events": [{"action": "product.updated", "event_id": "e", "event_datetime": AT, "data": {"resource": {
        "uuid": "u", "values": VALUES}}}]}, {}),
    ("tessa", {"type": "product", "context": "Update", "code": "A", "data": {"identifier": "A", "updated": AT, "values": VALUES}}, {}),
    ("salsify", {"alert": {"trigger_type": "change"}, "products": [
        {"salsify:id": "A", "salsify:version": 1, "List Price": MARK, "MSRP (USD)": MARK, "Stock Level": MARK}]}, {}),
    ("shopify", {"id": 1, "updated_at": AT, "variants": [
        {"id": 2, "sku": "A", "price": str(MARK), "compare_at_price": MARK, "inventory_quantity": MARK, "presentment_prices": [PRICE]}]},
        {"x-shopify-topic": "products/update"}),
    ("commercetools", commercetools(prices=[{"value": MONEY}], price={"value": MONEY}, availability={"availableQuantity": MARK},
        attributes=[{"name": "uvp", "value": MONEY}, {"name": "price", "value": MARK}, {"name": "all", "value": [MONEY]}]), {}),
    ("adobe-commerce", {"type": "com.adobe.commerce.observer.catalog_product_save_commit_after", "time": AT, "data": {"value": {
        "sku": "A", "price": MARK, "special_price": MARK, "tier_price": [{"price": MARK}], "stock_data": {"qty": MARK}}}}, {}),
    ("magento-async-events", {"sku": "A", "updated_at": AT, "price": MARK, "tier_prices": [{"value": MARK}],
        "custom_attributes": [{"attribute_code": "special_price", "value": MARK}, {"attribute_code": "cost", "value": str(MARK)}],
        "extension_attributes": {"stock_item": {"qty": MARK}}}, {}),
    ("bluestone", {"timestamp": 1787563390414, "events": [{"changes": {
        "eventType": "PRODUCT_WATCH_ATTRIBUTE_UPDATE_VALUE", "entityIds": ["b"], "attributeChange": {
            "attributeId": "x", "attributeType": "decimal", "attributeOldValue": str(MARK), "attributeNewValue": [str(MARK)]}}}]}, {}),
    ("ergonode", {"name": "product_updated", "resource_id": {"id": "A"}, "synchronization": {
        "resource_customs": {"x": MARK}, "events": [{"type": "product_attribute_changed", "payload": {"amount": MARK}}]}}, {}),
    ("pimcore-datahub", pimcore(**{"Preis (price)": MARK, "Lager (stock)": MARK, "Listenpreis (listPrice)": {"value": MARK},
        "Price (EUR) (specialPrice)": MARK}), {}),
    ("pimcore-sintra", {"id": 1, "sku": "A", "price": MARK, "stockQuantity": MARK}, {"pimcore-event": "pimcore.dataobject.postUpdate"}),
    ("inriver", {"EntityId": 7, "price": MARK, "Fields": [{"type": "price", "value": MARK}, {"ListPrice": PRICE}]}, {}),
    ("struct", {"VariantIds": [7], "price": MARK, "Values": {"listino": PRICE}}, {"x-event-key": "variants:updated"}),
    ("scayle", {"key": "k", "occurredAt": AT, "type": "product-updated", "payload": {"id": 1, "variants": [
        {"id": 2, "prices": [{"price": MARK}], "stocks": [{"quantity": MARK}]}], "prices": {"oldPrice": MARK}}}, {}),
    ("generic-pim", {"id": "e", "type": "product.saved", "time": AT, "products": [
        {"id": "p", "sku": "A", "price": MARK, "stock": MARK, "uvp": {"type": "price", "value": MARK}, "list": [PRICE]}]}, {}),
]  # fmt: skip
# Its requests become no events.
BARE = {"plytix"}


@cache
def plain() -> Configuration:
    """Every PIM's preset with nothing beside it."""
    words: dict[str, Any] = {name: {"preset": name, "secrets": ["env:SECRET"]} for name in {name for name, _, _ in REQUESTS}}
    with TemporaryDirectory() as folder:
        shutil.copytree(VENDORS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.yaml", "*.py", "__pycache__"))
        for name, pem in (("salsify", "salsify.pem"), ("adobe-commerce", "adobe-commerce-1.pem"), ("pimcore-sintra", "pimcore-sintra.pem")):
            words[name] = {"preset": name, "keys": [f"file:{pem}"]} | ({"url": "https://hooks.example.com/x"} if name == "salsify" else {})
        Path(folder, "bindery.yaml").write_bytes(orjson.dumps({"version": 1, "sources": words}))
        return load(Path(folder, "bindery.yaml"), environ=ENVIRON, strict=False)


@pytest.mark.parametrize(("name", "body", "headers"), REQUESTS, ids=[name for name, _, _ in REQUESTS])
def test_no_price_reaches_the_log(name: str, body: Any, headers: dict[str, str]) -> None:
    """By name, type or shape, whichever this sender gives away; the rest of the request counts."""
    received = plain().sources[name].receive(orjson.dumps(body), ARRIVED_US, headers)
    assert received.unread == []
    (event,) = received.events
    assert b"4242" not in event.value


def test_no_price_of_a_fetched_state_reaches_the_log() -> None:
    """What a fetch brings goes the same way."""
    state = {"uuid": "u", "updated": AT, "values": {"listino": [{"data": [PRICE], "attribute_type": "pim_catalog_price_collection"}]}}
    source = plain().sources["akeneo-event-platform"]
    event = source.fetched(Found("product", "u", state), began_us=ARRIVED_US, at_least=0, arrived_us=ARRIVED_US)
    assert b"4242" not in event.value


def test_every_pim_is_looked_at() -> None:
    """A new preset of a PIM has to say where its prices stand, or that it has none."""
    pims = {file.stem for file in PRESETS.glob("*.yaml") if Preset.model_validate(read_object(file)).side == "pim"}
    assert pims == {name for name, _, _ in REQUESTS} | BARE
