"""Akeneo's Event Platform beyond its samples: renamed SKUs, links, joins, models, removals, fetches.

Owns: what Akeneo's events mean. Does not own: its signature (tests/sources/test_verify.py). Next stop: tests/sources/test_generic.py.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain.facets import Record, merge, visible
from app.domain.keys import tokens_of
from app.sources.source import Received, Source
from tests.sources.builders import AKENEO, ARRIVED_US, CLOUDINARY, PRODUCT, VERSION, changes, configure, events, leaves, one, sample

API = "    api: {url: 'https://pim.example.com', token: env:PRIMARY}\n"
JOINED = (
    AKENEO + "    joins: {packshots: {system: cloudinary-eu, by: public_id}, moods: {system: cloudinary-eu}}\n    roles: {moods: mood}\n"
)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return one(tmp_path, AKENEO)


def delta(values: dict[str, Any] | None = None, kind: str = "product", **more: Any) -> dict[str, Any]:
    """A delta of one product or model, an hour after the samples."""
    thing = {"product": {"uuid": PRODUCT.rsplit("/", 1)[1]}, "product_model": {"code": "LMP-2041"}}[kind]
    return {
        "specversion": "1.0",
        "id": "01a0330d-d69f-793b-a579-0cb1658cda14",
        "type": f"com.akeneo.pim.v1.{kind.replace('_', '-')}.updated.delta",
        "time": "2026-08-24T10:15:41Z",
        "data": {
            kind: {
                **thing,
                "updated_at": {"date": "2026-08-24 10:15:40.000000", "timezone": "UTC"},
                "changes": {**({"values": values} if values is not None else {}), **more},
            }
        },
    }


def change(previous: Any, new: Any, type_: str = "pim_catalog_asset_collection", **more: Any) -> dict[str, Any]:
    return {"previous": previous, "new": new, "type": type_, "locale": None, "scope": None, **more}


def identifier(value: str | None) -> Any:
    return None if value is None else {"data": value, "is_main_identifier": True}


def test_a_renamed_sku_moves_with_the_product(source: Source) -> None:
    """The product's own id is the key, so the new SKU takes the old one's place and the old one is not held any more."""
    record = Record(PRODUCT)
    renamed = delta({"sku": [change(identifier("LMP-2041-BLK"), identifier("LMP-9"), "pim_catalog_identifier")]})
    merge(record, changes(source, sample("akeneo-eventplatform-product-created")[1]))
    merge(record, changes(source, renamed))
    assert visible(record)["keys.sku"] == ["LMP-9", "LMP-9"]
    assert {"=sku/LMP-2041-BLK", "=sku/LMP-9"} <= record.ever
    assert "=sku/LMP-2041-BLK" not in tokens_of(PRODUCT, visible(record))


def test_a_product_that_loses_its_identifier(source: Source) -> None:
    """A removed identifier is taken away, unless the sender states the current one beside it."""
    removed = delta({"sku": [change(identifier("A"), None, "pim_catalog_identifier")]})
    assert leaves(source, removed) == {"keys.sku": None}
    removed["data"]["product"]["identifier"] = "B"
    assert leaves(source, removed) == {"keys.sku": ["B", "B"]}


def test_an_identifier_that_is_not_the_main_one_is_no_sku(source: Source) -> None:
    """Only the main identifier is the SKU."""
    other = {"data": "X", "is_main_identifier": False}
    assert changes(source, delta({"ean": [change(None, other, "pim_catalog_identifier")]})) == []


def test_links_name_the_joined_systems_assets(tmp_path: Path) -> None:
    """Joins say whose assets the codes are, roles rename, locale and scope are kept, the order is the display order."""
    source = configure(tmp_path, CLOUDINARY + JOINED).sources["akeneo-main"]
    values = {
        "packshots": [change(None, ["b", "a"]), change(None, ["c"], locale="en_GB", scope="ecommerce")],
        "moods": [change(None, "m1, m2", "pim_catalog_text")],
        "manuals": [change(None, ["d"], "pim_assets_collection")],
        "name": [change(None, "Lamp", "pim_catalog_text")],
    }
    assert leaves(source, delta(values)) == {
        "links.packshots.*.*": [["cloudinary-eu", "public_id", "b"], ["cloudinary-eu", "public_id", "a"]],
        "links.packshots.en_GB.ecommerce": [["cloudinary-eu", "public_id", "c"]],
        "links.mood.*.*": [["cloudinary-eu", "id", "m1"], ["cloudinary-eu", "id", "m2"]],
        "links.manuals.*.*": [["akeneo", "id", "d"]],
    }


def test_an_emptied_collection_unlinks(source: Source) -> None:
    """Null and the empty list both take the link away."""
    empties: list[Any] = [None, []]
    for new in empties:
        assert leaves(source, delta({"packshots": [change(["a"], new)]})) == {"links.packshots.*.*": None}


def test_a_parent_that_is_set_and_taken_away(source: Source) -> None:
    """The parent is a leaf like any other."""
    assert leaves(source, delta(parent={"previous": None, "new": "LMP-2041"})) == {"parent": "LMP-2041"}
    assert leaves(source, delta(parent={"previous": "LMP-2041", "new": None})) == {"parent": None}


@pytest.mark.parametrize(("new", "expected"), [(False, False), (True, True), (None, None)])
def test_a_product_that_is_switched_off(source: Source, new: bool | None, expected: bool | None) -> None:
    """The delta's `enabled` is a leaf; an unknown one is taken away, and one that is not mentioned stays."""
    assert leaves(source, delta(enabled={"previous": not new, "new": new})) == {"enabled": expected}
    assert "enabled" not in leaves(source, delta(parent={"previous": None, "new": "X"}))


def test_a_delta_of_uninteresting_members_changes_nothing(source: Source) -> None:
    """A change of category alone is no change of any leaf."""
    assert changes(source, delta(categories={"added": ["x"], "removed": []})) == []
    assert changes(source, delta({"weight": [change("1", "2", "pim_catalog_number")]})) == []


def test_a_model_is_keyed_by_its_code(source: Source) -> None:
    """Models have codes, links and parents; the field tables' spelling is understood too."""
    body = delta({"packshots": [change([], ["a"])]}, "product_model", parent={"previous": None, "new": "LMP"})
    (found,) = changes(source, body)
    assert found.record == "model/akeneo/LMP-2041"
    assert dict(found.leaves) == {"links.packshots.*.*": [["akeneo", "id", "a"]], "parent": "LMP"}
    created = {
        "id": "x",
        "type": "com.akeneo.pim.v1.product-model.created",
        "time": "2026-08-24T10:00:00Z",
        "data": {"product": {"code": "M"}},
    }
    (event,) = events(source, created)
    projected = source.project(event, VERSION)
    assert [(c.record, dict(c.leaves)) for c in projected.changes] == [("model/akeneo/M", {"status": "active"})]
    assert [task.key for task in projected.tasks] == ["fetch model akeneo M"]


def test_a_delta_alone_revives_nothing(source: Source) -> None:
    """After a deletion, a later delta leaves the record deleted, and a later creation brings it back."""
    deleted = {
        "id": "x",
        "type": "com.akeneo.pim.v1.product.deleted",
        "time": "2026-08-24T09:30:00Z",
        "data": {"product": {"uuid": PRODUCT[15:]}},
    }
    created = orjson.loads(sample("akeneo-eventplatform-product-created")[1]) | {"time": "2026-08-24T11:00:00Z"}
    record = Record(PRODUCT)
    for body in (sample("akeneo-eventplatform-product-created")[1], deleted, delta({"packshots": [change([], ["a"])]})):
        merge(record, changes(source, body))
    assert visible(record)["status"] == "deleted"
    merge(record, changes(source, created))
    assert visible(record)["status"] == "active"


def test_a_delta_is_ordered_by_the_state_it_belongs_to(source: Source) -> None:
    """updated_at decides, since a fetched state carries the same; a PHP date with a zone is an instant."""
    body = delta(parent={"previous": None, "new": "X"})
    first = changes(source, body)[0].order
    body["data"]["product"]["updated_at"] = {"date": "2026-08-24 12:15:40.000000", "timezone": "Europe/Berlin"}
    body["time"] = "2026-08-24T23:00:00Z"
    assert changes(source, body)[0].order[:20] == first[:20]


def test_a_deletion_is_looked_after_where_there_is_an_api(tmp_path: Path) -> None:
    """With access to the vendor a deletion asks for a late fetch, without it for none."""
    body = sample("akeneo-eventplatform-product-deleted")[1]
    without = one(tmp_path, AKENEO)
    assert without.project(events(without, body)[0], VERSION).tasks == []
    source = one(tmp_path, AKENEO + API)
    (task,) = source.project(events(source, body)[0], VERSION).tasks
    assert task.deletion
    assert task.due_us == ARRIVED_US + 300_000_000


@pytest.mark.parametrize(
    "type_",
    ["com.akeneo.pim.v1.asset.updated.delta", "com.akeneo.pim.v1.category.created", "com.akeneo.pim.v1.workflow.task.completed"],
)
def test_other_families_are_ignored(source: Source, type_: str) -> None:
    """Events that concern no product are accepted and forgotten."""
    assert (
        source.receive(orjson.dumps({"id": "x", "type": type_, "time": "2026-08-24T10:00:00Z", "data": {}}), ARRIVED_US, {}) == Received()
    )


def test_unknown_product_events_are_letters(source: Source) -> None:
    """A new kind of product event is never lost, nor is a type with a stray character."""
    for type_ in ("com.akeneo.pim.v1.product.archived", "com.akeneo.pim.v1.product.updated.\u200bdelta"):
        assert len(source.receive(orjson.dumps({"id": "x", "type": type_}), ARRIVED_US, {}).unread) == 1


def test_own_attributes_are_overrides(tmp_path: Path) -> None:
    """A customer's SKU, GTIN and name attributes are read from deltas by the same paths as from whole states."""
    words = AKENEO + "    overrides: {sku: 'values.article[0].data', gtin: 'values.ean[0].data', name: values.name}\n"
    values = {
        "article": [change("1", "00042", "pim_catalog_text")],
        "ean": [change(None, "9521101530476", "pim_catalog_text")],
        "name": [change(None, "Lamp", "pim_catalog_text", locale="en_GB"), change("Lampe", None, "pim_catalog_text", locale="de_DE")],
    }
    assert leaves(one(tmp_path, words), delta(values)) == {
        "keys.sku": ["00042", "00042"],
        "keys.gtin": [["9521101530476", "09521101530476"]],
        "name.en_GB": "Lamp",
        "name.de_DE": None,
    }


def test_a_restored_pim_has_a_new_era(tmp_path: Path) -> None:
    """The era that the ingress stamped leads the order, so everything after a restore beats everything before."""
    old, new = one(tmp_path, AKENEO), one(tmp_path, AKENEO + "    era: 1\n")
    body = delta(parent={"previous": None, "new": "X"})
    assert changes(old, body)[0].order < changes(new, {**body, "data": body["data"]})[0].order
    assert events(new, body)[0].era == 1
