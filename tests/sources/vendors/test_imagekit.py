"""ImageKit beyond its samples, by both signatures: every event, private files and drafts.

Owns: what its events mean. Does not own: Standard Webhooks in general (tests/sources/test_verify.py).
Next stop: tests/sources/vendors/test_sanity.py.
"""

import base64
from typing import Any

import pytest

from app.errors import Unmappable
from app.sources.source import Source
from tests.sources.builders import NOW_S, sample
from tests.sources.expectations import source as configured
from tests.sources.vendors.sending import body_of, fetched, known, sent, verdict

ID = "6709aa11bb22cc33dd44ee55"


@pytest.fixture(params=["imagekit", "imagekit-legacy"])
def imagekit(request: pytest.FixtureRequest) -> Source:
    return configured(request.param)


def event(type_: str = "file.updated", at: str = "2026-10-14T09:00:00.000Z", **data: Any) -> dict[str, Any]:
    body = body_of("imagekit-file.updated", type=type_, created_at=at)
    return {**body, "data": {**body["data"], **data}}


def test_the_secret_is_its_own_text() -> None:
    """Its UTF-8 bytes are the key; decoded from base64 it would fit nothing."""
    headers, body = sample("imagekit-file.updated")
    source = configured("imagekit")
    assert source.verify(headers, body, NOW_S) == ""
    several = {**headers, "webhook-signature": f"v1,{base64.b64encode(b'0' * 32).decode()} {headers['webhook-signature']}"}
    assert source.verify(several, body, NOW_S) == ""


@pytest.mark.parametrize("type_", ["file.created", "file.updated"])
def test_a_whole_state(imagekit: Source, type_: str) -> None:
    """What a later state does not say is gone."""
    first = sent(imagekit, event(type_)).changes
    second = sent(imagekit, event(updatedAt="2026-10-14T09:30:00.000Z", tags=None, customMetadata=None)).changes
    seen = known(*first, *second)
    assert first[0].full == ("",)
    assert not [leaf for leaf in seen if leaf.startswith(("tags", "claims", "texts"))]


@pytest.mark.parametrize(
    ("data", "state"),
    [
        ({}, "live"),
        ({"isPrivateFile": True}, "no-public-url"),
        ({"isPrivateFile": 1}, "no-public-url"),
        ({"isPublished": False}, "pending-review"),
        ({"isPublished": "false"}, "pending-review"),
        ({"AITags": [{"name": "x", "confidence": 1}], "customMetadata": {}}, "live"),
    ],
)
def test_private_files_and_drafts(imagekit: Source, data: dict[str, Any], state: str) -> None:
    """A private file opens by a signed address only, a draft by none."""
    assert verdict(*sent(imagekit, event(**data)).changes, show_unknown=True).state == state


def test_a_private_file_takes_its_addresses_back(imagekit: Source) -> None:
    """Also those that an earlier state gave."""
    later = sent(imagekit, event(isPrivateFile=True, updatedAt="2026-10-14T09:30:00.000Z")).changes
    seen = known(*sent(imagekit, event()).changes, *later)
    assert not [leaf for leaf in seen if leaf == "url" or leaf.startswith("renditions")]


def test_a_deletion_says_nothing_but_the_id(imagekit: Source) -> None:
    """It is ordered by its own time; an update from before it does not revive."""
    gone = sent(imagekit, {"type": "file.deleted", "id": "e", "created_at": "2026-10-14T09:00:00Z", "data": {"fileId": ID}})
    late = sent(imagekit, event(updatedAt="2026-10-14T08:59:00Z"))
    assert known(*gone.changes, *late.changes) == {"status": "deleted"}


def test_a_new_version(imagekit: Source) -> None:
    """It says which version it is and how large; rights and SKUs stay as they were."""
    new = event(
        "file-version.created",
        updatedAt="2026-10-14T09:30:00Z",
        versionInfo={"id": "v3"},
        width=10,
        customMetadata=None,
        type="file-version",
    )
    seen = known(*sent(imagekit, event()).changes, *sent(imagekit, new).changes)
    assert (seen["content_version"], seen["media"]["width"]) == ("v3", 10)
    assert seen["claims.sku"]


@pytest.mark.parametrize(
    "type_",
    [
        *("file-version.deleted", "folder.created", "folder.updated", "folder.deleted"),
        *("upload.pre-transform.success", "upload.post-transform.error", "video.transformation.ready"),
    ],
)
def test_what_changes_no_asset_is_passed_over(imagekit: Source, type_: str) -> None:
    """Folders, old versions and transformations."""
    body = {"type": type_, "id": "e", "created_at": "2026-10-14T09:00:00Z", "data": {"fileId": ID, "versionId": "v"}}
    assert sent(imagekit, body) == ([], [], [], [])


def test_two_events_of_one_state_are_ordered_by_their_creation(imagekit: Source) -> None:
    """updatedAt may stand still between them."""
    early, late = (sent(imagekit, event(at=f"2026-10-14T09:00:00.{n}Z")).changes[0].order for n in ("100", "200"))
    assert early < late


def test_a_licence_that_cannot_be_read_is_a_letter() -> None:
    """A right that is not understood is not a right."""
    with pytest.raises(Unmappable, match=r"rights\.until at customMetadata\.license_end"):
        sent(configured("imagekit"), event(customMetadata={"license_end": "soon"}))


def test_a_fetched_file(imagekit: Source) -> None:
    """The API's answer is the event's `data`."""
    state = body_of("imagekit-file.updated")["data"]
    assert dict(fetched(imagekit, ID, state).leaves) == sent(imagekit, event()).leaves
