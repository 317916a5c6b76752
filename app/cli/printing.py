"""What commands print alike: JSON for programs, a head line with lines below for people.

Owns: --json, blocks of lines, instants and counts in words. Does not own: what stands in them (the `*_tables.py` beside). Next stop:
app/cli/letter_tables.py.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import orjson
import typer
from rich.text import Text

from app.domain.instants import rfc3339

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def show_json(value: Any) -> None:
    """Indented JSON on standard output."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def readable(leaf: str, value: Any) -> Any:
    """The value of a leaf with instants (µs, under `rights.`) as RFC 3339, whatever they are nested in."""
    if not leaf.startswith("rights."):
        return value
    if isinstance(value, list):
        return [readable(leaf, each) for each in value]
    return rfc3339(value) if type(value) is int else value


def counted(number: int, one: str, many: str = "") -> str:
    """A number and its word: `1 event`, `2 events`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def block(head: Sequence[str], below: Sequence[str]) -> list[Text]:
    """A bold line, those below it that say something, and an empty one; as texts, so that nothing in them is taken for markup."""
    return [Text("  ".join(head), style="bold"), *(Text(f"    {line}") for line in below if line), Text()]
