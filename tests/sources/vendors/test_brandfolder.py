"""Brandfolder beyond its samples: the token in the path, times without zone, states with and without custom fields.

Owns: what its events and states mean. Does not own: tokens in general (tests/sources/test_verify.py).
Next stop: tests/sources/vendors/test_frontify.py.
"""

from typing import Any

import orjson
import pytest

from app.domain.order import parts
from app.errors import Unmappable
from app.sources.source import Source
from tests.sources.builders import NOW_S
from tests.sources.expectations import source as configured
from tests.sources.vendors.sending import body_of, fetched, known, sent, verdict

ID = "p7k3nq2vwxs9tjhb5m"


@pytest.fixture
def brandfolder() -> Source:
    return configured("brandfolder")


def event(type_: str, at: str = "2026-10-14 08:12:39.001777") -> dict[str, Any]:
    attributes = {"key": ID, "event_time": at, "event_type": type_, "brandfolder_key": "b", "organization_key": "o"}
    return {"data": {"attributes": attributes, "webhook_id": 48211}}


def asset(included: Any = None, **attributes: Any) -> dict[str, Any]:
    body = body_of("brandfolder-asset-get")
    body["data"]["attributes"] |= attributes
    return {**body, "included": body["included"] if included is None else included}


@pytest.mark.parametrize(
    ("path", "genuine"),
    [
        ("/webhooks/brandfolder/s3cr3t", True),
        ("/webhooks/brandfolder/s3cr3t?x=1", True),
        ("/hooks/brandfolder/s3cr3t", True),
        ("/webhooks/brandfolder/s3cr3", False),
        ("/webhooks/brandfolder/", False),
        ("/webhooks/brandfolder", False),
    ],
)
def test_the_path_is_the_secret(brandfolder: Source, path: str, genuine: bool) -> None:
    """Nothing else tells a genuine request."""
    headers = {":method": "POST", ":path": path}
    assert (brandfolder.verify(headers, orjson.dumps(event("asset.update")), NOW_S) == "") is genuine


def test_a_time_without_zone_is_utc(brandfolder: Source) -> None:
    """Whatever zone the source's dates are in."""
    (change,) = sent(brandfolder, event("asset.delete")).changes
    assert parts(change.order).source == 1791965559001777
    assert dict(change.leaves) == {"status": "deleted"}


def test_a_late_update_does_not_revive(brandfolder: Source) -> None:
    """Events may come out of order: the state that the late one fetches is no longer there."""
    gone = sent(brandfolder, event("asset.delete", "2026-10-14 09:00:00.000001"))
    late = sent(brandfolder, event("asset.update", "2026-10-14 08:59:59.9"))
    assert (late.changes, len(late.tasks)) == ([], 1)
    assert known(*gone.changes, fetched(brandfolder, ID, asset()))["status"] == "deleted"


def test_two_events_of_one_asset_differ_by_their_time(brandfolder: Source) -> None:
    """Asset, type and time name an event; a redelivery is the same."""
    ids = [sent(brandfolder, event("asset.update", at)).ids for at in ("2026-10-14 08:00:00.1", "2026-10-14 08:00:00.2")]
    assert ids[0] != ids[1]
    assert sent(brandfolder, event("asset.update", "2026-10-14 08:00:00.1")).ids == ids[0]


@pytest.mark.parametrize(
    ("attributes", "state"),
    [
        ({}, "embargoed"),
        ({"availability_start": None}, "live"),
        ({"availability_start": None, "availability_end": "2026-10-01T00:00:00Z"}, "expired"),
        # Their word changes once an hour; the dates say more.
        ({"availability_start": None, "availability": "expired"}, "live"),
        # Where no date explains the word, it counts.
        ({"availability_start": None, "availability": "draft"}, "pending-review"),
        ({"availability_start": None, "availability_end": None, "availability": "expired"}, "pending-review"),
        ({"availability_start": None, "approved": False}, "pending-review"),
        ({"availability_start": None, "availability_end": None}, "rights-unknown"),
        ({"availability_start": None, "cdn_url": None}, "no-public-url"),
    ],
)
def test_what_a_state_allows(brandfolder: Source, attributes: dict[str, Any], state: str) -> None:
    """Approval outranks the dates, the dates outrank the word."""
    assert verdict(fetched(brandfolder, ID, asset(**attributes))).state == state


def test_fields_of_the_customer_and_attachments(brandfolder: Source) -> None:
    """Several values of one field are a list; a state without anything included has neither; attachments' addresses stay unsaid."""
    fields = [{"type": "custom_field_values", "attributes": {"key": "SKU", "value": value}} for value in ("NH-1", "NH-2")]
    tags = [{"type": "tags", "attributes": {"name": "jacket"}}]
    found = fetched(brandfolder, ID, asset([*fields, *tags])).leaves
    assert found["claims.sku"] == [["NH-1", "NH-1"], ["NH-2", "NH-2"]]
    assert found["tags.jacket"] is True
    state = asset()
    del state["included"]
    assert not [leaf for leaf in fetched(brandfolder, ID, state).leaves if leaf.startswith(("claims", "media"))]
    assert b"googleapis" not in orjson.dumps(dict(fetched(brandfolder, ID, asset()).leaves))


def test_an_availability_that_cannot_be_read_is_a_letter(brandfolder: Source) -> None:
    """A right that is not understood is not a right."""
    with pytest.raises(Unmappable, match=r"rights\.until at availability_end: expected a date"):
        fetched(brandfolder, ID, asset(availability_end="never"))


def test_an_unknown_event_is_a_letter(brandfolder: Source) -> None:
    """Types outside the facts are not guessed at."""
    assert "of a type that it does not know" in sent(brandfolder, event("section.update")).unread[0]
