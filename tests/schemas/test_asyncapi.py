"""The AsyncAPI document is valid by the official JSON Schema of AsyncAPI 3.0.0, and its references lead somewhere.

Owns: validating schemas/asyncapi.yaml, offline. Does not own: what it says (tests/schemas/test_registry.py).
Next stop: docs/wire-contract.md.

The official schema does not see where references lead and whether examples fit their schemas; tests/schemas/ checks both itself. What the
official parser says beyond that (unused components, newer versions of AsyncAPI, style) is advice and is not checked.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from schemas import topics
from tests.schemas.contract import ROOT, asyncapi, unresolved

OFFICIAL = Path(__file__).parent / "vendored/asyncapi-3.0.0.schema.json"
SHA256 = "abe96881dbfaad495ccbb6bd8d3fb43ca18a13b9d7564849ccb66f39d5e5b20f"


def errors(document: dict[str, Any]) -> list[str]:
    """What the official schema says against a document."""
    return [error.message for error in Draft7Validator(json.loads(OFFICIAL.read_text("utf-8"))).iter_errors(document)]


def test_the_official_schema_is_the_official_one() -> None:
    """The vendored file is unchanged, and its notice names this checksum."""
    assert hashlib.sha256(OFFICIAL.read_bytes()).hexdigest() == SHA256
    assert SHA256 in (OFFICIAL.parent / "ORIGIN.md").read_text("utf-8")


def test_the_document_is_valid() -> None:
    """The official schema has nothing against the document."""
    assert errors(asyncapi()) == []


VIOLATIONS: list[Callable[[dict[str, Any]], Any]] = [
    lambda document: document.update(asyncapi="2.6.0"),
    lambda document: document["info"].pop("version"),
    lambda document: document.update(surprise=1),
    lambda document: document["channels"][topics.SKU_BINDINGS].update(topic="x"),
    lambda document: document["channels"][topics.SKU_BINDINGS]["bindings"]["kafka"].update(partitions="12"),
    lambda document: document["channels"][topics.SKU_BINDINGS]["bindings"]["kafka"]["topicConfiguration"].update(
        {"cleanup.policy": "compact"}
    ),
    lambda document: document["operations"][f"send.{topics.SKU_BINDINGS}"].update(action="publish"),
    lambda document: document["components"]["messages"]["sku-bindings"].update(key="sku"),
    lambda document: document["components"]["messages"]["sku-bindings"]["payload"].update(schema={"type": "list"}),
    lambda document: document["components"]["messages"]["sku-bindings"]["examples"].append({"name": "empty"}),
]


@pytest.mark.parametrize("violate", VIOLATIONS, ids=range(len(VIOLATIONS)))
def test_an_invalid_document_is_noticed(violate: Callable[[dict[str, Any]], Any]) -> None:
    """The official schema refuses each kind of mistake."""
    document = asyncapi()
    violate(document)
    assert errors(document)


def test_references_lead_somewhere() -> None:
    """Every `$ref` has a target, and an operation's messages are its channel's."""
    assert unresolved(asyncapi()) == []


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("json/gone.v1.schema.json", "json/gone.v1.schema.json leads nowhere"),
        ("#/components/messages/gone", "#/components/messages/gone leads nowhere"),
        (f"#/channels/{topics.BIND_REQUESTS}/messages/bind-request", "is not of #/channels/bindery.sku.bindings.v1"),
    ],
)
def test_a_reference_to_nowhere_is_noticed(reference: str, told: str) -> None:
    """A wrong file, a wrong pointer and a message of another channel are reported."""
    document = asyncapi()
    document["operations"][f"send.{topics.SKU_BINDINGS}"]["messages"].append({"$ref": reference})
    assert any(told in each for each in unresolved(document))


def test_the_schemas_are_draft_07() -> None:
    """Every file of schemas/json/ is valid draft-07 and uses no keyword that came later, which a draft-07 reader would overlook."""
    later = {"$defs", "prefixItems", "dependentRequired", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef"}
    for path in (ROOT / "json").iterdir():
        schema = json.loads(path.read_text("utf-8"))
        assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
        Draft7Validator.check_schema(schema)
        assert not [keyword for keyword in later if f'"{keyword}":' in path.read_text("utf-8")], path.name
