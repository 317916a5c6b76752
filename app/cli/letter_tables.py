"""Letters, groups, replays and forecasts for a terminal, as blocks of lines where a table would be too wide.

Owns: lines and columns. Does not own: the commands (app/cli/dlq.py), the content (app/api/letter_views.py). Next stop: app/cli/dlq.py.

What a sender wrote is escaped, so that it cannot be taken for markup.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from app.cli.printing import block

FATES = ("waiting", "sent", "resolved", "superseded", "reopened", "released")


def counted(letters: int) -> str:
    """1 letter, 2 letters."""
    return f"{letters} letter{'' if letters == 1 else 's'}"


def letters(items: Sequence[Mapping[str, Any]]) -> Group:
    """Each letter as a head line, its record and its error: errors are sentences, which a column would squeeze."""
    lines: list[Text] = []
    for one in items:
        tries = f"{one['attempt'] + 1} {'try' if one['attempt'] == 0 else 'tries'}"
        head = [one["id"], one["state"], one["source"], one["type"], tries, one["last_failed_at"][:19]]
        lines += block(head, [one["record"], f"{one['error']['kind']}: {one['error']['message']}"])
    return Group(*lines)


def groups(items: Sequence[Mapping[str, Any]]) -> Group:
    """Each cause as a head line and its error."""
    lines: list[Text] = []
    for one in items:
        head = [one["fingerprint"], counted(one["count"]), one["source"], one["type"], one["stage"], one["last_failed_at"][:19]]
        lines += block(head, [f"{one['error']['kind']}: {one['error']['message']}"])
    return Group(*lines)


def story(answer: Mapping[str, Any]) -> Table:
    """What happened to one letter, oldest first."""
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


def forecast(answer: Mapping[str, Any]) -> Table:
    """What a replay would do."""
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(answer["summary"].items()))
    table = Table("letter", "verdict", "records", "SKUs", "why", box=None, title=f"dry run: {told or 'no letters'}", title_justify="left")
    for one in answer["items"]:
        table.add_row(one["letter"], one["verdict"], *(escape(", ".join(one[name])) for name in ("records", "skus")), escape(one["why"]))
    if answer["more"]:
        table.caption = "More letters match than were looked at."
    return table


def replays(items: Sequence[Mapping[str, Any]]) -> Group:
    """Each replay job as a head line, what has become of its letters, and who asked for it."""
    lines: list[Text] = []
    for job in items:
        fates = [f"{job[fate]} {fate}" for fate in FATES if job[fate]]
        lines += block([job["id"], job["phase"], counted(job["chosen"])], [", ".join(fates), f"{job['by']}: {job['why']}"])
    return Group(*lines)


def about(answer: Mapping[str, Any]) -> Table:
    """What one letter is about."""
    table = Table(box=None, show_header=False)
    for name in ("source", "type", "event_id", "record", "arrived_at", "first_failed_at", "last_failed_at", "fingerprint"):
        table.add_row(name.replace("_", " "), escape(str(answer[name])))
    table.add_row("error", escape(f"{answer['error']['kind']}: {answer['error']['message']}"))
    table.add_row("replayable", "yes" if answer["replayable"] else escape(f"no: {answer['not_replayable_because']}"))
    return table
