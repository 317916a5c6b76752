"""The shapes of what is told and asked about tasks, for the OpenAPI and for checking what comes in.

Owns: fields, their meaning, examples. Does not own: how they are filled (app/api/tasks.py). Next stop: app/api/tasks.py.
"""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.api.operation_models import Why

Text = Annotated[str, Field(min_length=1, max_length=1000)]


class TaskState(BaseModel):
    """Work with the outside that waits."""

    key: str = Field(examples=["fetch product akeneo-main 4711"])
    system: str
    source: str
    kind: str
    id: str = Field(description="The thing's id at its system.")
    reason: str
    since: str = Field(description="When it was asked for; several wishes are one task.")
    due_at: str
    next_attempt_at: str = Field(description="`due_at`, or the end of the system's pause where that is later.")
    attempts: int = Field(description="Tries that failed, in a row.")
    last_error: str | None


class SystemState(BaseModel):
    """One system and the process that works its tasks off."""

    system: str = Field(examples=["akeneo"])
    owner: str | None = Field(description="Host, process and start; null where no process works for it.")
    waiting: int = Field(description="Tasks that wait, counted up to 100,000.")
    paused_until: str | None = Field(description="The vendor failed: the system is left alone until then, then one call probes it.")
    failures: int = Field(description="Failures in a row; 0 while all is well.")
    last_error: str | None


class TasksPage(BaseModel):
    """Waiting tasks, the one due first first, and the systems they are about."""

    items: list[TaskState]
    next: str | None
    systems: list[SystemState]


class OnTasks(BaseModel):
    """Which tasks: one by its key, or all of a system."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"key": "fetch product akeneo 4711", "why": "Needed now."}})

    key: Text | None = Field(None, description="One task.")
    system: Text | None = Field(None, description="All waiting tasks of this system.")
    why: Why = "not said"

    @model_validator(mode="after")
    def _one_wish(self) -> Self:
        if (self.key is None) == (self.system is None):
            raise ValueError("say either key or system")
        return self


class TasksChanged(BaseModel):
    """What came of it."""

    changed: int = Field(description="Tasks that were changed.")
