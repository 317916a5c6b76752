"""Requests that hold several events, each with a type of its own, and events that ask for a fetch now and then.

Owns: the words `each` and `fetch` (as an expression). Does not own: resources of one event (`split`: tests/sources/test_receive.py).
Next stop: tests/sources/test_overrides.py.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest

from app.errors import Unmappable
from app.sources.source import Source
from schemas.event import Event
from tests.sources.builders import ARRIVED_US, VERSION, one

WORDS = """
  dam:
    preset: generic-dam
    secrets: [env:PRIMARY]
    when_rights_unknown: hide
    overrides:
      each: "%s"
      split: null
      key: id
      order: {time: at}
      events: {saved: {mode: full, fetch: unsure}, gone: {mode: deletion}}
      ignore: [noise]
"""
AT = "2026-10-14T08:12:31Z"


def event(type_: str, **more: Any) -> dict[str, Any]:
    return {"type": type_, "id": "a", "at": AT, **more}


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return one(tmp_path, WORDS % "deliveries.events")


def test_a_list_of_events(source: Source) -> None:
    """Each is read by its own type; what is ignored is passed over, what is unknown is a letter, and both alone."""
    body = {"deliveries": {"events": [event("saved", sku="x"), event("noise"), event("strange"), event("gone", id="b")]}, "batch": 7}
    received = source.receive(orjson.dumps(body), ARRIVED_US, {})
    assert [(one.type, one.key) for one in received.events] == [("saved", "asset/dam/a"), ("gone", "asset/dam/b")]
    assert [one.type for one in received.unread] == ["strange"]
    # What surrounds the list comes along, apart from the event.
    assert orjson.loads(received.events[0].value) == event("saved", sku="x", _request={"batch": 7})


def test_an_event_alone(source: Source) -> None:
    """A body without the list is one event."""
    assert [one.key for one in source.receive(orjson.dumps(event("saved")), ARRIVED_US, {}).events] == ["asset/dam/a"]


def test_an_empty_list_is_nothing(source: Source) -> None:
    """Nothing happened: no event and no letter."""
    received = source.receive(b'{"deliveries":{"events":[]}}', ARRIVED_US, {})
    assert (received.events, received.unread) == ([], [])


def test_the_body_itself_may_be_the_list(tmp_path: Path) -> None:
    """With an empty path; ids that nobody gave are told apart."""
    source = one(tmp_path, WORDS % "")
    events = source.receive(orjson.dumps([event("saved", id="1"), event("saved", id="2")]), ARRIVED_US, {}).events
    assert [one.key for one in events] == ["asset/dam/1", "asset/dam/2"]
    assert len({one.id for one in events}) == 2


def test_events_that_would_grow_without_bound_are_one_letter(source: Source, tmp_path: Path) -> None:
    """What stands beside the list is in every event, and an event may be split in turn: one letter, which is not read either."""
    beside = orjson.dumps({"pad": "x" * 200_000, "deliveries": {"events": [{}] * 2_000}})
    (unread,) = source.receive(beside, ARRIVED_US, {}).unread
    assert unread.value == beside
    assert "2000 events" in str(unread.error)
    with pytest.raises(Unmappable, match="2000 events"):
        source.project(Event("letter", source.name, "", "", beside, ARRIVED_US), VERSION)
    split = one(tmp_path, WORDS.replace("split: null", "split: things") % "")
    inside = orjson.dumps([event("saved", pad="x" * 30_000, things=[{"id": str(n)} for n in range(1_100)])] * 3)
    (unread,) = split.receive(inside, ARRIVED_US, {}).unread
    assert (unread.value, "3 events" in str(unread.error)) == (inside, True)


def test_a_letter_about_the_whole_request_is_read_event_by_event(source: Source) -> None:
    """Its type was never known; what the events say is what they would have said alone."""
    body = orjson.dumps({"deliveries": {"events": [event("saved", sku="x"), event("gone", id="b")]}})
    projected = source.project(Event("letter", source.name, "", "", body, ARRIVED_US), VERSION)
    assert [(one.record, one.leaves["status"]) for one in projected.changes] == [("asset/dam/a", "active"), ("asset/dam/b", "deleted")]


def test_an_event_asks_for_a_fetch_where_an_expression_finds_something(source: Source) -> None:
    """And only there."""
    for unsure, expected in ((None, []), (True, ["a"]), ({"why": 1}, ["a"])):
        (made,) = source.receive(orjson.dumps(event("saved", unsure=unsure)), ARRIVED_US, {}).events
        assert [task.thing for task in source.project(made, VERSION).tasks] == expected
