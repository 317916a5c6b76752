"""How commands talk to a running service: address, token, errors.

Owns: the options --url and --token, one request with a readable failure. Does not own: what is asked (remote.py, dlq.py).
Next stop: app/api/application.py answers.
"""

import os
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from app.errors import BinderyError, Misconfigured

SERVICE = "http://127.0.0.1:8000"

Url = Annotated[str, typer.Option("--url", envvar="BINDERY_URL", help="Address of the running service.")]
Token = Annotated[str | None, typer.Option("--token", envvar="BINDERY_TOKEN", help="Access token; else the one in the data directory.")]


class AnswerRefused(BinderyError):
    """The service answered with a problem; the message is its title and detail."""


def request(method: str, path: str, *, url: str, token: str | None = None, params: Any = None, json: Any = None) -> Any:
    """The parsed answer to one request. Raises AnswerRefused (any problem), Misconfigured (nobody answers).

    Failure policy: no retry: the person at the terminal sees what happened and decides.
    """
    held = token or local_token()
    headers = {"authorization": f"Bearer {held}"} if held else {}
    given = {name: value for name, value in (params or {}).items() if value is not None}
    try:
        answer = httpx.request(method, f"{url.rstrip('/')}{path}", params=given, json=json, headers=headers, timeout=30.0)
    except httpx.TransportError as error:
        raise Misconfigured(
            f"{url} does not answer ({error}): is the service running there? `bindery run` starts it, --url names another"
        ) from None
    if answer.is_success:
        return answer.json() if answer.content else None
    problem = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    raise AnswerRefused(f"{problem.get('title', answer.reason_phrase)} ({answer.status_code}). {problem.get('detail', '')}".strip())


def local_token() -> str | None:
    """The token that an embedded service generated in the data directory, None where there is none or it is not ours to read."""
    path = Path(os.environ.get("BINDERY_DATA_DIR", ".data")) / "token"
    try:
        return path.read_text("utf-8").split()[2]
    except (OSError, IndexError):
        return None
