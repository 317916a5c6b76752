"""`/health/live`, `/health/ready`, `/metrics`: what machines ask.

Owns: these routes. Does not own: what each dependency's check does (app/ports.py: ping; app/bootstrap.py adds the consumers').
Next stop: app/api/metrics.py.
"""

import asyncio
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from app.api.answers import FRESH, answered
from app.api.deps import Api, Check, api_of
from app.api.operation_models import Alive, Ready
from app.api.problems import Problem, responses

log_line = structlog.get_logger(__name__)

router = APIRouter(tags=["Health"])

CHECK_S = 3.0


@router.get("/health/live", summary="Does the process answer?", response_model=None, responses=responses(Alive))
async def live() -> Response:
    """It does, or you would not read this. Restart the process when it does not; an engine that is down is no reason to."""
    return answered(b'{"status":"ok"}')


@router.get("/health/ready", summary="Are all dependencies up?", response_model=None, responses=responses(Ready, 503))
async def ready(request: Request) -> Response:
    """Each dependency by name; 503 where any is down."""
    api = api_of(request)
    checks: dict[str, Check] = {"log": _silent(api.log.ping), "store": _silent(api.store.ping), **api.readiness}
    found = await asyncio.gather(*(_checked(name, check) for name, check in checks.items()))
    down = [each["name"] for each in found if not each["ok"]]
    if down:
        text = f"Not ready because of: {', '.join(down)}. `dependencies` says why; they are tried again by themselves."
        raise Problem("not-ready", text, headers={"retry-after": "5"}, dependencies=found)
    answer = {"status": "ok", "version": api.code_version, "dependencies": found}
    return answered(answer)


def _silent(ping: Any) -> Check:
    async def check() -> str | None:
        await ping()
        return None

    return check


async def _checked(name: str, check: Check) -> dict[str, Any]:
    try:
        async with asyncio.timeout(CHECK_S):
            return {"name": name, "ok": True, "detail": await check()}
    except TimeoutError:
        return {"name": name, "ok": False, "detail": f"no answer within {CHECK_S:g} seconds"}
    except Exception as error:  # noqa: BLE001 - whatever a check raises means one thing here: that dependency is not up
        return {"name": name, "ok": False, "detail": f"{type(error).__name__}: {error}"}


@router.get(
    "/metrics",
    summary="Prometheus metrics of this process",
    response_model=None,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The text exposition format."}},
)
async def metrics(request: Request) -> Response:
    """What each metric means stands in its HELP line."""
    api: Api = api_of(request)
    return Response(generate_latest(api.registry), headers=FRESH | {"content-type": CONTENT_TYPE_PLAIN_0_0_4})
