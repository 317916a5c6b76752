"""Commands that need no running service: `send`, `config check`, `sources try`, `topics apply`.

Owns: their options and what they print. Does not own: signing (app/sources/verify.py), reading bindery.yaml (app/configuration.py), topics
(app/backends/kafka/topics.py). Next stop: app/cli/remote.py for commands that ask a running service.
"""

import asyncio
from pathlib import Path
from typing import Annotated

import httpx
import orjson
import typer
from rich.console import Console
from rich.markup import escape

from app.bootstrap import apply_topics, system_clock
from app.cli.client import SERVICE, Url
from app.cli.failing import EXIT, explained
from app.cli.running import Config, settings_of
from app.configuration import load
from app.errors import Misconfigured
from app.sources.source import Source
from app.sources.try_ import explain_request

File = Annotated[Path, typer.Argument(help="File with the request body, exact bytes.", exists=True, dir_okay=False)]
_SIDECAR = 'write {"headers": {"name": "value"}}, as the request had them'
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

config_app = typer.Typer(no_args_is_help=True, help="bindery.yaml.")
topics_app = typer.Typer(no_args_is_help=True, help="The topics on Kafka.")
sources_app = typer.Typer(no_args_is_help=True, help="Senders and their mappings.")


def _now_s() -> float:
    return system_clock().now_us() / 1e6


@explained
def send(
    source: Annotated[str, typer.Argument(help="Name of the source in bindery.yaml.")],
    file: File,
    config: Config = None,
    url: Url = SERVICE,
) -> None:
    """Signs a payload as the source's sender would, posts it, and prints the answer."""
    settings = settings_of(config=config)
    sources = load(settings.config).sources
    if source not in sources:
        raise Misconfigured(f"{settings.config} has no source {source!r}; it has {', '.join(sorted(sources)) or 'none'}")
    body = file.read_bytes()
    headers = {"content-type": "application/json", **sources[source].sign(body, _now_s())}
    try:
        answer = httpx.post(f"{url}/webhooks/{source}", content=body, headers=headers, timeout=10.0)
    except httpx.TransportError as error:
        raise Misconfigured(f"{url} does not answer ({error}): is the service running there? `bindery run` starts it") from None
    typer.echo(f"{answer.status_code} {answer.text}")
    if answer.status_code != httpx.codes.OK:
        raise typer.Exit(1)


@explained
def check(config: Config = None) -> None:
    """Reports every mistake in bindery.yaml in one go, secrets that cannot be resolved included."""
    path = settings_of(config=config).config
    checked = load(path, strict=True)
    typer.echo(f"{path}: version {checked.version}, {len(checked.sources)} sources, no mistakes")


@explained
def try_source(
    source: Annotated[str, typer.Argument(help="Name of the source in bindery.yaml.")],
    file: File,
    headers: Annotated[Path | None, typer.Option("--headers", help="JSON file with the request's `headers`; without: signed here.")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Shows what a request becomes, genuine or not, step by step: verification, pieces, record, order, facets."""
    configuration = load(settings_of(config=config).config)
    if source not in configuration.sources:
        raise Misconfigured(f"there is no source {source!r}; there are {', '.join(sorted(configuration.sources)) or 'none'}")
    chosen, body, now_s = configuration.sources[source], file.read_bytes(), _now_s()
    held, signed_here = (_headers(headers), "") if headers else _signed_here(chosen, body, now_s)
    shown = explain_request(chosen, held, body, now_s, configuration.version)
    if as_json:
        typer.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        return
    console = Console(soft_wrap=True)
    console.print(f"[bold]genuine[/bold]: {'yes' if shown['verified'] else 'no, ' + escape(shown['reason'])}{signed_here}")
    for event in shown["events"]:
        told = escape(f"{event['key']}  ({'full state' if event['full'] else 'change'}, id {event['id']})")
        console.print(f"\n[bold]{escape(event['type'])}[/bold]  {told}")
        if event["dead_letter"]:
            console.print(f"  becomes a dead letter: {escape(str(event['dead_letter']))}")
        for leaf, value in sorted((event["facets"] or {}).items()):
            console.print(escape(f"  {leaf} = {orjson.dumps(value).decode()}"), highlight=False)
        for fetch in event["fetch"]:
            console.print(escape(f"  asks for a fetch of {fetch['kind']} {fetch['id']}: {fetch['reason']}"), highlight=False)


def _headers(path: Path) -> dict[str, str]:
    """The member `headers` of a JSON file. Failure policy: raises Misconfigured for a file that cannot be read or holds no such object."""
    try:
        parsed = orjson.loads(path.read_bytes())
    except OSError as wrong:
        raise Misconfigured(f"{path} cannot be read ({type(wrong).__name__}); name the file with the request's headers") from None
    except orjson.JSONDecodeError as wrong:
        raise Misconfigured(f"{path} is not JSON ({wrong.msg}); {_SIDECAR}") from None
    held = parsed.get("headers") if isinstance(parsed, dict) else None
    if not isinstance(held, dict):
        raise Misconfigured(f"{path} holds no object `headers`; {_SIDECAR}")
    return {name: str(value) for name, value in held.items()}


def _signed_here(source: Source, body: bytes, now_s: float) -> tuple[dict[str, str], str]:
    """Headers as the sender would sign this body now, and a remark; none where the source cannot sign."""
    try:
        return source.sign(body, now_s), " (signed here, since no headers were given)"
    except Misconfigured as wrong:
        return {}, f" (no headers were given, and {escape(str(wrong))})"


@explained
def apply(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the difference.")] = False,
) -> None:
    """Creates missing topics, verifies the others against schemas/topics.yaml, prints every difference. Never changes a partition count."""
    settings = settings_of()
    if settings.embedded:
        raise Misconfigured("BINDERY_KAFKA_BOOTSTRAP_SERVERS is not set: the embedded log makes its topics by itself")
    differences = asyncio.run(apply_topics(settings, dry_run=dry_run))
    for line in differences:
        typer.echo(line)
    if not differences:
        typer.echo("all topics are as schemas/topics.yaml says")
    elif any(line.startswith("refused") for line in differences):
        raise typer.Exit(EXIT)


def add_to(app: typer.Typer) -> None:
    app.command("send")(send)
    config_app.command("check")(check)
    sources_app.command("try")(try_source)
    topics_app.command("apply")(apply)
    app.add_typer(config_app, name="config")
    app.add_typer(sources_app, name="sources")
    app.add_typer(topics_app, name="topics")
