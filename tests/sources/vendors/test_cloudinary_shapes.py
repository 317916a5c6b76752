"""Cloudinary beyond its samples: every type in both shapes, states of the Admin API, eager notifications without asset_id.

Owns: shapes of the facts. Does not own: what single changes mean (tests/sources/test_cloudinary.py).
Next stop: tests/sources/vendors/test_generic_dam.py.
"""

from pathlib import Path
from typing import Any

import pytest

from app.sources.source import Source
from tests.sources.builders import CLOUDINARY, one
from tests.sources.expectations import source as configured
from tests.sources.vendors.sending import body_of, fetched, known, sent, verdict

ID = "7d1f0c2e9b8a4d5f8e3c6b7a90112233"
API = "    api: {cloud: nordhag, key: env:PRIMARY, secret: env:SECONDARY}\n"


@pytest.fixture
def cloudinary() -> Source:
    return configured("cloudinary-eu")


def of(type_: str, resources: Any = None, **more: Any) -> dict[str, Any]:
    held = {} if resources is None else {"resources": resources}
    return {"notification_type": type_, "timestamp": "2026-10-14T09:00:00+00:00", **held, **more}


@pytest.mark.parametrize(
    ("type_", "said", "leaves"),
    [
        ("delete", {"version": 1}, {"status": "deleted"}),
        ("move", {"display_name": "B", "to_asset_folder": "x"}, {"texts.title.*": "B"}),
        ("resource_display_name_changed", {"new_display_name": "B"}, {"texts.title.*": "B"}),
        ("resource_tags_changed", {"added": ["a"], "removed": ["b"]}, {"tags.a": True, "tags.b": None}),
        ("resource_tags_changed", {"added": [], "removed": ["b"]}, {"tags.b": None}),
        ("resource_context_changed", {"added": {"alt": "x"}, "removed": ["caption"]}, {"texts.alt.*": "x", "texts.caption.*": None}),
        (
            "resource_context_changed",
            {
                "added": [{"name": "alt", "value": "x"}],
                "removed": [{"name": "caption", "value": "old"}],
                "updated": [{"name": "k", "value": "v"}],
            },
            {"texts.alt.*": "x", "texts.caption.*": None},
        ),
        ("resource_context_changed", {"updated": {"alt": {"previous_value": "a", "new_value": "x"}}}, {"texts.alt.*": "x"}),
        ("resource_metadata_changed", {"previous_metadata": {"gtin": "1"}, "new_metadata": {}}, {"claims.gtin": None}),
        (
            "access_control_changed",
            {"previous_access_control": [], "new_access_control": [{"access_type": "anonymous"}]},
            {"rights.access": [[None, None]]},
        ),
    ],
)
def test_lists_and_maps_of_resources(cloudinary: Source, type_: str, said: dict[str, Any], leaves: dict[str, Any]) -> None:
    """Either shape is one event per asset and says the same."""
    listed = sent(cloudinary, of(type_, [{"asset_id": "a1", "public_id": "p/1", **said}, {"asset_id": "a2", "public_id": "p/2", **said}]))
    mapped = sent(cloudinary, of(type_, {"p/1": {"asset_id": "a1", **said}, "p/2": {"asset_id": "a2", **said}}))
    for outcome in (listed, mapped):
        assert [change.record for change in outcome.changes] == ["asset/cloudinary-eu/a1", "asset/cloudinary-eu/a2"]
        assert [dict(change.leaves) for change in outcome.changes] == [leaves, leaves]


@pytest.mark.parametrize(
    "type_",
    [
        "create_folder",
        "delete_folder",
        "move_or_rename_asset_folder",
        "related_assets",
        "multi",
        "explode",
        "proof_status_changed",
        "error",
    ],
)
def test_what_changes_no_asset_is_passed_over(cloudinary: Source, type_: str) -> None:
    """Folders, relations and derived files become nothing."""
    assert sent(cloudinary, of(type_, public_id="x")) == ([], [], [], [])


@pytest.mark.parametrize(("type_", "open_"), [("upload", True), (None, True), ("authenticated", False), ("private", False)])
def test_a_rename_changes_the_type_as_well(cloudinary: Source, type_: str | None, open_: bool) -> None:
    """The record stays; a rename says nothing of addresses but the new public id, unless it closes the asset to the public."""
    rename = of("rename", asset_id=ID, from_public_id="a", to_public_id="b", type=type_, resource_type="image")
    seen = known(*sent(cloudinary, body_of("cloudinary-upload")).changes, *sent(cloudinary, rename).changes)
    assert seen["part.public_id"] == "b"
    assert seen["aliases.public_id"] == ["b"]
    assert ("url" in seen) is open_


@pytest.mark.parametrize(
    ("more", "thing"), [({}, "image/upload/p/1"), ({"resource_type": "video", "type": "private"}, "video/private/p/1")]
)
def test_an_eager_notification_without_asset_id(tmp_path: Path, more: dict[str, Any], thing: str) -> None:
    """A public id names no record for good: with access to the Admin API the asset is fetched by it, without it is passed over."""
    body = of("eager", public_id="p/1", batch_id="b", eager=[{"transformation": "w_9", "secure_url": "https://x/w_9/v1/p/1.jpg"}], **more)
    with_api = sent(one(tmp_path, CLOUDINARY + API), body)
    assert (with_api.changes, [task.thing for task in with_api.tasks]) == ([], [thing])
    without = sent(one(tmp_path, CLOUDINARY), body)
    assert (without.changes, without.tasks, without.unread) == ([], [], [])


def test_what_the_fetch_by_public_id_brings_belongs_to_the_asset(tmp_path: Path) -> None:
    """The state names its own asset_id, and its derived files are the renditions."""
    source = one(tmp_path, CLOUDINARY + API)
    state = body_of("cloudinary-upload")
    for name in ("notification_type", "timestamp", "notification_context"):
        del state[name]
    derived = [
        {"id": "d", "transformation": "w_9", "format": "jpg", "secure_url": f"{state['secure_url']}".replace("/upload/", "/upload/w_9/")}
    ]
    change = fetched(source, "image/upload/nordhag/4711/olive_front", {**state, "derived": derived, "last_updated": {}})
    assert (change.record, change.full) == (f"asset/cloudinary-eu/{ID}", ("",))
    assert change.leaves["renditions.w_9"]["url"].endswith("/w_9/v{version}/{public_id}.jpg")
    upload = sent(source, body_of("cloudinary-upload")).changes[0]
    assert {leaf: value for leaf, value in change.leaves.items() if not leaf.startswith("renditions")} == dict(upload.leaves)


def test_a_transformation_of_any_length_names_a_rendition(cloudinary: Source) -> None:
    """Chained overlays are longer than a name may be: it is cut, and two that begin alike stay two."""
    long = [f"l_text:Arial_40:{'x' * 600}{end}" for end in "ab"]
    listed = [{"transformation": each, "secure_url": "https://res.cloudinary.com/x/image/upload/w_9/v1/p.jpg"} for each in long]
    (change,) = sent(cloudinary, body_of("cloudinary-upload", eager=listed)).changes
    names = [leaf for leaf in change.leaves if leaf.startswith("renditions.")]
    assert len(names) == 2
    assert all(len(name) < 250 for name in names)


@pytest.mark.parametrize("more", [{}, {"transformation": "f_webp"}, {"transformation": ""}])
def test_renditions_that_are_not_there_yet(cloudinary: Source, more: dict[str, str]) -> None:
    """An upload whose renditions are made later lists their addresses: none counts before it is there, and the upload counts at once."""
    address = "https://res.cloudinary.com/x/image/upload/f_webp/v1/p.webp"
    pending = {"status": "processing", "batch_id": "b", "secure_url": address, **more}
    (upload,) = sent(cloudinary, body_of("cloudinary-upload", eager=[pending])).changes
    assert upload.leaves["checksum"]
    assert not [leaf for leaf in upload.leaves if leaf.startswith("renditions")]
    made = of("eager", asset_id=ID, public_id="p", eager=[{"transformation": "f_webp", "status": "complete", "secure_url": address}])
    assert sent(cloudinary, made).leaves["renditions.f_webp"]["url"].endswith("/f_webp/v{version}/{public_id}.webp")


@pytest.mark.parametrize("said", [{"moderation_status": "rejected"}, {"moderation": [{"kind": "aws_rek", "status": "rejected"}]}])
def test_a_moderation_in_either_form(cloudinary: Source, said: dict[str, Any]) -> None:
    """By its status, or by the list that uploads have."""
    assert sent(cloudinary, of("moderation", asset_id=ID, **said)).leaves == {"approval": "rejected"}


def test_only_what_a_fetch_can_mend_is_asked_for(tmp_path: Path) -> None:
    """With access, a deletion is looked at again later; events that tell enough ask for nothing."""
    source = one(tmp_path, CLOUDINARY + API)
    assert sent(source, body_of("cloudinary-upload")).tasks == []
    assert [task.deletion for task in sent(source, body_of("cloudinary-delete")).tasks] == [True, True]
    assert sent(configured("cloudinary-eu"), body_of("cloudinary-delete")).tasks == []


def test_dates_of_the_metadata_are_days_of_the_customer(tmp_path: Path) -> None:
    """A structured date has no zone: its last day lasts 23 hours where clocks go forward, in the zone of the source."""
    words = "    timezone: Europe/Stockholm\n    overrides: {rights: {until: {path: metadata.license_end, end: inclusive}}}\n"
    source = one(tmp_path, CLOUDINARY + words)
    (change,) = sent(source, body_of("cloudinary-upload", access_control=[], metadata={"license_end": "2027-03-28"})).changes
    assert change.leaves["rights.until"] == 1806271200000000  # 2027-03-28T22:00:00Z
    assert verdict(change, at_us=1806271199999999).state == "live"
    assert verdict(change, at_us=1806271200000000).state == "expired"
