"""The shapes of letters and replays over HTTP, for the OpenAPI and for checking what comes in.

Owns: fields, their meaning, examples. Does not own: how they are filled (app/api/letter_views.py). Next stop: app/api/dead_letters.py.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.operation_models import Why
from app.letters.rehearsal import Verdict
from app.letters.search import Filter
from schemas.letter import Disposition, Stage

State = Literal["open", "acknowledged", "replaying", "resolved", "superseded", "discarded"]
StateOrWaiting = Literal["open", "acknowledged", "replaying", "resolved", "superseded", "discarded", "waiting"]
Text = Annotated[str, Field(min_length=1, max_length=1000)]


class Strict(BaseModel):
    """A body in which a misspelt field is an error."""

    model_config = ConfigDict(extra="forbid")


class Wanted(Strict):
    """Which letters. Every field that is given has to fit."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"fingerprint": "b1946ac92492d234"}})

    state: StateOrWaiting | None = Field(None, description="`waiting`, the default of replays and discards: open or acknowledged.")
    source: Text | None = None
    fingerprint: Text | None = Field(None, description="Failures of one cause.", examples=["b1946ac92492d234"])
    disposition: Disposition | None = None
    stage: Stage | None = None
    type: Text | None = Field(None, description="The sender's word for the kind of event.")
    record: Text | None = Field(None, description="Record key.", examples=["asset/cloudinary-eu/7d1f0a"])
    ids: list[Text] = Field([], max_length=1000, description="Only these letters.")

    def filter(self, state: StateOrWaiting) -> Filter:
        """The filter, with this state where none is given."""
        held = self.model_dump(exclude={"ids", "state"})
        return Filter(state=self.state or state, ids=tuple(self.ids), **held)


class LettersQuery(BaseModel):
    """Which letters to list, and how."""

    state: StateOrWaiting | None = Field(None, description="`waiting`: open or acknowledged.")
    source: Text | None = None
    fingerprint: Text | None = Field(None, description="Failures of one cause.")
    disposition: Disposition | None = None
    stage: Stage | None = None
    type: Text | None = Field(None, description="The sender's word for the kind of event.")
    record: Text | None = Field(None, description="Record key.", examples=["asset/cloudinary-eu/7d1f0a"])
    group: Literal["fingerprint"] | None = Field(None, description="Causes with their counts instead of letters.")
    after: str = Field("", max_length=1000, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=500)


class Reasoned(Strict):
    """Why it is done."""

    why: Why


class OnMany(Reasoned):
    """An action on all letters of a filter."""

    filter: Wanted


class ReplayOne(Reasoned):
    """A replay of one letter."""

    dry_run: bool = Field(default=False, description="Only tell what would happen.")


class ReplayMany(OnMany):
    """A replay of all letters of a filter that failed before now."""

    rate_per_s: float = Field(20.0, ge=0.1, le=10_000, allow_inf_nan=False, description="Letters per second at most.")
    dry_run: bool = Field(default=False, description="Only tell what would happen to the first 100.")


class Failure(BaseModel):
    """What went wrong, by path and type; never a value."""

    kind: str = Field(examples=["Unmappable"])
    message: str = Field(examples=["cloudinary: context.custom: expected an object, found str"])


class LetterSummary(BaseModel):
    """One letter in a list."""

    id: str = Field(examples=["8f14e45fceea167a5a36dedd4bea2543"])
    state: State
    source: str
    stage: Stage
    disposition: Disposition
    type: str
    event_id: str
    record: str = Field(description="Record key; empty where it could not be told.")
    error: Failure
    fingerprint: str
    attempt: int = Field(description="0: it was never replayed.")
    first_failed_at: str
    last_failed_at: str
    arrived_at: str
    replayable: bool
    not_replayable_because: str | None


class LettersPage(BaseModel):
    """Letters, newest failure first."""

    items: list[LetterSummary]
    next: str | None


class Group(BaseModel):
    """Letters of one cause. The message is that of one of them."""

    fingerprint: str
    source: str
    stage: Stage
    disposition: Disposition
    type: str
    error: Failure
    count: int = Field(description="How many letters of the filter, counted up to 10,000.")
    first_failed_at: str
    last_failed_at: str


class GroupsPage(BaseModel):
    """Groups, newest failure first (to within ten seconds)."""

    items: list[Group]
    next: str | None


class LetterDetail(LetterSummary):
    """Everything known of one letter."""

    original: dict[str, Any] = Field(description="key, value (text or base64), headers, and where it stood on the log.")
    tries: list[dict[str, Any]] = Field(description="Each attempt: when it failed, why, under which versions, and how it ended.")
    replays: list[dict[str, Any]] = Field(description="Each replay job it was in, as which attempt, and what became of it there.")
    mark: dict[str, Any] | None = Field(description="Who acknowledged or discarded it, when and why.")
    audit: list[dict[str, Any]] = Field(description="What people did, newest first.")


class Acted(BaseModel):
    """What an action on many came to."""

    changed: int
    refused: int = Field(description="Letters whose state does not allow it.")
    complete: bool = Field(description="False: more letters match; call again to go on.")


class ForecastOne(BaseModel):
    """What a replay of one letter would do."""

    letter: str
    verdict: Verdict
    why: str
    records: list[str]
    skus: list[str] = Field(description="SKUs whose answer would be decided again, at most 100.")
    models: list[str] = Field(description="Models whose variants would be decided again.")
    more: bool


class Rehearsal(BaseModel):
    """A dry run. Nothing was written."""

    items: list[ForecastOne]
    summary: dict[str, int] = Field(description="Letters per verdict.", examples=[{"changes": 3, "stale": 1}])
    more: bool = Field(description="True: more letters match than were looked at.")


class Replay(BaseModel):
    """A replay job."""

    id: str = Field(examples=["20260301T101500-9f86d081"])
    phase: Literal["choosing", "sending", "sent", "finished", "cancelled"]
    filter: dict[str, Any]
    rate_per_s: float
    by: str
    why: str
    created_at: str
    ended_at: str | None = Field(description="When everything was sent, or it was cancelled.")
    chosen: int = Field(description="The frozen set.")
    refused: int = Field(description="Letters of the filter that cannot be replayed.")
    waiting: int
    sent: int = Field(description="Sent, and not reported back yet.")
    resolved: int
    superseded: int
    reopened: int
    released: int = Field(description="Given back unsent when the job was cancelled.")


class ReplaysPage(BaseModel):
    """Replay jobs, newest first."""

    items: list[Replay]
    next: str | None
