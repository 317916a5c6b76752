"""Senders that look nothing like any preset, read by overrides in bindery.yaml alone.

Owns: what can be configured. Does not own: how mistakes in it are reported (tests/sources/test_configuration.py).
Next stop: tests/sources/test_configuration.py.
"""

import json
from pathlib import Path
from typing import Any

from app.domain.facets import Record, merge, visible
from app.domain.order import parts
from app.sources.source import Source
from tests.sources.builders import VERSION, events, one

FOREIGN = """
  foreign:
    preset: generic-dam
    secrets: [env:PRIMARY]
    when_rights_unknown: show
    overrides:
      verify: {headers: [X-Hub-Signature], prefix: sha1=, algorithm: sha1, encoding: hex}
      type: {header: X-Event}
      id: {header: X-Delivery}
      split: payload.items
      kind: asset
      key: uid
      order: {sequence: rev}
      mode: {path: op, lookup: {upsert: full, patch: delta, remove: deletion}}
      events: {"media.*": {}, media.tagged: {mode: [tags]}}
      ignore: [ping]
      sku: {path: "refs[?kind=='sku'].value"}
      texts: {alt: {en_GB: alt_en, "*": alt}}
      approval: {path: public, boolean: true, lookup: {"true": approved, "false": rejected}}
      product: {path: product_uuid, system: foreign}
      position: null
"""


def foreign(op: str, **item: Any) -> dict[str, Any]:
    return {"payload": {"items": [{"uid": 7, "op": op, "rev": 12, **item}]}}


def _project(source: Source, type_: str, body: dict[str, Any]) -> list[Any]:
    found = events(source, body, {"x-event": type_, "x-delivery": "d-1"})
    assert [event.id for event in found] == ["d-1"]
    return [change for event in found for change in source.project(event, VERSION).changes]


def test_a_sender_of_another_shape(tmp_path: Path) -> None:
    """Type and id in headers, a nested list, sequence numbers, a mode by word, filters in expressions: all of it is YAML."""
    source = one(tmp_path, FOREIGN)
    body = foreign(
        "upsert",
        refs=[{"kind": "sku", "value": "A"}, {"kind": "ean", "value": "1"}],
        alt="x",
        alt_en="y",
        public=1,
        product_uuid="u1",
        position=3,
    )
    (change,) = _project(source, "media.changed", body)
    assert (change.record, change.full) == ("asset/foreign/7", ("",))
    assert dict(change.leaves) == {
        "status": "active",
        "claims.sku": [["A", "A"]],
        "claims.product": [["foreign", "u1"]],
        "texts.alt.*": "x",
        "texts.alt.en_GB": "y",
        "approval": "approved",
    }
    assert parts(change.order).source == 12
    (gone,) = _project(source, "media.changed", foreign("remove"))
    assert dict(gone.leaves) == {"status": "deleted"}


def test_a_subtree_that_is_whole(tmp_path: Path) -> None:
    """A mode that names subtrees replaces them where they are mentioned, even when empty, and leaves the rest alone."""
    source = one(tmp_path, FOREIGN)
    record = Record("asset/foreign/7")
    merge(record, _project(source, "media.changed", foreign("upsert", tags=["a", "b"], alt="x")))
    merge(record, _project(source, "media.tagged", foreign("", tags=["c"], rev=13)))
    assert sorted(leaf for leaf in visible(record) if leaf.startswith("tags.")) == ["tags.c"]
    assert visible(record)["texts.alt.*"] == "x"
    merge(record, _project(source, "media.tagged", foreign("", rev=14)))
    assert "tags.c" in visible(record)
    merge(record, _project(source, "media.tagged", foreign("", tags=[], rev=15)))
    assert "tags.c" not in visible(record)


THIN = """
  thin:
    preset: generic-pim
    secrets: [env:PRIMARY]
    overrides:
      order: null
      mode: thin
      split: ProductIds
      key: _value
      type: {const: changed}
      events:
        {changed: {}, product.saved: null, product.changed: null, product.deleted: null, model.saved: null, model.changed: null,
         model.deleted: null}
"""


def test_a_thin_event_without_order_only_fetches(tmp_path: Path) -> None:
    """Where nothing orders a sender's events they set no leaf, whatever their payload says."""
    source = one(tmp_path, THIN)
    projected = [source.project(event, VERSION) for event in events(source, {"ProductIds": [20411, 20412], "sku": "X"})]
    assert [change for one_ in projected for change in one_.changes] == []
    assert [task.key for one_ in projected for task in one_.tasks] == ["fetch product thin 20411", "fetch product thin 20412"]
    assert projected[0].tasks[0].trigger_us == 0


def test_null_takes_one_of_a_group_away(tmp_path: Path) -> None:
    """A text, an alias, a measure of the preset; also of embedded records, and where the preset has none."""
    words = """
  cloudinary-eu:
    preset: cloudinary
    secrets: [env:PRIMARY]
    when_rights_unknown: show
    overrides: {texts: {alt: null, title: asset_id}, media: {width: null}, parts: {x: null}}
"""
    source = one(tmp_path, words)
    upload = {"notification_type": "upload", "asset_id": "a", "version": 1, "width": 7, "height": 8, "context": {"custom": {"alt": "b"}}}
    (event,) = events(source, upload | {"public_id": "p", "timestamp": "2026-10-14T08:12:31Z"})
    (change,) = source.project(event, VERSION).changes
    assert change.leaves["media"] == {"height": 8}
    assert {leaf for leaf in change.leaves if leaf.startswith("texts.")} == {"texts.title.*"}
    shop = "\n  shop:\n    preset: shopify\n    secrets: [env:PRIMARY]\n    overrides: {embedded_fields: {asset: {texts: {alt: null}}}}\n"
    text = (Path(__file__).parent / "samples" / "shopify-products-update.json").read_bytes()
    found = events(one(tmp_path, shop), json.loads(text), {"x-shopify-topic": "products/update"})
    asset = next(change for event in found for change in one(tmp_path, shop).project(event, VERSION).changes if "asset/" in change.record)
    assert "url" in asset.leaves
    assert "texts.alt.*" not in asset.leaves
