"""Akeneo's Event Platform beyond its samples: renamed SKUs, links, joins, models, removals, what goes wrong in practice.

Owns: what events of products and models mean. Does not own: their fetched states (test_akeneo_states.py beside it), assets, the Events API.
Next stop: tests/sources/vendors/test_akeneo_states.py.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest

from app.configuration import PRESETS
from app.domain.facets import Record, merge, visible
from app.domain.keys import tokens_of
from app.sources.source import Received, Source
from app.sources.yaml_file import read_object
from tests.sources.builders import AKENEO, ARRIVED_US, CLOUDINARY, PRODUCT, VERSION, changes, configure, events, leaves, one, sample
from tests.sources.vendors.akeneo_shapes import API, change, delta, identifier

JOINED = (
    AKENEO + "    joins: {packshots: {system: cloudinary-eu, by: public_id}, moods: {system: cloudinary-eu}}\n    roles: {moods: mood}\n"
)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return one(tmp_path, AKENEO)


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
    assert changes(source, delta({"article": [change(None, other, "pim_catalog_identifier")]})) == []


def test_links_name_the_joined_systems_assets(tmp_path: Path) -> None:
    """Joins say whose assets the codes are, roles rename, locale and scope are kept, the order is the display order."""
    source = configure(tmp_path, CLOUDINARY + JOINED).sources["akeneo-main"]
    values = {
        "packshots": [change(None, ["b", "a"]), change(None, ["c"], locale="en_GB", scope="ecommerce")],
        "moods": [change(None, "m1, m2", "pim_catalog_text")],
        "manuals": [change(None, ["d"], "pim_assets_collection")],
        "note": [change(None, "Lamp", "pim_catalog_text")],
    }
    assert leaves(source, delta(values)) == {
        "links.packshots.*.*": [["cloudinary-eu", "public_id", "b"], ["cloudinary-eu", "public_id", "a"]],
        "links.packshots.en_GB.ecommerce": [["cloudinary-eu", "public_id", "c"]],
        "links.mood.*.*": [["cloudinary-eu", "id", "m1"], ["cloudinary-eu", "id", "m2"]],
        "links.manuals.*.*": [["akeneo", "code", "d"]],
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
    """A change of an association or of a number alone is no change of any leaf."""
    assert changes(source, delta(associations={"PACK": {"added": {"products": ["x"]}, "removed": {}}})) == []
    assert changes(source, delta({"weight": [change("1", "2", "pim_catalog_number")]})) == []


def test_a_model_is_keyed_by_its_code(source: Source) -> None:
    """Models have codes, links and parents; the field tables' spelling is understood too."""
    body = delta({"packshots": [change([], ["a"])]}, "product_model", parent={"previous": None, "new": "LMP"})
    (found,) = changes(source, body)
    assert found.record == "model/akeneo/LMP-2041"
    assert dict(found.leaves) == {"links.packshots.*.*": [["akeneo", "code", "a"]], "parent": "LMP"}
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
    ["com.akeneo.pim.v1.attribute.updated", "com.akeneo.pim.v1.family-variant.updated", "com.akeneo.pim.v1.workflow.task.completed"],
)
def test_other_families_are_ignored(source: Source, type_: str) -> None:
    """Events that concern neither products nor assets are accepted and forgotten."""
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


def test_the_subscription_names_no_product(source: Source) -> None:
    """`subject` is the subscription and `source` has two spellings; the uuid names the product."""
    body = orjson.loads(sample("akeneo-eventplatform-product-updated")[1])
    for sender in ("akeneo-event-platform", "pim"):
        (event,) = events(source, {**body, "source": sender})
        assert event.key == PRODUCT


def test_every_member_of_a_delta_may_be_absent(source: Source) -> None:
    """A delta without values, without changes, or with PHP's empty list for an empty object is no mistake."""
    empties: list[Any] = [{}, [], {"values": []}, {"values": {}, "categories": {"added": [], "removed": []}}]
    for changed in empties:
        body = delta()
        body["data"]["product"]["changes"] = changed
        assert changes(source, body) == []


def test_categories_and_family_move(source: Source) -> None:
    """What was added is there, what was removed is gone, and a family takes the other's place."""
    moved = delta(categories={"added": ["new"], "removed": ["old"]}, family={"previous": "lamps", "new": "lighting"})
    assert leaves(source, moved) == {"categories.new": True, "categories.old": None, "family": "lighting"}


def test_a_reordered_collection_is_a_new_order(source: Source) -> None:
    """The same codes in another order are another list, since the order is the display order."""
    assert leaves(source, delta({"packshots": [change(["a", "b"], ["b", "a"])]})) == {
        "links.packshots.*.*": [["akeneo", "code", "b"], ["akeneo", "code", "a"]]
    }


def test_own_writes_come_back_and_count(source: Source) -> None:
    """What an API client wrote, perhaps ourselves, is a change like any other; its author is hashed."""
    body = delta({"packshots": [change([], ["a"])]})
    body["data"]["author"] = {"identifier": "b5a1d3c7-2e64-4f90-9c8b-17d0e6f3a524", "type": "api"}
    (event,) = events(source, body)
    assert b"b5a1d3c7" not in event.value
    assert source.project(event, VERSION).changes[0].leaves == {"links.packshots.*.*": [["akeneo", "code", "a"]]}


def test_events_of_one_second_are_ordered_by_their_ids(source: Source) -> None:
    """Ids are UUIDv7: of two changes of one second the one whose id is younger wins, in any order of arrival."""
    older, younger = delta({"packshots": [change([], ["a"])]}), delta({"packshots": [change(["a"], ["b"])]})
    younger["id"] = "01a0330d-d6a0-793b-a579-0cb1658cda14"
    for first, second in ((older, younger), (younger, older)):
        record = Record(PRODUCT)
        merge(record, changes(source, first))
        merge(record, changes(source, second))
        assert visible(record)["links.packshots.*.*"] == [["akeneo", "code", "b"]]


def test_the_same_change_told_twice_changes_nothing(source: Source) -> None:
    """Akeneo tells one save in two events with different ids; the record is the same after one and after both."""
    body = delta({"packshots": [change([], ["a"])]})
    once, twice = Record(PRODUCT), Record(PRODUCT)
    merge(once, changes(source, body))
    merge(twice, changes(source, body))
    merge(twice, changes(source, {**body, "id": "01a0330d-d6a0-793b-a579-0cb1658cda14"}))
    assert visible(once) == visible(twice)


def test_a_removed_picture_is_unlinked(source: Source) -> None:
    """A delta that empties a media attribute takes its link away."""
    old = {"file_name": "x.jpg", "key": "4/1/x.jpg"}
    assert leaves(source, delta({"picture": [change(old, None, "pim_catalog_image")]})) == {"links.picture.*.*": None}


def test_a_suspended_subscription_is_told(source: Source) -> None:
    """The status webhook is acknowledged, changes nothing and says that events were lost."""
    for word, notice in (
        ("suspended.system", "suspended"),
        ("suspended.user", "suspended"),
        ("revoked", "suspended"),
        ("resumed", "resumed"),
    ):
        body = orjson.loads(sample("akeneo-eventplatform-subscription-suspended")[1]) | {"notification_type": f"subscription.{word}"}
        received = source.receive(orjson.dumps(body), ARRIVED_US, {})
        assert (received.events, received.unread, received.notice) == ([], [], notice)


def test_the_two_akeneos_do_not_pass_for_each_other(tmp_path: Path) -> None:
    """Each has a signature of its own; the path of the request chooses which, never its headers."""
    legacy = "\n  legacy:\n    preset: akeneo-events-api\n    secrets: [env:PRIMARY]\n    tolerance_s: null\n"
    platform, events_api = configure(tmp_path, AKENEO + legacy).sources.values()
    for name, genuine, other in (
        ("akeneo-eventplatform-product-updated", platform, events_api),
        ("akeneo-events-api-product-updated", events_api, platform),
    ):
        headers, body = sample(name)
        assert genuine.verify(headers, body, 0) == ""
        assert other.verify(headers, body, 0) != ""


def test_either_signature_with_either_secret(tmp_path: Path) -> None:
    """Both ends may be rotating: one of the two headers with one of the secrets suffices."""
    headers, body = sample("akeneo-eventplatform-product-created")
    next_only = one(tmp_path, AKENEO.replace("PRIMARY", "SECONDARY"))
    assert next_only.verify(headers, body, 0) == ""
    assert next_only.verify({**headers, "x-akeneo-signature-secondary": ""}, body, 0) != ""
    assert next_only.verify({"x-akeneo-signature-primary": headers["x-akeneo-signature-secondary"]}, body, 0) == ""


def test_types_are_spelled_without_stray_characters() -> None:
    """Akeneo's own page has a zero-width space in a type; the preset's types are plain ASCII."""
    preset = read_object(PRESETS / "akeneo-event-platform.yaml")
    assert all(type_.isascii() and type_.isprintable() for type_ in (*preset["events"], *preset["ignore"]))
