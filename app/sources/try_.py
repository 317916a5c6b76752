"""What a request would become, without appending anything: `bindery sources try`.

Owns: explain_request(). Does not own: printing (app/cli/). Next stop: app/sources/source.py.
"""

from collections.abc import Mapping
from typing import Any

from app.domain.facets import ROOT
from app.errors import Malformed, Unusable
from app.sources.source import Projected, Source, Unread
from schemas.event import Event


def explain_request(source: Source, headers: Mapping[str, str], body: bytes, now_s: float, version: int) -> dict[str, Any]:
    """{verified, reason, events: [{id, type, side, key, order, full, facets, dead_letter, fetch}]}, as plain data fit for JSON.

    headers: any spelling of names. One entry per change; what is no change (a thin event, a letter) has one as well. facets: path -> value,
    null = taken away. full: whether it is a whole state. dead_letter: null or {disposition, message}. fetch: things that would be fetched.
    A request that is not genuine is looked into as well: mappings are written before signatures fit.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    reason = source.verify(lower, body, now_s)
    events: list[dict[str, Any]] = []
    received = source.receive(body, int(now_s * 1_000_000), lower)
    for event in received.events:
        events += _read(source, event, version)
    events += [_unread(source, unread) for unread in received.unread]
    return {"verified": not reason, "reason": reason, "events": events}


def _read(source: Source, event: Event, version: int) -> list[dict[str, Any]]:
    shown = _shown(source, event.id, event.type, event.key)
    try:
        projected: Projected = source.project(event, version)
    except Unusable as error:
        return [{**shown, "dead_letter": _letter(error)}]
    shown["fetch"] = [{"kind": task.kind, "id": task.thing, "reason": task.reason} for task in projected.tasks]
    changes = [
        {**shown, "key": change.record, "order": change.order, "full": ROOT in change.full, "facets": dict(change.leaves)}
        for change in projected.changes
    ]
    return changes or [shown]


def _unread(source: Source, unread: Unread) -> dict[str, Any]:
    return {**_shown(source, unread.event_id, unread.type, unread.key), "dead_letter": _letter(unread.error)}


def _shown(source: Source, id_: str, type_: str, key: str) -> dict[str, Any]:
    return {
        "id": id_,
        "type": type_,
        "side": source.side,
        "key": key,
        "order": None,
        "full": False,
        "facets": {},
        "dead_letter": None,
        "fetch": [],
    }


def _letter(error: Unusable) -> dict[str, str]:
    return {"disposition": "malformed" if isinstance(error, Malformed) else "unmappable", "message": str(error)}
