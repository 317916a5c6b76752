"""Baseline (a) of ingest: a bare Starlette route that answers with the body it got, on uvicorn with uvloop and httptools.

Owns: the least that any Python service of this kind does. Next stop: tests/bench/ingest.py.
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.bench.bodies import PATH


async def echo(request: Request) -> Response:
    """Gives the body back."""
    return Response(await request.body(), media_type="application/json")


if __name__ == "__main__":
    app = Starlette(routes=[Route(PATH, echo, methods=["POST"])])
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="warning", backlog=4096)
