"""Commands that need no running service: `send`, `config check`, `topics apply`.

Owns: their options and what they print. Does not own: signing (app/sources/verify.py), reading bindery.yaml (app/configuration.py), topics
(app/backends/kafka/topics.py). Next stop: app/cli/remote.py for commands that ask a running service.
"""

import asyncio
from pathlib import Path
from typing import Annotated

import httpx
import typer

from app.bootstrap import apply_topics, system_clock
from app.cli.client import SERVICE, Url
from app.cli.failing import EXIT, explained
from app.cli.printing import counted
from app.cli.running import Config, settings_of
from app.configuration import Configuration, load
from app.errors import Misconfigured
from app.sources.source import Source

SourceName = Annotated[str, typer.Argument(metavar="SOURCE", help="Name of the source in bindery.yaml.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="File with the request body, exact bytes.", exists=True, dir_okay=False)]

config_app = typer.Typer(no_args_is_help=True, help="bindery.yaml.")
topics_app = typer.Typer(no_args_is_help=True, help="The topics on Kafka.")


def configured(path: Path | None, name: str) -> tuple[Configuration, Source]:
    """bindery.yaml, and one of its sources. Raises Misconfigured."""
    configuration = load(path)
    if name not in configuration.sources:
        raise Misconfigured(f"{path} has no source {name!r}; it has {', '.join(sorted(configuration.sources)) or 'none'}")
    return configuration, configuration.sources[name]


def _now_s() -> float:
    return system_clock().now_us() / 1e6


@explained
def send(
    source: SourceName,
    file: File,
    config: Config = None,
    url: Url = SERVICE,
) -> None:
    """Signs a payload as the source's sender would, posts it, and prints the answer."""
    _, chosen = configured(settings_of(config=config).config, source)
    body = file.read_bytes()
    headers = {"content-type": "application/json", **chosen.sign(body, _now_s())}
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
    typer.echo(f"{path}: version {checked.version}, {counted(len(checked.sources), 'source')}, no mistakes")


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
    topics_app.command("apply")(apply)
    app.add_typer(config_app, name="config")
    app.add_typer(topics_app, name="topics")
