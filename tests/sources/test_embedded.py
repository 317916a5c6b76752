"""Records that a thing carries inside: images of a product, variants of a model.

Owns: the words of `embedded`. Does not own: single vendors (tests/sources/vendors/). Next stop: tests/sources/test_fetched.py.
"""

from pathlib import Path
from typing import Any

import pytest

from app.domain import order
from app.domain.facets import Change
from app.errors import Unmappable
from app.sources.source import Source
from tests.sources.builders import VERSION, changes, events, mistakes, one

T1, T2 = "2026-10-14T08:12:31Z", "2026-10-14T09:00:00Z"
T1_US, T2_US = 1_791_965_551_000_000, 1_791_968_400_000_000

SHOP = """
  shop:
    preset: generic-pim
    secrets: [env:PRIMARY]
    when_rights_unknown: show
    overrides:
      kind: model
      variants: items[].sku
      links: {photo: {path: "photos[].id", system: media}}
      embedded:
        - kind: product
          path: items
          key: sku
          fields: {sku: sku, parent: _piece.id, name: _view.name}
        - kind: asset
          path: photos
          key: id
          system: media
          when: {state: done}
          order: {time: at}
          fields: {url: src, sku: "_body.products[].items[].sku", role: _name}
"""


def model(**more: Any) -> dict[str, Any]:
    """A model with two variants and two photos."""
    photos = [
        {"id": "a", "state": "done", "src": "https://m.example/a", "at": T2},
        {"id": "b", "state": "raw", "src": "https://m.example/b", "at": T2},
    ]
    return {"id": "M", "name": "Chair", "items": [{"sku": "S-1"}, {"sku": "S-2"}], "photos": photos, **more}


def body(type_: str = "product.saved", **more: Any) -> dict[str, Any]:
    return {"id": "e", "type": type_, "time": T1, "products": [model(**more)]}


@pytest.fixture
def shop(tmp_path: Path) -> Source:
    return one(tmp_path, SHOP)


def by_record(found: list[Change]) -> dict[str, Change]:
    return {change.record: change for change in found}


def test_they_follow_the_piece(shop: Source) -> None:
    """The piece's own change comes first, then one for each entry, in the order in which they stand."""
    assert [change.record for change in changes(shop, body())] == ["model/shop/M", "product/shop/S-1", "product/shop/S-2", "asset/media/a"]


def test_an_entry_reads_itself_the_piece_its_view_and_the_body(shop: Source) -> None:
    """Its own members, and what stands around it."""
    found = by_record(changes(shop, body()))
    assert found["product/shop/S-1"].leaves == {"keys.sku": ["S-1", "S-1"], "parent": "M", "name": "Chair", "status": "active"}
    assert found["asset/media/a"].leaves == {
        "claims.sku": [["S-1", "S-1"], ["S-2", "S-2"]],
        "url": "https://m.example/a",
        "status": "active",
    }
    assert found["model/shop/M"].leaves["variants"] == ["S-1", "S-2"]


def test_an_entry_that_does_not_count_is_left_out(shop: Source) -> None:
    """`when` names members that an entry must have."""
    assert "asset/media/b" not in by_record(changes(shop, body()))


def test_they_are_as_whole_as_the_piece(shop: Source) -> None:
    """Full inside a full state, partial inside a partial one, where a mentioned member that is empty is taken away."""
    assert {change.full for change in changes(shop, body())} == {("",)}
    partial = changes(shop, body("product.changed", items=[{"sku": "S-1"}], photos=[{"id": "a", "state": "done", "src": None, "at": T2}]))
    assert {change.full for change in partial} == {()}
    assert by_record(partial)["asset/media/a"].leaves["url"] is None
    assert "status" not in by_record(partial)["product/shop/S-1"].leaves


def test_a_deletion_embeds_nothing(shop: Source) -> None:
    """What was inside a deleted thing is told apart, or not at all: its variants count as gone by the rule of app/domain/variants.py."""
    assert [(change.record, change.leaves) for change in changes(shop, body("product.deleted"))] == [
        ("model/shop/M", {"status": "deleted"})
    ]


def test_their_order_is_the_pieces_unless_they_have_one(shop: Source) -> None:
    """All changes of one event share everything else that orders them."""
    found = by_record(changes(shop, body()))
    assert order.parts(found["product/shop/S-1"].order) == order.parts(found["model/shop/M"].order)
    own = order.parts(found["asset/media/a"].order)
    assert (own.source, own.event_hash) == (T2_US, order.parts(found["model/shop/M"].order).event_hash)
    assert order.parts(found["model/shop/M"].order).source == T1_US


def test_an_order_from_the_future_is_refused_inside_as_well(shop: Source) -> None:
    """It would freeze the embedded record."""
    photo = {"id": "a", "state": "done", "at": "2099-01-01T00:00:00Z"}
    (event,) = events(shop, body(photos=[photo]))
    with pytest.raises(Unmappable, match=r"embedded asset at photos: order at at: a time more than a day"):
        shop.project(event, VERSION)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"items": [{"sku": None}]}, "embedded product at items: key at sku: expected an identifier .*, found null"),
        ({"items": "x"}, "embedded product at items: expected a list or an object, found a string"),
        (
            {"photos": [{"id": "a", "state": "done", "src": 5, "at": T2}]},
            "embedded asset at photos: url at src: expected a URL, found a number",
        ),
        ({"photos": [{"id": "a", "state": "done"}]}, "embedded asset at photos: order at at: expected a time, found nothing"),
    ],
)
def test_a_message_names_the_place_and_no_value(shop: Source, more: dict[str, Any], words: str) -> None:
    """What is embedded, where it stands, the field and the type."""
    with pytest.raises(Unmappable, match=words):
        changes(shop, body(**more))


def test_lists_of_plain_values_and_maps(tmp_path: Path) -> None:
    """`_value` is a plain entry, `_name` the key of a map's entry."""
    fields = "fields: {role: _name, url: _value}"
    words = f'{{embedded: [{{kind: asset, path: pictures, key: "_name || _value", {fields}}}]}}'
    source = one(tmp_path, f"\n  erp:\n    preset: generic-pim\n    secrets: [env:PRIMARY]\n    overrides: {words}\n")
    product = {"id": "p", "pictures": {"front": "https://m.example/f"}}
    found = changes(source, {"id": "e", "type": "product.saved", "time": T1, "products": [product]})
    assert dict(found[1].leaves) == {"role": "front", "url": "https://m.example/f", "status": "active"}
    listed = changes(
        source, {"id": "e", "type": "product.saved", "time": T1, "products": [{"id": "p", "pictures": ["https://m.example/g"]}]}
    )
    assert listed[1].record == "asset/erp/https://m.example/g"


def test_the_same_event_gives_the_same_changes(shop: Source) -> None:
    """Reading an event of the log twice gives equal changes, order for order."""
    (event,) = events(shop, body())
    assert shop.project(event, VERSION) == shop.project(event, VERSION)


def test_products_belong_to_their_own_system(tmp_path: Path) -> None:
    """`system` is for assets; a product of another system would have no source that speaks for it."""
    words = "overrides: {embedded: [{kind: product, path: x, key: id, system: other, fields: {sku: sku}}]}"
    (found,) = mistakes(tmp_path, f"\n  erp:\n    preset: generic-pim\n    secrets: [env:PRIMARY]\n    {words}\n")
    assert "`system` is for assets only" in found


def test_an_embedded_system_needs_no_source_of_its_own(tmp_path: Path) -> None:
    """Links to assets that only a PIM tells of lead somewhere, by the aliases that the embedded fields keep."""
    joined = SHOP + "    joins: {photo: {system: media, by: code}}\n"
    (found,) = mistakes(tmp_path, joined)
    assert "keeps no 'code' of assets, only id" in found
    aliased = joined.replace("fields: {url: src,", "fields: {aliases: {code: id}, url: src,")
    assert one(tmp_path, aliased).name == "shop"
