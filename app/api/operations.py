"""`POST /v1/rebind`, `GET /v1/lag`, `GET /v1/sources`: how the service does, and a nudge.

Owns: these routes. Does not own: sweeps and bind requests (consumers/sweeps.py), the counters (app/api/metrics.py).
Next stop: consumers/sweeps.py.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from app import audit
from app.api.access import secured
from app.api.answers import answered
from app.api.deps import Ops, api_of
from app.api.metrics import ACCEPTED, Counts
from app.api.operation_models import Asked, LagPage, Rebind, SourcesPage
from app.api.problems import Problem, responses
from app.api.skus import known_inputs
from app.domain.instants import rfc3339
from app.sources.source import Source
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


@router.get(
    "/v1/sources",
    summary="The configured sources and how their deliveries go",
    response_model=None,
    responses=responses(SourcesPage, 401),
)
async def list_sources(request: Request) -> Response:
    """What this process has seen since it started; other processes of the same deployment count for themselves."""
    api = api_of(request)
    api.access.may_read(request)
    counts: Mapping[str, Counts] = request.app.state.counts
    items = [_source(source, counts.get(name) or Counts()) for name, source in sorted(api.configuration.sources.items())]
    return answered({"items": items, "next": None})


def _source(source: Source, counts: Counts) -> dict[str, Any]:
    return {
        "name": source.name,
        "side": source.side,
        "system": source.system,
        "preset": source.preset,
        "state": "broken" if source.broken else "retired" if source.retired else "open",
        "trouble": source.broken or None,
        "accepted": counts.outcomes[ACCEPTED],
        "events": counts.events,
        "dead_letters": counts.letters,
        "refused": {kind: count for kind, count in sorted(counts.outcomes.items()) if kind != ACCEPTED},
        "last_delivery_at": _at(counts.last_delivery_us),
        "last_accepted_at": _at(counts.last_accepted_us),
        "last_error": counts.last_error or None,
        "last_error_at": _at(counts.last_error_us),
    }


def _at(at_us: int) -> str | None:
    return rfc3339(at_us) if at_us else None
