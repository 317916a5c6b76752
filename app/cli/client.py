"""How commands talk to a running service: address, token, errors.

Owns: the options --url, --token, --data-dir and --why, one request with a readable failure. Does not own: what is asked (remote.py, dlq.py,
sources.py, tasks.py). Next stop: app/api/application.py answers.
"""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import httpx
import typer

from app.cli.failing import explained
from app.errors import BinderyError, Misconfigured
from app.tokens import GENERATED

SERVICE = "http://127.0.0.1:8000"
DATA_DIR = Path(".data")
_NO_JSON = object()


@explained
def _complete(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise Misconfigured(f"--url {url!r} has no scheme: write it with one, as in http://127.0.0.1:8000")
    return url


Url = Annotated[str, typer.Option("--url", envvar="BINDERY_URL", callback=_complete, help="Address of the running service.")]
Token = Annotated[str | None, typer.Option("--token", envvar="BINDERY_TOKEN", help="Access token; else the one in the data directory.")]
DataDir = Annotated[
    Path, typer.Option("--data-dir", envvar="BINDERY_DATA_DIR", help="Data directory of the service, for the token that it made there.")
]
Why = Annotated[str, typer.Option("--why", help="Reason, for the audit and for colleagues.")]
ASKED = "asked on the command line"


class Service(NamedTuple):
    """Where the service is, and which token to show: the one that was given, else the one in its data directory."""

    url: str
    token: str | None = None
    data_dir: Path = DATA_DIR


class AnswerRefused(BinderyError):
    """The service answered with a problem; the message is its title and detail."""


def request(method: str, path: str, service: Service, *, params: Any = None, json: Any = None) -> Any:
    """The parsed answer to one request. Raises AnswerRefused (any problem), Misconfigured (nobody answers, or somebody else).

    Failure policy: no retry: the person at the terminal sees what happened and decides.
    """
    url, held = service.url, service.token or local_token(service.data_dir)
    headers = {"authorization": f"Bearer {held}"} if held else {}
    given = {name: value for name, value in (params or {}).items() if value is not None}
    try:
        answer = httpx.request(method, f"{url.rstrip('/')}{path}", params=given, json=json, headers=headers, timeout=30.0)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise Misconfigured(
            f"{url} does not answer ({error}): is the service running there? `bindery run` starts it, --url names another"
        ) from None
    parsed = _parsed(answer)
    if answer.is_success and parsed is _NO_JSON:
        raise Misconfigured(f"{url} answers, but not as Bindery does: is another service running there? --url names the right one")
    if answer.is_success:
        return parsed
    problem = parsed if isinstance(parsed, dict) else {}
    told = f"{problem.get('title', answer.reason_phrase)} ({answer.status_code}). {problem.get('detail', '')}".strip()
    raise AnswerRefused(told + (_about_token(service, held) if answer.status_code == httpx.codes.UNAUTHORIZED else ""))


def _parsed(answer: httpx.Response) -> Any:
    """The JSON of an answer; None where it has no body, _NO_JSON where that is something else (a proxy's page, say)."""
    try:
        return answer.json() if answer.content else None
    except ValueError:
        return _NO_JSON


def _about_token(service: Service, held: str | None) -> str:
    """Where a token was looked for, and how to name another one."""
    file = service.data_dir / GENERATED
    if service.token:
        return " It was given by --token or BINDERY_TOKEN."
    looked = f"The token of {file} was sent" if held else f"No token was found in {file}"
    return f" {looked}: give one with --token (BINDERY_TOKEN), or the service's data directory with --data-dir (BINDERY_DATA_DIR)."


def local_token(data_dir: Path) -> str | None:
    """The token that an embedded service generated in its data directory, None where there is none or it is not ours to read."""
    try:
        return (data_dir / GENERATED).read_text("utf-8").split()[2]
    except (OSError, IndexError):
        return None
