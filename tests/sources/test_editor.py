"""The JSON Schema of bindery.yaml accepts what the service accepts, and underlines the typical mistakes.

Owns: the schema against files that work and against mistakes. Does not own: its drift (tests/schemas/test_drift.py), the checks of the
service itself (test_mistakes.py beside this file). Next stop: tests/sources/test_mistakes.py.
"""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from app.reading import PRESETS
from tests.sources.builders import configure, mistakes

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "schemas/json/bindery.yaml.schema.json").read_text())
EXAMPLE = ROOT / "examples/bindery.yaml"
VENDORS = sorted((Path(__file__).parent / "vendors").glob("*.bindery.yaml"))
CHECK = jsonschema.Draft7Validator(SCHEMA)


def wrong(file: Any) -> list[str]:
    """Places and messages of what the schema refuses."""
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in CHECK.iter_errors(file)]


def test_it_is_a_schema_of_the_version_that_it_says() -> None:
    """Editors refuse a schema that is none."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"].startswith("http://json-schema.org/draft-07/")


def test_the_example_is_valid_and_names_it() -> None:
    """In its first line, relative to itself, as the language server for YAML wants it."""
    assert wrong(yaml.safe_load(EXAMPLE.read_text())) == []
    name = EXAMPLE.read_text().splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert json.loads((EXAMPLE.parent / name).read_text()) == SCHEMA


@pytest.mark.parametrize("path", VENDORS, ids=lambda path: path.name.partition(".")[0])
def test_what_every_vendor_needs_is_valid(path: Path) -> None:
    """The sources with which all samples are read."""
    held = yaml.safe_load(path.read_text())
    assert wrong({"version": 1, **held}) == []


def test_what_the_pages_of_vendors_show_is_valid() -> None:
    """Every example of a source in them, so that nobody copies what the editor then underlines."""
    seen = 0
    for page in sorted((ROOT / "docs/sources").glob("*.md")):
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            held = yaml.safe_load(block)
            sources = held.get("sources", held)
            if all(isinstance(source, dict) and "preset" in source for source in sources.values()):
                seen += 1
                assert wrong({"version": 1, "sources": sources}) == [], page.name
    assert seen > len(VENDORS)


def test_it_offers_every_preset() -> None:
    """By name; one's own by path."""
    (names, _) = SCHEMA["definitions"]["OneSource"]["properties"]["preset"]["anyOf"]
    assert names["enum"] == sorted(path.stem for path in PRESETS.glob("*.yaml"))
    source = {"preset": "mine/vendor.yaml", "secrets": ["env:A"], "when_rights_unknown": "hide"}
    assert wrong({"version": 1, "sources": {"a": source}}) == []
    assert wrong({"version": 1, "sources": {"a": {**source, "preset": "cloudinari"}}})


def test_it_describes_the_words() -> None:
    """What an editor shows beside a word."""
    words = SCHEMA["definitions"]["OneSource"]["properties"]
    undescribed = {word for word, held in words.items() if "description" not in held and "description" not in str(held)}
    assert undescribed <= {"max_body_bytes", "include"}


GOOD: dict[str, dict[str, Any]] = {
    "cloudinary-eu": {
        "preset": "cloudinary",
        "secrets": ["env:PRIMARY"],
        "when_rights_unknown": "hide",
        "tolerance_s": None,
        "overrides": {
            "sku": {"path": "metadata.sku", "split": False},
            "gtin": None,
            "texts": {"alt": None, "title": "metadata.title"},
            "approval": {"path": "metadata.state", "lookup": {"ok": "approved"}},
            "rights": {"until": {"path": "metadata.end", "end": "inclusive"}, "territories": {"allow": "metadata.zones"}},
            "events": {"upload": {"mode": "full"}, "eager": None},
        },
    },
    "erp": {
        "preset": "generic-pim",
        "secrets": ["env:PRIMARY"],
        "include": {"family": ["shoes"], "completeness": {"at_least": 80}},
        "joins": {"asset": {"system": "cloudinary-eu", "by": "public_id", "normalise": {"case": "lower"}}},
        "overrides": {
            "fetching": {"fetcher": "template"},
            "family": "family",
            "completeness": {"path": "complete"},
            "events": {"fetched.product": {"key": "id"}},
        },
        "api": {"url": "https://erp.example/products/{id}", "headers": {"authorization": "Bearer env:OTHER"}},
    },
}


def test_what_is_valid_loads(tmp_path: Path) -> None:
    """Schema and service agree on a file with many words."""
    assert wrong({"version": 1, "sources": GOOD}) == []
    assert set(configure(tmp_path, f" {json.dumps(GOOD)}").sources) == set(GOOD)


@pytest.mark.parametrize(
    ("source", "words", "place"),
    [
        ("cloudinary-eu", {"secrets": ["hunter2"]}, "sources.cloudinary-eu.secrets.0"),
        ("cloudinary-eu", {"tolerence_s": 5}, "sources.cloudinary-eu"),
        ("cloudinary-eu", {"secrets": ...}, "sources.cloudinary-eu: 'secrets' is a required property"),
        ("cloudinary-eu", {"topic_arn": "arn:aws:sns:eu-west-1:1:t"}, "sources.cloudinary-eu.topic_arn"),
        ("erp", {"tolerance_s": 60}, "sources.erp.tolerance_s"),
        ("erp", {"preset": "salsify", "overrides": {}, "api": {}, "secrets": []}, "sources.erp: 'url' is a required property"),
        ("erp", {"preset": "salsify", "overrides": {}, "api": {}, "url": "https://a.example/b"}, "sources.erp.secrets"),
        ("cloudinary-eu", {"when_rights_unknown": "perhaps"}, "sources.cloudinary-eu.when_rights_unknown"),
        ("cloudinary-eu", {"when_rights_unknown": ...}, "sources.cloudinary-eu"),
        ("cloudinary-eu", {"include": {"family": ["a"]}}, "sources.cloudinary-eu"),
        ("cloudinary-eu", {"overrides": {"skuu": "a"}}, "sources.cloudinary-eu.overrides"),
        ("cloudinary-eu", {"overrides": {"rights": {"end": "a"}}}, "sources.cloudinary-eu.overrides"),
        ("cloudinary-eu", {"overrides": {"verify": {"scheme": "rot13"}}}, "sources.cloudinary-eu.overrides"),
        ("erp", {"overrides": {"verify": {"headers": "x-signature"}}}, "sources.erp.overrides"),
        ("erp", {"overrides": {"verify": {"hedaers": ["x-signature"]}}}, "sources.erp.overrides"),
        ("cloudinary-eu", {"preset": ...}, "sources.cloudinary-eu"),
        ("erp", {"include": {"completeness": {"at_least": 101}}}, "sources.erp.include"),
        ("erp", {"joins": {"asset": {"system": "cloudinary-eu", "by": "public_id", "normalise": {"case": "small"}}}}, "sources.erp.joins"),
        ("erp", {"api": {"uri": "https://erp.example/{id}"}}, "sources.erp.api"),
        ("erp", {"inheritance": "flat"}, "sources.erp.inheritance"),
        ("erp", {"max_body_bytes": 5_000_000}, "sources.erp.max_body_bytes"),
    ],
)
def test_a_typical_mistake_is_underlined(tmp_path: Path, source: str, words: dict[str, Any], place: str) -> None:
    """Where it stands; the service refuses it, too."""
    kept = {name: held for name, held in {**GOOD[source], **words}.items() if held is not ...}
    file = {**GOOD, source: kept}
    found = wrong({"version": 1, "sources": file})
    assert any(line.startswith(place) for line in found), found
    assert mistakes(tmp_path, f" {json.dumps(file)}")


@pytest.mark.parametrize(
    "file",
    [
        {"sources": {}},
        {"version": 1},
        {"version": "1", "sources": {}},
        {"version": 1, "sources": {}, "hot": []},
        {"version": 1, "sources": {"My Source": {"preset": "ergonode", "secrets": ["env:A"]}}},
    ],
)
def test_the_frame_of_the_file(file: dict[str, Any]) -> None:
    """A version, sources whose names can stand in a path, and no unknown word."""
    assert wrong(file)


def test_access_by_preset() -> None:
    """Each fetcher's own words, secrets as references only."""
    akeneo = {"preset": "akeneo-event-platform", "secrets": ["env:A"], "api": {"url": "https://pim.example.com", "token": "env:T"}}
    assert wrong({"version": 1, "sources": {"a": akeneo}}) == []
    for api in ({"url": "https://pim.example.com", "token": "s3cr3t"}, {"url": "https://pim.example.com", "tokn": "env:T"}):
        assert wrong({"version": 1, "sources": {"a": {**akeneo, "api": api}}})
