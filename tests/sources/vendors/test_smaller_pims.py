"""Bluestone, Struct, Ergonode, Pimcore, Plytix, inriver and SCAYLE: what they mean beyond the samples.

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
import yaml

from app.configuration import load
from app.errors import Misconfigured, Unmappable
from tests.sources.builders import NOW_S, SAMPLES
from tests.sources.expectations import ENVIRON, VENDORS, Golden, source
from tests.sources.vendors.deciding import Shop, overridden, received, sample

AT_MS = 1787562940000


def bluestone(*events: tuple[str, list[str], dict[str, Any]], at_ms: int = AT_MS) -> dict[str, Any]:
    changes = [{"changes": {"eventType": type_, "entityIds": things, **more}} for type_, things, more in events]
    return {"timestamp": at_ms, "events": changes}


def changed(field: str, value: str | None) -> dict[str, Any]:
    return {"metadataChanges": [{"field": field, "oldValue": None, "newValue": value, "context": "en"}]}


def test_bluestone_with_several_events_in_one_request() -> None:
    """Every event is read by its own type and every entity is a record of its own; a category among them leaves nothing."""
    shop = Shop("bluestone")
    body = bluestone(
        ("PRODUCT_CREATED", ["p1"], changed("NUMBER", "A-1")),
        ("CATEGORY_UPDATED", ["c1"], {}),
        ("PRODUCT_WATCH_STATE", ["p2", "p3"], {}),
        ("ASSET_CREATED", ["a1"], changed("NUMBER", "a1")),
    )
    events = received(shop.source, body).events
    assert [(event.type, event.key) for event in events] == [
        ("PRODUCT_CREATED", "product/bluestone/p1"),
        ("PRODUCT_WATCH_STATE", "product/bluestone/p2"),
        ("PRODUCT_WATCH_STATE", "product/bluestone/p3"),
        ("ASSET_CREATED", "asset/bluestone/a1"),
    ]
    assert len({event.id for event in events}) == 4
    shop.send(body)
    assert shop.leaves("product/bluestone/p1")["keys.sku"] == ["A-1", "A-1"]
    # The number of an asset is no SKU.
    assert not [leaf for leaf in shop.leaves("asset/bluestone/a1") if leaf.startswith("claims")]
    assert shop.wishes() == [("product", "p1"), ("product", "p2"), ("product", "p3"), ("asset", "a1")]


def test_bluestones_order_is_the_requests_time() -> None:
    """Of two changes of a product's number the later one wins, by milliseconds, in whichever order they arrive."""
    bodies = [bluestone(("PRODUCT_WATCH_METADATA_NUMBER", ["p1"], changed("NUMBER", f"A-{n}")), at_ms=AT_MS + n) for n in (1, 2)]
    for order in permutations(bodies):
        shop = Shop("bluestone")
        for body in order:
            shop.send(body)
        assert shop.leaves("product/bluestone/p1")["keys.sku"] == ["A-2", "A-2"]


def test_bluestones_associations_are_wishes() -> None:
    """An association names one asset and not its place among the others: nothing is linked, the product is asked for."""
    shop = Shop("bluestone")
    assert shop.send(bluestone(("PRODUCT_WATCH_ASSET", ["p1"], {"assetChange": {"changeType": "ASSOCIATE", "assetId": "a1"}}))) == []
    assert shop.wishes() == [("product", "p1")]


def test_bluestones_unknown_types_are_letters() -> None:
    """One unknown type among others is a letter of its own; the others are read."""
    one = received(source("bluestone"), bluestone(("PRODUCT_MERGED", ["p1"], {}), ("PRODUCT_WATCH_STATE", ["p2"], {})))
    assert [event.key for event in one.events] == ["product/bluestone/p2"]
    assert [unread.type for unread in one.unread] == ["PRODUCT_MERGED"]


@pytest.mark.parametrize("prefix", ["", "sha256="])
def test_bluestones_prefix_is_optional(prefix: str) -> None:
    """A receiver in public code reads the signature with and without `sha256=`; base64 is refused until it is configured."""
    body = (SAMPLES / "bluestone-product-created.json").read_bytes()
    mac = hmac.new(b"s3cr3t", body, hashlib.sha256)
    assert source("bluestone").verify({"x-bs-signature": prefix + mac.hexdigest()}, body, NOW_S) == ""
    assert source("bluestone").verify({"x-bs-signature": prefix + base64.b64encode(mac.digest()).decode()}, body, NOW_S) != ""


@pytest.mark.parametrize(
    ("key", "body", "wishes"),
    [
        ("products.updated", {"ProductIds": [1]}, [("model", "1")]),
        ("products:created", {"ProductIds": [1, 2]}, [("model", "1"), ("model", "2")]),
        ("products:deleted", {"ProductIds": [1]}, [("model", "1")]),
        ("variants.deleted", {"VariantIds": [3]}, [("product", "3")]),
    ],
)
def test_struct_in_both_spellings(key: str, body: dict[str, Any], wishes: list[tuple[str, str]]) -> None:
    """Dot and colon mean the same; every id is a wish and no state, deletions too, since a body has no time."""
    shop = Shop("struct")
    assert shop.send(body, {"x-event-key": key, "x-request-uid": "u-1"}) == []
    assert shop.wishes() == wishes


def test_struct_without_its_ids_is_a_letter() -> None:
    """A key that is not known, or a body without the ids of its key, is a letter."""
    for key, body in (("products:updated", {"VariantIds": [1]}), ("orders:updated", {"OrderIds": [1]})):
        assert len(received(source("struct"), body, {"x-event-key": key}).unread) == 1


def test_ergonodes_token() -> None:
    """The token is checked with its times; another secret's, an expired and a missing one are refused. The body is not signed."""
    golden = Golden("ergonode-product-updated", {"source": "ergonode"})
    at_s = 1787563000
    ergonode = golden.source
    assert ergonode.verify(golden.headers, golden.body, at_s) == ""
    assert ergonode.verify(golden.headers, golden.body, at_s + 7200) != ""
    header, claims, signature = golden.headers["x-app-token"].split(".")
    assert ergonode.verify({**golden.headers, "x-app-token": f"{header}.{claims}.{signature[::-1]}"}, golden.body, at_s) != ""
    assert ergonode.verify({}, golden.body, at_s) != ""


@pytest.mark.parametrize("name", ["product_created", "product_updated", "product_deleted"])
def test_ergonode_believes_no_unsigned_body(name: str) -> None:
    """Whatever a body says of a product is a wish to look; other resources leave nothing, names nobody knows are letters."""
    shop = Shop("ergonode")
    body = {"name": name, "resource_id": {"id": "A-1"}, "synchronization": {"events": []}}
    assert shop.send(body) == []
    assert shop.wishes() == [("product", "A-1")]
    for other in ("attribute_updated", "category_created", "synchronization_ended", "app_installed"):
        assert received(shop.source, {**body, "name": other}).events == []
    assert len(received(shop.source, {**body, "name": "product_renamed"}).unread) == 1


def test_ergonode_is_put_below_its_source() -> None:
    """Requests are put to /consume/{event} below the source's address."""
    ergonode = source("ergonode")
    assert ergonode.below
    assert "PUT" in ergonode.methods


def pimcore(subject: dict[str, Any], event: str = "pimcore.dataobject.postUpdate", at_s: int = 1787562940) -> dict[str, Any]:
    general = {"eventName": event, "timestamp": at_s, "subjectType": "object", "versionOnly": False}
    return {"general": general, "subject": {"id": 1, "type": "object", "published": True, **subject}}


def test_pimcores_labels_are_translated() -> None:
    """The last name in parentheses counts, whatever the label's language and whatever parentheses it has itself."""
    for label in ("SKU (sku)", "Artikelnummer (sku)", "SKU (Webshop) (sku)"):
        shop = Shop("pimcore")
        shop.send(pimcore({label: "A-1", "Bezeichnung (name)": "Lampe"}))
        assert shop.answer("A-1")["product"]["name"] == "Lampe"


def test_pimcores_drafts_folders_and_failures_leave_nothing() -> None:
    """Drafts (versionOnly), folders, documents and failed saves become neither events nor letters."""
    draft = pimcore({"SKU (sku)": "A-1"})
    draft["general"]["versionOnly"] = True
    others = [pimcore({}, type_) for type_ in ("pimcore.document.postUpdate", "pimcore.dataobject.postUpdateFailure", "workflow.completed")]
    for body in (draft, pimcore({"type": "folder"}), pimcore({"type": "folder"}, "pimcore.asset.postAdd"), *others):
        one = received(source("pimcore"), body)
        assert (one.events, one.unread) == ([], [])


def test_pimcores_states_and_deletions() -> None:
    """An unpublished object is off, a deleted one gone; a cleared field is taken away; of one second, versionCount decides."""
    shop = Shop("pimcore")
    shop.send(pimcore({"SKU (sku)": "A-1", "Name (name)": "Lamp", "Versions (versionCount)": 2}))
    shop.send(pimcore({"SKU (sku)": "A-1", "Name (name)": "Old", "Versions (versionCount)": 1}))
    assert shop.answer("A-1")["product"]["name"] == "Lamp"
    shop.send(pimcore({"SKU (sku)": "A-1", "Name (name)": None, "published": False}, at_s=1787562941))
    assert shop.answer("A-1")["product"]["name"] is None
    assert shop.leaves("product/pimcore/1")["enabled"] is False
    shop.send(pimcore({}, "pimcore.dataobject.postDelete", 1787562941))
    assert shop.answer("A-1")["product"] is None


def test_pimcores_files_stay_out(tmp_path: Path) -> None:
    """The optional base64 of an asset's file does not reach the log; with a base configured an asset has its URL."""
    body = sample("pimcore-datahub-asset-postupdate")
    body["subject"] |= {"binary": "aGVsbG8=", "userModification": 4711}
    config = overridden(tmp_path, "pimcore", {"url": "concat('https://pim.example', quoted(path))"})
    shop = Shop("pimcore", config)
    (event,) = received(shop.source, body).events
    assert b"aGVsbG8=" not in event.value
    assert b"4711" not in event.value
    shop.send(body)
    assert shop.leaves("asset/pimcore/9917")["url"] == "https://pim.example/Packshots/lmp_2041_blk_front.jpg"


def test_a_token_in_the_path() -> None:
    """Senders that sign nothing are known by the last part of the path; another one, or none, is refused."""
    for name in ("pimcore", "plytix", "scayle"):
        assert source(name).verify({":path": f"/webhooks/{name}/s3cr3t"}, b"{}", NOW_S) == ""
        for path in (f"/webhooks/{name}/other", f"/webhooks/{name}", f"/webhooks/{name}/"):
            assert source(name).verify({":path": path}, b"{}", NOW_S) != ""


@pytest.mark.parametrize("event", ["pimcore.dataobject.preUpdate", "pimcore.dataobject.preDelete", "pimcore.asset.postUpdate"])
def test_sintras_pre_events_leave_nothing(event: str) -> None:
    """What is sent before a save may describe one that then fails."""
    one = received(source("pimcore-sintra"), {"id": 1}, {"pimcore-event": event})
    assert (one.events, one.unread) == ([], [])


def test_sintra_with_a_modification_date(tmp_path: Path) -> None:
    """Where objects are serialised with their date, three words of configuration make full states of them."""
    events = {"pimcore.dataobject.postDelete": {"mode": "deletion"}}
    config = overridden(tmp_path, "pimcore-sintra", {"mode": "full", "order": {"time": "modificationDate"}, "events": events})
    shop = Shop("pimcore-sintra", config)
    body = {"id": 1, "sku": "A-1", "published": True, "modificationDate": 1787562940}
    shop.send(body, {"pimcore-event": "pimcore.dataobject.postUpdate"})
    assert shop.answer("A-1")["product"]["id"] == "1"
    shop.send(body, {"pimcore-event": "pimcore.dataobject.postDelete"})
    assert shop.answer("A-1")["product"] is None


@pytest.mark.parametrize("status", ["success", "failed"])
def test_plytix_is_acknowledged(status: str) -> None:
    """A processed channel names no product: nothing becomes of it, and it is no letter; any other body is."""
    one = received(source("plytix"), {**sample("plytix-channel-processed"), "channel_processing_status": status})
    assert (one.events, one.unread) == ([], [])
    assert len(received(source("plytix"), {"products": []}).unread) == 1


def test_inrivers_resources_are_assets() -> None:
    """A Resource is an asset, everything else a product; the same bytes on another day are another event."""
    body = orjson.dumps({"EntityId": 9, "IsResource": True, "FieldTypeIds": ["ResourceFileId"]})
    shop = Shop("inriver")
    shop.send(body)
    assert shop.wishes() == [("asset", "9")]
    ids = {event.id for at in (1, 2) for event in shop.source.receive(body, 1_792_100_000_000_000 + at, {}).events}
    assert len(ids) == 2


@pytest.mark.parametrize("type_", ["product-created", "product-updated", "product-deleted"])
def test_scayle_asks_for_the_product(type_: str) -> None:
    """Product events are wishes; the reference key becomes a SKU only where the customer says that it is one."""
    shop = Shop("scayle")
    body = {**sample("scayle-product-updated"), "type": type_}
    assert shop.send(body) == []
    assert shop.wishes() == [("product", "884101")]


def test_scayles_other_events() -> None:
    """Masters, prices and stock have events of their own, which leave nothing; what may tell of a variant's end is a letter."""
    body = {**sample("scayle-product-updated"), "payload": {"productVariant": {"id": 5}, "prices": [{"price": 4242}]}}
    for name in ("master-updated", "variant-prices-updated", "variant-stock-updated", "variant-availability-updated"):
        one = received(source("scayle"), {**body, "type": f"product-{name}"})
        assert (one.events, one.unread) == ([], [])
    (letter,) = received(source("scayle"), {**body, "type": "product-variant-deleted"}).unread
    assert b"4242" not in letter.value


def test_scayles_reference_key_as_sku(tmp_path: Path) -> None:
    """One override makes the reference key the SKU."""
    shop = Shop("scayle", overridden(tmp_path, "scayle", {"sku": "payload.referenceKey"}))
    shop.send(sample("scayle-product-updated"))
    assert shop.answer("LMP-2041-BLK")["product"]["id"] == "884101"


def test_a_fetched_state_needs_a_reading() -> None:
    """Where the facts give no shape of a state, a fetched one is refused and said so, rather than guessed at."""
    with pytest.raises(Unmappable, match=r"fetched\.product"):
        Shop("struct").fetch("product", "1", {"Id": 1})


def test_wishes_need_no_access(tmp_path: Path) -> None:
    """Where nobody can read a state yet, a configuration without access is complete; where one could, it is not."""
    words = {
        name: yaml.safe_load((VENDORS / f"{name}.bindery.yaml").read_text())["sources"] for name in ("struct", "ergonode", "bluestone")
    }
    path = tmp_path / "bindery.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "sources": words["struct"] | words["ergonode"]}))
    assert set(load(path, environ=ENVIRON, strict=True).sources) == {"struct", "ergonode"}
    del words["bluestone"]["bluestone"]["api"]
    path.write_text(yaml.safe_dump({"version": 1, "sources": words["bluestone"]}))
    with pytest.raises(Misconfigured, match=r"sources\.bluestone\.api"):
        load(path, environ=ENVIRON, strict=True)


def test_a_fetched_product_of_bluestone() -> None:
    """Number and name are read of a fetched state, as far as its shape is known; a product that is not there is deleted."""
    shop = Shop("bluestone")
    shop.fetch("product", "p1", {"id": "p1", "number": "A-9", "name": "Lamp"})
    assert shop.answer("A-9")["product"]["name"] == "Lamp"
    shop.fetch("product", "p1", None)
    assert shop.answer("A-9")["product"] is None
