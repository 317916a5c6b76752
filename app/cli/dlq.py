"""`bindery dlq`: letters from the terminal, over the same HTTP functions that everything else uses.

Owns: the commands, what they print. Does not own: the answers (app/api/dead_letters.py), address and token (app/cli/client.py).
Next stop: app/api/dead_letters.py.
"""

from typing import Annotated, Any
from urllib.parse import quote

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.cli.client import SERVICE, Token, Url, request
from app.cli.failing import explained
from app.errors import Misconfigured

PATH = "/v1/dead-letters"
WAITING = "waiting"

app = typer.Typer(no_args_is_help=True, help="Dead letters: what needs a person. List, show, replay, discard, acknowledge, restore.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Why = Annotated[str, typer.Option("--why", help="Reason, for the audit and for colleagues.")]
Letters = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Letters by id; else choose by the options.")]
State = Annotated[str | None, typer.Option("--state", help="open, acknowledged, replaying, resolved, superseded, discarded, waiting.")]
Source = Annotated[str | None, typer.Option("--source", help="Name of the source.")]
Fingerprint = Annotated[str | None, typer.Option("--fingerprint", "--fp", help="Failures of one cause.")]
Record = Annotated[str | None, typer.Option("--record", help="Record key, kind/system/id.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="At most so many.")]


@app.command("list")
@explained
def list_letters(
    state: State = WAITING,
    source: Source = None,
    fingerprint: Fingerprint = None,
    record: Record = None,
    groups: Annotated[bool, typer.Option("--groups", help="One line for each cause.")] = False,
    limit: Limit = 50,
    after: Annotated[str | None, typer.Option("--after", help="`next` of the page before.")] = None,
    url: Url = SERVICE,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Lists letters, newest failure first; those that wait unless --state says otherwise (`--state ''`: all)."""
    params = {"state": state or None, "source": source, "fingerprint": fingerprint, "record": record, "limit": limit, "after": after}
    answer = request("GET", PATH, url=url, token=token, params=params | {"group": "fingerprint" if groups else None})
    if as_json:
        return _json(answer)
    if not answer["items"]:
        return typer.echo("No letters." if state != WAITING else "No letters wait.")
    Console().print(_groups(answer["items"]) if groups else _letters(answer["items"]))
    if answer["next"]:
        typer.echo(f"More: --after {answer['next']}")


@app.command()
@explained
def show(
    letter: Annotated[str, typer.Argument(help="The letter's id.")], url: Url = SERVICE, token: Token = None, as_json: AsJson = False
) -> None:
    """Shows one letter: what came, what went wrong, what was tried."""
    answer = request("GET", f"{PATH}/{quote(letter, safe='')}", url=url, token=token)
    if as_json:
        return _json(answer)
    console = Console()
    console.print(f"[bold]{answer['id']}[/bold]  {answer['state']}  {answer['disposition']} at {answer['stage']}", highlight=False)
    about = Table(box=None, show_header=False)
    for name in ("source", "type", "event_id", "record", "arrived_at", "first_failed_at", "last_failed_at", "fingerprint"):
        about.add_row(name.replace("_", " "), escape(str(answer[name])))
    about.add_row("error", escape(f"{answer['error']['kind']}: {answer['error']['message']}"))
    about.add_row("replayable", "yes" if answer["replayable"] else escape(f"no: {answer['not_replayable_because']}"))
    console.print(about)
    console.print(_story(answer))
    value = answer["original"]["value"]
    console.print("\n[bold]original[/bold]" + ("" if "text" in value else " (base64)"))
    console.print(value.get("text", value.get("base64")), markup=False, highlight=False, soft_wrap=True)


@app.command()
@explained
def replay(
    letters: Letters = None,
    source: Source = None,
    fingerprint: Fingerprint = None,
    record: Record = None,
    state: State = None,
    rate: Annotated[float, typer.Option("--rate", min=0.1, max=10_000, help="Letters per second at most.")] = 20.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would happen.")] = False,
    why: Why = "asked on the command line",
    url: Url = SERVICE,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Sends letters' events again: those named, or those that fit the options."""
    body = {"filter": _filter(letters, source, fingerprint, record, state), "rate_per_s": rate, "dry_run": dry_run, "why": why}
    answer = request("POST", f"{PATH}/replay", url=url, token=token, json=body)
    if as_json:
        return _json(answer)
    if dry_run:
        return Console().print(_forecast(answer))
    chosen = (
        "choosing goes on"
        if answer["phase"] == "choosing"
        else f"{answer['chosen']} letters chosen, {answer['refused']} cannot be replayed"
    )
    typer.echo(f"replay {answer['id']}: {chosen}. Follow it with `bindery dlq replays`.")


@app.command()
@explained
def replays(url: Url = SERVICE, token: Token = None, as_json: AsJson = False) -> None:
    """Lists replay jobs and how far they are, newest first."""
    answer = request("GET", "/v1/replays", url=url, token=token)
    if as_json:
        return _json(answer)
    counted = ("chosen", "waiting", "sent", "resolved", "superseded", "reopened", "released")
    table = Table("replay", "phase", *counted, "by", "why", box=None)
    for job in answer["items"]:
        table.add_row(job["id"], job["phase"], *(str(job[name]) for name in counted), escape(job["by"]), escape(job["why"]))
    Console().print(table if answer["items"] else "No replays yet.")


@app.command()
@explained
def cancel(
    replay_id: Annotated[str, typer.Argument(metavar="REPLAY", help="The replay's id.")],
    why: Why = "asked on the command line",
    url: Url = SERVICE,
    token: Token = None,
) -> None:
    """Stops a replay; what was not sent yet waits again."""
    answer = request("POST", f"/v1/replays/{quote(replay_id, safe='')}/cancel", url=url, token=token, json={"why": why})
    typer.echo(f"cancelled: {answer['released']} letters given back, {answer['chosen'] - answer['released']} were sent already")


@app.command()
@explained
def discard(
    letters: Letters = None,
    source: Source = None,
    fingerprint: Fingerprint = None,
    record: Record = None,
    why: Why = "asked on the command line",
    url: Url = SERVICE,
    token: Token = None,
) -> None:
    """Puts letters away: those named, or the waiting ones that fit the options. Nothing is deleted."""
    _on_many("discard", _filter(letters, source, fingerprint, record, None), why, url, token)


@app.command()
@explained
def acknowledge(
    letters: Letters = None,
    source: Source = None,
    fingerprint: Fingerprint = None,
    record: Record = None,
    why: Why = "asked on the command line",
    url: Url = SERVICE,
    token: Token = None,
) -> None:
    """Notes that somebody has seen letters: those named, or the open ones that fit the options."""
    _on_many("acknowledge", _filter(letters, source, fingerprint, record, None), why, url, token)


@app.command()
@explained
def restore(
    letters: Annotated[list[str], typer.Argument(metavar="ID...", help="Letters by id.")],
    why: Why = "asked on the command line",
    url: Url = SERVICE,
    token: Token = None,
) -> None:
    """Opens discarded (or acknowledged) letters again."""
    for letter in letters:
        answer = request("POST", f"{PATH}/{quote(letter, safe='')}/restore", url=url, token=token, json={"why": why})
        typer.echo(f"{letter}: {answer['state']}")


def _on_many(hand: str, wanted: dict[str, Any], why: str, url: str, token: str | None) -> None:
    changed = refused = 0
    complete = False
    while not complete:
        answer = request("POST", f"{PATH}/{hand}", url=url, token=token, json={"filter": wanted, "why": why})
        changed, refused = changed + answer["changed"], answer["refused"]
        # Where nothing moves any more, what remains is refused, and asking again would never end.
        complete = answer["complete"] or not answer["changed"]
    typer.echo(f"{changed} letters changed" + (f", {refused} in a state that does not allow it" if refused else ""))


def _filter(
    letters: list[str] | None, source: str | None, fingerprint: str | None, record: str | None, state: str | None
) -> dict[str, Any]:
    given = {"ids": letters, "source": source, "fingerprint": fingerprint, "record": record, "state": state}
    wanted = {name: value for name, value in given.items() if value}
    if not wanted:
        raise Misconfigured("say which letters: ids, or options such as --source, --fingerprint, --record")
    return wanted


def _letters(items: list[dict[str, Any]]) -> Table:
    table = Table("letter", "state", "source", "type", "record", "tries", "last failure", "error", box=None)
    for one in items:
        error = escape(f"{one['error']['kind']}: {one['error']['message']}")
        about = [one["source"], one["type"], one["record"], str(one["attempt"] + 1), one["last_failed_at"][:19]]
        table.add_row(one["id"], one["state"], *(escape(text) for text in about), error)
    table.columns[0].no_wrap = True
    return table


def _groups(items: list[dict[str, Any]]) -> Table:
    table = Table("fingerprint", "letters", "source", "type", "stage", "last failure", "error", box=None)
    for one in items:
        error = escape(f"{one['error']['kind']}: {one['error']['message']}")
        about = [one["source"], one["type"], one["stage"], one["last_failed_at"][:19]]
        table.add_row(one["fingerprint"], str(one["count"]), *(escape(text) for text in about), error)
    table.columns[0].no_wrap = True
    return table


def _story(answer: dict[str, Any]) -> Table:
    table = Table("when", "what", "by", "why", box=None, title="history", title_justify="left")
    rows = []
    for one in answer["tries"]:
        if one["failed"]:
            error = one["failed"]["error"]
            rows.append((one["failed"]["at"], f"attempt {one['attempt']} failed", "", f"{error['kind']}: {error['message']}"))
        if one["ended"]:
            rows.append((one["ended"]["at"], f"attempt {one['attempt']} {one['ended']['as']}", "", one["ended"]["why"]))
    rows += [(one["at"], one["what"], one["who"], one["why"]) for one in answer["audit"]]
    for row in sorted(rows):
        table.add_row(*(escape(text) for text in row))
    return table


def _forecast(answer: dict[str, Any]) -> Table:
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(answer["summary"].items()))
    table = Table("letter", "verdict", "records", "SKUs", "why", box=None, title=f"dry run: {told or 'no letters'}", title_justify="left")
    for one in answer["items"]:
        table.add_row(one["letter"], one["verdict"], *(escape(", ".join(one[name])) for name in ("records", "skus")), escape(one["why"]))
    if answer["more"]:
        table.caption = "More letters match than were looked at."
    return table


def _json(value: Any) -> None:
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
