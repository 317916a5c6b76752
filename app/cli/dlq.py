"""`bindery dlq`: letters from the terminal, over the same HTTP functions that everything else uses.

Owns: the commands and their options. Does not own: tables (app/cli/letter_tables.py), the answers (app/api/dead_letters.py), address and
token (app/cli/client.py). Next stop: app/api/dead_letters.py.
"""

from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console

from app.cli import letter_tables
from app.cli.client import ASKED, DATA_DIR, SERVICE, DataDir, Service, Token, Url, Why, request
from app.cli.failing import explained
from app.cli.letter_tables import counted
from app.cli.printing import AsJson, show_json
from app.errors import Misconfigured

PATH = "/v1/dead-letters"
WAITING = "waiting"

app = typer.Typer(no_args_is_help=True, help="Dead letters: what needs a person. List, show, replay, discard, acknowledge, restore.")

Letters = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Letters by id; else choose by the options.")]
State = Annotated[str | None, typer.Option("--state", help="open, acknowledged, replaying, resolved, superseded, discarded, waiting.")]
Source = Annotated[str | None, typer.Option("--source", help="Name of the source.")]
Fingerprint = Annotated[str | None, typer.Option("--fingerprint", "--fp", help="Failures of one cause.")]
Record = Annotated[str | None, typer.Option("--record", help="Record key, kind/system/id.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="At most so many.")]


@app.command("list")
@explained
def list_letters(  # noqa: PLR0913, PLR0917 - each option of the command is a parameter
    state: State = WAITING,
    source: Source = None,
    fingerprint: Fingerprint = None,
    record: Record = None,
    groups: Annotated[bool, typer.Option("--groups", help="One line for each cause.")] = False,
    limit: Limit = 50,
    after: Annotated[str | None, typer.Option("--after", help="`next` of the page before.")] = None,
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Lists letters, newest failure first; those that wait unless --state says otherwise (`--state ''`: all)."""
    params = {"state": state or None, "source": source, "fingerprint": fingerprint, "record": record, "limit": limit, "after": after}
    answer = request("GET", PATH, Service(url, token, data_dir), params=params | {"group": "fingerprint" if groups else None})
    if as_json:
        show_json(answer)
        return
    if not answer["items"]:
        typer.echo("No letters." if state != WAITING else "No letters wait.")
        return
    Console().print(letter_tables.groups(answer["items"]) if groups else letter_tables.letters(answer["items"]), soft_wrap=True)
    if answer["next"]:
        typer.echo(f"More: --after {answer['next']}")


@app.command()
@explained
def show(
    letter: Annotated[str, typer.Argument(help="The letter's id.")],
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Shows one letter: what came, what went wrong, what was tried."""
    answer = request("GET", f"{PATH}/{quote(letter, safe='')}", Service(url, token, data_dir))
    if as_json:
        show_json(answer)
        return
    console = Console()
    console.print(f"[bold]{answer['id']}[/bold]  {answer['state']}  {answer['disposition']} at {answer['stage']}", highlight=False)
    console.print(letter_tables.about(answer))
    console.print(letter_tables.story(answer))
    value = answer["original"]["value"]
    console.print("\n[bold]original[/bold]" + ("" if "text" in value else " (base64)"))
    console.print(value.get("text", value.get("base64")), markup=False, highlight=False, soft_wrap=True)


@app.command()
@explained
def replay(  # noqa: PLR0913, PLR0917 - each option of the command is a parameter
    letters: Letters = None,
    source: Source = None,
    fingerprint: Fingerprint = None,
    record: Record = None,
    state: State = None,
    rate: Annotated[float, typer.Option("--rate", min=0.1, max=10_000, help="Letters per second at most.")] = 20.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would happen.")] = False,
    why: Why = ASKED,
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Sends letters' events again: those named, or those that fit the options."""
    body = {"filter": _filter(letters, source, fingerprint, record, state), "rate_per_s": rate, "dry_run": dry_run, "why": why}
    answer = request("POST", f"{PATH}/replay", Service(url, token, data_dir), json=body)
    if as_json:
        show_json(answer)
    elif dry_run:
        Console().print(letter_tables.forecast(answer))
    elif answer["phase"] == "choosing":
        typer.echo(f"replay {answer['id']}: letters are being chosen. Follow it with `bindery dlq replays`.")
    else:
        told = f"{counted(answer['chosen'])} chosen, {answer['refused']} cannot be replayed"
        typer.echo(f"replay {answer['id']}: {told}. Follow it with `bindery dlq replays`.")


@app.command()
@explained
def replays(url: Url = SERVICE, token: Token = None, data_dir: DataDir = DATA_DIR, as_json: AsJson = False) -> None:
    """Lists replay jobs and how far they are, newest first."""
    answer = request("GET", "/v1/replays", Service(url, token, data_dir))
    if as_json:
        show_json(answer)
    else:
        Console().print(letter_tables.replays(answer["items"]) if answer["items"] else "No replays yet.")


@app.command()
@explained
def cancel(
    replay_id: Annotated[str, typer.Argument(metavar="REPLAY", help="The replay's id.")],
    why: Why = ASKED,
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Stops a replay; what was not sent yet waits again."""
    answer = request("POST", f"/v1/replays/{quote(replay_id, safe='')}/cancel", Service(url, token, data_dir), json={"why": why})
    typer.echo(f"cancelled: {counted(answer['released'])} given back, {answer['chosen'] - answer['released']} sent already")


@app.command()
@explained
def discard(
    letters: Letters = None,
    source: Source = None,
    fingerprint: Fingerprint = None,
    record: Record = None,
    why: Why = ASKED,
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Puts letters away: those named, or the waiting ones that fit the options. Nothing is deleted."""
    _on_many("discard", _filter(letters, source, fingerprint, record, None), why, Service(url, token, data_dir))


@app.command()
@explained
def acknowledge(
    letters: Letters = None,
    source: Source = None,
    fingerprint: Fingerprint = None,
    record: Record = None,
    why: Why = ASKED,
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Notes that somebody has seen letters: those named, or the open ones that fit the options."""
    _on_many("acknowledge", _filter(letters, source, fingerprint, record, None), why, Service(url, token, data_dir))


@app.command()
@explained
def restore(
    letters: Annotated[list[str], typer.Argument(metavar="ID...", help="Letters by id.")],
    why: Why = ASKED,
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Opens discarded (or acknowledged) letters again."""
    for letter in letters:
        answer = request("POST", f"{PATH}/{quote(letter, safe='')}/restore", Service(url, token, data_dir), json={"why": why})
        typer.echo(f"{letter}: {answer['state']}")


def _on_many(hand: str, wanted: dict[str, Any], why: str, service: Service) -> None:
    changed = refused = 0
    complete = False
    while not complete:
        answer = request("POST", f"{PATH}/{hand}", service, json={"filter": wanted, "why": why})
        changed, refused = changed + answer["changed"], answer["refused"]
        # Where nothing moves any more, what remains is refused, and asking again would never end.
        complete = answer["complete"] or not answer["changed"]
    typer.echo(f"{counted(changed)} changed" + (f", {refused} in a state that does not allow it" if refused else ""))


def _filter(
    letters: list[str] | None, source: str | None, fingerprint: str | None, record: str | None, state: str | None
) -> dict[str, Any]:
    given = {"ids": letters, "source": source, "fingerprint": fingerprint, "record": record, "state": state}
    wanted = {name: value for name, value in given.items() if value}
    if not wanted:
        raise Misconfigured("say which letters: ids, or options such as --source, --fingerprint, --record")
    return wanted
