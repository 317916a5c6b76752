"""`/v1/replays`: replay jobs, how far they are, and stopping one.

Owns: these routes. Does not own: starting one (app/api/dead_letters.py), the jobs (app/letters/jobs.py). Next stop: consumers/replayer.py.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath

from app.api import cursors, letter_views
from app.api.access import secured
from app.api.answers import answered
from app.api.deps import Api, Ops, api_of
from app.api.letter_models import Reasoned, Replay, ReplaysPage
from app.api.problems import Problem, responses
from app.letters import jobs, search

router = APIRouter()

KIND = "replays"
OPS = dict(secured("ops"))

ReplayId = Annotated[str, InPath(max_length=200, description="The job's id.", examples=["20260301T101500-9f86d081"])]


@router.get(
    "/v1/replays",
    summary="Replay jobs",
    response_model=None,
    responses=responses(ReplaysPage, 400, 401, 403, 422, 503),
    openapi_extra=OPS,
)
async def list_replays(
    request: Request,
    _actor: Ops,
    after: Annotated[str, Query(max_length=1000, description="`next` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """Newest first, each with what has become of its letters so far."""
    api = api_of(request)
    held = cursors.decode(KIND, after, int, str) if after else None
    start = (held[0], held[1]) if held else None
    docs, following = await search.newest(api.store.jobs, ["job"], start, limit, number="created_us")
    items = [letter_views.replay(jobs.read(doc), await jobs.counts(api.store, doc.id)) for doc in docs]
    return answered({"items": items, "next": cursors.encode(KIND, *following) if following else None})


@router.get(
    "/v1/replays/{replay_id}",
    summary="One replay job",
    response_model=None,
    responses=responses(Replay, 401, 403, 404, 422, 503),
    openapi_extra=OPS,
)
async def read_replay(request: Request, _actor: Ops, replay_id: ReplayId) -> Response:
    """`finished`: everything was sent and has reported back."""
    api = api_of(request)
    return answered(letter_views.replay(await _found(api, replay_id), await jobs.counts(api.store, replay_id)))


@router.post(
    "/v1/replays/{replay_id}/cancel",
    summary="Stop a replay job",
    response_model=None,
    responses=responses(Replay, 400, 401, 403, 404, 409, 422, 503),
    openapi_extra=OPS,
)
async def cancel_replay(request: Request, actor: Ops, replay_id: ReplayId, body: Reasoned) -> Response:
    """What was not sent goes back to the state it had; what was sent ends as it ends. 409 where everything was sent already."""
    api = api_of(request)
    await _found(api, replay_id)
    job = await jobs.cancel_job(api.store, api.clock, replay_id, by=actor, why=body.why)
    if job.phase != "cancelled":
        raise Problem("conflict", f"Replay {replay_id} has sent everything already; its letters report back by themselves.")
    return answered(letter_views.replay(job, await jobs.counts(api.store, replay_id)))


async def _found(api: Api, replay_id: str) -> jobs.Job:
    doc = (await api.store.jobs.load([replay_id])).get(replay_id)
    if doc is None:
        raise Problem("not-found", f"There is no replay {replay_id[:100]!r}. `GET /v1/replays` lists what there is.")
    return jobs.read(doc)
