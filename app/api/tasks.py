"""`GET /v1/tasks`: work with the outside that waits.

Owns: the list. Does not own: asking for tasks (consumers/tasks.py), doing them. Next stop: consumers/tasks.py.
"""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response

from app.api import cursors
from app.api.answers import answered
from app.api.deps import api_of
from app.api.operation_models import TasksPage
from app.api.problems import responses
from app.api.skus import Limit
from app.domain.instants import rfc3339
from app.ports import Doc

router = APIRouter(tags=["Operations"])

KIND = "tasks"


@router.get(
    "/v1/tasks",
    summary="Tasks that wait",
    response_model=None,
    responses=responses(TasksPage, 400, 401, 422, 503),
)
async def list_tasks(
    request: Request,
    system: Annotated[str | None, Query(description="Only tasks of this system.", max_length=200, examples=["akeneo"])] = None,
    cursor: Annotated[str, Query(description="`next` of the page before.")] = "",
    limit: Limit = 100,
) -> Response:
    """The task that is due first comes first."""
    api = api_of(request)
    api.access.may_read(request)
    above = cursors.decode(KIND, cursor, int)[0] if cursor else None
    every = ["waiting"] + ([f"system:{system}"] if system else [])
    docs, following = await cursors.scanned(api.store.tasks, "due", "due_us", above=above, limit=limit, every=every)
    answer = {"items": [_task(doc) for doc in docs], "next": None if following is None else cursors.encode(KIND, following)}
    return answered(answer)


def _task(doc: Doc) -> dict[str, Any]:
    body = orjson.loads(doc.body)
    return {
        "key": doc.id,
        "system": body["system"],
        "source": body["source"],
        "kind": body["kind"],
        "id": body["thing"],
        "reason": body["reason"],
        "due_at": rfc3339(doc.numbers["due_us"]),
        "attempts": doc.numbers.get("attempts", 0),
        "last_error": body.get("last_error"),
    }
