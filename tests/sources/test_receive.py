"""The way through a body: hot fields, tokens, authors, splitting, what cannot be read.

Owns: what leaves receive(). Does not own: what events mean (tests/sources/test_cloudinary.py and its neighbours).
Next stop: tests/sources/test_cloudinary.py.
"""

import json
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.errors import Malformed, Unmappable
from app.sources.source import Received, Source
from tests.sources.builders import AKENEO, ARRIVED_US, ASSET, CLOUDINARY, events, one, sample, unread

MARK = "424242"
HOT = "hot_fields: [price, Stock Level, größe, 'a/b']"


@pytest.fixture
def cloudinary(tmp_path: Path) -> Source:
    return one(tmp_path, CLOUDINARY, HOT)


def kept(received: Received) -> bytes:
    """Everything of a request that would reach the log."""
    return b"\n".join([e.value + repr(e).encode() for e in received.events] + [u.value + repr(u).encode() for u in received.unread])


def upload(**more: Any) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(sample("cloudinary-upload")[1])
    return {**body, **more}


HIDING = {
    "plain": json.dumps(upload(price=int(MARK))),
    "other case": json.dumps(upload(PRICE=MARK)),
    "deep": json.dumps(upload(metadata={"a": [{"b": {"Price": {"amount": MARK}}}]})),
    "spaces in the name": json.dumps(upload(**{"STOCK level": MARK})),
    "a name beyond ASCII": json.dumps(upload(größe=MARK), ensure_ascii=False),
    "a name beyond ASCII, escaped": json.dumps(upload(größe=MARK)),
    "an escaped slash": json.dumps(upload(**{"a/b": MARK})).replace("a/b", "a\\/b"),
    "an escaped name": json.dumps(upload(price=MARK)).replace('"price"', '"\\u0070ric\\u0065"'),
    "an escaped name in upper case": json.dumps(upload(price=MARK)).replace('"price"', '"\\u0050\\u0052\\u0049\\u0043\\u0045"'),
    "JSON in a string": json.dumps(upload(payload=json.dumps({"x": [{"price": MARK}]}))),
    "JSON in JSON in a string": json.dumps(upload(payload=json.dumps({"x": json.dumps({"price": MARK})}))),
    "an escaped name in JSON in a string": json.dumps(upload(payload='{"\\u0070rice":' + MARK + "}")),
    "broken JSON in a string": json.dumps(upload(payload='{"price":' + MARK)),
    "a list in a string": json.dumps(upload(payload=json.dumps([{"price": MARK}]))),
    "a shadowed duplicate": json.dumps(upload(note=1)).replace('"note"', f'"note": {{"price": {MARK}}}, "note"'),
    "a doubled name": json.dumps(upload(price=1)).replace('"price"', f'"price": {MARK}, "price"'),
    "the resources of a split": json.dumps(
        {"notification_type": "delete", "resources": [{"asset_id": "a", "price": MARK}, {"asset_id": "b", "x": {"price": MARK}}]}
    ),
    "an unknown type": json.dumps({"notification_type": "sale", "price": MARK}),
    "no type at all": json.dumps({"price": MARK}),
    "a list": json.dumps([{"price": MARK}]),
    "a string": json.dumps(json.dumps({"price": MARK})),
    "behind a label": json.dumps({"Preis (price)": MARK}),
    "with a unit": json.dumps({"Price (EUR)": MARK}),
    "as a word beside the value": json.dumps({"custom_attributes": [{"attribute_code": "price", "value": MARK}]}),
    "no JSON": '{"price": ' + MARK,
    "no UTF-8": '{"price": "\xff' + MARK + '"}',
    "no text": "price=" + MARK,
    "too deep": '{"a":' * 300 + f'{{"price":{MARK}}}' + "}" * 300,
}


@pytest.mark.parametrize("name", HIDING)
def test_hot_fields_never_pass(cloudinary: Source, name: str) -> None:
    """Wherever a hot field hides, nothing that leaves holds its value."""
    body = HIDING[name].encode("latin-1" if name == "no UTF-8" else "utf-8")
    assert MARK.encode() in body
    received = cloudinary.receive(body, ARRIVED_US, {})
    assert received.events or received.unread
    assert MARK.encode() not in kept(received)


def test_what_is_not_hot_stays(cloudinary: Source) -> None:
    """Dropping takes nothing else along, and prose about a price is no price."""
    stays = {"sku_list": "NH-1", "note": "the price is right", "Shown (on price lists)": 1, "named": [{"name": "price", "text": "Preis"}]}
    body = upload(price=1, metadata={**stays, "Stock Level": 3})
    (event,) = events(cloudinary, body)
    assert orjson.loads(event.value)["metadata"] == stays


def test_a_name_of_nothing_but_spaces_holds_nothing_up(cloudinary: Source) -> None:
    """Finding the label in a name takes a moment, however the name is made: all other requests wait for it."""
    body = json.dumps(upload(price=MARK, **{" " * 200_000 + ")": 1, "Preis" + " " * 200_000 + "(price)": MARK})).encode()
    began_s = time.process_time()
    assert MARK.encode() not in kept(cloudinary.receive(body, ARRIVED_US, {}))
    assert time.process_time() - began_s < 2


def test_price_attributes_are_dropped_by_type(tmp_path: Path) -> None:
    """An Akeneo attribute of the price type goes, whatever its name, and leaves no empty list behind."""
    body = orjson.loads(sample("akeneo-eventplatform-product-updated-delta")[1])
    values = body["data"]["product"]["changes"]["values"]
    values["listino"] = [{"previous": None, "new": [{"amount": MARK}], "type": "pim_catalog_price_collection", "locale": None}]
    (event,) = events(one(tmp_path, AKENEO), body)
    assert MARK.encode() not in event.value
    assert set(orjson.loads(event.value)["data"]["product"]["changes"]["values"]) == {"packshots", "picture", "sku", "description"}


def test_a_source_without_hot_fields_keeps_what_is_no_json(tmp_path: Path) -> None:
    """Nothing is masked where nothing is hot, so the letter can be replayed."""
    (letter,) = one(tmp_path, CLOUDINARY).receive(b"half 42", ARRIVED_US, {}).unread
    assert (letter.value, letter.replayable) == (b"half 42", True)
    assert isinstance(letter.error, Malformed)


def test_a_masked_body_cannot_be_replayed(cloudinary: Source) -> None:
    """What was masked says so."""
    (letter,) = cloudinary.receive(b"half 42", ARRIVED_US, {}).unread
    assert (letter.value, letter.replayable) == (b"half ##", False)


def test_the_token_of_the_verifier_is_dropped(tmp_path: Path) -> None:
    """A token in the body never leaves, not even as a doubled member."""
    source = one(
        tmp_path,
        """
  canto:
    preset: generic-dam
    secrets: [env:PRIMARY]
    when_rights_unknown: hide
    overrides: {verify: {scheme: token, field: secure_token}, split: null, type: {const: asset.saved}, order: {time: at}}
""",
    )
    body = b'{"secure_token":"s3cr3t","id":"a1","at":"2026-10-14T08:12:31Z","secure_token":"s3cr3t"}'
    assert source.verify({}, body, 0) == ""
    (event,) = events(source, body)
    assert b"s3cr3t" not in event.value
    assert event.key == "asset/canto/a1"


def test_a_list_of_resources_becomes_one_event_each(cloudinary: Source) -> None:
    """Each piece has its own key and id and keeps the sender's shape with its own resource alone."""
    found = events(cloudinary, sample("cloudinary-delete")[1])
    assert [event.key for event in found] == [ASSET, "asset/cloudinary-eu/00aa11bb22cc33dd44ee55ff66778899"]
    (id_,) = {event.id.rsplit(":", 1)[0] for event in found}
    assert [event.id for event in found] == [f"{id_}:0", f"{id_}:1"]
    assert [len(orjson.loads(event.value)["resources"]) for event in found] == [1, 1]


def test_a_map_of_resources_becomes_one_event_each(cloudinary: Source) -> None:
    """A map is split like a list; the map's keys stay."""
    body = orjson.loads(sample("cloudinary-move")[1])
    (resource,) = body["resources"].values()
    body["resources"] = {"a": {**resource, "asset_id": "A"}, "b": {**resource, "asset_id": "B"}}
    found = events(cloudinary, body)
    assert [event.key for event in found] == ["asset/cloudinary-eu/A", "asset/cloudinary-eu/B"]
    assert [list(orjson.loads(event.value)["resources"]) for event in found] == [["a"], ["b"]]


def test_one_bad_piece_spares_the_others(cloudinary: Source) -> None:
    """A resource without an id is a letter of its own."""
    body = {"notification_type": "delete", "timestamp": "2026-10-14T08:12:31Z", "resources": [{"asset_id": "a"}, {}, {"asset_id": ""}]}
    received = cloudinary.receive(json.dumps(body).encode(), ARRIVED_US, {})
    assert [event.key for event in received.events] == ["asset/cloudinary-eu/a"]
    assert [letter.event_id.rsplit(":")[1] for letter in received.unread] == ["1", "2"]
    assert all("key at asset_id" in str(letter.error) for letter in received.unread)


@pytest.mark.parametrize("resources", [None, "x", 7, True])
def test_what_cannot_be_split_is_one_letter(cloudinary: Source, resources: Any) -> None:
    """A body whose resources are neither list nor map is kept whole."""
    why = unread(cloudinary, {"notification_type": "delete", "resources": resources})
    assert "preset cloudinary, event delete: resources at resources: expected a list or an object" in why


def test_no_resources_are_no_events(cloudinary: Source) -> None:
    """An empty list says nothing about anything."""
    assert cloudinary.receive(b'{"notification_type":"delete","resources":[]}', ARRIVED_US, {}) == Received()


def test_pieces_that_would_grow_without_bound_are_refused(cloudinary: Source) -> None:
    """A large envelope around many resources becomes one letter, not gigabytes."""
    body = {"notification_type": "delete", "note": "x" * 200_000, "resources": [{"asset_id": str(n)} for n in range(2_000)]}
    assert "2000 resources" in unread(cloudinary, body)


def test_uninteresting_types_are_no_events(cloudinary: Source) -> None:
    """A type that the preset ignores is accepted and forgotten."""
    assert cloudinary.receive(b'{"notification_type":"create_folder"}', ARRIVED_US, {}) == Received()


def test_unknown_types_are_letters(cloudinary: Source) -> None:
    """A type that the preset does not know is never lost."""
    received = cloudinary.receive(b'{"notification_type":"sale"}', ARRIVED_US, {})
    assert received.unread[0].type == "sale"
    assert isinstance(received.unread[0].error, Unmappable)
    assert "name the type under" in str(received.unread[0].error)


def test_a_redelivery_has_the_same_id_and_value(cloudinary: Source) -> None:
    """The same bytes at another time differ in their arrival alone."""
    body = sample("cloudinary-upload")[1]
    first, second = (cloudinary.receive(body, at_us, {}).events[0] for at_us in (ARRIVED_US, ARRIVED_US + 1))
    assert (first.id, first.value, first.key) == (second.id, second.value, second.key)
    assert (first.arrived_us, second.arrived_us) == (ARRIVED_US, ARRIVED_US + 1)


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"7", b'"x"', b"\xff", b'{"a":"\\ud800"}', b"[" * 1100, b"[" * 300 + b"]" * 300, b"{"]
)
def test_bodies_that_are_no_notification(cloudinary: Source, body: bytes) -> None:
    """Any bytes become a letter, none an exception."""
    received = cloudinary.receive(body, ARRIVED_US, {})
    assert (received.events, len(received.unread)) == ([], 1)


ERGONODE = """
  pim:
    preset: generic-pim
    secrets: [env:PRIMARY]
    overrides:
      type: {segment: %s}
      receive: {methods: [POST, PUT], below: true}
      order: {time: _body.time}
"""


@pytest.mark.parametrize(
    ("segment", "path", "type_"),
    [
        (2, "/webhooks/pim/consume/product.saved?x=/a/b", "product.saved"),
        (-1, "/webhooks/pim/consume/product%2Esaved", "product.saved"),
        (1, "/webhooks/pim/product.saved/more", "product.saved"),
        (3, "/webhooks/pim/consume/product.saved", ""),
        (1, "/webhooks/pim", ""),
    ],
)
def test_a_type_in_the_path(tmp_path: Path, segment: int, path: str, type_: str) -> None:
    """Segments are counted below the source, from either end, and decoded."""
    source = one(tmp_path, ERGONODE % segment)
    assert source.below
    assert source.methods == frozenset({"POST", "PUT"})
    body = {"time": "2026-10-14T08:12:31Z", "products": [{"id": "p"}]}
    received = source.receive(orjson.dumps(body), ARRIVED_US, {":path": path, ":method": "PUT"})
    assert [event.type for event in received.events] == ([type_] if type_ else [])
    assert len(received.unread) == (0 if type_ else 1)


def test_hot_shapes_are_dropped(tmp_path: Path) -> None:
    """Prices that have no type are known by their members, exactly these, at any depth; a body without them is kept byte for byte."""
    words = "overrides: {hot_shapes: [[amount, currency]]}"
    source = one(tmp_path, f"\n  pim:\n    preset: generic-pim\n    secrets: [env:PRIMARY]\n    {words}\n")
    price = {"currency": "EUR", "amount": "4.99"}
    product = {
        "id": "p",
        "tag": price,
        "list": [price, {"amount": 1}],
        "text": orjson.dumps({"x": price}).decode(),
        "deep": {"y": [price]},
    }
    body = orjson.dumps({"type": "product.saved", "time": "2026-10-14T08:12:31Z", "products": [product]}, option=orjson.OPT_INDENT_2)
    (event,) = source.receive(body, ARRIVED_US, {}).events
    (kept,) = orjson.loads(event.value)["products"]
    assert kept == {"id": "p", "list": [{"amount": 1}], "text": "{}", "deep": {}}
    untouched = body.replace(b"currency", b"unit")
    assert source.receive(untouched, ARRIVED_US, {}).events[0].value == untouched
