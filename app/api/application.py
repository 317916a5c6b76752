"""The HTTP application: all doors of one process.

Owns: which doors are open, the OpenAPI as a whole. Does not own: any door. Next stop: app/api/webhooks.py.
"""

from typing import Any

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from app.api import (
    assets,
    bodies,
    dead_letters,
    decisions,
    explain,
    health,
    operations,
    paths,
    problems,
    skus,
    sources,
    tasks,
    webhook_docs,
)
from app.api.attendance import Attendance
from app.api.deps import Api
from app.api.doors import PREFIX
from app.api.webhooks import Webhooks

ABOUT = """
Bindery keeps, for every SKU, the one authoritative answer to which asset URLs may be shown for this product, where, when and why.

Lists are `{items, next}`; `next` is an opaque cursor, null at the end. Instants are RFC 3339 in UTC. Errors are `application/problem+json`
(RFC 9457) and say what happened and what to do. Reads may be open; whatever changes something needs a token with a role: `catalogue` for
decisions about assets, `ops` for running the service.

SKUs and asset ids may hold slashes. In a path they may stand as they are; where a name would be taken for more of the path
(a SKU that ends in `/explain`), write its slashes as `%2F`.
"""


class _Application(FastAPI):
    """FastAPI, with the webhooks hit before any middleware and routing: that is the hot path."""

    webhooks_door: Webhooks | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if self.webhooks_door is not None and PREFIX in scope["path"]:
                root: str = scope.get("root_path", "")
                if scope["path"].startswith(root + PREFIX):
                    await self.webhooks_door(scope, receive, send)
                    return
            paths.as_sent(scope)
            try:
                receive = await bodies.checked(scope, receive)
            except problems.Problem as problem:
                await problems.answer(problem, scope)(scope, receive, send)
                return
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            made = super().openapi()
            components = made.setdefault("components", {})
            problem = problems.ProblemDetails.model_json_schema()
            components.setdefault("schemas", {})["ProblemDetails"] = problem
            components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
            if self.webhooks_door is not None:
                made["paths"] = {**webhook_docs.described(), **made["paths"]}
            self.openapi_schema = made
        return self.openapi_schema


def create_app(api: Api, *, webhooks: bool = True, console: bool = True) -> FastAPI:
    """The application with these doors: `webhooks` for senders, `console` for everything that people and readers use (/v1, the OpenAPI).

    Health and metrics are always there. The two can be bound apart: webhooks on a public address, the rest on a private one.
    """
    app = _Application(
        title="Bindery",
        version=api.code_version,
        description=ABOUT,
        redirect_slashes=False,
        openapi_url="/openapi.json" if console else None,
        docs_url="/docs" if console else None,
        redoc_url=None,
    )
    app.state.api = api
    app.state.counts = {}
    app.state.attendance = None
    problems.install(app)
    if webhooks:
        app.webhooks_door = Webhooks(api)
        app.state.counts = app.webhooks_door.counts
        app.state.attendance = Attendance(api, app.webhooks_door)
    if console:
        # What is longer comes first: a SKU may hold slashes, and its path would swallow the others.
        for each in (decisions, explain, skus, assets, tasks, operations, sources, dead_letters):
            app.include_router(each.router)
    app.include_router(health.router)
    return app
