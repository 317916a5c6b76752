"""Commands that ask a running service: `sku`, `explain`, `rebind`, `lag`.

Owns: what they print. Does not own: the answers (app/api/). Next stop: app/cli/dlq.py for letters, app/cli/tasks.py for tasks.
"""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import orjson
import typer
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from app.cli.client import ASKED, DATA_DIR, SERVICE, DataDir, Service, Token, Url, Why, request
from app.cli.failing import explained
from app.cli.printing import AsJson, readable, show_json
from app.errors import Misconfigured


@explained
def sku(
    name: Annotated[str, typer.Argument(help="The SKU.")],
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Shows what may be shown for a SKU now."""
    answer = request("GET", "/v1/skus", Service(url, token, data_dir), params={"sku": name})
    if as_json:
        show_json(answer)
        return
    console = Console()
    console.print(f"[bold]{escape(answer['sku'])}[/bold]  revision {answer['revision']}  next change {answer['next_change_at'] or 'none'}")
    console.print(bindings(answer), soft_wrap=True)


def bindings(answer: Mapping[str, Any]) -> Group:
    """Each binding as a head line and its URL, or why there is none. Print it with `soft_wrap`, so that a URL stays in one piece."""
    lines: list[Text] = []
    for one in answer["bindings"]:
        head = [one["role"], str(one["position"]), f"{one['asset']['system']}/{one['asset']['id']}", one["state"]]
        lines += [Text("  ".join(head), style="bold"), Text(f"    {one['url'] or one['reason']['text']}")]
    return Group(*lines)


@explained
def explain(
    name: Annotated[str, typer.Argument(metavar="SKU", help="The SKU.")],
    asset: Annotated[str | None, typer.Argument(metavar="ASSET", help="system/id of one asset; else all of them.")] = None,
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Says why each asset is shown for a SKU or not, from which event, and when that changes by itself."""
    answer = request("GET", f"/v1/skus/{quote(name, safe='')}/explain", Service(url, token, data_dir), params={"asset": asset})
    if as_json:
        show_json(answer)
        return
    # Whole lines, so that what they say can be searched for.
    console = Console(soft_wrap=True)
    console.print(f"[bold]{escape(name)}[/bold]")
    for product in answer["products"]:
        if product["why"]:
            told = f"The product {product['system']}/{product['id']}: {product['why']}"
            console.print(told, highlight=False, markup=False)
    for one in answer["assets"]:
        _print_asset(console, one)
    if not answer["assets"]:
        console.print("Nothing known links an asset to this SKU.")


def _print_asset(console: Console, one: dict[str, Any]) -> None:
    console.print(f"\n[bold]{escape(one['asset']['system'] + '/' + one['asset']['id'])}[/bold]")
    for binding in one["bindings"]:
        console.print(f"  {escape(binding['role'])}: [bold]{binding['state']}[/bold]. {escape(binding['reason']['text'])}", highlight=False)
    for fact in one["decided_by"]:
        event = fact.get("event") or {}
        told = f"  ({event['type']} {event['id']} of {event['source']})" if event else ""
        value = orjson.dumps(readable(fact["path"], fact["value"])).decode()
        console.print(f"    {fact['path']} = {value}{told}", highlight=False, markup=False)


@explained
def rebind(
    name: Annotated[str | None, typer.Option("--sku", help="One SKU.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every SKU, in pages, below live traffic.")] = False,
    why: Why = ASKED,
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Has one SKU or all of them decided again."""
    if (name is None) == (not everything):
        raise Misconfigured("say what to decide again: `--sku NAME` or `--all`")
    request(
        "POST", "/v1/rebind", Service(url, token, data_dir), json={"all": True, "why": why} if everything else {"sku": name, "why": why}
    )
    typer.echo("asked: every SKU will be decided again, in pages" if everything else f"asked: {name} will be decided again")


@explained
def lag(url: Url = SERVICE, token: Token = None, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Shows how far each consumer group is behind, per topic."""
    answer = request("GET", "/v1/lag", Service(url, token, data_dir))
    if as_json:
        show_json(answer)
        return
    table = Table("group", "topic", "behind", box=None)
    for item in answer["items"]:
        table.add_row(item["group"], item["topic"], str(item["records"]))
    Console().print(table)


def add_to(app: typer.Typer) -> None:
    for name, command in (("sku", sku), ("explain", explain), ("rebind", rebind), ("lag", lag)):
        app.command(name)(command)
