"""AEM Assets beyond its samples: births, removals, publish windows, moves, batches, encoded bodies.

Owns: what its events mean. Does not own: Adobe's signatures (tests/sources/test_verify_rsa.py).
Next stop: tests/sources/vendors/test_contentful.py.
"""

import base64
from typing import Any

import orjson
import pytest

from app.domain.order import parts
from app.errors import Unmappable
from app.sources.source import Source
from tests.sources.builders import ARRIVED_US
from tests.sources.expectations import source as configured
from tests.sources.vendors.sending import body_of, fetched, known, sent, verdict

ID = "urn:aaid:aem:2f6a7c10-9b8e-4d3c-8a1f-0e9d8c7b6a54"
DATE = "prism:expirationDate"


@pytest.fixture
def aem() -> Source:
    return configured("aem")


def event(name: str, metadata: Any = None, *, at: str = "2026-10-14T09:00:00.000000001Z", **repository: Any) -> dict[str, Any]:
    body = body_of("aem-processing_completed", type=f"aem.assets.asset.{name}", time=at)
    body["data"]["repositoryMetadata"] |= repository
    if metadata is not None:
        body["data"]["assetMetadata"] = metadata
    return dict(body)


def updated(now: dict[str, Any], before: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return event("metadata_updated", {**now, "event:updated": before or {}, "event:created": []}, **more)


SAMPLE = body_of("aem-metadata_updated")


def test_an_asset_is_born_without_a_review(aem: Source) -> None:
    """Until its status is approved it is not shown; a status it is born with counts at once."""
    born = sent(aem, event("created", {DATE: "2027-03-01T00:00:00Z"}, at="2026-10-14T08:00:00Z"))
    assert verdict(*born.changes).state == "pending-review"
    assert verdict(*born.changes, *sent(aem, SAMPLE).changes).state == "live"
    approved = sent(aem, event("created", {"dam:status": "approved", DATE: "2027-03-01T00:00:00Z"}))
    assert verdict(*approved.changes).state == "live"


@pytest.mark.parametrize(
    ("status", "state"),
    [("approved", "live"), ("rejected", "withdrawn"), ("changesRequested", "pending-review"), ("new", "pending-review")],
)
def test_review_status(aem: Source, status: str, state: str) -> None:
    """An unknown word is no approval."""
    changed = sent(aem, updated({"dam:status": status}, {"dam:status": "approved"}))
    assert verdict(*sent(aem, SAMPLE).changes, *changed.changes).state == state


@pytest.mark.parametrize("now", [{}, {"dam:status": None}, {"dam:status": ""}])
def test_a_status_that_is_taken_away_is_no_approval(aem: Source, now: dict[str, Any]) -> None:
    """Nor is one that an asset is born without."""
    first = sent(aem, SAMPLE).changes
    assert verdict(*first, *sent(aem, updated(now, {"dam:status": "approved"})).changes).state == "pending-review"
    assert verdict(*sent(aem, event("created", {**now, DATE: "2027-03-01T00:00:00Z"})).changes).state == "pending-review"
    assert verdict(*first, *sent(aem, updated({"dc:title": "x"}, {"dc:title": "y"})).changes).state == "live"


@pytest.mark.parametrize("before", [None, [], {}])
def test_no_previous_values_in_every_spelling(aem: Source, before: Any) -> None:
    """Nothing was there before, so nothing is taken away."""
    (change,) = sent(aem, event("metadata_updated", {"dam:status": "rejected", "event:updated": before})).changes
    assert change.leaves["approval"] == "rejected"
    assert None not in change.leaves.values()


def test_a_publication_says_what_it_mentions(aem: Source) -> None:
    """Adobe's own example has the id beside the metadata, and a size that is a number."""
    data = {
        "assetId": ID,
        "tier": "publish",
        "repositoryMetadata": {
            "aem:assetState": "processed",
            "repo:name": "city.jpeg",
            "repo:path": "/content/dam/city.jpeg",
            "repo:size": 9,
        },
        "assetMetadata": {"nordhag:sku": "NH-1"},
    }
    body = {"specversion": "1.0", "id": "e", "type": "aem.assets.asset.published", "time": "2026-10-14T09:00:00Z", "data": data}
    (change,) = sent(aem, body).changes
    assert (change.record, change.full) == (f"asset/aem/{ID}", ())
    assert change.leaves["claims.sku"] == [["NH-1", "NH-1"]]
    assert change.leaves["media"] == {"bytes": 9}


def test_what_was_there_before_and_is_not_now_is_taken_away(aem: Source) -> None:
    """`event:updated` holds the previous values: a removed expiry, a list of SKUs that shrinks, a tag that goes."""
    first = sent(aem, SAMPLE).changes
    gone = sent(
        aem, updated({"nordhag:sku": ["NH-4711-OLV-L"]}, {DATE: "2027-03-01T00:00:00Z", "nordhag:sku": ["a", "b"], "dc:subject": ["old"]})
    )
    seen = known(*first, *gone.changes)
    assert "rights.until" not in seen
    assert gone.leaves["tags.old"] is None
    assert seen["claims.sku"] == [["NH-4711-OLV-L", "NH-4711-OLV-L"]]
    assert seen["approval"] == "approved"


def test_a_field_without_a_value_is_taken_away(aem: Source) -> None:
    """An empty date is none; what an event does not mention stays."""
    seen = known(*sent(aem, SAMPLE).changes, *sent(aem, updated({DATE: ""})).changes)
    assert "rights.until" not in seen
    assert seen["claims.sku"]


@pytest.mark.parametrize("prefix", ["", "jcr:content/"])
def test_the_publish_window_and_the_licence_both_hold(aem: Source, prefix: str) -> None:
    """onTime, offTime and the licence's end come one by one, and the earlier end counts."""
    on = sent(aem, updated({f"{prefix}onTime": "2026-11-01T00:00:00Z"}, at="2026-10-14T09:00:00Z")).changes
    off = sent(aem, updated({f"{prefix}offTime": "2027-01-01T00:00:00Z"}, at="2026-10-14T09:00:01Z")).changes
    everything = [*sent(aem, SAMPLE).changes, *on, *off]
    assert verdict(*everything).state == "embargoed"
    assert verdict(*everything, at_us=1793491200000000).changes_us == 1798761600000000
    assert verdict(*everything, at_us=1798761600000000).state == "expired"
    lifted = sent(aem, updated({}, {f"{prefix}offTime": "2027-01-01T00:00:00Z"}, at="2026-10-14T09:00:02Z")).changes
    assert verdict(*everything, *lifted, at_us=1798761600000000).state == "live"


def test_no_address_while_it_is_processed(aem: Source) -> None:
    """A new version has none until processing is complete."""
    first = sent(aem, SAMPLE).changes
    busy = sent(aem, event("metadata_updated", {}, at="2026-10-14T09:00:00Z", **{"aem:assetState": "processing"})).changes
    assert verdict(*first, *busy).state == "no-public-url"
    assert verdict(*first, *busy, *sent(aem, event("processing_completed", at="2026-10-14T09:01:00Z")).changes).state == "live"


def test_a_move_changes_the_address_and_keeps_the_record(aem: Source) -> None:
    """The id stays, the path does not; what a path holds is written as addresses are."""
    moved = sent(aem, updated({}, {}, at="2026-10-14T09:00:00Z", **{"repo:path": "/content/dam/å b/c#1.jpg"})).changes
    seen = known(*sent(aem, SAMPLE).changes, *moved)
    assert seen["url"] == "https://assets.nordhag.example/content/dam/%C3%A5%20b/c%231.jpg"
    assert seen["aliases.path"] == ["/content/dam/å b/c#1.jpg"]
    assert moved[0].record == f"asset/aem/{ID}"


@pytest.mark.parametrize("data", [{"repositoryMetadata": {"repo:assetId": ID}}, {"assetId": ID}])
def test_a_deletion_needs_nothing_but_the_id(aem: Source, data: dict[str, Any]) -> None:
    """Which members it has is not documented; the id in either place suffices."""
    body = {"specversion": "1.0", "id": "e", "type": "aem.assets.asset.deleted", "time": "2026-10-14T09:00:00Z", "data": data}
    outcome = sent(aem, body)
    assert (outcome.changes[0].record, outcome.leaves) == (f"asset/aem/{ID}", {"status": "deleted"})


def test_nanoseconds_and_disorder(aem: Source) -> None:
    """`time` orders, cut to microseconds; an older event that comes later changes nothing that a newer one said."""
    (change,) = sent(aem, SAMPLE).changes
    assert parts(change.order).source == 1791965553123456
    older = sent(aem, updated({"dam:status": "rejected"}, at="2026-10-14T08:12:33.123455999Z")).changes
    assert verdict(change, *older).state == "live"


def test_a_batch_is_a_list_of_events(aem: Source) -> None:
    """Each has its own type, record and id."""
    outcome = sent(aem, [SAMPLE, {**event("deleted", at="2026-10-14T10:00:00Z"), "id": "second"}])
    assert [change.leaves.get("status") for change in outcome.changes] == [None, "deleted"]
    assert outcome.ids == ["6b1a9c3e-0f2d-4a57-8c11-aa22bb33cc44", "second"]


def test_a_body_may_be_base64_as_a_whole(aem: Source) -> None:
    """It says the same as the plain one."""
    raw = orjson.dumps(SAMPLE)
    assert sent(aem, base64.b64encode(raw)).leaves == sent(aem, raw).leaves


def test_nobody_is_named(aem: Source) -> None:
    """Ids, addresses and names of people are hashed before anything is kept."""
    (kept,) = aem.receive(orjson.dumps(SAMPLE), ARRIVED_US, {}).events
    assert not [word for word in (b"mila", b"Mila", b"AdobeID") if word in kept.value]


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({DATE: "soon"}, "rights.until"),
        ({"onTime": []}, "rights.from"),
        ({"offTime": []}, "rights.access"),
        ({"offTime": "later"}, "rights.access"),
        ({"nordhag:sku": [{"a": 1}]}, "claims.sku"),
    ],
)
def test_what_cannot_be_read_is_a_letter(aem: Source, metadata: dict[str, Any], why: str) -> None:
    """A right that is not understood is not a right."""
    with pytest.raises(Unmappable, match=why):
        sent(aem, updated(metadata))


def test_an_unknown_event_is_a_letter(aem: Source) -> None:
    """Types outside the facts are not guessed at."""
    assert "of a type that it does not know" in sent(aem, event("renamed")).unread[0]


def test_a_state_of_ones_own_service(aem: Source) -> None:
    """The same members, flat, are a whole state."""
    state = {**SAMPLE["data"]["repositoryMetadata"], **SAMPLE["data"]["assetMetadata"]}
    change = fetched(aem, ID, state)
    assert change.full == ("",)
    assert change.leaves["rights.until"] == 1803859200000000
