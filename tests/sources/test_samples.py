"""Every sample of both vendors, from its own signature to the facets that its payload means.

Owns: expectations written by hand from the payloads. Does not own: what happens with changed payloads (tests/sources/test_cloudinary.py,
tests/sources/test_akeneo.py). Next stop: tests/sources/test_verify.py.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from app.domain.order import DELETION, parts
from app.sources.source import Projected, Source
from tests.sources.builders import AKENEO, ARRIVED_US, ASSET, CLOUDINARY, NOW_S, PRODUCT, SAMPLES, VERSION, configure, sample

OTHER_ASSET = "asset/cloudinary-eu/00aa11bb22cc33dd44ee55ff66778899"
URL = "https://res.cloudinary.com/nordhag/image/upload"

UPLOAD = {
    "status": "active",
    "claims.sku": [["NH-4711-OLV-M", "NH-4711-OLV-M"], ["NH-4711-OLV-L", "NH-4711-OLV-L"]],
    "claims.gtin": [["9521101530476", "09521101530476"]],
    "aliases.public_id": ["nordhag/4711/olive_front"],
    "tags.jacket": True,
    "tags.approved": True,
    "texts.alt.*": "Olive rain jacket, front",
    "texts.caption.*": "Nordhag 4711",
    "texts.title.*": "Olive front",
    "url": f"{URL}/v{{version}}/{{public_id}}.{{format}}",
    "part.public_id": "nordhag/4711/olive_front",
    "part.version": 1791965551,
    "part.format": "jpg",
    "checksum": "ba659939746da029068abb29074bae4a",
    "content_version": 1791965551,
    "media": {"width": 4000, "height": 5000, "bytes": 4183344, "format": "jpg", "type": "image"},
    # 2026-11-01 and 2027-03-01, midnight in UTC.
    "rights.access": [[1793491200000000, 1803859200000000]],
}
EAGER = {
    "aliases.public_id": ["nordhag/4711/olive_front"],
    "part.public_id": "nordhag/4711/olive_front",
    "renditions.c_pad,w_1200,h_1200/f_webp": {
        "url": f"{URL}/c_pad,w_1200,h_1200/f_webp/v{{version}}/{{public_id}}.webp",
        "width": 1200,
        "height": 1200,
        "format": "webp",
    },
}
SKU = {"keys.sku": ["LMP-2041-BLK", "LMP-2041-BLK"]}
DELETED = {"status": "deleted"}
DELTA = {
    **SKU,
    "links.packshots.*.*": [["akeneo", "id", "lmp_2041_blk_front"], ["akeneo", "id", "lmp_2041_blk_detail"]],
    "enabled": True,
}

# Sample -> (record, whole state, leaves) of each change.
CHANGES: dict[str, list[tuple[str, bool, dict[str, Any]]]] = {
    "cloudinary-upload": [(ASSET, True, UPLOAD)],
    "cloudinary-delete": [(ASSET, True, DELETED), (OTHER_ASSET, True, DELETED)],
    "cloudinary-eager": [(ASSET, False, EAGER)],
    "cloudinary-move": [(ASSET, False, {"texts.title.*": "Olive front"})],
    "cloudinary-resource_context_changed": [(ASSET, False, {"texts.alt.*": "Olive rain jacket, front"})],
    "cloudinary-resource_tags_changed": [(ASSET, False, {"tags.role:hero": True, "tags.draft": None})],
    "akeneo-eventplatform-product-created": [(PRODUCT, False, {**SKU, "status": "active"})],
    "akeneo-eventplatform-product-updated": [],
    "akeneo-eventplatform-product-became-complete": [(PRODUCT, False, SKU)],
    "akeneo-eventplatform-product-deleted": [("product/akeneo/b5f0e6a2-91c7-4d38-8e0b-6a4c9d2f7715", True, DELETED)],
    "akeneo-eventplatform-product-updated-delta": [(PRODUCT, False, DELTA)],
    "akeneo-eventplatform-asset-updated": [],
    "akeneo-eventplatform-asset-updated-delta": [],
    "akeneo-eventplatform-asset-deleted": [],
    "akeneo-eventplatform-subscription-suspended": [],
}
FETCHED = {"product-created", "product-updated", "product-became-complete"}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Source]:
    return dict(configure(tmp_path_factory.mktemp("config"), CLOUDINARY + AKENEO).sources)


def _source(sources: dict[str, Source], name: str) -> Source:
    return sources["cloudinary-eu" if name.startswith("cloudinary") else "akeneo-main"]


def _projected(source: Source, name: str) -> Projected:
    headers, body = sample(name)
    received = source.receive(body, ARRIVED_US, headers)
    assert received.unread == []
    each = [source.project(event, VERSION) for event in received.events]
    return Projected([change for one in each for change in one.changes], [task for one in each for task in one.tasks])


def test_every_sample_has_an_expectation() -> None:
    """A sample that is added without one is noticed."""
    assert {path.name.removesuffix(".json") for path in SAMPLES.glob("*.json") if "headers" not in path.name} == set(CHANGES)


@pytest.mark.parametrize("name", CHANGES)
def test_the_bytes_are_the_vendors(name: str) -> None:
    """The copies of the samples are exact."""
    sidecar = json.loads((SAMPLES / f"{name}.headers.json").read_text())
    assert hashlib.sha256(sample(name)[1]).hexdigest() == sidecar["body_sha256"]


@pytest.mark.parametrize("name", CHANGES)
def test_a_sample_is_genuine(sources: dict[str, Source], name: str) -> None:
    """Its own signature verifies."""
    headers, body = sample(name)
    assert _source(sources, name).verify(headers, body, NOW_S) == ""


@pytest.mark.parametrize("name", CHANGES)
def test_a_sample_becomes_its_facets(sources: dict[str, Source], name: str) -> None:
    """Record, wholeness and every leaf are what the payload says."""
    changes = _projected(_source(sources, name), name).changes
    assert [(change.record, change.full == ("",), dict(change.leaves)) for change in changes] == CHANGES[name]


@pytest.mark.parametrize("name", [name for name in CHANGES if "akeneo" in name])
def test_thin_events_ask_for_a_fetch(sources: dict[str, Source], name: str) -> None:
    """An event that only says that something changed becomes one task with a stable key; no other event does."""
    tasks = _projected(_source(sources, name), name).tasks
    expected = (
        ["fetch product akeneo 7c2d9b1e-4a53-4f0e-9d7c-2f6b1a8e3c41"] if name.removeprefix("akeneo-eventplatform-") in FETCHED else []
    )
    assert [task.key for task in tasks] == expected
    assert all(task.due_us == ARRIVED_US + 5_000_000 for task in tasks)


@pytest.mark.parametrize("name", [name for name in CHANGES if "delete" in name and CHANGES[name]])
def test_deletions_outrank_changes_of_the_same_second(sources: dict[str, Source], name: str) -> None:
    """A deletion has the rank of one."""
    assert {parts(change.order).rank for change in _projected(_source(sources, name), name).changes} == {DELETION}


def test_source_order_is_the_senders_time(sources: dict[str, Source]) -> None:
    """The order holds the sender's own time in microseconds, its finer hint as tie, and the configuration version."""
    (change,) = _projected(sources["cloudinary-eu"], "cloudinary-upload").changes
    found = parts(change.order)
    assert (found.source, found.tie, found.version) == (1791965551000000, 1791965551774112, VERSION)
    (change,) = _projected(sources["akeneo-main"], "akeneo-eventplatform-product-created").changes
    found = parts(change.order)
    assert (found.source, found.tie) == (1787561890000000, 0x01A032FDD117)


def test_authors_are_hashed(sources: dict[str, Source]) -> None:
    """No event carries a person's id; the same person stays the same."""
    received = [
        sources["cloudinary-eu"].receive(sample(name)[1], ARRIVED_US, {}).events[0] for name in ("cloudinary-upload", "cloudinary-move")
    ]
    assert not any(b"mila.sund" in event.value for event in received)
    assert len({json.loads(event.value)["notification_context"]["triggered_by"]["id"] for event in received}) == 1


def test_a_body_that_needs_no_change_is_kept_as_it_came(sources: dict[str, Source]) -> None:
    """An event without author and hot fields goes to the log byte for byte."""
    body = sample("akeneo-eventplatform-product-became-complete")[1]
    (event,) = sources["akeneo-main"].receive(body, ARRIVED_US, {}).events
    assert event.value == body


@pytest.mark.parametrize("name", CHANGES)
def test_an_altered_byte_is_refused(sources: dict[str, Source], name: str) -> None:
    """No single changed byte of the body, wherever, passes."""
    headers, body = sample(name)
    source = _source(sources, name)
    for at in range(0, len(body), 7):
        altered = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        assert source.verify(headers, altered, NOW_S) != ""


def test_the_samples_work_with_the_shipped_example(tmp_path: Path) -> None:
    """The example configuration reads the vendors' samples, with the customer's own field names."""
    from app.configuration import load

    example = load(Path(__file__).parents[2] / "examples" / "bindery.yaml", environ={}, strict=True)
    (event,) = example.sources["cloudinary-eu"].receive(sample("cloudinary-upload")[1], ARRIVED_US, {}).events
    (change,) = example.sources["cloudinary-eu"].project(event, 1).changes
    assert change.leaves["approval"] == "approved"
    # The licence ends with 2027-03-01 in Stockholm, that is at 2027-03-01T23:00:00Z.
    assert change.leaves["rights.until"] == 1803942000000000
