"""The AsyncAPI 3.0 document: the registry of messages and the settings of topics, put into the form that other people's tools read.

Owns: that form. Does not own: what it says (schemas/messages.py, schemas/topics.yaml), where it is written (schemas/generate.py).
Next stop: schemas/generate.py.

Sources: AsyncAPI 3.0.0, its Kafka bindings 0.5.0. The document speaks from Bindery's side: `send` is what Bindery writes, `receive` what it
reads. Answers are sent only: receiving them is their readers' part.
"""

from collections.abc import Mapping
from typing import Any

from schemas import topics
from schemas.messages import BY_NAME, MESSAGES, Example, Message

KAFKA_BINDING = "0.5.0"
DRAFT_07 = "application/schema+json;version=draft-07"
ABOUT = """Bindery keeps, for every SKU, the one answer to which asset URLs may be shown, where, when and why.
Only bindery.sku.bindings.v1 is meant for others (docs/wire-contract.md says how to read it); the other topics are Bindery's own.
The key of an example is in its summary, since AsyncAPI has no place for it. Header values are bytes; here they are their UTF-8 text.
"""

# Topic -> (what is sent to it, what is received from it; "" where Bindery does not).
OPERATIONS: Mapping[str, tuple[str, str]] = {
    topics.EVENTS_DAM: ("The ingress appends what DAMs send.", "The projector merges it into records."),
    topics.EVENTS_PIM: ("The ingress appends what PIMs send.", "The projector merges it into records."),
    topics.EVENTS_DECISIONS: ("The API appends what people decide.", "The projector merges it into records."),
    topics.EVENTS_SLOW: (
        "Fetches and replays append here, so that live events never wait for them.",
        "The slow projector merges it into records.",
    ),
    topics.BIND_REQUESTS: ("Projector, clock, sweeps and people ask for decisions.", "The binder decides."),
    topics.SKU_BINDINGS: ("The binder publishes every changed answer, in transactions: read with isolation level read_committed.", ""),
    topics.DEAD_LETTERS: (
        "Ingress and projectors write letters, and what became of them.",
        "The projection that people search reads it.",
    ),
    topics.CONTROL: (
        "The ingress appends requests that are no events.",
        "A projection keeps a bounded number of them, for people and for the confirmations.",
    ),
}


def document(examples: list[Example]) -> dict[str, Any]:
    """The whole document as plain data; the same inputs give the same document, members in the same order."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Bindery", "version": "1.0.0", "description": ABOUT},
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic) for topic in topics.ALL},
        "operations": dict(pair for topic in topics.ALL for pair in _operations(topic)),
        "components": {"messages": {message.name: _message(message, examples) for message in MESSAGES}},
    }


def schema_file(message: Message, part: str) -> str:
    """Name of the JSON Schema of a message's `value` or `headers` in schemas/json/."""
    return f"{message.name}{'' if part == 'value' else '-headers'}.v{message.version}.schema.json"


def _channel(topic: str) -> dict[str, Any]:
    declared = topics.settings(topic)
    return {
        "address": topic,
        "description": declared["about"],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name, message in BY_NAME.items() if topic in message.topics},
        "bindings": {
            "kafka": {
                "topic": topic,
                "partitions": declared["partitions"],
                "topicConfiguration": {name: _typed(name, value) for name, value in declared["config"].items() if value is not None},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _typed(name: str, value: str) -> Any:
    """Kafka's settings are text; the binding's schema asks for lists and numbers."""
    if name == "cleanup.policy":
        return value.split(",")
    return int(value) if value.lstrip("-").isdigit() else value


def _operations(topic: str) -> list[tuple[str, dict[str, Any]]]:
    channel = f"#/channels/{topic}"
    messages = [{"$ref": f"{channel}/messages/{name}"} for name, message in BY_NAME.items() if topic in message.topics]
    return [
        (f"{action}.{topic}", {"action": action, "channel": {"$ref": channel}, "summary": summary, "messages": messages})
        for action, summary in zip(("send", "receive"), OPERATIONS[topic], strict=True)
        if summary
    ]


def _message(message: Message, examples: list[Example]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": f"{message.name}.v{message.version}", "summary": message.about, "contentType": message.content_type}
    if message.headers:
        made["headers"] = _schema(message, "headers")
    return made | {
        "payload": _schema(message, "value"),
        "bindings": {"kafka": {"key": {"type": "string", "description": message.key}, "bindingVersion": KAFKA_BINDING}},
        "examples": [_example(each) for each in examples if each.message == message.name],
    }


def _example(each: Example) -> dict[str, Any]:
    name, summary = each.file.removesuffix(".json"), f"{each.topic}, key {each.key}"
    return {"name": name, "summary": summary, "headers": dict(each.headers), "payload": each.value}


def _schema(message: Message, part: str) -> dict[str, Any]:
    return {"schemaFormat": DRAFT_07, "schema": {"$ref": f"json/{schema_file(message, part)}"}}
