"""`/v1/tasks`: work with the outside that waits; have it tried now, or cancel it.

Owns: these routes. Does not own: what they do (app/tasks/desk.py), asking for tasks and doing them (consumers/).
Next stop: app/tasks/desk.py.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from app.api import cursors
from app.api.access import secured
from app.api.answers import answered
from app.api.deps import Api, Ops, api_of
from app.api.problems import Problem, responses
from app.api.skus import Limit
from app.api.task_models import OnTasks, TasksChanged, TasksPage
from app.domain.instants import rfc3339
from app.ports import Doc
from app.tasks import desk
from app.tasks.desk import SystemState
from app.tasks.documents import INDEX, read, system_number

router = APIRouter(tags=["Tasks"])

KIND = "tasks"
LOOKS = 50
OPS = dict(secured("ops"))


@router.get(
    "/v1/tasks",
    summary="Tasks that wait, and the systems they are about",
    response_model=None,
    responses=responses(TasksPage, 400, 401, 422, 503),
)
async def list_tasks(
    request: Request,
    system: Annotated[str | None, Query(description="Only tasks of this system.", max_length=200, examples=["akeneo"])] = None,
    kind: Annotated[str | None, Query(description="Only tasks of this kind.", max_length=200, examples=["product"])] = None,
    cursor: Annotated[str, Query(description="`next` of the page before.")] = "",
    limit: Limit = 100,
) -> Response:
    """The task that is due first comes first. What waits, since when, when it is tried next, and what went wrong last."""
    api = api_of(request)
    api.access.may_read(request)
    above = cursors.decode(KIND, cursor, int)[0] if cursor else None
    docs, following = await _chosen(api, system, kind, above, limit)
    named = {source.system for source in api.configuration.sources.values() if source.fetches}
    systems = await desk.systems(api.store, named)
    answer = {
        "items": [_task(doc, systems) for doc in docs],
        "next": None if following is None else cursors.encode(KIND, following),
        "systems": [_system(one, api.clock.now_us()) for one in systems.values() if system in {None, one.system}],
    }
    return answered(answer)


async def _chosen(api: Api, system: str | None, kind: str | None, above: int | None, limit: int) -> tuple[list[Doc], int | None]:
    """A page. A kind is not indexed: up to LOOKS pages are looked through for it, and what they do not fill is shorter."""
    index, equal = ("due", ()) if system is None else (INDEX, (system_number(system),))
    found: list[Doc] = []
    for _ in range(LOOKS):
        docs, above = await cursors.scanned(api.store.tasks, index, "due_us", equal, above=above, limit=limit)
        found += [doc for doc in docs if kind is None or read(doc).kind == kind]
        if above is None or len(found) >= limit:
            break
    return found, above


@router.post(
    "/v1/tasks/now",
    summary="Try tasks now",
    response_model=None,
    responses=responses(TasksChanged, 400, 401, 403, 404, 422, 503),
    openapi_extra=OPS,
)
async def try_now(request: Request, actor: Ops, body: OnTasks) -> Response:
    """Makes them due at once. Named by its system, the pause of that system ends as well: one call probes it, and the rest follows."""
    return await _done(request, actor, body, "now")


@router.post(
    "/v1/tasks/cancel",
    summary="Cancel tasks",
    response_model=None,
    responses=responses(TasksChanged, 400, 401, 403, 404, 422, 503),
    openapi_extra=OPS,
)
async def cancel(request: Request, actor: Ops, body: OnTasks) -> Response:
    """They wait no longer. The next event about the thing asks for it again; what the vendor holds now stays unread until then."""
    return await _done(request, actor, body, "cancel")


async def _done(request: Request, actor: str, body: OnTasks, hand: desk.Hand) -> Response:
    api = api_of(request)
    versions = desk.Versions(api.code_version, api.configuration.version)
    changed = await desk.act(
        api.store, api.log, api.clock, hand, key=body.key, system=body.system, by=actor, why=body.why, versions=versions
    )
    if changed is None:
        what = f"with the key {body.key[:200]!r}" if body.key is not None else f"of the system {str(body.system)[:200]!r}"
        raise Problem("not-found", f"No task {what} waits. `GET /v1/tasks` lists those that do.")
    return answered({"changed": changed})


def _task(doc: Doc, systems: Mapping[str, SystemState]) -> dict[str, Any]:
    task = read(doc)
    paused_us = systems[task.body["system"]].paused_until_us if task.body["system"] in systems else 0
    return {
        "key": doc.id,
        "system": task.body["system"],
        "source": task.body["source"],
        "kind": task.kind,
        "id": task.thing,
        "reason": task.body["reason"],
        "since": rfc3339(task.number("asked_us")),
        "due_at": rfc3339(task.number("due_us")),
        "next_attempt_at": rfc3339(max(task.number("due_us"), paused_us)),
        "attempts": task.number("attempts"),
        "last_error": task.body["last_error"],
    }


def _system(one: SystemState, now_us: int) -> dict[str, Any]:
    return {
        "system": one.system,
        "owner": one.owner or None,
        "waiting": one.waiting,
        "paused_until": rfc3339(one.paused_until_us) if one.paused_until_us > now_us else None,
        "failures": one.failures,
        "last_error": one.last_error,
    }
