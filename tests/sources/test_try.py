"""What `bindery sources try` is told.

Owns: explain_request(). Does not own: how it is printed (app/cli/). Next stop: app/sources/try_.py.
"""

from pathlib import Path

import orjson
import pytest

from app.sources.source import Source
from app.sources.try_ import explain_request
from tests.sources.builders import AKENEO, ASSET, CLOUDINARY, NOW_S, PRODUCT, VERSION, configure, sample


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Source]:
    return dict(configure(tmp_path, CLOUDINARY + AKENEO).sources)


def test_a_genuine_request(sources: dict[str, Source]) -> None:
    """Every event has its key, order and facets, in plain data."""
    headers, body = sample("cloudinary-delete")
    shown = explain_request(sources["cloudinary-eu"], {name.upper(): value for name, value in headers.items()}, body, NOW_S, VERSION)
    assert (shown["verified"], shown["reason"]) == (True, "")
    first = shown["events"][0]
    assert {
        "type": "delete",
        "side": "dam",
        "key": ASSET,
        "full": True,
        "facets": {"status": "deleted"},
        "dead_letter": None,
    }.items() <= first.items()
    assert len(first["order"]) == 77
    assert len(shown["events"]) == 2
    assert orjson.dumps(shown)


def test_a_thin_event(sources: dict[str, Source]) -> None:
    """An event that changes nothing by itself shows what would be fetched."""
    shown = explain_request(sources["akeneo-main"], *sample("akeneo-eventplatform-product-updated"), NOW_S, VERSION)
    (event,) = shown["events"]
    assert (event["key"], event["facets"]) == (PRODUCT, {})
    assert event["fetch"][0]["id"] == PRODUCT.split("/")[2]


def test_a_forgery(sources: dict[str, Source]) -> None:
    """What is not genuine is not looked into."""
    headers, body = sample("cloudinary-upload")
    shown = explain_request(sources["cloudinary-eu"], headers, body + b" ", NOW_S, VERSION)
    assert not shown["verified"]
    assert "fits none" in shown["reason"]
    assert shown["events"] == []


def test_letters(sources: dict[str, Source]) -> None:
    """What would become a dead letter says which kind and why, at the door and after the log."""
    source = sources["cloudinary-eu"]
    bodies = {
        b"{": "malformed",
        b'{"notification_type":"sale"}': "unmappable",
        b'{"notification_type":"upload","asset_id":"a"}': "unmappable",
    }
    for body, disposition in bodies.items():
        (event,) = explain_request(source, source.sign(body, NOW_S), body, NOW_S, VERSION)["events"]
        assert event["dead_letter"]["disposition"] == disposition
        assert event["dead_letter"]["message"].startswith("preset cloudinary")
