"""What golden files cannot say: orders, authors, bytes that stay as they came, the shipped example.

Owns: what holds for events of several samples. Does not own: the facets of each (tests/sources/golden/), what happens with changed
payloads (tests/sources/vendors/). Next stop: tests/sources/test_verify.py.
"""

import json
from pathlib import Path

from app.configuration import load
from app.domain.order import DELETION, parts
from app.sources.source import Projected
from tests.sources.builders import ARRIVED_US, VERSION, sample
from tests.sources.expectations import source


def _projected(name: str, sender: str) -> Projected:
    headers, body = sample(name)
    each = [source(sender).project(event, VERSION) for event in source(sender).receive(body, ARRIVED_US, headers).events]
    return Projected([change for one in each for change in one.changes], [task for one in each for task in one.tasks])


def test_deletions_outrank_changes_of_the_same_second() -> None:
    """A deletion has the rank of one."""
    for name, sender in (("cloudinary-delete", "cloudinary-eu"), ("akeneo-eventplatform-product-deleted", "akeneo-main")):
        assert {parts(change.order).rank for change in _projected(name, sender).changes} == {DELETION}


def test_source_order_is_the_senders_time() -> None:
    """The order holds the sender's own time in microseconds, its finer hint as tie, and the configuration version."""
    (change,) = _projected("cloudinary-upload", "cloudinary-eu").changes
    found = parts(change.order)
    assert (found.source, found.tie, found.version) == (1791965551000000, 1791965551774112, VERSION)
    (change,) = _projected("akeneo-eventplatform-product-created", "akeneo-main").changes
    found = parts(change.order)
    assert (found.source, found.tie) == (1787561890000000, 0x01A032FDD117)


def test_authors_are_hashed() -> None:
    """No event carries a person's id; the same person stays the same."""
    received = [
        source("cloudinary-eu").receive(sample(name)[1], ARRIVED_US, {}).events[0] for name in ("cloudinary-upload", "cloudinary-move")
    ]
    assert not any(b"mila.sund" in event.value for event in received)
    assert len({json.loads(event.value)["notification_context"]["triggered_by"]["id"] for event in received}) == 1


def test_a_body_that_needs_no_change_is_kept_as_it_came() -> None:
    """An event without author and hot fields goes to the log byte for byte."""
    body = sample("akeneo-eventplatform-product-became-complete")[1]
    (event,) = source("akeneo-main").receive(body, ARRIVED_US, {}).events
    assert event.value == body


def test_the_samples_work_with_the_shipped_example() -> None:
    """The example configuration reads the vendors' samples, with the customer's own field names."""
    example = load(Path(__file__).parents[2] / "examples" / "bindery.yaml", environ={}, strict=True)
    (event,) = example.sources["cloudinary-eu"].receive(sample("cloudinary-upload")[1], ARRIVED_US, {}).events
    (change,) = example.sources["cloudinary-eu"].project(event, 1).changes
    assert change.leaves["approval"] == "approved"
    # The licence ends with 2027-03-01 in Stockholm, that is at 2027-03-01T23:00:00Z.
    assert change.leaves["rights.until"] == 1803942000000000
