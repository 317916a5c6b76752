"""`POST /v1/rebind`, `GET /v1/lag`: how far the service is, and a nudge.

Owns: these routes. Does not own: sweeps and bind requests (consumers/sweeps.py), sources (app/api/sources.py).
Next stop: consumers/sweeps.py.
"""

from fastapi import APIRouter, Request, Response

from app import audit
from app.api.access import secured
from app.api.answers import answered
from app.api.deps import Ops, api_of
from app.api.operation_models import Asked, LagPage, Rebind
from app.api.problems import Problem, responses
from app.api.skus import known_inputs
from schemas import topics

router = APIRouter(tags=["Operations"])

EVERYTHING = "all"


@router.post(
    "/v1/rebind",
    summary="Decide again about one SKU, or all",
    status_code=202,
    response_model=None,
    responses=responses(Asked, 400, 401, 403, 404, 422, 503, status=202),
    openapi_extra=dict(secured("ops")),
)
async def rebind(request: Request, actor: Ops, wanted: Rebind) -> Response:
    """Asks for the decision anew, from what is stored. An answer that comes out the same makes no revision.

    404 for a SKU that no record names and that never had an answer.

    Failure policy: what is asked for is durable before the answer; EngineDown is 503, and asking twice does no harm.
    """
    api = api_of(request)
    if (wanted.sku is None) == (wanted.all is None):
        raise Problem("invalid", "body: say either sku or all.", errors=[{"at": "body", "problem": "exactly one of sku and all is needed"}])
    if wanted.sku is None:
        asked = EVERYTHING
        await api.asks.request_sweep(api.store, EVERYTHING)
    else:
        asked = (await known_inputs(api, wanted.sku)).sku
        await api.log.append(topics.BIND_REQUESTS, api.asks.request_entries([asked], "person"))
    about = [f"sku/{asked}"] if wanted.sku else []
    await audit.note(api.store, who=actor, what="rebind", why=wanted.why, at_us=api.clock.now_us(), about=about, detail={"asked": asked})
    return answered({"asked": asked}, 202)


@router.get(
    "/v1/lag",
    summary="What each consumer group has yet to do",
    response_model=None,
    responses=responses(LagPage, 401, 503),
)
async def lag(request: Request) -> Response:
    """Records not worked off yet, by group and partition."""
    api = api_of(request)
    api.access.may_read(request)
    items = []
    for group, read in api.groups.items():
        waiting = await api.log.lag(group, read)
        for topic in read:
            partitions = [{"partition": p, "records": count} for (t, p), count in sorted(waiting.items()) if count and t == topic]
            items.append({"group": group, "topic": topic, "records": sum(p["records"] for p in partitions), "partitions": partitions})
    return answered({"items": items, "next": None})
