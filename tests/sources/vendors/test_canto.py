"""Canto beyond its samples: events by path, identical bodies, dates of 17 digits, the token that must not stay.

Owns: what its events and states mean. Does not own: tokens in general (tests/sources/test_verify.py).
Next stop: tests/sources/vendors/test_aem.py.
"""

from typing import Any

import orjson
import pytest

from app.domain.order import parts
from app.errors import Unmappable
from app.sources.source import Source
from tests.sources.builders import ARRIVED_US, sample
from tests.sources.expectations import source as configured
from tests.sources.vendors.sending import body_of, fetched, sent, verdict

THING = "image/k2vjp9m3rs4tq8w1"
UPDATE = sample("canto-update_metadata")[1]


@pytest.fixture
def canto() -> Source:
    return configured("canto")


def told(event: str) -> dict[str, str]:
    return {":path": f"/webhooks/canto/{event}"}


def asset(additional: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    body = body_of("canto-asset-get", **more)
    return {**body, "additional": {**body["additional"], **(additional or {})}}


@pytest.mark.parametrize(
    "event", ["upload", "add-new-version", "update-metadata", "assign-to-album", "remove-from-album", "something-new", "", "a%2Fb"]
)
def test_the_path_says_what_happened(canto: Source, event: str) -> None:
    """Whatever it was, the asset is fetched; also where the address names no event."""
    outcome = sent(canto, UPDATE, told(event))
    assert outcome.changes == []
    assert [task.thing for task in outcome.tasks] == [THING]


@pytest.mark.parametrize("event", ["delete-asset", "delete_asset"])
def test_only_the_path_tells_a_deletion(canto: Source, event: str) -> None:
    """The body is that of any other event."""
    assert sent(canto, UPDATE, told(event)).leaves == {"status": "deleted"}


def test_a_recorded_address_says_it_as_well(canto: Source) -> None:
    """A sidecar may name the address that Canto calls, in front of a proxy."""
    assert sent(canto, UPDATE, {":path": "/hooks/canto/delete-asset?x=1"}).leaves == {"status": "deleted"}


@pytest.mark.parametrize("event", ["add-album", "update_album", "add-folder"])
def test_albums_and_folders_are_passed_over(canto: Source, event: str) -> None:
    """They have no asset, so not even a letter comes of them."""
    assert sent(canto, {"secure_token": "s3cr3t", "album": "Summer"}, told(event)) == ([], [], [], [])


def test_identical_bodies_tell_of_different_changes(canto: Source) -> None:
    """Each has an id of its own, and each asks for the asset again."""
    first, second = (sent(canto, UPDATE, told("update-metadata"), arrived_us=ARRIVED_US + n) for n in (0, 1))
    assert first.ids != second.ids
    assert [task.key for task in first.tasks] == [task.key for task in second.tasks]


def test_the_token_is_not_kept(canto: Source) -> None:
    """Neither in what is appended nor in a letter."""
    (kept,) = canto.receive(UPDATE, ARRIVED_US, told("upload")).events
    assert b"s3cr3t" not in kept.value
    (letter,) = canto.receive(b'{"secure_token":"s3cr3t","id":7}', ARRIVED_US, told("upload")).unread
    assert b"s3cr3t" not in letter.value


@pytest.mark.parametrize(
    ("digits", "at_us"),
    [
        # Stockholm: UTC+2 in summer, UTC+1 in winter; the hour that comes twice is the earlier one.
        ("20260701120000000", 1782900000000000),
        ("20260101120000999", 1767265200999000),
        ("20261025023000000", 1792888200000000),
    ],
)
def test_dates_of_17_digits(canto: Source, digits: str, at_us: int) -> None:
    """yyyyMMddHHmmssSSS in the zone of the source, as order and as a right."""
    change = fetched(canto, THING, asset({"Usage Expiry": digits}, time="20260101000000000"))
    assert change.leaves["rights.until"] == at_us
    earlier = fetched(canto, THING, asset(time=digits if digits < "20261015" else "20261014000000000"))
    assert parts(earlier.order).source > parts(change.order).source


@pytest.mark.parametrize("digits", ["20261301000000000", "202613010000000001", "soon"])
def test_a_date_that_cannot_be_read_is_a_letter(canto: Source, digits: str) -> None:
    """A right that is not understood is not a right."""
    with pytest.raises(Unmappable, match=r"rights\.until at additional"):
        fetched(canto, THING, asset({"Usage Expiry": digits}))


@pytest.mark.parametrize(
    ("status", "state"), [("Approved", "live"), ("Pending", "pending-review"), ("Rejected", "withdrawn"), ("New", "pending-review")]
)
def test_approval(canto: Source, status: str, state: str) -> None:
    """An unknown word is no approval."""
    assert verdict(fetched(canto, THING, asset(approvalStatus=status))).state == state


def test_addresses_that_ask_for_a_token_are_not_handed_on(canto: Source) -> None:
    """/api_binary opens with the API's token only."""
    assert b"api_binary" not in orjson.dumps(dict(fetched(canto, THING, asset()).leaves))


@pytest.mark.parametrize("body", [{"id": "x"}, {"scheme": "image"}, {"scheme": "image", "id": True}, {}])
def test_an_asset_needs_scheme_and_id(canto: Source, body: dict[str, Any]) -> None:
    """One alone cannot be addressed."""
    outcome = sent(canto, {"secure_token": "s3cr3t", **body}, told("upload"))
    assert (outcome.changes, outcome.tasks, len(outcome.unread)) == ([], [], 1)


def test_numbers_where_texts_are_usual(canto: Source) -> None:
    """An id and a date of 17 digits mean the same as numbers."""
    assert [task.thing for task in sent(canto, {"secure_token": "s3cr3t", "scheme": "image", "id": 7}, told("upload")).tasks] == ["image/7"]
    orders = {parts(fetched(canto, THING, asset(time=written)).order).source for written in (20261014081244930, "20261014081244930")}
    assert orders == {1791958364930000}  # 2026-10-14T06:12:44.930Z


def test_an_empty_text_is_no_number(canto: Source) -> None:
    """A document has no width; Canto writes every number as a text."""
    assert fetched(canto, THING, asset(width="", height="")).leaves["media"] == {
        "bytes": 4183344,
        "format": "image/jpeg",
        "type": "image",
    }


def test_an_asset_that_is_absent(canto: Source) -> None:
    """A wrong address for deletions heals: the fetch finds nothing."""
    assert dict(fetched(canto, THING, None).leaves) == {"status": "deleted"}
