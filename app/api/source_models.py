"""The shapes of what is told and asked about sources, for the OpenAPI and for checking what comes in.

Owns: fields, their meaning, examples. Does not own: how they are filled (app/api/source_views.py). Next stop: app/api/sources.py.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.operation_models import Why
from app.kept.rings import BOUNDS


class TopicState(BaseModel):
    """An SNS topic that asked to be confirmed."""

    topic: str = Field(examples=["arn:aws:sns:eu-west-1:111122223333:bynder-0001"])
    state: Literal["held", "wanted", "confirmed", "failed", "unsubscribed"] = Field(
        description="held: nobody has accepted it. wanted: it is being confirmed. failed: `last_error` says why."
    )
    accepted_by: str | None = Field(description="A person, or `topic_arn` of the configuration.")
    asked_at: str | None
    changed_at: str | None
    due_at: str | None = Field(description="The next attempt to confirm it.")
    attempts: int
    last_error: str | None


class RecordingState(BaseModel):
    """The source's last recording."""

    id: str = Field(examples=["a1b2c3d4e5f60718"])
    count: int = Field(description="Requests wanted.")
    kept: int = Field(description="Requests kept so far.")
    complete: bool = Field(description="Nothing more is recorded.")
    asked_at: str
    until: str = Field(description="When it ends, whatever came.")
    by: str


class Told(BaseModel):
    """What the sender said of its own deliveries last."""

    notice: Literal["suspended", "resumed", "secret"] = Field(description="secret: it told its secret in its first handshake.")
    at: str


class SourceState(BaseModel):
    """One configured source. Counts are of all processes since ever; a process that died may have taken the last seconds with it."""

    name: str
    side: Literal["dam", "pim"]
    system: str
    preset: str
    state: Literal["open", "retired", "broken"]
    trouble: str | None = Field(description="Why it is broken.")
    waits_for_secret: bool = Field(description="The first handshake brings the secret.")
    accepted: int = Field(description="Requests answered 200 whose events are on the log.")
    events: int
    dead_letters: int = Field(description="Requests, or parts of them, that became letters at the door.")
    refused: dict[str, int] = Field(
        description="Requests that were not accepted: the kind of problem, or quarantined -> how many.", examples=[{"bad-signature": 2}]
    )
    answered: dict[str, int] = Field(
        description="Requests that are no events and were answered as expected: confirmation, handshake, challenge -> how many.",
        examples=[{"challenge": 1}],
    )
    letters: int = Field(description="Letters of this source that wait for a person, counted up to 10,000.")
    waiting_tasks: int = Field(description="Tasks of the source's system that wait, counted up to 10,000.")
    lag: int | None = Field(description="Events of the source's side that are not worked off yet; null where this process does not know.")
    last_delivery_at: str | None = Field(description="The last request whose signature was looked at.")
    last_accepted_at: str | None
    last_order_at: str | None = Field(
        description="The newest time that the sender gave an event; null where it gives none, or orders by a number of each thing."
    )
    last_error: str | None
    last_error_at: str | None
    suspected_gap: str | None = Field(description="Why events may be missing: silence beyond what is usual, or the sender said so.")
    told: Told | None
    topics: list[TopicState] = Field(description="SNS topics that asked to be confirmed.")
    quarantine: bool = Field(description="Whether requests that are not proved to be genuine are kept.")
    quarantined: int = Field(description="How many are kept.")
    recording: RecordingState | None


class SourcesPage(BaseModel):
    """All configured sources."""

    items: list[SourceState]
    next: None = None


class Accept(BaseModel):
    """Which topic to let in."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"topic": "arn:aws:sns:eu-west-1:111122223333:bynder-0001", "why": "It is ours."}}
    )

    topic: str = Field(min_length=1, max_length=300, description="As `topics` of the source shows it.")
    why: Why


class Release(BaseModel):
    """Verify again what is in quarantine."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"why": "The secret is mended."}})

    why: Why


class Released(BaseModel):
    """What became of the requests in quarantine."""

    released: int = Field(description="Requests that are proved to be genuine now; their events are on the log.")
    events: int
    dead_letters: int = Field(description="Of the released requests, what could not be understood.")
    kept: int = Field(description="Requests that are still not proved to be genuine.")
    waiting_for_key: int = Field(description="Of those that are kept: the signing key is being fetched; ask again.")
    reasons: dict[str, int] = Field(description="Why they are kept -> how many.")


class Record(BaseModel):
    """How many of the next requests to keep."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"count": 5, "why": "For a mapping of our own."}})

    count: int = Field(ge=1, le=BOUNDS["recorded"].most)
    minutes: int = Field(60, ge=1, le=1440, description="For how long to wait for them.")
    why: Why


class Sample(BaseModel):
    """One recorded request: hot fields dropped, authors hashed, tokens and signatures taken out."""

    id: str
    arrived_at: str
    method: str
    path: str
    headers: dict[str, str]
    verified: bool
    reason: str | None = Field(description="Why it is not proved to be genuine.")
    body: dict[str, Any] = Field(description="`text`, or `base64` where it is no UTF-8.", examples=[{"text": "{}"}])


class SamplesPage(BaseModel):
    """Samples of the source's last recording."""

    recording: RecordingState
    items: list[Sample]
    next: str | None
