"""Contentful beyond its sample: every topic, locales, drafts, both APIs.

Owns: what its webhooks and states mean. Does not own: the canonical request (tests/sources/test_verify_contentful.py).
Next stop: tests/sources/vendors/test_imagekit.py.
"""

from typing import Any

import orjson
import pytest

from app.domain.order import parts
from app.errors import Unmappable
from app.sources.source import Source
from tests.sources.builders import ARRIVED_US
from tests.sources.expectations import source as configured
from tests.sources.vendors.sending import body_of, fetched, known, sent, verdict

ID = "3kQ9nordhag4711olive"


@pytest.fixture
def contentful() -> Source:
    return configured("contentful")


def topic(name: str) -> dict[str, str]:
    return {"x-contentful-topic": f"ContentManagement.{name}", "x-contentful-idempotency-key": f"key-{name}"}


def asset(sys: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    body = body_of("contentful-asset.publish")
    return {**body, "sys": {**body["sys"], **(sys or {})}, "fields": {**body["fields"], **fields}}


def gone(at: str, kind: str = "DeletedAsset", **sys: Any) -> dict[str, Any]:
    """The body of unpublish and delete: no fields."""
    return {"sys": {"type": kind, "id": ID, "updatedAt": at, **sys}}


@pytest.mark.parametrize("name", ["unpublish", "archive"])
def test_what_is_not_published_is_not_shown(contentful: Source, name: str) -> None:
    """Until it is published again, with whatever it then says."""
    first = sent(contentful, asset(), topic("Asset.publish")).changes
    away = sent(contentful, gone("2026-10-14T09:00:00Z"), topic(f"Asset.{name}")).changes
    again = sent(contentful, asset({"updatedAt": "2026-10-14T10:00:00Z", "revision": 5}), topic("Asset.publish")).changes
    assert verdict(*first, show_unknown=True).state == "live"
    assert verdict(*first, *away, show_unknown=True).state == "withdrawn"
    assert verdict(*again, *first, *away, show_unknown=True).state == "live"


def test_a_deletion(contentful: Source) -> None:
    """Its own time counts where it names one; a publication from before it does not come back."""
    body = gone("2026-10-14T08:00:00Z", deletedAt="2026-10-14T09:00:00Z")
    away = sent(contentful, body, topic("Asset.delete")).changes
    late = sent(contentful, asset({"updatedAt": "2026-10-14T08:59:00Z"}), topic("Asset.publish")).changes
    assert known(*away, *late)["status"] == "deleted"


def test_nobody_is_named(contentful: Source) -> None:
    """Whoever made, published or deleted it stands in the log as a hash."""
    body = gone("2026-10-14T08:00:00Z")
    body["sys"] |= {f"{done}By": {"sys": {"id": "mila"}} for done in ("created", "published", "deleted")}
    (event,) = contentful.receive(orjson.dumps(body), ARRIVED_US, topic("Asset.delete")).events
    assert b"mila" not in event.value


def test_a_body_without_a_time_counts_as_of_its_signature(contentful: Source) -> None:
    """The bodies of unpublish and delete are documented in part only; the time that is signed is always there."""
    body, signed = {"sys": {"type": "DeletedAsset", "id": ID}}, {"x-contentful-timestamp": "1791968400000"}
    (change,) = sent(contentful, body, {**topic("Asset.delete"), **signed}).changes
    assert parts(change.order).source == 1791968400000000


@pytest.mark.parametrize("name", ["Asset.create", "Asset.save", "Asset.auto_save", "Asset.unarchive", "Entry.publish", "Workflow.create"])
def test_drafts_and_other_things_are_passed_over(contentful: Source, name: str) -> None:
    """No visitor sees them."""
    assert sent(contentful, asset(title={"en-US": "Draft"}), topic(name)) == ([], [], [], [])


def test_an_unknown_topic_is_a_letter(contentful: Source) -> None:
    """So is a request without one."""
    assert "of a type that it does not know" in sent(contentful, asset(), topic("Asset.explode")).unread[0]
    assert "without a type" in sent(contentful, asset()).unread[0]


def test_addresses_without_a_scheme_and_files_by_locale(contentful: Source) -> None:
    """https stands in for the missing scheme; every locale's file is there, the first one in front."""
    one, two = ({"url": f"//images.ctfassets.net/{n}.jpg", "contentType": "image/jpeg", "details": {"size": n}} for n in (1, 2))
    found = sent(contentful, asset(file={"de-DE": one, "en-US": two}), topic("Asset.publish")).leaves
    assert found["url"] == "https://images.ctfassets.net/1.jpg"
    assert {leaf: value["url"] for leaf, value in found.items() if leaf.startswith("renditions.")} == {
        "renditions.de-DE": "https://images.ctfassets.net/1.jpg",
        "renditions.en-US": "https://images.ctfassets.net/2.jpg",
    }
    assert found["media"] == {"bytes": 1, "type": "image/jpeg"}


@pytest.mark.parametrize("file", [None, {}, {"en-US": {"fileName": "a.jpg", "upload": "https://x"}}])
def test_a_file_that_is_not_processed_has_no_address(contentful: Source, file: Any) -> None:
    """It is known all the same."""
    change = sent(contentful, asset(file=file), topic("Asset.publish")).changes[0]
    assert "url" not in change.leaves
    assert verdict(change, show_unknown=True).state == "no-public-url"


def test_localised_texts(contentful: Source) -> None:
    """A locale that is gone is gone."""
    first = sent(contentful, asset(), topic("Asset.publish")).changes
    second = sent(contentful, asset({"updatedAt": "2026-10-14T09:00:00Z"}, title={"de-DE": "Neu"}), topic("Asset.publish")).changes
    assert [leaf for leaf in known(*first, *second) if leaf.startswith("texts.title")] == ["texts.title.de-DE"]


@pytest.mark.parametrize(
    ("sys", "state"),
    [
        ({"version": 8, "publishedVersion": 7}, "live"),
        ({"version": 8}, "pending-review"),
        ({"version": 9, "archivedVersion": 8, "publishedVersion": 3}, "withdrawn"),
        ({"publishedVersion": 7}, "live"),
        ({}, "live"),
    ],
)
def test_a_fetched_state_of_either_api(contentful: Source, sys: dict[str, Any], state: str) -> None:
    """The Management API shows drafts, which are not shown; the Delivery API knows published assets only."""
    assert verdict(fetched(contentful, ID, asset(sys)), show_unknown=True).state == state


@pytest.mark.parametrize("sys", [{"updatedAt": None}, {"updatedAt": "yesterday"}])
def test_a_time_that_is_none_is_a_letter(contentful: Source, sys: dict[str, Any]) -> None:
    """Without an order nothing can be merged."""
    with pytest.raises(Unmappable, match=r"order at sys\.deletedAt"):
        sent(contentful, asset(sys), topic("Asset.publish"))


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("09521101530476_A1N1.jpg", [["09521101530476", "09521101530476"]]),
        ("9521101530476_a1n1__06655.png", [["9521101530476", "09521101530476"]]),
        ("9521101530477_A1N1.png", None),
        ("BC_121899_DEM_A1N1.png", None),
    ],
)
def test_the_gtin_in_the_name_of_a_file(contentful: Source, name: str, claims: Any) -> None:
    """A claim only where the check digit fits, whatever stands behind it."""
    assert sent(contentful, asset(file={"en-US": {"fileName": name}}), topic("Asset.publish")).leaves.get("claims.gtin") == claims
