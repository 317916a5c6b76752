"""Topics, settings, messages and examples fit together: nothing is missing, nothing is left over.

Owns: running the rule, and feeding it violations. Does not own: the rule (tests/schemas/contract.py).
Next stop: tests/schemas/test_examples.py.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from schemas import topics
from schemas.asyncapi import OPERATIONS, schema_file
from schemas.messages import MESSAGES, examples
from tests.schemas.contract import ROOT, asyncapi, disagreements, references


def registry() -> dict[str, Any]:
    """The four sides as they are."""
    return {
        "names": list(topics.ALL),
        "declared": yaml.safe_load(topics.FILE.read_text("utf-8")),
        "messages": list(MESSAGES),
        "examples": examples(),
    }


def test_the_four_sides_agree() -> None:
    """Every topic has a name, settings, a message and an example of each of its messages, and nothing else exists."""
    assert disagreements(**registry()) == []


def _rename(sides: dict[str, Any]) -> None:
    sides["examples"][0] = replace(sides["examples"][0], file="bind-request.v9.json")


VIOLATIONS: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda sides: sides["names"].append("bindery.new.v1"), "bindery.new.v1 has a name and no settings"),
    (lambda sides: sides["names"].append("bindery.new.v1"), "bindery.new.v1 carries no message"),
    (lambda sides: sides["declared"]["topics"].update({"old": {"about": "x"}}), "old has settings and no name"),
    (lambda sides: sides["declared"]["topics"][topics.SKU_BINDINGS].pop("about"), f"{topics.SKU_BINDINGS} says nothing about itself"),
    (lambda sides: sides["declared"]["topics"][topics.SKU_BINDINGS].update(partitons=1), f"{topics.SKU_BINDINGS}: nobody reads partitons"),
    (lambda sides: sides["declared"]["defaults"].update(replicas=3), "defaults: nobody reads replicas"),
    (lambda sides: sides["messages"].append(replace(MESSAGES[0], topics=("gone",))), "event travels on gone, which does not exist"),
    (lambda sides: sides["messages"].append(replace(MESSAGES[0], name="new")), f"new has no example on {topics.EVENTS_DAM}"),
    (lambda sides: sides["messages"].pop(), "letter-outcome.v1.resolved.json is an example of nothing that exists"),
    (lambda sides: sides["examples"].clear(), f"sku-bindings has no example on {topics.SKU_BINDINGS}"),
    (_rename, "bind-request.v9.json is an example of nothing that exists"),
]


@pytest.mark.parametrize(("violate", "told"), VIOLATIONS, ids=[told for _, told in VIOLATIONS])
def test_a_disagreement_is_noticed(violate: Callable[[dict[str, Any]], Any], told: str) -> None:
    """Whatever is missing or left over is named."""
    sides = registry()
    violate(sides)
    assert told in disagreements(**sides)


def test_every_topic_is_a_channel_that_somebody_writes_to() -> None:
    """The AsyncAPI document has a channel for each topic, and says who writes to it."""
    document = asyncapi()
    assert set(document["channels"]) == set(topics.ALL) == set(OPERATIONS)
    assert {operation["channel"]["$ref"] for operation in document["operations"].values() if operation["action"] == "send"} == {
        f"#/channels/{topic}" for topic in topics.ALL
    }


def test_every_schema_is_used() -> None:
    """The files of schemas/json/ are those that the AsyncAPI document refers to and those of the registry, beside the one for editors."""
    on_disk = {f"json/{path.name}" for path in (ROOT / "json").iterdir()} - {"json/bindery.yaml.schema.json"}
    assert on_disk == {reference for reference in references(asyncapi()) if not reference.startswith("#")}
    made = {schema_file(message, "value") for message in MESSAGES} | {
        schema_file(message, "headers") for message in MESSAGES if message.headers
    }
    assert on_disk == {f"json/{name}" for name in made}
