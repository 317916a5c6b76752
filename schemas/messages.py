"""Every message on Bindery's topics: where it travels, under which key, what its headers and its value are, and an example of it.

Owns: the registry that the generated files are made from, and the small values (Decision, BindRequest). Does not own: an answer's value
(schemas/binding.py), headers (schemas/headers.py), the files (schemas/generate.py). Next stop: schemas/asyncapi.py.

A message's version is its topic's: what is written today is read by tomorrow's consumers, so a version only ever gains optional members.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from schemas import topics
from schemas.binding import SkuBindings
from schemas.headers import BindingHeaders, ControlHeaders, DecisionHeaders, EventHeaders, LetterHeaders, OutcomeHeaders, Text

JSON, BYTES = "application/json", "application/octet-stream"
EXAMPLES = Path(__file__).parent / "examples"
RecordKey = Annotated[str, Field(pattern="^[a-z]+/[^/]+/")]


class Decision(BaseModel):
    """What people decided about one asset on one product: always the whole of it. What is absent is left to the sources."""

    model_config = ConfigDict(extra="forbid")

    about: list[RecordKey] = Field(min_length=2, max_length=2, description="Record keys of the product and of the asset.")
    at_us: int = Field(description="When it was decided, microseconds UTC; the later decision counts.")
    by: Text = Field(description="Who decided.")
    why: Text
    verdict: Literal["approve", "reject"] | SkipJsonSchema[None] = None
    pin: Literal[True] | SkipJsonSchema[None] = Field(None, description="Show it before the others.")
    place: int | SkipJsonSchema[None] = Field(None, ge=0, description="Place in the display order of its role, locale and channel, from 0.")


class BindRequest(BaseModel):
    """Asks the binder to decide about the SKU that is the message's key. Requests coalesce, so none of them means a change by itself."""

    model_config = ConfigDict(extra="forbid")

    cause: Literal["record", "clock", "sweep", "person"] = Field(description="Who asks: a changed record, time itself, a sweep, a person.")
    at_us: int | None = Field(description="Decide as of this instant at the earliest, microseconds UTC; null is now.")


@dataclass(frozen=True, slots=True)
class Message:
    """One type of message. value: a model, or a JSON Schema where there is nothing to model. headers: None where it has none."""

    name: str
    topics: tuple[str, ...]
    about: str
    key: str
    headers: type[BaseModel] | None
    value: type[BaseModel] | Mapping[str, Any]
    version: int = 1
    content_type: str = JSON


ANY_JSON = {
    "title": "Event",
    "description": "One change in the vendor's own words, as it arrived but for fields that must not be kept (prices, stock) and "
    "hashed authors. Any JSON; the source's configuration says what it means.",
}
ORIGINAL = {
    "title": "Letter",
    "description": "The failing message's value, byte for byte (cut where `bindery-truncated-from` says so). Any bytes, JSON or not.",
    "type": "string",
    "format": "binary",
}
KEPT = {
    "title": "Control",
    "description": "The request's body: as it came where it has to be verified again, without hot fields and tokens where it is a sample.",
    "type": "string",
    "format": "binary",
}
NOTHING = {"title": "LetterOutcome", "description": "Empty: the headers say it all.", "type": "string", "maxLength": 0}
RECORD_KEY, LETTER_ID = 'Record key: "kind/system/id".', "Id of the letter, the same whenever the same event fails."

MESSAGES = (
    Message(
        "event",
        (topics.EVENTS_DAM, topics.EVENTS_PIM, topics.EVENTS_SLOW),
        "One change of an asset, a product or a model.",
        RECORD_KEY,
        EventHeaders,
        ANY_JSON,
    ),
    Message(
        "decision",
        (topics.EVENTS_DECISIONS,),
        "What people decided about one asset on one product.",
        RECORD_KEY + " One key for each pair of product and asset.",
        DecisionHeaders,
        Decision,
    ),
    Message("bind-request", (topics.BIND_REQUESTS,), "A SKU to decide again.", "The SKU, normalised.", None, BindRequest),
    Message(
        "sku-bindings",
        (topics.SKU_BINDINGS,),
        "The whole answer for one SKU, replacing every earlier one.",
        "The SKU, normalised.",
        BindingHeaders,
        SkuBindings,
    ),
    Message(
        "control",
        (topics.CONTROL,),
        "A request that is no event.",
        "Name of the source.",
        ControlHeaders,
        KEPT,
        content_type=BYTES,
    ),
    Message("letter", (topics.DEAD_LETTERS,), "A failure that needs a person.", LETTER_ID, LetterHeaders, ORIGINAL, content_type=BYTES),
    Message("letter-outcome", (topics.DEAD_LETTERS,), "What became of a letter.", LETTER_ID, OutcomeHeaders, NOTHING, content_type=BYTES),
)
BY_NAME: Mapping[str, Message] = {message.name: message for message in MESSAGES}


@dataclass(frozen=True, slots=True)
class Example:
    """One message as it stands on a topic. value: as JSON, or the bytes' UTF-8 text where the message is of bytes. file: its name."""

    file: str
    message: str
    topic: str
    key: str
    headers: Mapping[str, str]
    value: Any

    def entry(self) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
        """Key, value and headers as they are on the wire."""
        is_bytes = BY_NAME[self.message].content_type == BYTES
        value = self.value if is_bytes else json.dumps(self.value, ensure_ascii=False, separators=(",", ":"))
        return self.key.encode(), value.encode(), [(name, text.encode()) for name, text in self.headers.items()]


def examples() -> list[Example]:
    """Every file of schemas/examples/, in the order of their names: `<message>.v<version>[.<case>].json`."""
    return [
        Example(file=path.name, message=path.name.split(".v", 1)[0], **json.loads(path.read_text("utf-8")))
        for path in sorted(EXAMPLES.glob("*.json"))
    ]
