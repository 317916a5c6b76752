"""The headers of every message, as models: which there are, which must be there, what each says.

Owns: the names and forms that schemas/json/ and schemas/asyncapi.yaml publish. Does not own: writing and reading them (schemas/event.py,
schemas/letter.py); a test holds the two together. Next stop: schemas/messages.py.

On the wire a header's value is bytes; here it is their UTF-8 text, so numbers are text of digits. Instants are microseconds UTC unless the
name ends in `ms`. A header that may be absent has a default, which is what its absence means.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.control import Kind
from schemas.letter import CONNECT, OURS, Disposition, Ending, Stage

Text = Annotated[str, Field(min_length=1)]
Number = Annotated[str, Field(pattern="^[0-9]+$")]
PlaceNumber = Annotated[str, Field(pattern="^-?[0-9]+$")]


class EventHeaders(BaseModel):
    """CloudEvents 1.0 in binary mode (Kafka protocol binding 1.0.2, section 3.2); `bindery…` are extension attributes."""

    model_config = ConfigDict(extra="forbid", alias_generator=lambda name: f"ce_{name}")

    specversion: Literal["1.0"]
    id: Text = Field(description='The sender\'s id, or a hash of the body; pieces of one request add ":<n>".')
    source: Text = Field(description="Name of the configured source; `people` for decisions.")
    type: str = Field(description="The sender's own word for what happened.")
    subject: Text = Field(description="The record key, which is also the message's key.")
    content_type: Literal["application/json"] = Field(alias="content-type")
    time: str = Field("", description="The sender's own time as RFC 3339, where it gives one.")
    binderyarrived: Number = Field(description="When the webhook arrived; a replay keeps it.")
    binderyera: Number = Field(description="Era of the system the source speaks for; raised after a restore of that system.")
    binderyletter: str = Field("", description="Of a replay: id of the letter.")
    binderyattempt: Number = Field("0", description="Of a replay: how many times the letter has been replayed, this one included.")
    binderyreplay: str = Field("", description="Of a replay: id of the job.")
    binderyfetched: Number = Field("0", description="Of a fetched state: start of the fetch on the vendor's clock.")


class DecisionHeaders(EventHeaders):
    """An event whose source is people."""

    source: Literal["people"]
    type: Literal["decision.set", "decision.cleared"] = Field(
        description="A cleared decision is taken back: nothing of it counts any more."
    )


class BindingHeaders(BaseModel):
    """What can be known of an answer without reading it."""

    model_config = ConfigDict(extra="forbid", alias_generator=lambda name: f"bindery-{name}")

    revision: Annotated[str, Field(pattern="^[1-9][0-9]*$")] = Field(
        description="The same as `revision` in the value. Never names two contents."
    )
    content_type: Literal["application/json"] = Field(alias="content-type")


def _ours(name: str) -> str:
    return OURS + name.replace("_", "-")


def _only_known_names_of_ours(schema: dict[str, Any]) -> None:
    """Original headers may have any name but one in our own name spaces."""
    schema["propertyNames"] = {"anyOf": [{"enum": sorted(schema["properties"])}, {"not": {"pattern": f"^({OURS}|{CONNECT})"}}]}


class LetterHeaders(BaseModel):
    """What is known of a failure. `__connect.errors.…` are read by tools made for Kafka Connect (KIP-298).

    The original's own headers (CloudEvents attributes above all) stand beside these under their own names. Secrets and signatures never do.
    """

    model_config = ConfigDict(extra="allow", alias_generator=_ours, json_schema_extra=_only_known_names_of_ours)
    __pydantic_extra__: dict[str, str] = Field(init=False)

    kind: Literal["letter"]
    topic: str = Field(
        "", alias="__connect.errors.topic", description="Where the failing message stood; absent for what never was on the log."
    )
    partition: PlaceNumber = Field("-1", alias="__connect.errors.partition")
    offset: PlaceNumber = Field("-1", alias="__connect.errors.offset")
    original_timestamp_ms: PlaceNumber = Field("-1", description="The failing message's own timestamp.")
    source: Text = Field(alias="__connect.errors.connector.name", description="Name of the configured source.")
    stage: Stage = Field(alias="__connect.errors.stage")
    error_class: Text = Field(alias="__connect.errors.exception.class.name", description="Class of the error (app/errors.py).")
    message: str = Field(alias="__connect.errors.exception.message", description="What is wrong, by path and type, without values.")
    original_key: str
    fingerprint: Text = Field(description="The same for failures of one cause.")
    disposition: Disposition
    attempt: Number = Field(description="0 for the first failure, one more for each replay.")
    first_failed_us: Number
    last_failed_us: Number
    arrived_us: Number
    era: Number
    event_type: str
    event_id: str
    code_version: str
    config_version: Number
    replayable: Literal["true", "false"] = Field(description="Whether the value is complete and unmasked.")
    truncated_from: Number = Field("0", description="Length of the original in bytes, where the value was cut.")

    @model_validator(mode="after")
    def _no_unknown_names_of_ours(self) -> Self:
        unknown = sorted(name for name in self.__pydantic_extra__ if name.startswith((OURS, CONNECT)))
        if unknown:
            raise ValueError(f"unknown headers: {', '.join(unknown)}")
        return self


class OutcomeHeaders(BaseModel):
    """What became of the event of the letter with this key."""

    model_config = ConfigDict(extra="forbid", alias_generator=_ours)

    kind: Ending = Field(description="resolved: a replay went through. superseded: a newer full state of the same record made it idle.")
    attempt: Number = Field(description="The attempt that this is the end of.")
    at_us: Number
    why: str


class ControlHeaders(BaseModel):
    """Of a request that is no event: why it is kept, and what of it beside its body."""

    model_config = ConfigDict(extra="forbid", alias_generator=_ours)

    kind: Kind = Field(
        description="quarantined: not proved to be genuine. recorded: a sample for a mapping. confirmation: a sender asks to be confirmed. "
        "notice: a sender says that it stopped or resumed sending."
    )
    id: Text = Field(description="The same for the same request.")
    arrived_us: Number
    request: str = Field(description='JSON: {"method", "path" (with its query), "headers" (lower-case names)}, as far as they are kept.')
    about: str = Field(description="JSON object of texts: what else is to be known, by kind.")
