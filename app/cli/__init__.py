"""The command line: `bindery --help`.

Owns: which commands there are. Does not own: what they do (one module each). Next stop: app/cli/running.py for `bindery run`.
"""

import typer

from app.cli import dlq, local, remote, running, sources, tasks

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Binds digital assets to products: webhooks in, one authoritative answer per SKU out.",
)
for module in (running, local, remote):
    module.add_to(app)
app.add_typer(dlq.app, name="dlq")
app.add_typer(sources.app, name="sources")
app.add_typer(tasks.app, name="tasks")


def main() -> None:
    """Entry point of the console script."""
    app()
