"""Names of files bind nothing by themselves, however much like a GTIN they look.

Owns: every DAM's preset as it is, on assets without a product reference. Does not own: GTINs that a customer's own words read from names
(tests/sources/vendors/test_contentful.py). Next stop: tests/sources/README.md.
"""

from pathlib import Path
from typing import Any

import pytest

from app.sources.source import Source
from tests.sources.builders import one
from tests.sources.vendors.sending import body_of, fetched, sent

TOPIC = {"x-contentful-topic": "ContentManagement.Asset.publish"}
FRONTIFY = {**body_of("frontify-asset-get")["data"]["asset"], "customMetadata": [], "externalId": None}


def shipped(folder: Path, preset: str) -> Source:
    """A source of this preset, without any word of its own."""
    proof = "" if preset in {"aem", "bynder"} else "    secrets: [env:PRIMARY]\n"
    return one(folder, f"\n  dam:\n    preset: {preset}\n    when_rights_unknown: hide\n{proof}")


@pytest.mark.parametrize(
    ("preset", "body", "headers"),
    [
        ("cloudinary", body_of("cloudinary-upload", metadata={}, original_filename="09521101530476_A1N1"), {}),
        ("contentful", body_of("contentful-asset.publish"), TOPIC),
        ("imagekit", {**body_of("imagekit-file.updated"), "data": {**body_of("imagekit-file.updated")["data"], "customMetadata": {}}}, {}),
        ("sanity", body_of("sanity-asset.update"), {"sanity-operation": "update"}),
        ("aem", body_of("aem-processing_completed"), {}),
    ],
)
def test_the_name_in_an_event_claims_nothing(tmp_path: Path, preset: str, body: Any, headers: dict[str, str]) -> None:
    """The samples' files are named after a valid GTIN, as GS1 recommends."""
    source = shipped(tmp_path, preset)
    assert not [leaf for leaf in sent(source, body, headers).leaves if leaf.startswith("claims.")]


@pytest.mark.parametrize(
    ("preset", "state"),
    [
        ("acquia", body_of("acquia-asset-get", metadata={"fields": {}})),
        ("brandfolder", {**body_of("brandfolder-asset-get"), "included": body_of("brandfolder-asset-get")["included"][:1]}),
        ("bynder", {"id": "A", "name": "09521101530476_A1N1.jpg", "mediaItems": [{"fileName": "09521101530476_A1N1.jpg"}]}),
        ("canto", body_of("canto-asset-get", name="09521101530476_A1N1.jpg", additional={})),
        ("frontify", FRONTIFY),
    ],
)
def test_the_name_in_a_state_claims_nothing(tmp_path: Path, preset: str, state: Any) -> None:
    """Nor in what a fetch brings."""
    source = shipped(tmp_path, preset)
    assert not [leaf for leaf in fetched(source, "a", state).leaves if leaf.startswith("claims.")]
