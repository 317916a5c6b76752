"""What commands print alike: JSON for programs, a head line with lines below for people.

Owns: --json, blocks of lines. Does not own: what stands in them (the `*_tables.py` beside). Next stop: app/cli/letter_tables.py.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
import typer
from rich.text import Text

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def show_json(value: Any) -> None:
    """Indented JSON on standard output."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def block(head: Sequence[str], below: Sequence[str]) -> list[Text]:
    """A bold line, those below it that say something, and an empty one; as texts, so that nothing in them is taken for markup."""
    return [Text("  ".join(head), style="bold"), *(Text(f"    {line}") for line in below if line), Text()]
