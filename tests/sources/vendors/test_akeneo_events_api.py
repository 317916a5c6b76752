"""Akeneo's Events API: several events in a request, products without uuid, values without types, TESSA's attributes.

Owns: shapes beyond its samples. Does not own: the Event Platform (test_akeneo_products.py beside it).
Next stop: tests/sources/vendors/test_tessa.py.
"""

import hmac
import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.sources.source import Received, Source
from schemas.event import Event
from tests.sources.builders import ARRIVED_US, VERSION, changes, events, leaves, one, sample

LEGACY = """
  legacy:
    preset: akeneo-events-api
    secrets: [env:PRIMARY]
    tolerance_s: null
    joins: {packshots: {system: tessa}}
    roles: {packshots: hero}
"""
API = "    api: {url: 'https://pim.example.com', token: env:PRIMARY}\n"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return one(tmp_path, LEGACY)


def told(action: str, resource: dict[str, Any], *, at: str = "2026-08-24T09:15:40+00:00", number: int = 0) -> dict[str, Any]:
    return {
        "action": action,
        "event_id": f"event-{number}",
        "event_datetime": at,
        "author": "julia",
        "author_type": "ui",
        "data": {"resource": resource},
    }


def test_ten_events_are_ten_things(source: Source) -> None:
    """Each event of a request has its own id, type and record; one that cannot be read takes no other with it."""
    resources = [{"identifier": f"S-{number}", "uuid": f"u-{number}", "updated": "2026-08-24T09:15:40+00:00"} for number in range(10)]
    body = {"events": [told("product.updated", each, number=number) for number, each in enumerate(resources)]}
    body["events"][3]["data"] = {"resource": {"updated": "never"}}
    body["events"][7]["action"] = "product_model.removed"
    body["events"][7]["data"] = {"resource": {"code": "M"}}
    received = source.receive(orjson.dumps(body), ARRIVED_US, {})
    assert [event.key for event in received.events if "product/" in event.key] == [
        f"product/legacy/u-{number}" for number in (0, 1, 2, 4, 5, 6, 8, 9)
    ]
    assert [(event.id, event.type, event.key) for event in received.events if "model/" in event.key] == [
        ("event-7", "product_model.removed", "model/legacy/M")
    ]
    assert [(unread.event_id, unread.type) for unread in received.unread] == [("event-3", "product.updated")]
    assert all(b"events" not in event.value for event in received.events)


def test_a_letter_of_one_event_is_replayed_alone(source: Source) -> None:
    """What stands in a letter is one event; what stands in one about a whole request is read event by event."""
    whole = sample("akeneo-events-api-product-updated")[1]
    event = Event("letter", source.name, "", "", whole, ARRIVED_US)
    replayed = [change.record for change in source.project(event, VERSION).changes if change.record.startswith("product/")]
    assert replayed == [event.key for event in events(source, whole)]


def test_authors_of_all_events_are_hashed(source: Source) -> None:
    """No name of a person reaches the log."""
    assert not any(
        b"julia" in event.value or b"erp_0001" in event.value for event in events(source, sample("akeneo-events-api-product-updated")[1])
    )


def test_a_product_without_uuid(source: Source) -> None:
    """5.0 and 6.0 name products by their identifier, in changes and in removals."""
    saved = told("product.updated", {"identifier": "A", "enabled": True, "values": [], "updated": "2026-08-24T09:15:40+00:00"})
    removed = told("product.removed", {"identifier": "A"}, at="2026-08-24T10:00:00+00:00")
    first, second = changes(source, {"events": [saved]}), changes(source, {"events": [removed]})
    assert first[0].record == second[0].record == "product/legacy/A"
    assert dict(first[0].leaves) == {"status": "active", "keys.sku": ["A", "A"], "enabled": True}
    assert (second[0].full, dict(second[0].leaves)) == (("",), {"status": "deleted"})
    assert first[0].order < second[0].order


def test_a_full_state_forgets(source: Source) -> None:
    """A product event is the whole product: what it does not mention is gone."""
    (change, *_) = changes(source, sample("akeneo-events-api-product-updated")[1])
    assert change.full == ("",)


def test_named_attributes_link(source: Source) -> None:
    """Values have no types: an attribute links where `joins` or `roles` names it, and no other list of words does."""
    values = {
        "packshots": [{"locale": None, "scope": None, "data": ["b", "a"]}],
        "colours": [{"locale": None, "scope": None, "data": ["red", "blue"]}],
    }
    body = {"events": [told("product.updated", {"uuid": "u", "values": values, "updated": "2026-08-24T09:15:40+00:00"})]}
    assert leaves(source, body) == {"status": "active", "links.hero.*.*": [["tessa", "id", "b"], ["tessa", "id", "a"]]}


def test_tessas_attribute_is_known_by_its_links(source: Source) -> None:
    """A text of ids with a list of links is TESSA's: display order, one asset each, an address each."""
    values = {
        "images": [{"locale": None, "scope": "ecommerce", "data": "15,12", "_links": ["https://t.example/15", "https://t.example/12"]}]
    }
    body = {"events": [told("product.updated", {"uuid": "u", "values": values, "updated": "2026-08-24T09:15:40+00:00"})]}
    product, *assets = changes(source, body)
    assert product.leaves["links.images.*.ecommerce"] == [["tessa", "id", "15"], ["tessa", "id", "12"]]
    assert [(asset.record, asset.leaves["url"]) for asset in assets] == [
        ("asset/tessa/15", "https://t.example/15"),
        ("asset/tessa/12", "https://t.example/12"),
    ]


def test_prices_are_dropped_by_shape(source: Source) -> None:
    """No type says that a value is a price; amount and currency do."""
    values = {"list_price": [{"locale": None, "scope": None, "data": [{"amount": "424242", "currency": "EUR"}]}]}
    body = {"events": [told("product.updated", {"uuid": "u", "values": values, "updated": "2026-08-24T09:15:40+00:00"})]}
    assert all(b"424242" not in event.value for event in events(source, body))


def test_a_changed_model_asks_for_its_variants(tmp_path: Path) -> None:
    """What variants inherit stands in their own events only; with access to the API they are read when their model changes."""
    body = sample("akeneo-events-api-product-model-updated")[1]
    for words, expected in ((LEGACY, []), (LEGACY + API, ["fetch variants legacy LMP-2041"])):
        source = one(tmp_path, words)
        assert [task.key for event in events(source, body) for task in source.project(event, VERSION).tasks] == expected


def test_the_signature_has_a_dot_and_an_age(tmp_path: Path) -> None:
    """Timestamp, dot, body; five minutes old at most, unless the source says otherwise."""
    source = one(tmp_path, LEGACY.replace("    tolerance_s: null\n", ""))
    headers, body = sample("akeneo-events-api-product-updated")
    sent = float(headers["x-akeneo-request-timestamp"])
    assert source.verify(headers, body, sent + 299) == ""
    assert source.verify(headers, body, sent + 301) != ""
    undotted = hmac.new(b"s3cr3t", headers["x-akeneo-request-timestamp"].encode() + body, "sha256").hexdigest()
    assert source.verify({**headers, "x-akeneo-request-signature": undotted}, body, sent) != ""
    rewritten = json.dumps(json.loads(body)).encode()
    assert source.verify(headers, rewritten, sent) != ""


def test_the_button_test_leaves_nothing(source: Source) -> None:
    """It sends a signed request without a body (WebhookReachabilityChecker.php); neither an event nor a letter comes of it."""
    signed = {
        "x-akeneo-request-timestamp": "1787562952",
        "x-akeneo-request-signature": hmac.new(b"s3cr3t", b"1787562952.", "sha256").hexdigest(),
    }
    assert source.verify(signed, b"", 1787562960) == ""
    assert source.receive(b"", ARRIVED_US, signed) == Received()
    assert len(source.receive(b"[]", ARRIVED_US, signed).unread) == 1


def test_an_unknown_action_is_a_letter(source: Source) -> None:
    """A new kind of event is never lost."""
    received = source.receive(orjson.dumps({"events": [told("product.archived", {"uuid": "u"})]}), ARRIVED_US, {})
    assert [unread.type for unread in received.unread] == ["product.archived"]
