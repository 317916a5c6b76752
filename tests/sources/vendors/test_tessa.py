"""TESSA's notifications and its attribute in Akeneo's products.

Owns: display order, two ids for one product, links and templates, what is not about products. Does not own: the samples' facets
(tests/sources/golden/). Next stop: tests/sources/vendors/test_akeneo_products.py.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain.facets import Record, merge, visible
from app.sources.fetching import Found
from app.sources.source import Source
from tests.sources.builders import AKENEO, ARRIVED_US, VERSION, changes, events, leaves, one, sample

TESSA = "\n  tessa:\n    preset: tessa\n    secrets: [env:PRIMARY]\n    when_rights_unknown: show\n"
KEY = "product/tessa/NH-4711-OLV-M"
TEMPLATE = """
    overrides:
      embedded:
        - kind: asset
          system: tessa
          path: tessa_assets(of_tessa(values, 'images'))
          key: id
          mode: full
          fields:
            url: "url || filled('https://cdn.example/{ASSET_ID}.jpg?kanal={SCOPE}', {ASSET_ID: id, SCOPE: scope})"
            rights: {until: "_view.values.image_rights_end[0].data"}
"""


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return one(tmp_path, TESSA)


def update(values: Any, **more: Any) -> dict[str, Any]:
    data = {"identifier": "NH-4711-OLV-M", "enabled": True, "values": values, "updated": "2026-10-14T08:12:31+00:00", **more}
    return {"id": "P-8231", "code": "NH-4711-OLV-M", "type": "product", "context": "Update", "data": data}


def deletion(**more: Any) -> dict[str, Any]:
    return {
        "id": "P-NH-4711-OLV-M",
        "code": "NH-4711-OLV-M",
        "type": "product",
        "context": "Deletion",
        "resourceName": "Product",
        **more,
    }


def images(data: Any, links: Any = None, scope: str | None = None) -> dict[str, Any]:
    entry = {"locale": None, "scope": scope, "data": data, "attribute_type": "eikona_catalog_tessa"}
    return {"images": [entry if links is None else {**entry, "_links": links}]}


def test_an_empty_text_is_no_asset(source: Source) -> None:
    """ "" is none; it takes the links of before away."""
    record = Record(KEY)
    merge(record, changes(source, update(images("40012,40015")))[:1])
    assert visible(record)["links.images.*.*"] == [["tessa", "id", "40012"], ["tessa", "id", "40015"]]
    merge(record, changes(source, update(images(""), updated="2026-10-14T09:00:00+00:00")))
    assert "links.images.*.*" not in visible(record)


def test_the_order_of_the_ids_is_the_display_order(source: Source) -> None:
    """Neither sorted nor reversed."""
    assert changes(source, update(images("9, 10,8")))[0].leaves["links.images.*.*"] == [
        ["tessa", "id", "9"],
        ["tessa", "id", "10"],
        ["tessa", "id", "8"],
    ]


def test_an_update_and_a_deletion_are_about_one_product(source: Source) -> None:
    """`id` is P-<database id> in one and P-<identifier> in the other; the code is the same."""
    saved, gone = changes(source, update({})), changes(source, deletion())
    assert saved[0].record == gone[0].record == KEY
    assert (gone[0].full, dict(gone[0].leaves)) == (("",), {"status": "deleted"})
    record = Record(KEY)
    merge(record, [*gone, *saved])
    assert visible(record) == {"status": "deleted"}


def test_a_deletion_has_no_time_of_its_own(source: Source) -> None:
    """It counts as of its arrival, which the ingress stamps."""
    (event,) = events(source, deletion())
    assert event.time == ""
    later = type(event)(event.id, event.source, event.type, event.key, event.value, event.arrived_us + 1)
    assert source.project(event, VERSION).changes[0].order < source.project(later, VERSION).changes[0].order


def test_a_list_holds_notifications_of_all_kinds(source: Source) -> None:
    """Products and models count, categories and entities are passed over, each on its own; one that cannot be read is a letter alone."""
    body = [
        update({}),
        {"id": "3", "code": "outdoor", "type": "category", "context": "Update", "data": {}},
        {"id": "E-1", "code": "x", "type": "entity_record", "context": "DeletionAllRecords", "parentId": "e"},
        {**deletion(), "id": "PM-9", "code": "NH-4711", "type": "product_model", "resourceName": "ProductModel"},
        {"id": "P-2", "type": "product", "context": "Update", "data": {"updated": "2026-10-14T08:12:31+00:00"}},
    ]
    received = source.receive(orjson.dumps(body), ARRIVED_US, {})
    assert [event.key for event in received.events] == [KEY, "model/tessa/NH-4711"]
    assert len(received.unread) == 1


def test_a_new_kind_of_notification_is_a_letter(source: Source) -> None:
    """What is neither known nor passed over is never lost."""
    body = {**deletion(), "context": "Archived"}
    assert len(source.receive(orjson.dumps(body), ARRIVED_US, {}).unread) == 1


def test_links_count_where_every_id_has_one(source: Source) -> None:
    """A list that is shorter than the ids would give an asset its neighbour's address, so that it gives none."""
    _, first, second = changes(source, update(images("1,2", ["https://t.example/1", "https://t.example/2"])))
    assert (first.leaves["url"], second.leaves["url"]) == ("https://t.example/1", "https://t.example/2")
    _, first, second = changes(source, update(images("1,2", ["https://t.example/2"])))
    assert "url" not in {*first.leaves, *second.leaves}


def test_a_single_id_may_be_a_number(source: Source) -> None:
    """It links and addresses the asset as the text does."""
    body = update({"images": [{"locale": None, "scope": None, "data": 40012, "_links": ["https://t.example/40012"]}]})
    product, asset = changes(source, body)
    assert product.leaves["links.images.*.*"] == [["tessa", "id", "40012"]]
    assert (asset.record, asset.leaves["url"]) == ("asset/tessa/40012", "https://t.example/40012")


def test_addresses_by_template(tmp_path: Path) -> None:
    """Older connectors send neither links nor a type: the attribute is named, and a template of the customer's with {ASSET_ID} and {SCOPE}
    makes the addresses; rights may stand in the product."""
    source = one(tmp_path, TESSA + "    joins: {images: {system: tessa}}" + TEMPLATE)
    values = {
        "images": [{"locale": None, "scope": "e commerce", "data": "40012"}],
        "image_rights_end": [{"locale": None, "scope": None, "data": "2027-03-01"}],
    }
    product, asset = changes(source, update(values))
    assert product.leaves["links.images.*.e commerce"] == [["tessa", "id", "40012"]]
    assert asset.leaves["url"] == "https://cdn.example/40012.jpg?kanal=e%20commerce"
    assert asset.leaves["rights.until"] == 1803859200000000


def test_tessas_attribute_in_akeneos_rest_answer(tmp_path: Path) -> None:
    """The value as Akeneo's API gives it links TESSA's assets, scope by scope."""
    source = one(tmp_path, AKENEO.replace("akeneo-event-platform", "akeneo-events-api"))
    state = {"uuid": "u", "values": orjson.loads(sample("tessa-akeneo_product_value")[1]), "updated": "2026-10-14T08:12:31+00:00"}
    event = source.fetched(Found("product", "u", state), began_us=ARRIVED_US, at_least=0, arrived_us=ARRIVED_US)
    product, *assets = source.project(event, VERSION).changes
    assert product.leaves["links.eikona_catalog_tessa_example.*.ecommerce"] == [["tessa", "id", "40012"], ["tessa", "id", "40015"]]
    assert product.leaves["links.eikona_catalog_tessa_example.*.print"] == [["tessa", "id", "40012"]]
    assert [asset.record for asset in assets] == ["asset/tessa/40012", "asset/tessa/40015"]
    assert set(assets[0].leaves) == {"status", "url", "renditions.ecommerce", "renditions.print"}


def test_the_token_stands_behind_the_user(tmp_path: Path) -> None:
    """The header holds a user's id and the token; the token has to fit, whoever the user is."""
    source = one(tmp_path, TESSA)
    assert source.verify({"tessa-api-token": "s3cr3t"}, b"{}", 0) == ""
    assert source.verify({"tessa-api-token": "17:s3cr3t"}, b"{}", 0) == ""
    assert source.verify({"tessa-api-token": "17:s3cr3"}, b"{}", 0) != ""
    assert source.verify({}, b"{}", 0) != ""


def test_a_model_is_no_sku(source: Source) -> None:
    """A model has a code and no identifier: it is never found as a SKU."""
    body = {
        "id": "PM-512",
        "code": "NH-4711",
        "type": "product_model",
        "context": "Update",
        "data": {"code": "NH-4711", "updated": "2026-10-14T08:12:31+00:00"},
    }
    assert leaves(source, body) == {"status": "active"}
