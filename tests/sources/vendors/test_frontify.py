"""Frontify beyond its sample: every event, payloads of many assets, sample events, non-ASCII bodies.

Owns: what its events and states mean. Does not own: HMAC in general (tests/sources/test_verify.py).
Next stop: tests/sources/vendors/test_canto.py.
"""

import base64
import hashlib
import hmac
from typing import Any

import orjson
import pytest

from app.domain.order import parts
from app.errors import Unmappable
from app.sources.source import Source
from tests.sources.builders import ARRIVED_US, NOW_S
from tests.sources.expectations import source as configured
from tests.sources.vendors.sending import body_of, fetched, sent, verdict

ID = "eyJpZGVudGlmaWVyIjo0NzExLCJ0eXBlIjoiYXNzZXQifQ=="
EVENTS = """CREATED UPDATED MOVED PROCESSED REVISION_ADDED VARIANT_ADDED VARIANT_UPDATED VARIANT_REMOVED ATTACHMENT_ADDED
ATTACHMENT_REMOVED RELATION_ADDED RELATION_REMOVED COLLECTION_ADDED COLLECTION_REMOVED TAG_ADDED TAG_REMOVED TARGET_CHANGED
CUSTOM_METADATA_UPDATED LICENCE_ADDED LICENCE_REMOVED"""


@pytest.fixture
def frontify() -> Source:
    return configured("frontify")


def event(action: str, *things: str, sample: bool = False, **more: Any) -> dict[str, Any]:
    body = body_of("frontify-asset_updated")
    body["event"] |= {"action": action, "payload": [{"assetId": thing} for thing in things or (ID,)], **more}
    body["meta"]["isSampleEvent"] = sample
    return dict(body)


def asset(**more: Any) -> dict[str, Any]:
    return {**body_of("frontify-asset-get")["data"]["asset"], **more}


@pytest.mark.parametrize("name", EVENTS.split())
def test_every_event_asks_for_the_asset(frontify: Source, name: str) -> None:
    """Whatever happened to it, the state says what holds now."""
    outcome = sent(frontify, event(f"ASSET_{name}"))
    assert (outcome.changes, outcome.unread) == ([], [])
    assert [task.thing for task in outcome.tasks] == [ID]


def test_a_payload_of_many_assets(frontify: Source) -> None:
    """Each is an event of its own, with its own record and its own id."""
    outcome = sent(frontify, event("ASSET_TAG_ADDED", "a1", "a2", "a3"))
    assert [task.key for task in outcome.tasks] == [f"fetch asset frontify a{n}" for n in (1, 2, 3)]
    assert len(set(outcome.ids)) == 3


def test_a_deletion(frontify: Source) -> None:
    """It counts at once, at the time it names, for every asset in it."""
    outcome = sent(frontify, event("ASSET_DELETED", "a1", "a2"))
    assert [dict(change.leaves) for change in outcome.changes] == [{"status": "deleted"}] * 2
    assert {parts(change.order).source for change in outcome.changes} == {1791965551000000}
    assert [task.deletion for task in outcome.tasks] == [True, True]


@pytest.mark.parametrize("action", ["ASSET_UPDATED", "ASSET_DELETED", "SOMETHING_NEW"])
def test_a_sample_event_is_acknowledged(frontify: Source, action: str) -> None:
    """A test call means nothing, whatever it says."""
    assert sent(frontify, event(action, sample=True)) == ([], [], [], [])


@pytest.mark.parametrize("action", ["WORKFLOW_TASK_ASSIGNED", "WORKFLOW_TASK_MOVED", "WORKFLOW_TASK_DELETED"])
def test_workflow_tasks_are_passed_over(frontify: Source, action: str) -> None:
    """They are no assets."""
    assert sent(frontify, event(action)) == ([], [], [], [])


def test_the_signature_of_a_body_beyond_ascii(frontify: Source) -> None:
    """It is over the raw bytes; receivers that hash ASCII refuse this one."""
    body = orjson.dumps(event("ASSET_UPDATED", sender={"id": "Åsa Öberg"}))
    signature = base64.b64encode(hmac.digest(b"s3cr3t", body, hashlib.sha256)).decode()
    assert frontify.verify({"x-frontify-webhook-signature": signature}, body, NOW_S) == ""
    (kept,) = frontify.receive(body, ARRIVED_US, {}).events
    assert "Öberg".encode() not in kept.value


@pytest.mark.parametrize("status", ["PROCESSING", "PROCESSING_FAILED", "OF_A_NEW_KIND"])
def test_no_address_before_the_file_is_processed(frontify: Source, status: str) -> None:
    """A new revision takes the old address away until it is finished."""
    before, after = fetched(frontify, ID, asset()), fetched(frontify, ID, asset(status=status, modifiedAt="2026-10-14T09:00:00+00:00"))
    assert verdict(before, after, at_us=1793491200000000).state == "no-public-url"
    done = fetched(frontify, ID, asset(modifiedAt="2026-10-14T09:01:00+00:00"))
    assert verdict(before, after, done, at_us=1793491200000000).state == "live"


@pytest.mark.parametrize(
    ("expires", "to", "ends"),
    [
        ("2027-01-01T00:00:00+00:00", "2027-03-01T00:00:00+00:00", 1798761600000000),
        ("2027-03-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00", 1798761600000000),
        (None, "2027-01-01T00:00:00+00:00", 1798761600000000),
        ("2027-01-01T00:00:00+00:00", None, 1798761600000000),
    ],
)
def test_whichever_end_comes_first(frontify: Source, expires: str | None, to: str | None, ends: int) -> None:
    """Availability and expiry both have to hold."""
    change = fetched(frontify, ID, asset(expiresAt=expires, availability={"from": None, "to": to}))
    assert verdict(change).changes_us == ends
    assert verdict(change, at_us=ends).state == "expired"


@pytest.mark.parametrize("flag", [None, 0, "false", "0", "maybe"])
def test_an_event_that_is_no_sample_counts(frontify: Source, flag: Any) -> None:
    """However the flag is spelled: a deletion that is taken for a sample would be lost."""
    body = event("ASSET_DELETED")
    gone = sent(frontify, {**body, "meta": {**body["meta"], "isSampleEvent": flag}})
    assert gone.changes
    assert all(dict(change.leaves) == {"status": "deleted"} for change in gone.changes)


def test_no_date_at_all_is_unknown(frontify: Source) -> None:
    """Empty availability is no right."""
    nothing = fetched(frontify, ID, asset(expiresAt=None, availability={"from": None, "to": None}))
    assert verdict(nothing).state == "rights-unknown"
    assert verdict(fetched(frontify, ID, asset(expiresAt=None, availability=None))).state == "rights-unknown"


def test_the_state_may_come_with_its_envelope(frontify: Source) -> None:
    """A GraphQL answer, or the asset out of it: the same record."""
    bare, whole = fetched(frontify, ID, asset()), fetched(frontify, ID, body_of("frontify-asset-get"))
    assert (bare.record, dict(bare.leaves)) == (whole.record, dict(whole.leaves))


def test_addresses_that_may_end_are_not_handed_on(frontify: Source) -> None:
    """downloadUrl may be one for some days."""
    assert b"frontify-enterprise-files" not in orjson.dumps(dict(fetched(frontify, ID, asset()).leaves))


@pytest.mark.parametrize("to", ["one day", [], {}, False])
def test_a_date_that_cannot_be_read_is_a_letter(frontify: Source, to: Any) -> None:
    """A right that is not understood is not a right, also where JMESPath takes it for nothing."""
    with pytest.raises(Unmappable, match=r"rights\.until at .*availability"):
        fetched(frontify, ID, asset(availability={"to": to}))


@pytest.mark.parametrize("payload", [None, "a1", [{}], [{"assetId": None}]])
def test_a_payload_that_names_no_asset_is_a_letter(frontify: Source, payload: Any) -> None:
    """Nothing is guessed."""
    outcome = sent(frontify, event("ASSET_UPDATED", payload=payload))
    assert outcome.changes == []
    assert len(outcome.unread) == 1
