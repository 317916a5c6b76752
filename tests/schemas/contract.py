"""The published contract as a reader has it: the files on disk, and what can be asked of them.

Owns: loading the generated files, finding references that lead nowhere and names that disagree. Does not own: the rules' tests (the files
beside this one). Next stop: tests/schemas/test_registry.py.
"""

import copy
import json
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

import schemas
from schemas.asyncapi import schema_file
from schemas.messages import BY_NAME, Example, Message

ROOT = Path(schemas.__file__).parent


@cache
def validator(file: str) -> Any:
    """A validator for one file of schemas/json/."""
    return Draft7Validator(json.loads((ROOT / "json" / file).read_text("utf-8")))


def wrongs(example: Example, *, headers: Any = None, value: Any = None) -> list[str]:
    """What the JSON Schemas say against a message, `headers` and `value` put in place of its own where they are given."""
    message = BY_NAME[example.message]
    headers = example.headers if headers is None else headers
    found = validator(schema_file(message, "value")).iter_errors(example.value if value is None else value)
    told = [f"value: {error.json_path}: {error.message}" for error in found]
    if message.headers:
        told += [f"headers: {error.message}" for error in validator(schema_file(message, "headers")).iter_errors(headers)]
    elif headers:
        told.append(f"headers: {message.name} has none")
    return told


def with_a_stranger(value: Any) -> Iterator[tuple[str, Any]]:
    """(where, copy) for every object inside the value, each copy with an unknown member in that object."""
    for steps in _objects(value, ()):
        changed = copy.deepcopy(value)
        inner = changed
        for step in steps:
            inner = inner[step]
        inner["stranger"] = 1
        yield "/".join(map(str, steps)), changed


def _objects(value: Any, steps: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        yield steps
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inner:
        yield from _objects(each, (*steps, step))


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI document on disk."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "asyncapi.yaml").read_text("utf-8"))
    return loaded


def references(value: Any) -> Iterator[str]:
    """Every `$ref` of the document."""
    for steps in _objects(value, ()):
        inner = value
        for step in steps:
            inner = inner[step]
        if "$ref" in inner:
            yield inner["$ref"]


def unresolved(document: Mapping[str, Any]) -> list[str]:
    """References that lead nowhere, and messages of operations that their channel does not have: no JSON Schema can see either."""
    found = []
    for reference in references(document):
        file, _, pointer = reference.partition("#")
        try:
            target: Any = json.loads((ROOT / file).read_text("utf-8")) if file else document
            for step in pointer.split("/")[1:]:
                target = target[step]
        except (OSError, KeyError):
            found.append(f"{reference} leads nowhere")
    for name, operation in document["operations"].items():
        channel = operation["channel"]["$ref"]
        found += [
            f"{name}: {each['$ref']} is not of {channel}" for each in operation["messages"] if not each["$ref"].startswith(f"{channel}/")
        ]
    return found


def disagreements(
    names: Collection[str], declared: Mapping[str, Any], messages: Collection[Message], examples: Collection[Example]
) -> list[str]:
    """Where the names of topics, schemas/topics.yaml, the registry of messages and the examples do not fit together."""
    known = {"about", "partitions", "embedded_partitions", "replication_factor", "config"}
    found = [f"{topic} has a name and no settings" for topic in names if topic not in declared["topics"]]
    found += [f"{topic} has settings and no name" for topic in declared["topics"] if topic not in names]
    sections = {"defaults": declared["defaults"], **declared["topics"]}
    found += [f"{section}: nobody reads {key}" for section, values in sections.items() for key in values if key not in known]
    found += [f"{topic} says nothing about itself" for topic, values in declared["topics"].items() if not values.get("about")]
    pairs = [(message, topic) for message in messages for topic in message.topics]
    found += [f"{topic} carries no message" for topic in names if topic not in {topic for _, topic in pairs}]
    found += [f"{message.name} travels on {topic}, which does not exist" for message, topic in pairs if topic not in names]
    shown = {(example.message, example.topic) for example in examples}
    found += [f"{message.name} has no example on {topic}" for message, topic in pairs if (message.name, topic) not in shown]
    held = {(message.name, topic): message.version for message, topic in pairs}
    for example in examples:
        version = held.get((example.message, example.topic))
        if version is None or not example.file.startswith(f"{example.message}.v{version}."):
            found.append(f"{example.file} is an example of nothing that exists")
    return found
