"""States that a fetch brought: what is kept of them, how they read, what orders them; and wishes that are asked for again.

Owns: `fetched.<kind>`, Source.fetched(), the events bindery.fetched.* and bindery.fetch. Does not own: calling vendors (tests/fetchers/).
Next stop: tests/sources/test_include.py.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain import order
from app.domain.facets import Change
from app.errors import Malformed, Unmappable
from app.sources.fetching import FETCH, Found
from app.sources.receive import hashed
from app.sources.source import Source
from schemas.event import Event
from tests.sources.builders import ARRIVED_US, VERSION, events, mistakes, one

T_US = 1_791_965_551_000_000
BEGAN_US = T_US + 60_000_000

SHOP = """
  shop:
    preset: generic-pim
    secrets: [env:PRIMARY]
    hot_fields: [cost]
    api: {url: "https://pim.example.com/{id}"}
    overrides:
      hot_types: [price]
      hot_shapes: [[amount, currency]]
      fetched_authors: [author, made.who]
      fetching: {delay_s: 5, late_s: 300}
      mode: thin
      events:
        fetched.product: {order: {time: saved_at}, view: "{sku: code, name: label, parent: model}"}
        fetched.model: {}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Source:
    return one(tmp_path, SHOP)


def fetched(source: Source, state: Any, *, kind: str = "product", at_least: int = 0, began_us: int = BEGAN_US) -> Event:
    """The event of a fetched state of the thing "p"."""
    return source.fetched(Found(kind, "p", state), began_us=began_us, at_least=at_least, arrived_us=ARRIVED_US)


def change(source: Source, event: Event) -> Change:
    """The only change of an event, as it comes back from the log."""
    again = Event.read(event.key.encode(), event.value, event.headers())
    assert again == event
    (found,) = source.project(again, VERSION).changes
    return found


STATE = {"code": "S-1", "label": "Chair", "saved_at": "2026-10-14T08:12:31Z"}


def test_a_state_is_the_whole_record(shop: Source) -> None:
    """Read by the words of fetched.<kind>, which know nothing of the shape of the sender's events."""
    found = change(shop, fetched(shop, STATE))
    assert (found.record, found.full) == ("product/shop/p", ("",))
    assert found.leaves == {"keys.sku": ["S-1", "S-1"], "name": "Chair", "status": "active"}


def test_a_state_is_ordered_by_its_own_time(shop: Source) -> None:
    """And by rank above the event that made it be fetched, which has the same time."""
    parts = order.parts(change(shop, fetched(shop, STATE)).order)
    assert (parts.source, parts.rank, parts.fetched_us) == (T_US, order.FETCHED, BEGAN_US)


@pytest.mark.parametrize(("at_least", "expected"), [(0, T_US), (T_US - 1, T_US), (T_US + 1, T_US + 1)])
def test_a_state_is_no_older_than_the_deletion_that_was_looked_after(shop: Source, at_least: int, expected: int) -> None:
    """A thing that is there although it was said to be gone is there."""
    assert order.parts(change(shop, fetched(shop, STATE, at_least=at_least)).order).source == expected


@pytest.mark.parametrize("state", [{"id": "M"}, {"id": "M", "saved_at": "2020-01-01T00:00:00Z"}])
def test_a_state_without_an_order_is_ordered_by_the_fetch(shop: Source, state: dict[str, Any]) -> None:
    """By its start, on the vendor's clock."""
    assert order.parts(change(shop, fetched(shop, state, kind="model")).order).source == BEGAN_US


def test_a_state_whose_own_time_is_missing_is_ordered_by_the_fetch(shop: Source) -> None:
    """A vendor may leave it out of drafts."""
    assert order.parts(change(shop, fetched(shop, {"code": "S-1"})).order).source == BEGAN_US


@pytest.mark.parametrize(("at_least", "expected"), [(0, BEGAN_US), (BEGAN_US + 5, BEGAN_US + 5)])
def test_what_is_absent_is_deleted(shop: Source, at_least: int, expected: int) -> None:
    """At the start of the fetch, or at the deletion that asked for it."""
    found = change(shop, fetched(shop, None, at_least=at_least))
    assert (found.record, found.leaves, found.full) == ("product/shop/p", {"status": "deleted"}, ("",))
    parts = order.parts(found.order)
    assert (parts.source, parts.rank) == (expected, order.FETCHED)


def test_hot_fields_and_authors_do_not_reach_the_log(shop: Source) -> None:
    """By name, by type, by shape; who saved it is hashed."""
    prices = {"old": {"amount": "4.99", "currency": "EUR"}, "new": {"type": "price", "data": "4.99"}, "size": {"amount": 4, "unit": "cm"}}
    value = orjson.loads(fetched(shop, {**STATE, "Cost": "4.99", "author": "jo@example.com", "values": prices}).value)
    assert value == {
        "thing": "p",
        "at_least": 0,
        "state": {**STATE, "author": hashed("jo@example.com"), "values": {"size": {"amount": 4, "unit": "cm"}}},
    }


@pytest.mark.parametrize("made", [{"who": "jo"}, [{"who": "jo"}], "jo"])
def test_an_author_in_place_of_an_object_of_one_does_not_either(shop: Source, made: Any) -> None:
    """A vendor that writes the name where an object with the name should stand names nobody all the same."""
    assert b'"jo"' not in fetched(shop, {"code": "S-1", "made": made}).value


def test_what_the_fetcher_gave_is_left_alone(shop: Source) -> None:
    """Cleaning works on a copy: one page may be turned into several events."""
    state = {"code": "S-1", "cost": 1, "author": "jo"}
    fetched(shop, state)
    assert state == {"code": "S-1", "cost": 1, "author": "jo"}


def test_the_same_state_twice_is_one_change(shop: Source) -> None:
    """An owner that died between the append and the finished task does it again."""
    assert fetched(shop, STATE) == fetched(shop, STATE)
    assert fetched(shop, STATE).id != fetched(shop, STATE, began_us=BEGAN_US + 1).id


def test_a_state_that_cannot_be_kept_is_refused(shop: Source) -> None:
    """Deeper than the log's reader goes, or numbers that JSON cannot hold here."""
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    for state in ({"x": deep}, {"x": 1 << 80}):
        with pytest.raises(Malformed):
            fetched(shop, state)


def test_a_kind_that_nothing_reads_is_a_letter(shop: Source) -> None:
    """The message says which words are missing."""
    with pytest.raises(Unmappable, match=r"a fetched asset, which it does not read; say how under `events`: fetched\.asset"):
        shop.project(fetched(shop, {"id": "a"}, kind="asset"), VERSION)


def test_an_unreadable_state_names_path_and_type(shop: Source) -> None:
    """Never the value."""
    with pytest.raises(Unmappable, match=r"preset generic-pim, event bindery\.fetched\.product: keys\.sku at sku: .*found an object"):
        shop.project(fetched(shop, {**STATE, "code": {"secret": 1}}), VERSION)


def test_a_fetched_state_asks_for_nothing(shop: Source) -> None:
    """Or every fetch would ask for the next one."""
    assert shop.project(fetched(shop, STATE), VERSION).tasks == []
    assert shop.project(fetched(shop, None), VERSION).tasks == []


@pytest.mark.parametrize("type_", ["bindery.fetched.product", "bindery.fetch", "fetched.product"])
def test_no_sender_can_pass_for_a_fetch(tmp_path: Path, type_: str) -> None:
    """Not even where a preset takes every type: such a request is a letter, and stays one when it is replayed."""
    source = one(tmp_path, SHOP.replace("fetched.model: {}", 'fetched.model: {}\n        "bindery.*": {}\n        "*z": {}'))
    sent = {"id": "e", "type": type_, "time": "2026-10-14T08:12:31Z", "thing": "p", "state": None, "products": [{"id": "p"}]}
    received = source.receive(orjson.dumps(sent), ARRIVED_US, {})
    assert received.events == []
    replayed = Event(id="e", source="shop", type=type_, key="", value=orjson.dumps(sent), arrived_us=ARRIVED_US)
    with pytest.raises(Unmappable):
        source.project(replayed, VERSION)


def test_a_wish_is_asked_for_again(shop: Source) -> None:
    """A replayed letter of a task becomes that task, due at once, whatever system or key its value names."""
    ordered = "0" * order.LENGTH
    value = {
        "kind": "product",
        "thing": "p",
        "system": "elsewhere",
        "key": "x",
        "trigger_us": 7,
        "trigger_order": ordered,
        "deletion": True,
    }
    event = Event("e", "shop", FETCH, "product/shop/p", orjson.dumps(value), ARRIVED_US, letter="l1", attempt=2)
    projected = shop.project(event, VERSION)
    (task,) = projected.tasks
    assert projected.changes == []
    assert (task.key, task.system, task.source, task.due_us) == ("fetch product shop p", "shop", "shop", ARRIVED_US)
    assert (task.trigger_us, task.trigger_order, task.deletion, task.letter, task.attempt) == (7, ordered, True, "l1", 2)
    for odd in ("o", "z" * order.LENGTH, 7, None):
        event = replace(event, value=orjson.dumps(value | {"trigger_order": odd}))
        assert shop.project(event, VERSION).tasks[0].trigger_order == ""


def a_thin(**more: Any) -> dict[str, Any]:
    return {"id": "e", "type": "product.changed", "time": "2026-10-14T08:12:31Z", "products": [{"id": "p", "sku": "S-1"}], **more}


THIN = SHOP.replace(
    "fetched.model: {}", "fetched.model: {}\n        product.changed: {mode: thin}\n        model.changed: {kind: model, mode: thin}"
)


def test_a_thin_event_may_say_something_beside(tmp_path: Path) -> None:
    """Its leaves count where its order can be read."""
    source = one(tmp_path, THIN)
    (event,) = events(source, a_thin())
    projected = source.project(event, VERSION)
    assert [dict(change.leaves) for change in projected.changes] == [{"keys.sku": ["S-1", "S-1"]}]
    assert [task.key for task in projected.tasks] == ["fetch product shop p"]


@pytest.mark.parametrize("time", ["yesterday", None])
def test_a_thin_event_without_readable_order_sets_no_leaf(tmp_path: Path, time: str | None) -> None:
    """It asks for the fetch all the same."""
    source = one(tmp_path, THIN)
    (event,) = events(source, a_thin(time=time))
    projected = source.project(event, VERSION)
    assert projected.changes == []
    assert [(task.key, task.trigger_us) for task in projected.tasks] == [("fetch product shop p", 0)]


def test_a_changed_model_asks_for_its_variants_where_they_hold_what_they_inherit(tmp_path: Path) -> None:
    """With access, and only where fetched states are flattened."""
    flattened = THIN.replace("late_s: 300", "late_s: 300, inheritance: flattened")
    keys = ["fetch model shop M", "fetch variants shop M"]
    for words, expected in ((flattened, keys), (THIN, keys[:1]), (flattened + "    inheritance: own\n", keys[:1])):
        source = one(tmp_path, words)
        (event,) = events(source, a_thin(type="model.changed", products=[{"id": "M"}]))
        assert [task.key for task in source.project(event, VERSION).tasks] == expected


def test_a_deletion_is_looked_after_only_where_the_state_could_be_read(tmp_path: Path) -> None:
    """Late, of kinds that the preset reads."""
    source = one(tmp_path, SHOP)
    deletion = a_thin(type="product.deleted")
    (event,) = events(source, deletion)
    (task,) = source.project(event, VERSION).tasks
    assert (task.key, task.deletion, task.due_us) == ("fetch product shop p", True, ARRIVED_US + 300_000_000)
    source = one(tmp_path, SHOP.replace("        fetched.product: ", "        fetched.asset: "))
    assert source.project(event, VERSION).tasks == []


def test_a_sequence_needs_a_sequence(tmp_path: Path) -> None:
    """The start of a fetch is a time, which compares with no sequence number: a mistake, told in one line."""
    words = SHOP.replace("      mode: thin\n", "      order: {sequence: revision}\n")
    found = mistakes(tmp_path, words)
    assert [line.partition(" are ordered")[0] for line in found] == [
        "sources.shop: the products of shop",
        "sources.shop: the models of shop",
    ]
    assert "fetched.model, by the start of the fetch; give it an `order` of its own" in found[1]


SEQUENCE = """
  shop:
    preset: generic-pim
    secrets: [env:PRIMARY]
    api: {url: "https://pim.example.com/{id}"}
    overrides: {order: {sequence: revision}, events: {fetched.product: {order: {sequence: version}}}}
"""


def test_absence_at_a_sequence_is_ordered_by_its_trigger(tmp_path: Path) -> None:
    """No clock tells the sequence number of a deletion; without a trigger that does, a person has to look."""
    source = one(tmp_path, SEQUENCE)
    assert order.parts(change(source, fetched(source, {"version": 12, "sku": "S-1"})).order).source == 12
    assert order.parts(change(source, fetched(source, None, at_least=14)).order).source == 14
    with pytest.raises(Unmappable, match="no event has told the sequence number"):
        source.project(fetched(source, None), VERSION)


def test_projecting_is_pure(shop: Source) -> None:
    """Equal events give equal changes, and arrival plays no part in their order."""
    event = fetched(shop, STATE)
    later = replace(event, arrived_us=event.arrived_us + 1)
    assert shop.project(event, VERSION).changes == shop.project(later, VERSION).changes
