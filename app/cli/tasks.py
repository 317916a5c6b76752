"""`bindery tasks`: what waits for a vendor, have it tried now, cancel it.

Owns: the commands and their options. Does not own: lines (app/cli/task_tables.py), the answers (app/api/tasks.py), address and token
(app/cli/client.py). Next stop: app/api/tasks.py.
"""

from typing import Annotated

import typer
from rich.console import Console

from app.cli import task_tables
from app.cli.client import ASKED, DATA_DIR, SERVICE, DataDir, Service, Token, Url, Why, request
from app.cli.failing import explained
from app.cli.printing import AsJson, show_json
from app.errors import Misconfigured

PATH = "/v1/tasks"

app = typer.Typer(no_args_is_help=True, help="Work with the outside that waits. List, try now, cancel.")

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
        show_json(answer)
        return
    console = Console(soft_wrap=True)
    console.print(task_tables.systems(answer["systems"]))
    console.print(task_tables.tasks(answer["items"]))
    if answer["next"]:
        # A kind is looked for in a stretch of all tasks, so that a page may hold few of it, or none.
        typer.echo(f"more tasks wait: --cursor {answer['next']}")
    elif not answer["items"]:
        typer.echo("nothing waits")


@app.command("now")
@explained
def now(
    key: Key = None,
    system: OfSystem = None,
    why: Why = ASKED,
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
    why: Why = ASKED,
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
        show_json(answer)
        return
    typer.echo(f"{task_tables.counted(answer['changed'])} {done}")
