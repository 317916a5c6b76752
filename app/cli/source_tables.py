"""Sources for a terminal, as a block of lines each.

Owns: lines. Does not own: the command (app/cli/sources.py), the content (app/api/source_views.py). Next stop: app/cli/sources.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.text import Text

from app.cli.printing import counted


def states(items: Sequence[Mapping[str, Any]]) -> Group:
    """Every source: a head line, then what was seen, what waits, and what a person has to do."""
    lines: list[Text] = []
    for item in items:
        lines.append(Text(f"{item['name']}  {item['side']}  {item['preset']}  {item['state']}", style="bold"))
        lines += [Text(f"    {line}") for line in _about(item)]
    return Group(*(lines or [Text("No sources are configured.")]))


def listed(rows: Sequence[Mapping[str, Any]]) -> Group:
    """Every source of a file in one line, and what is wrong with it in another. Print it with `soft_wrap`: paths are there to be copied."""
    columns = ("name", "side", "system", "preset", "path")
    wide = {column: max((len(str(row[column])) for row in rows), default=0) for column in columns}
    lines: list[Text] = []
    for row in rows:
        lines.append(Text("  ".join([*(str(row[column]).ljust(wide[column]) for column in columns), row["state"]])))
        lines += [Text(f"    cannot work: {row['trouble']}", style="red")] if row["trouble"] else []
    return Group(*(lines or [Text("No sources are configured.")]))


def _about(item: Mapping[str, Any]) -> Iterator[str]:
    if item["trouble"]:
        yield f"cannot work: {item['trouble']}"
    if item["waits_for_secret"]:
        yield "waits for the sender's first handshake, which brings the secret"
    yield f"last request {item['last_delivery_at'] or 'never'}, last accepted {item['last_accepted_at'] or 'never'}, " + (
        f"newest order {item['last_order_at']}" if item["last_order_at"] else "no time of an event seen"
    )
    yield (
        f"{item['accepted']} accepted, {counted(item['events'], 'event')}, {counted(item['letters'], 'letter waits', 'letters wait')}, "
        f"{counted(item['waiting_tasks'], 'task waits', 'tasks wait')}"
    ) + (f", {counted(item['lag'], 'event')} behind" if item["lag"] is not None else "")
    if item["answered"]:
        yield "answered beside events: " + ", ".join(f"{count} {kind}" for kind, count in item["answered"].items())
    if item["refused"]:
        yield "not accepted: " + ", ".join(f"{count} {kind}" for kind, count in item["refused"].items())
    if item["last_error"]:
        yield f"last error {item['last_error_at']}: {item['last_error']}"
    if item["suspected_gap"]:
        yield f"suspected gap: {item['suspected_gap']}"
    if item["told"]:
        what = {"secret": "told its secret", "suspended": "reported that it is suspended", "resumed": "reported that it sends again"}
        yield f"the sender {what[item['told']['notice']]} at {item['told']['at']}"
    yield from _waiting(item)


def _waiting(item: Mapping[str, Any]) -> Iterator[str]:
    for topic in item["topics"]:
        told = f"SNS topic {topic['topic']}: {'accepted, and confirmed soon' if topic['state'] == 'wanted' else topic['state']}"
        if topic["state"] == "held":
            told += f"; if it is yours: bindery sources accept {item['name']} {topic['topic']}"
        yield told + (f"; {topic['last_error']}" if topic["last_error"] else "")
    if item["quarantined"]:
        yield f"{item['quarantined']} in quarantine; with the secret mended: bindery sources release {item['name']}"
    recording = item["recording"]
    if recording and not recording["complete"]:
        yield f"recording {recording['id']}: {recording['kept']} of {recording['count']}"
