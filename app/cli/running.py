"""`bindery run`, `bindery api`, `bindery consume`: the roles of a process.

Owns: their options and exit codes. Does not own: running (app/process.py). Next stop: app/process.py.
"""

import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from pydantic import ValidationError

from app.bootstrap import ROLES
from app.cli.failing import explained
from app.errors import ConfigurationStale, Misconfigured
from app.observability import configure_logging
from app.process import STALE_EXIT, run
from app.settings import Settings

Config = Annotated[Path | None, typer.Option("--config", help="bindery.yaml (BINDERY_CONFIG).")]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Directory of the embedded engines (BINDERY_DATA_DIR).")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on (BINDERY_HOST).")]
Port = Annotated[int | None, typer.Option("--port", help="Port to listen on, 0 for a free one (BINDERY_PORT).")]


def settings_of(**given: Any) -> Settings:
    """Settings from the environment, with the options that were given on the command line in front. Raises Misconfigured."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in one['loc']) or 'settings'}: {one['msg']}" for one in error.errors()]
        raise Misconfigured("; ".join(lines)) from None


def _serve(settings: Settings, roles: Collection[str], *, http: bool) -> None:
    configure_logging(settings.log_format, settings.log_level)
    try:
        code = uvloop.run(run(settings, roles=roles, http=http))
    except ConfigurationStale as stale:
        typer.secho(str(stale), err=True, fg="red")
        code = STALE_EXIT
    # Threads of drivers that still wait for a dead engine must not keep a stopped process alive.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@explained
def run_all(config: Config = None, data_dir: DataDir = None, host: Host = None, port: Port = None) -> None:
    """API, consumers and clock in one process; on the embedded engines unless Kafka and MongoDB are set."""
    _serve(settings_of(config=config, data_dir=data_dir, host=host, port=port), ROLES, http=True)


@explained
def api(config: Config = None, data_dir: DataDir = None, host: Host = None, port: Port = None) -> None:
    """Only the HTTP side: webhooks, read API, operations. Needs Kafka and MongoDB."""
    _serve(_clustered(settings_of(config=config, data_dir=data_dir, host=host, port=port), "api"), (), http=True)


@explained
def consume(
    names: Annotated[list[str], typer.Argument(help=f"What to run: {', '.join(ROLES)}.")],
    config: Config = None,
    health_port: Annotated[int | None, typer.Option("--health-port", help="Port of /health and /metrics (BINDERY_HEALTH_PORT).")] = None,
    host: Host = None,
) -> None:
    """Only consumers, by name. Needs Kafka and MongoDB; start as many as there is work."""
    unknown = sorted(set(names) - set(ROLES))
    if unknown:
        raise Misconfigured(f"there is no consumer called {', '.join(unknown)}: choose from {', '.join(ROLES)}")
    _serve(_clustered(settings_of(config=config, health_port=health_port, host=host), "consume"), names, http=False)


def _clustered(settings: Settings, command: str) -> Settings:
    if settings.embedded:
        raise Misconfigured(
            f"`bindery {command}` is one part of a cluster and needs BINDERY_KAFKA_BOOTSTRAP_SERVERS and BINDERY_MONGODB_URI; "
            "the embedded mode is one process: `bindery run`"
        )
    return settings


def add_to(app: typer.Typer) -> None:
    app.command("run")(run_all)
    app.command("api")(api)
    app.command("consume")(consume)
