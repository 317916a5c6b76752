"""The shapes of what operators ask and are told, for the OpenAPI.

Owns: fields, their meaning, examples. Does not own: letters (app/api/letter_models.py). Next stop: app/api/operations.py.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Why = Annotated[
    str, Field(min_length=1, max_length=500, description="For the audit and for colleagues.", examples=["The mapping is mended."])
]


class Rebind(BaseModel):
    """What to decide again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"sku": "NH-TEE-001", "why": "Mended by hand."}})

    sku: str | None = Field(None, min_length=1, max_length=1000, description="One SKU.")
    all: Literal[True] | None = Field(None, description="Every SKU, page by page, below live traffic.")
    why: Why


class Asked(BaseModel):
    """The work is asked for; it is done within moments (one SKU) or in the background (all)."""

    asked: str = Field(examples=["NH-TEE-001"])


class Waiting(BaseModel):
    """Records of one partition that are not worked off yet."""

    partition: int
    records: int


class Lag(BaseModel):
    """What one consumer group has yet to do in one topic."""

    group: str = Field(examples=["bindery.binder"])
    topic: str = Field(examples=["bindery.bind-requests.v1"])
    records: int = Field(description="Records not worked off yet.")
    partitions: list[Waiting] = Field(description="Where there are any.")


class LagPage(BaseModel):
    """All groups and topics."""

    items: list[Lag]
    next: None = None


class Dependency(BaseModel):
    """One thing this process needs."""

    name: str = Field(examples=["log"])
    ok: bool
    detail: str | None


class Ready(BaseModel):
    """All dependencies are up."""

    status: Literal["ok"]
    version: str
    dependencies: list[Dependency]


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"]
