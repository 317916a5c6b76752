"""Errors as people and programs see them: one schema (RFC 9457), one place where it is made, one handler for every route.

Owns: the kinds of problem, their bytes, the handlers. Does not own: what went wrong (each door raises Problem, engines raise EngineDown).
Next stop: docs of each status in app/api/application.py. A detail says what happened, where, and what to do next; never a secret or a body.
"""

from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.types import Scope

from app.errors import EngineDown

log_line = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_S = 5

# Kind -> status and title. The type URI is urn:bindery:problem:<kind>; kinds are part of the contract and are never renamed.
KINDS: Mapping[str, tuple[int, str]] = {
    "bad-request": (400, "The request cannot be read"),
    "bad-cursor": (400, "The cursor is not one of this list's"),
    "token-missing": (401, "A token is needed"),
    "token-unknown": (401, "The token is not known"),
    "bad-signature": (401, "The signature does not prove the sender"),
    "forbidden": (403, "The token lacks a role"),
    "not-found": (404, "There is nothing here"),
    "unknown-source": (404, "No such source"),
    "unknown-sku": (404, "No such SKU"),
    "unknown-asset": (404, "No such asset"),
    "method-not-allowed": (405, "The method is not allowed here"),
    "body-too-slow": (408, "The body did not arrive in time"),
    "conflict": (409, "The present state does not allow this"),
    "no-product": (409, "No product is known for the SKU"),
    "cursor-expired": (410, "The cursor is of data that this service does not hold any more"),
    "body-too-large": (413, "The body is too large"),
    "invalid": (422, "A value is not allowed"),
    "too-much-in-flight": (429, "Too many requests at a time"),
    "internal": (500, "An unexpected error"),
    "engine-down": (503, "An engine does not answer"),
    "key-missing": (503, "The key to verify it with is not at hand yet"),
    "log-unavailable": (503, "The event log does not answer"),
    "not-ready": (503, "A dependency is down"),
    "source-unavailable": (503, "The source is out of service"),
}


class Problem(Exception):
    """An answer other than the one asked for. `members` are further fields of the problem; `headers` go out with it."""

    def __init__(self, kind: str, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.members = kind, detail, members
        self.status, self.title = KINDS[kind]
        self.headers = dict(headers or {})

    def body(self, instance: str) -> bytes:
        """The problem as JSON. `instance` is the path that was asked for."""
        return orjson.dumps(
            {
                "type": f"urn:bindery:problem:{self.kind}",
                "title": self.title,
                "status": self.status,
                "detail": self.detail,
                "instance": instance,
                **self.members,
            }
        )


class ProblemDetails(BaseModel):
    """RFC 9457, with the members Bindery adds."""

    type: str = Field(examples=["urn:bindery:problem:unknown-sku"], description="Which kind of problem; stable.")
    title: str = Field(examples=["No such SKU"])
    status: int = Field(examples=[404])
    detail: str = Field(
        examples=["Nothing is known about the SKU 'NH-1'. Check the spelling."], description="What happened, and what to do."
    )
    instance: str = Field(examples=["/v1/skus/NH-1"], description="The path that was asked for.")
    errors: list[dict[str, Any]] | None = Field(None, description="For 422: where (`at`) and what (`problem`), one per mistake.")


Responses = dict[int | str, dict[str, Any]]


def documented(*statuses: int) -> Responses:
    """The OpenAPI entries of these statuses."""
    titles: dict[int, list[str]] = {}
    for status, title in KINDS.values():
        titles.setdefault(status, []).append(title)
    schema = {"$ref": "#/components/schemas/ProblemDetails"}
    return {status: {"description": " · ".join(titles[status]), "content": {MEDIA_TYPE: {"schema": schema}}} for status in statuses}


def responses(model: Any, *problems: int, status: int = 200) -> Responses:
    """The OpenAPI entries of a route that answers `model`, or one of these problems."""
    made: Responses = {status: {"model": model}}
    return made | documented(*problems)


def answer(problem: Problem, scope: Scope) -> Response:
    """The response of a problem, with its one log line."""
    log_line.info("request.refused", method=scope["method"], path=scope["path"], status=problem.status, problem=problem.kind)
    return Response(problem.body(scope["path"]), problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(error, request.scope)


async def _engine_down(request: Request, error: Exception) -> Response:
    log_line.warning("request.engine_down", path=request.scope["path"], error=type(error).__name__, detail=str(error))
    text = "The log or the store does not answer at the moment; nothing was lost. Ask again after the time in Retry-After."
    return answer(Problem("engine-down", text, headers={"retry-after": str(RETRY_S)}), request.scope)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    mistakes = error.errors()
    told = request.headers.get("content-type", "")
    # The framework hands a body on as bytes where its header does not call it JSON.
    if isinstance(error.body, bytes) and error.body and not _is_json(told):
        text = "A body of JSON is read only where it is called JSON. Send the header `Content-Type: application/json`"
        name = f" instead of `{_printable(told[:100])}`." if told else "; the request has no Content-Type."
        errors = [{"at": "header.content-type", "problem": "application/json is expected"}]
        return answer(Problem("invalid", text + name, errors=errors), request.scope)
    if any(mistake["type"] == "json_invalid" for mistake in mistakes):
        return answer(Problem("bad-request", "The body is not JSON. Send a JSON object as UTF-8."), request.scope)
    # The value itself is left out: it may be anything, a secret in the wrong field included.
    errors = [{"at": ".".join(_printable(part) for part in each["loc"]), "problem": _printable(each["msg"])} for each in mistakes]
    return answer(
        Problem("invalid", f"{errors[0]['at']}: {errors[0]['problem']}. `errors` lists every mistake.", errors=errors), request.scope
    )


def _is_json(content_type: str) -> bool:
    name = content_type.partition(";")[0].strip().lower()
    return name == "application/json" or (name.startswith("application/") and name.endswith("+json"))


def _printable(text: object) -> str:
    return str(text).encode("utf-8", "replace").decode()


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    match error.status_code:
        case 404:
            problem = Problem("not-found", "No door has this path. The paths are listed at /openapi.json.", headers=headers)
        case 405:
            problem = Problem("method-not-allowed", f"{request.method} is not possible here; `Allow` names what is.", headers=headers)
        case status if status < 500:
            problem = Problem(
                "bad-request", "The request cannot be read. Check its body and headers against /openapi.json.", headers=headers
            )
        case _:
            problem = Problem("internal", "Something unexpected happened; the log of the service says what.", headers=headers)
    return answer(problem, request.scope)


async def _unexpected(request: Request, error: Exception) -> Response:
    # Starlette raises the error again after this answer, so the server logs its traceback; nothing of it leaves by HTTP.
    log_line.error("request.failed", method=request.method, path=request.scope["path"], error=type(error).__name__)
    return answer(Problem("internal", "Something unexpected happened; the log of the service says what."), request.scope)


def install(app: FastAPI) -> None:
    """Makes every error of every route a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(EngineDown, _engine_down)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
