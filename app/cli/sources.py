"""`bindery sources`: the senders, from bindery.yaml and from a running service.

Owns: the commands, what they print and write. Does not own: trying a request (app/cli/trying.py), the answers (app/api/sources.py).
Next stop: app/api/sources.py.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console

from app.bootstrap import system_clock
from app.cli import local, samples, source_tables, trying
from app.cli.client import ASKED, DATA_DIR, SERVICE, DataDir, Service, Token, Url, Why, request
from app.cli.failing import explained
from app.cli.local import SourceName
from app.cli.printing import AsJson, counted, show_json
from app.cli.running import Config, settings_of
from app.configuration import load
from app.errors import Misconfigured
from app.sources.config import checked_name

PATH = "/v1/sources"
POLL_S = 1.0

app = typer.Typer(no_args_is_help=True, help="Senders: list, check, try, record, status, accept, release.")


def _of(source: str, *more: str) -> str:
    try:
        checked_name(source)
    except ValueError:
        # In a path it would name something else.
        raise Misconfigured(f"no source can be called {source!r}; `bindery sources status` lists those there are") from None
    return "/".join([PATH, quote(source, safe=""), *more])


@app.command("list")
@explained
def list_sources(config: Config = None, as_json: AsJson = False) -> None:
    """Lists the sources of bindery.yaml; needs no running service."""
    sources = load(settings_of(config=config).config).sources
    rows = [
        {
            "name": one.name,
            "side": one.side,
            "system": one.system,
            "preset": one.preset,
            "path": f"/webhooks/{one.name}",
            "state": "broken" if one.broken else "retired" if one.retired else "open",
            "trouble": one.broken or None,
        }
        for one in sorted(sources.values(), key=lambda one: one.name)
    ]
    if as_json:
        show_json({"items": rows})
    else:
        Console().print(source_tables.listed(rows), soft_wrap=True)


@app.command()
@explained
def status(
    source: Annotated[str | None, typer.Argument(metavar="SOURCE", help="One source; else all of them.")] = None,
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Shows how each source's deliveries go: last request, refused, letters, tasks, lag, suspected gap, what waits for a person."""
    items = request("GET", PATH, Service(url, token, data_dir))["items"]
    chosen = [item for item in items if source in {None, item["name"]}]
    if source is not None and not chosen:
        raise Misconfigured(f"there is no source {source!r}; there are {', '.join(item['name'] for item in items) or 'none'}")
    if as_json:
        show_json({"items": chosen})
    else:
        Console().print(source_tables.states(chosen), soft_wrap=True)


@app.command()
@explained
def accept(
    source: SourceName,
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="The SNS topic, as `status` shows it.")],
    why: Why = ASKED,
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Lets an SNS topic in that asked to be confirmed, and confirms its subscription."""
    answer = request("POST", _of(source, "topics", "accept"), Service(url, token, data_dir), json={"topic": topic, "why": why})
    soon = f"its subscription is confirmed soon, as `bindery sources status {source}` will show"
    typer.echo(f"{answer['topic']} is accepted; {soon if answer['state'] == 'wanted' else 'it is ' + answer['state']}")


@app.command()
@explained
def release(
    source: SourceName,
    why: Why = ASKED,
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Verifies again what is in quarantine, once the secret is mended, and lets in what passes."""
    answer = request("POST", _of(source, "quarantine", "release"), Service(url, token, data_dir), json={"why": why})
    letters = f", {counted(answer['dead_letters'], 'dead letter')}" if answer["dead_letters"] else ""
    typer.echo(f"{answer['released']} released ({counted(answer['events'], 'event')}{letters}), {answer['kept']} kept")
    for reason, count in answer["reasons"].items():
        typer.echo(f"  {count}: {reason}")
    if answer["kept"] and not answer["released"]:
        typer.echo("The service reads secrets when it starts: if one was mended since, restart it and release again.")


@app.command()
@explained
def record(
    source: SourceName,
    out: Annotated[Path, typer.Option("--out", help="Directory for the samples.", file_okay=False)],
    count: Annotated[int, typer.Option("--count", min=1, max=100, help="How many requests.")] = 5,
    minutes: Annotated[int, typer.Option("--minutes", min=1, max=1440, help="For how long to wait for them.")] = 60,
    why: Why = ASKED,
    url: Url = SERVICE,
    token: Token = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Keeps the next requests of a source, redacted, and writes each as a body and a sidecar, as `sources try` reads them."""
    service = Service(url, token, data_dir)
    written: set[str] = set()
    try:
        # Before anything is recorded: what has no place to go to is not asked for.
        out.mkdir(parents=True, exist_ok=True)
        state = request("POST", _of(source, "recordings"), service, json={"count": count, "minutes": minutes, "why": why})
        typer.echo(f"recording {state['id']}: waiting for {count} of {source}'s requests, until {state['until']}")
        while True:
            state = _write(service, source, out, state, written)
            if state["complete"] or len(written) >= count:
                break
            asyncio.run(system_clock().sleep(POLL_S))
    except OSError as failed:
        raise Misconfigured(f"{out} cannot be written to ({failed.strerror}); mend that, or name another directory with --out") from None
    typer.echo(f"{len(written)} samples in {out}")
    if len(written) < count:
        raise typer.Exit(1)


def _write(service: Service, source: str, out: Path, state: Mapping[str, Any], written: set[str]) -> Mapping[str, Any]:
    """Writes the samples that are new; how the recording is now. One that another recording took the place of is complete."""
    cursor = None
    while True:
        answer = request("GET", _of(source, "recordings"), service, params={"cursor": cursor})
        if answer["recording"]["id"] != state["id"]:
            typer.echo(f"another recording of {source} took the place of this one")
            return {**state, "complete": True}
        for item in answer["items"]:
            if item["id"] not in written and len(written) < state["count"]:
                written.add(item["id"])
                file = samples.write(out, f"{source}-{state['id'][:6]}-{len(written):03}", item)
                typer.echo(
                    f"{len(written)} of {state['count']}: {file}{'' if item['verified'] else ' (not genuine: ' + item['reason'] + ')'}"
                )
        cursor = answer["next"]
        if cursor is None:
            now: Mapping[str, Any] = answer["recording"]
            return now


app.command("check")(local.check)
app.command("try")(trying.try_source)
