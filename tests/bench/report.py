"""What a benchmark found, as tables: figure, baseline, ratio, aim, met or missed.

Owns: Row, the verdict, printing. Does not own: measuring. Next stop: tests/bench/__main__.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `baseline`: what the figure is compared with, in the same run and unit; None for a figure on its own.

    `aim`: the bound of figure / baseline; `at_least`: whether more is better.
    """

    what: str
    figure: float
    unit: str
    baseline: float | None = None
    against: str = ""
    aim: float | None = None
    at_least: bool = True

    @property
    def ratio(self) -> float | None:
        """Figure over baseline."""
        return self.figure / self.baseline if self.baseline else None

    @property
    def verdict(self) -> str:
        """met, missed, or nothing where there is no aim."""
        if self.aim is None or self.ratio is None:
            return ""
        return "met" if (self.ratio >= self.aim if self.at_least else self.ratio <= self.aim) else "missed"

    def cells(self) -> tuple[str, ...]:
        """The line as text."""
        ratio, aim = self.ratio, self.aim
        return (
            self.what,
            f"{number(self.figure)} {self.unit}",
            f"{number(self.baseline)} {self.unit}" if self.baseline is not None else "",
            self.against,
            f"{ratio:.2f}" if ratio is not None else "",
            f"{'>=' if self.at_least else '<='} {aim:g}" if aim is not None else "",
            self.verdict,
        )


HEADINGS = ("what", "figure", "baseline", "which is", "ratio", "aim", "")
BEGIN, END = "<!-- figures of one run -->", "<!-- end of the figures -->"
COLOURS = {"met": "green", "missed": "bold red"}


def number(value: float) -> str:
    """Three digits that matter: 12,345 · 123 · 12.3 · 0.123."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def show(console: Console, title: str, rows: Sequence[Row]) -> None:
    """Prints a table."""
    table = Table(*HEADINGS, title=title, title_justify="left")
    for row in rows:
        cells = row.cells()
        table.add_row(*cells, style=COLOURS.get(cells[-1]))
    console.print(table)


def markdown(title: str, rows: Sequence[Row], machine: str) -> str:
    """The same table for docs/performance.md, with the machine that it was measured on."""
    lines = [f"### {title}", "", f"{machine}.", "", "| " + " | ".join((*HEADINGS[:-1], "verdict")) + " |", "|" + "---|" * len(HEADINGS)]
    return "\n".join([*lines, *("| " + " | ".join(row.cells()) + " |" for row in rows)])


def update(file: Path, tables: Sequence[str]) -> None:
    """Puts these tables between the marks of a file, or makes the file; tables of benchmarks that were not run stay as they are."""
    before, held, after = "", "", ""
    if file.exists():
        before, found, rest = file.read_text().partition(BEGIN)
        held, also_found, after = rest.partition(END)
        if not found or not also_found:
            raise ValueError(f"{file} has no place for the figures: it needs the lines {BEGIN} and {END}")
    kept = {_topic(table): table for table in (f"### {part.strip()}" for part in held.split("### ")[1:])}
    kept |= {_topic(table): table for table in tables}
    file.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(kept.values()) + f"\n\n{END}{after}")


def _topic(table: str) -> str:
    """What a table is about: the first word of its title."""
    return table.removeprefix("### ").partition(":")[0]
