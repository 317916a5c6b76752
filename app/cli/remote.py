"""Commands that ask a running service: `sku`, `explain`, `rebind`, `lag`, `tasks list`.

Owns: what they print. Does not own: the answers (app/api/). Next stop: app/cli/dlq.py for letters.
"""

from typing import Annotated, Any
from urllib.parse import quote

import orjson
import typer
from rich.console import Console
from rich.table import Table

from app.cli.client import SERVICE, Token, Url, request
from app.cli.failing import explained
from app.errors import Misconfigured

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

tasks_app = typer.Typer(no_args_is_help=True, help="Work with the outside that waits.")


def show_json(value: Any) -> None:
    """Indented JSON on standard output."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


@explained
def sku(name: Annotated[str, typer.Argument(help="The SKU.")], url: Url = SERVICE, token: Token = None, as_json: AsJson = False) -> None:
    """Shows what may be shown for a SKU now."""
    answer = request("GET", "/v1/skus", url=url, token=token, params={"sku": name})
    if as_json:
        show_json(answer)
        return
    console = Console()
    console.print(f"[bold]{answer['sku']}[/bold]  revision {answer['revision']}  next change {answer['next_change_at'] or 'none'}")
    table = Table("role", "#", "asset", "state", "URL, or why there is none", box=None)
    table.columns[-1].overflow = "fold"
    for binding in answer["bindings"]:
        asset = binding["asset"]
        detail = binding["url"] or binding["reason"]["text"]
        table.add_row(binding["role"], str(binding["position"]), f"{asset['system']}/{asset['id']}", binding["state"], detail)
    console.print(table)


@explained
def explain(
    name: Annotated[str, typer.Argument(metavar="SKU", help="The SKU.")],
    asset: Annotated[str | None, typer.Argument(help="system/id of one asset; else all of them.")] = None,
    url: Url = SERVICE,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Says why each asset is shown for a SKU or not, from which event, and when that changes by itself."""
    answer = request("GET", f"/v1/skus/{quote(name, safe='')}/explain", url=url, token=token, params={"asset": asset})
    if as_json:
        show_json(answer)
        return
    console = Console()
    console.print(f"[bold]{name}[/bold]")
    for one in answer["assets"]:
        _print_asset(console, one)
    if not answer["assets"]:
        console.print("Nothing known links an asset to this SKU.")


def _print_asset(console: Console, one: dict[str, Any]) -> None:
    console.print(f"\n[bold]{one['asset']['system']}/{one['asset']['id']}[/bold]")
    for binding in one["bindings"]:
        console.print(f"  {binding['role']}: [bold]{binding['state']}[/bold]. {binding['reason']['text']}", highlight=False)
    for fact in one["decided_by"]:
        event = fact.get("event") or {}
        told = f"  ({event['type']} {event['id']} of {event['source']})" if event else ""
        value = orjson.dumps(fact["value"]).decode()
        console.print(f"    {fact['path']} = {value}{told}", highlight=False, markup=False, soft_wrap=True)


@explained
def rebind(
    name: Annotated[str | None, typer.Option("--sku", help="One SKU.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every SKU, in pages, below live traffic.")] = False,
    why: Annotated[str, typer.Option("--why", help="Reason, for the audit.")] = "asked on the command line",
    url: Url = SERVICE,
    token: Token = None,
) -> None:
    """Has one SKU or all of them decided again."""
    if (name is None) == (not everything):
        raise Misconfigured("say what to decide again: `--sku NAME` or `--all`")
    request("POST", "/v1/rebind", url=url, token=token, json={"all": True, "why": why} if everything else {"sku": name, "why": why})
    typer.echo("asked: every SKU will be decided again, in pages" if everything else f"asked: {name} will be decided again")


@explained
def lag(url: Url = SERVICE, token: Token = None, as_json: AsJson = False) -> None:
    """Shows how far each consumer group is behind, per topic."""
    answer = request("GET", "/v1/lag", url=url, token=token)
    if as_json:
        show_json(answer)
        return
    table = Table("group", "topic", "behind", box=None)
    for item in answer["items"]:
        table.add_row(item["group"], item["topic"], str(item["records"]))
    Console().print(table)


@explained
def tasks(
    system: Annotated[str | None, typer.Option("--system", help="Only tasks of this system.")] = None,
    url: Url = SERVICE,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Lists the work with the outside that waits."""
    answer = request("GET", "/v1/tasks", url=url, token=token, params={"system": system})
    if as_json:
        show_json(answer)
        return
    table = Table("task", "reason", "due", "attempts", box=None)
    for item in answer["items"]:
        table.add_row(item["key"], item["reason"], item["due_at"], str(item["attempts"]))
    Console().print(table)
    if not answer["items"]:
        typer.echo("nothing waits")


def add_to(app: typer.Typer) -> None:
    for name, command in (("sku", sku), ("explain", explain), ("rebind", rebind), ("lag", lag)):
        app.command(name)(command)
    tasks_app.command("list")(tasks)
    app.add_typer(tasks_app, name="tasks")
