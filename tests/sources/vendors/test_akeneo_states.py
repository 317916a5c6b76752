"""Akeneo's products as its REST API answers, beside the events that lead there: which wins, what is left, what nobody may open.

Owns: what fetched states of products mean, and which events ask for them. Does not own: assets (test_akeneo_assets.py beside it).
Next stop: tests/sources/vendors/test_akeneo_assets.py.
"""

from itertools import permutations
from pathlib import Path

import orjson
import pytest

from app.domain.bind import bind
from app.domain.facets import Record, merge, visible
from app.domain.inputs import Inputs
from app.domain.view import view
from app.errors import Unmappable
from app.sources.fetching import Found
from app.sources.source import Source
from tests.sources.builders import AKENEO, ARRIVED_US, PRODUCT, VERSION, changes, configure, events, one, sample
from tests.sources.vendors.akeneo_shapes import API, UUID, change, delta, fetched, identifier, state, tasks


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return one(tmp_path, AKENEO)


def test_a_fetched_state_beats_the_delta_of_its_second(source: Source) -> None:
    """Both are exact to the second; the state is the newer word, whichever is merged first, and a later delta beats it."""
    told = changes(source, delta({"packshots": [change([], ["a"])]}))
    collection = {"packshots": [{"locale": None, "scope": None, "data": ["b"], "attribute_type": "pim_catalog_asset_collection"}]}
    found = fetched(source, "product", UUID, state(collection))
    for first, second in ((told, found), (found, told)):
        record = Record(PRODUCT)
        merge(record, first)
        merge(record, second)
        assert visible(record)["links.packshots.*.*"] == [["akeneo", "code", "b"]]
        later = delta({"packshots": [change(["b"], ["c"])]})
        later["data"]["product"]["updated_at"]["date"] = "2026-08-24 10:15:41.000000"
        merge(record, changes(source, later))
        assert visible(record)["links.packshots.*.*"] == [["akeneo", "code", "c"]]


@pytest.mark.parametrize("places", list(permutations(range(4))))
def test_created_updated_and_fetched_in_any_order(source: Source, places: tuple[int, ...]) -> None:
    """Events and states may overtake each other; the record is the same in the end."""
    collection = {"packshots": [{"locale": None, "scope": None, "data": ["b"], "attribute_type": "pim_catalog_asset_collection"}]}
    told = [
        changes(source, sample("akeneo-eventplatform-product-created")[1]),
        changes(source, delta({"packshots": [change([], ["a"])]})),
        fetched(source, "product", UUID, state(collection, identifier="A", updated="2026-08-24T09:00:00+00:00")),
        changes(source, delta({"sku": [change(identifier("A"), identifier("B"), "pim_catalog_identifier")]})),
    ]
    record = Record(PRODUCT)
    for place in places:
        merge(record, told[place])
    assert visible(record) == {
        "status": "active",
        "keys.sku": ["B", "B"],
        "enabled": True,
        "links.packshots.*.*": [["akeneo", "code", "a"]],
    }


def test_a_fetched_state_leaves_nothing_stale(source: Source) -> None:
    """What a state does not mention any more is gone: collections, GTIN, parent and categories of before."""
    record = Record(PRODUCT)
    values = {"packshots": [change([], ["a"])], "ean": [change(None, "9520000204112", "pim_catalog_text")]}
    merge(record, changes(source, delta(values, parent={"previous": None, "new": "M"}, categories={"added": ["x"]})))
    merge(record, fetched(source, "product", UUID, state({"sku": [{"data": "A", "attribute_type": "pim_catalog_identifier"}]})))
    assert visible(record) == {"status": "active", "keys.sku": ["A", "A"], "enabled": True}


def test_php_writes_an_empty_product_as_a_list(source: Source) -> None:
    """A product without values has `values: []`."""
    (found,) = fetched(source, "product", UUID, state([]))
    assert dict(found.leaves) == {"status": "active", "enabled": True}


def test_of_several_identifiers_none_is_guessed(source: Source, tmp_path: Path) -> None:
    """The answer does not say which identifier is the main one: `sku` is, else the customer says so; a guess would be a wrong SKU."""
    ean, gln = ({"data": data, "locale": None, "scope": None, "attribute_type": "pim_catalog_identifier"} for data in ("4711", "0815"))
    assert fetched(source, "product", UUID, state({"ean13": [ean], "sku": [gln]}))[0].leaves["keys.sku"] == ["0815", "0815"]
    assert fetched(source, "product", UUID, state({"ean13": [ean]}))[0].leaves["keys.sku"] == ["4711", "4711"]
    with pytest.raises(Unmappable, match="2 identifiers") as error:
        fetched(source, "product", UUID, state({"ean13": [ean], "gln": [gln]}))
    assert "4711" not in str(error.value)
    # As likely as not this product has no article number, and an identifier beside it.
    with pytest.raises(Unmappable, match="a GTIN, which need not be the main one"):
        fetched(source, "product", UUID, state({"ean13": [{**ean, "data": "9520000204112"}]}))
    named = one(tmp_path, AKENEO + "    overrides: {sku: 'values.gln[0].data'}\n")
    assert fetched(named, "product", UUID, state({"ean13": [ean], "gln": [gln]}))[0].leaves["keys.sku"] == ["0815", "0815"]


def test_a_product_without_identifier_has_no_sku(source: Source) -> None:
    """The identifier is optional; such a product is known all the same."""
    (found,) = fetched(source, "product", UUID, state({"note": [{"data": "x", "attribute_type": "pim_catalog_text"}]}))
    assert "keys.sku" not in found.leaves


def test_a_product_that_is_gone(source: Source) -> None:
    """A product that is absent at the vendor is deleted as of the start of the fetch, and no earlier than the deletion that led to it."""
    (gone,) = fetched(source, "product", UUID, None)
    assert (gone.record, gone.full, dict(gone.leaves)) == (PRODUCT, ("",), {"status": "deleted"})
    (later,) = fetched(source, "product", UUID, None, at_least=ARRIVED_US)
    assert later.order > gone.order


def test_prices_reach_nothing(source: Source) -> None:
    """Price collections go by their type in deltas and by their shape anywhere else; measurements stay."""
    price = [{"amount": "424242", "currency": "EUR"}]
    typed = change(price, [{"amount": "424243", "currency": "EUR"}], "pim_catalog_price_collection")
    (event,) = events(source, delta({"list_price": [typed], "cost": [change(price, price, "x")], "packshots": [change([], ["a"])]}))
    assert b"42424" not in event.value
    assert source.project(event, VERSION).changes
    weight = {"data": {"amount": "1450", "unit": "GRAM"}, "attribute_type": "pim_catalog_metric"}
    values = {"list_price": [{"data": price, "locale": None, "scope": None}], "weight": [weight]}
    kept = source.fetched(Found("product", UUID, state(values)), began_us=ARRIVED_US, at_least=0, arrived_us=ARRIVED_US)
    assert b"424242" not in kept.value
    assert b"1450" in kept.value


def test_a_file_of_a_product_is_an_asset_that_nobody_may_open(source: Source) -> None:
    """Its record and its link come with the product; it has no URL, and the public never has access."""
    picture = {"data": "4/1/d/0/41d0_a_b.jpg", "locale": None, "scope": "print", "attribute_type": "pim_catalog_image"}
    product, asset = fetched(source, "product", UUID, state({"picture": [picture]}))
    assert product.leaves["links.picture.*.print"] == [["akeneo", "id", "4/1/d/0/41d0_a_b.jpg"]]
    assert asset.record == "asset/akeneo/4/1/d/0/41d0_a_b.jpg"
    assert dict(asset.leaves) == {
        "status": "active",
        "texts.title.*": "a_b.jpg",
        "content_version": "4/1/d/0/41d0_a_b.jpg",
        "rights.access": [],
    }


@pytest.mark.parametrize("shown", ["show", "hide"])
def test_a_file_of_a_product_is_bound_without_url(tmp_path: Path, shown: str) -> None:
    """The binding's state is no-public-url, whatever is chosen for unknown rights."""
    configuration = configure(tmp_path, AKENEO + f"    when_rights_unknown: {shown}\n")
    source = configuration.sources["akeneo-main"]
    values = {
        "sku": [{"data": "A", "attribute_type": "pim_catalog_identifier"}],
        "picture": [{"data": "4/1/x.jpg", "attribute_type": "pim_catalog_image"}],
    }
    records: dict[str, Record] = {}
    for each in fetched(source, "product", UUID, state(values)):
        merge(records.setdefault(each.record, Record(each.record)), [each])
    product, asset = (view(record) for record in records.values())
    (binding,) = bind(Inputs("A", products=[product], assets=[asset]), configuration.policy, ARRIVED_US).content["bindings"]
    assert (binding["role"], binding["state"], binding["url"]) == ("picture", "no-public-url", None)


def test_a_changed_model_asks_for_its_variants(tmp_path: Path) -> None:
    """Akeneo tells a change of a model for the model alone; with access to the API, the variants are read, with what they inherit."""
    body = delta({"packshots": [change([], ["a"])]}, "product_model")
    assert tasks(one(tmp_path, AKENEO), body) == []
    assert [task.key for task in tasks(one(tmp_path, AKENEO + API), body)] == ["fetch variants akeneo LMP-2041"]


def test_a_variant_of_another_model_is_read_anew(tmp_path: Path) -> None:
    """What it inherits from a new parent stands in no delta."""
    source = one(tmp_path, AKENEO + API)
    assert [task.key for task in tasks(source, delta(parent={"previous": "A", "new": "B"}))] == [f"fetch product akeneo {UUID}"]
    assert tasks(source, delta(enabled={"previous": False, "new": True})) == []


def test_new_assets_of_tessa_ask_for_the_product(tmp_path: Path) -> None:
    """A delta names TESSA's assets by their ids alone; where they are to be had stands in the product that a fetch brings."""
    source = one(tmp_path, AKENEO + API)
    other = {"pictures": [change("40015", "40012,40015", "eikona_catalog_tessa", scope="ecommerce")]}
    assert [(task.kind, task.thing) for task in tasks(source, delta(other))] == [("product", UUID)]
    assert tasks(source, delta({"pictures": [change("40015", "", "eikona_catalog_tessa", scope="ecommerce")]})) == []


def test_a_flood_of_thin_events_is_one_wish(source: Source) -> None:
    """However often a product changes, there is one task for it."""
    body = orjson.loads(sample("akeneo-eventplatform-product-updated")[1])
    wishes = {task.key for number in range(20) for task in tasks(source, {**body, "id": f"01a0330d-da47-7389-82fb-dbc48e8197{number:02}"})}
    assert len(wishes) == 1
