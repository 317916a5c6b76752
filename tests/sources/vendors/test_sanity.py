"""Sanity and Aprimo beyond their samples: operations in headers, projections, callouts by number.

Owns: what their requests and states mean. Does not own: HMAC in general (tests/sources/test_verify.py).
Next stop: tests/sources/vendors/test_cloudinary_shapes.py.
"""

from typing import Any

import pytest

from app.domain.order import parts
from app.errors import Unmappable
from app.sources.source import Source
from tests.sources.builders import ARRIVED_US, NOW_S, sample
from tests.sources.expectations import source as configured
from tests.sources.vendors.sending import body_of, fetched, known, sent, verdict

ID = "image-2f6a7c109b8e4d3c8a1f0e9d8c7b6a54aabbccdd-4000x5000-jpg"


@pytest.fixture
def sanity() -> Source:
    return configured("sanity")


@pytest.fixture
def aprimo() -> Source:
    return configured("aprimo")


def operation(name: str, at: str = "2026-10-14T09:00:00.250Z") -> dict[str, str]:
    return {"sanity-operation": name, "sanity-transaction-time": at, "idempotency-key": f"idem-{name}"}


@pytest.mark.parametrize("separator", [",", ", ", " "])
def test_the_signature_header_in_each_of_its_forms(sanity: Source, separator: str) -> None:
    """base64url without padding, whatever stands between time and signature."""
    headers, body = sample("sanity-asset.update")
    written = headers["sanity-webhook-signature"].replace(",", separator)
    assert "-" not in written or "=" not in written.partition("v1=")[2]
    assert sanity.verify({**headers, "sanity-webhook-signature": written}, body, NOW_S) == ""


@pytest.mark.parametrize("name", ["create", "update"])
def test_a_document_is_a_whole_state(sanity: Source, name: str) -> None:
    """What a projection adds is read by the customer's own names."""
    body = body_of("sanity-asset.update", sku=["NH-1", "NH-2"], title="Front")
    change = sent(sanity, body, operation(name)).changes[0]
    assert change.full == ("",)
    assert change.leaves["claims.sku"] == [["NH-1", "NH-1"], ["NH-2", "NH-2"]]
    assert verdict(change, show_unknown=True).state == "live"


def test_documents_that_are_no_assets_are_passed_over(sanity: Source) -> None:
    """A webhook without a filter tells of them; a projection without types is read as what it is set up for."""
    assert sent(sanity, {"_id": "p1", "_type": "product", "_updatedAt": "2026-10-14T08:59:00Z"}, operation("update")) == ([], [], [], [])
    for body in (body_of("sanity-asset.update", _type="sanity.fileAsset"), {"_id": ID, "url": "https://cdn.sanity.io/x.jpg"}):
        assert len(sent(sanity, body, operation("update")).changes) == 1


def test_a_deletion_is_ordered_by_its_transaction(sanity: Source) -> None:
    """Its body has no times; a document from before it does not come back."""
    gone = sent(sanity, {"_id": ID, "_type": "sanity.imageAsset"}, operation("delete")).changes
    assert parts(gone[0].order).source == 1791968400250000
    late = sent(sanity, body_of("sanity-asset.update", _updatedAt="2026-10-14T08:59:00Z"), operation("update")).changes
    assert known(*gone, *late) == {"status": "deleted"}


def test_a_projection_without_times_is_ordered_by_its_transaction(sanity: Source) -> None:
    """The body is what the customer's projection says; the header is always there."""
    (change,) = sent(sanity, {"_id": ID, "url": "https://cdn.sanity.io/x.jpg"}, operation("update")).changes
    assert parts(change.order).source == 1791968400250000
    own = sent(sanity, {"_id": ID, "_updatedAt": "2026-10-14T08:59:00Z"}, operation("update")).changes[0]
    assert parts(own.order).source == 1791968340000000


def test_a_request_without_an_operation_is_a_letter(sanity: Source) -> None:
    """So is one that nobody knows, and an update without a time; a deletion without one counts as of its arrival."""
    assert "without a type" in sent(sanity, body_of("sanity-asset.update")).unread[0]
    assert "does not know" in sent(sanity, body_of("sanity-asset.update"), operation("publish")).unread[0]
    with pytest.raises(Unmappable, match="order at _updatedAt: expected a time"):
        sent(sanity, {"_id": ID}, {"sanity-operation": "update"})
    (gone,) = sent(sanity, {"_id": ID}, {"sanity-operation": "delete"}).changes
    assert parts(gone.order).source == ARRIVED_US


def callout(kind: int, **more: Any) -> dict[str, Any]:
    return dict(body_of("aprimo-object-update", ObjectResourceName="records", ObjectId="3a7b", CalloutLocation=kind, **more))


@pytest.mark.parametrize("kind", [1, 2])
def test_a_record_that_changed_is_fetched(aprimo: Source, kind: int) -> None:
    """By a rule of the DAM that sends the members of a callout."""
    outcome = sent(aprimo, callout(kind))
    assert outcome.changes == []
    assert [task.thing for task in outcome.tasks] == ["3a7b"]
    assert outcome.ids == ["77a1c0de-4f90-4f1c-93c7-5b2d4e6f8a91"]


def test_a_record_that_was_deleted(aprimo: Source) -> None:
    """EventTime is UTC without saying so; retries keep the id."""
    first, again = sent(aprimo, callout(3)), sent(aprimo, callout(3, RetryCount=4))
    assert first.leaves == {"status": "deleted"}
    assert parts(first.changes[0].order).source == 1791965551000000
    assert first.ids == again.ids


@pytest.mark.parametrize(("name", "kind"), [("projects", 2), ("activities", 3), ("records", 100), ("tasks", 1)])
def test_objects_of_marketing_operations_are_passed_over(aprimo: Source, name: str, kind: int) -> None:
    """They are no assets."""
    assert sent(aprimo, {**callout(kind), "ObjectResourceName": name}) == ([], [], [], [])


@pytest.mark.parametrize("more", [{"ObjectResourceName": "renditions"}, {"ObjectResourceName": None}, {"CalloutLocation": 9}])
def test_other_callouts_are_letters(aprimo: Source, more: dict[str, Any]) -> None:
    """Nothing is guessed."""
    assert len(sent(aprimo, {**callout(2), **more}).unread) == 1


@pytest.mark.parametrize(
    ("status", "state"), [("released", "live"), ("draft", "pending-review"), ("archived", "withdrawn"), ("x", "pending-review")]
)
def test_the_status_of_a_record(aprimo: Source, status: str, state: str) -> None:
    """An address is a field of the customer's; an unknown status is no approval."""
    record = body_of("aprimo-record-get", status=status)
    record["_embedded"]["fields"]["items"].append({"fieldName": "Public URL", "localizedValues": [{"value": "https://cdn.example/a.jpg"}]})
    assert verdict(fetched(aprimo, record["id"], record), show_unknown=True).state == state


def test_a_record_without_fields(aprimo: Source) -> None:
    """`select-record` may leave them out, and a field may have several values."""
    record = body_of("aprimo-record-get", _embedded=None)
    assert "claims.sku" not in fetched(aprimo, record["id"], record).leaves
    record = body_of("aprimo-record-get")
    record["_embedded"]["fields"]["items"][0]["localizedValues"][0] = {"values": ["NH-1", "NH-2"]}
    assert fetched(aprimo, record["id"], record).leaves["claims.sku"] == [["NH-1", "NH-1"], ["NH-2", "NH-2"]]
