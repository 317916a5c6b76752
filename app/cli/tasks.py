"""`bindery tasks`: what waits for a vendor, have it tried now, cancel it.

Owns: the commands and what they print. Does not own: the answers (app/api/tasks.py), address and token (app/cli/client.py).
Next stop: app/api/tasks.py.
"""

from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from app.cli.client import DATA_DIR, SERVICE, DataDir, Service, Token, Url, request
from app.cli.failing import explained
from app.errors import Misconfigured

PATH = "/v1/tasks"

app = typer.Typer(no_args_is_help=True, help="Work with the outside that waits. List, try now, cancel.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Why = Annotated[str, typer.Option("--why", help="Reason, for the audit and for colleagues.")]
Key = Annotated[str | None, typer.Argument(metavar="[KEY]", help='Key of one task, as listed ("fetch product akeneo 4711").')]
OfSystem = Annotated[str | None, typer.Option("--system", help="All tasks of this system.")]


@app.command("list")
@explained
def list_tasks(
    system: Annotated[str | None, typer.Option("--system", help="Only tasks of this system.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only tasks of this kind (product, model, variants, asset).")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="At most so many.")] = 50,
    cursor: Annotated[str | None, typer.Option("--cursor", help="`next` of the page before.")] = None,
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Lists what waits, the task due first first: since when, when it is tried next, what went wrong last; and how the systems do."""
    params = {"system": system, "kind": kind, "limit": limit, "cursor": cursor}
    answer = request("GET", PATH, Service(url, token, data_dir), params=params)
    if as_json:
        _json(answer)
        return
    console = Console()
    if answer["systems"]:
        console.print(_systems(answer["systems"]))
    if not answer["items"]:
        typer.echo("nothing waits")
        return
    console.print(_tasks(answer["items"]))
    if answer["next"]:
        typer.echo(f"more: --cursor {answer['next']}")


def _systems(systems: list[dict[str, Any]]) -> Table:
    table = Table("system", "waiting", "owner", "paused until", "last error", box=None)
    for one in systems:
        table.add_row(one["system"], str(one["waiting"]), one["owner"] or "nobody", one["paused_until"] or "", one["last_error"] or "")
    return table


def _tasks(items: list[dict[str, Any]]) -> Table:
    table = Table("task", "waits because", "since", "next attempt", "tries", "last error", box=None)
    for item in items:
        table.add_row(item["key"], item["reason"], item["since"], item["next_attempt_at"], str(item["attempts"]), item["last_error"] or "")
    return table


@app.command("now")
@explained
def now(
    key: Key = None,
    system: OfSystem = None,
    why: Why = "asked on the command line",
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Makes a task, or all tasks of a system, due at once; of a system that is left alone, the pause ends too."""
    _post("now", key, system, why, Service(url, token, data_dir), "due now", as_json=as_json)


@app.command("cancel")
@explained
def cancel(
    key: Key = None,
    system: OfSystem = None,
    why: Why = "asked on the command line",
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Cancels a task, or all tasks of a system. The next event about the thing asks for it again."""
    _post("cancel", key, system, why, Service(url, token, data_dir), "cancelled", as_json=as_json)


def _post(action: str, key: str | None, system: str | None, why: str, service: Service, done: str, *, as_json: bool) -> None:
    if (key is None) == (system is None):
        raise Misconfigured(f"say which tasks: `bindery tasks {action} KEY` or `bindery tasks {action} --system NAME`")
    body = {"key": key, "why": why} if key is not None else {"system": system, "why": why}
    answer = request("POST", f"{PATH}/{action}", service, json=body)
    if as_json:
        _json(answer)
        return
    count = answer["changed"]
    typer.echo(f"{count} {'task' if count == 1 else 'tasks'} {done}")


def _json(value: Any) -> None:
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
