"""Tasks and their systems for a terminal, as a block of lines each: keys are there to be copied, and errors are sentences.

Owns: lines. Does not own: the commands (app/cli/tasks.py), the content (app/api/tasks.py). Next stop: app/cli/tasks.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.text import Text

from app.cli.printing import block


def counted(tasks: int) -> str:
    """1 task, 2 tasks."""
    return f"{tasks} task{'' if tasks == 1 else 's'}"


def systems(items: Sequence[Mapping[str, Any]]) -> Group:
    """Each system in a line: what waits, who works it off; then why it is left alone. Print it with `soft_wrap`."""
    lines: list[Text] = []
    for one in items:
        worked = f"worked off by {one['owner']}" if one["owner"] else "nobody works it off"
        paused = f"paused until {one['paused_until']}" if one["paused_until"] else ""
        error = f"last error: {one['last_error']}" if one["last_error"] else ""
        lines += block([one["system"], f"{counted(one['waiting'])} waiting", worked], [paused, error])
    return Group(*lines)


def tasks(items: Sequence[Mapping[str, Any]]) -> Group:
    """Each task by its key: why and since when it waits, when it is tried next, what went wrong. Print it with `soft_wrap`."""
    lines: list[Text] = []
    for one in items:
        tries = f", {one['attempts']} failed" if one["attempts"] else ""
        told = [f"{one['reason']}, since {one['since']}", f"next attempt {one['next_attempt_at']}{tries}"]
        lines += block([one["key"]], [*told, f"last error: {one['last_error']}" if one["last_error"] else ""])
    return Group(*lines)
