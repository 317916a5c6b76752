"""What a request would become, without appending anything: `bindery sources try`.

Owns: explain_request(), an order in words. Does not own: printing (app/cli/trying.py). Next stop: app/sources/source.py.
"""

from collections.abc import Mapping
from typing import Any

from app.domain import order as orders
from app.domain.facets import ROOT
from app.domain.instants import rfc3339
from app.errors import Malformed, Unusable
from app.sources.handshakes import SharedSecret
from app.sources.source import Projected, Received, Source, Unread
from schemas.event import Event

# Beyond every sequence number that anybody counts, and a time of 1973.
_LEAST_TIME_US = 10**14


def explain_request(source: Source, headers: Mapping[str, str], body: bytes, now_s: float, version: int) -> dict[str, Any]:
    """{verified, reason, events: [{id, type, side, key, order, full, facets, dead_letter}]}, as plain data fit for JSON.

    headers: any spelling of names, ":method" and ":path" among them where they are known. One entry per change; what is no change (a thin
    event, a letter) has one as well. order: null where the sender says none, and of a letter. facets: path -> value, null = taken away.
    full: whether it is a whole state. dead_letter: null or {disposition, message}. Two more members where there is something to say:
    `fetches`, what would be fetched ({event, kind, id, reason}), and `beside`, what the request is if it is no event (a handshake, a test
    call). A request that is not genuine is looked into as well: mappings are written before signatures fit. Raises KeyMissing where the key
    that it says it was signed with is not at hand.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    asked, refused = _handshake(source, lower, body)
    told: dict[str, Any] = {"verified": True, "reason": "", "events": []}
    if asked and not (source.handshakes and source.handshakes.sns):
        return told | {"verified": not refused, "reason": refused, "beside": asked}
    reason = source.verify(lower, body, now_s)
    told |= {"verified": not reason, "reason": str(reason)}
    if asked:
        return told | {"beside": asked if not reason else f"{asked}, were it genuine"}
    received = source.receive(body, int(now_s * 1_000_000), lower)
    fetches: list[dict[str, str]] = []
    for event in received.events:
        told["events"] += _read(source, event, version, fetches)
    told["events"] += [_unread(source, unread) for unread in received.unread]
    beside = _nothing(received) if not told["events"] else ""
    return told | ({"fetches": fetches} if fetches else {}) | ({"beside": beside} if beside else {})


def _handshake(source: Source, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    """Which handshake a request is, in words, and why it would be refused; "" for neither."""
    handshakes = source.handshakes
    if handshakes is None:
        return "", ""
    path, _, query = headers.get(":path", "").partition("?")
    if headers.get(":method") == "GET" and handshakes.challenged(query.encode()) is not None:
        return "a challenge, which is echoed as plain text", ""
    if handshakes.shared and path.endswith(f"/{handshakes.shared.below}"):
        return _shared(handshakes.shared, body)
    asked = handshakes.confirmation(body) if handshakes.sns else None
    if asked is None:
        return "", ""
    done = "it is confirmed" if handshakes.pinned or asked.topic in source.topics else "it is held until a person accepts the topic"
    return f"{asked.type} of the SNS topic {asked.topic}: {done if asked.subscribes else 'it is noted'}", ""


def _shared(shared: SharedSecret, body: bytes) -> tuple[str, str]:
    secret = shared.told(body)
    if not secret:
        return "a handshake", "it holds no usable secret"
    if shared.fits(secret):
        return "a handshake; its secret is the configured one", ""
    return "a handshake; its secret counts only where none is there yet", "its secret is not the configured one" if shared.secrets else ""


def _nothing(received: Received) -> str:
    if received.notice:
        return f"the sender says of its deliveries: {received.notice}; it is noted and changes nothing"
    return "acknowledged, and it means nothing: a test call, or a type that the preset ignores"


def _read(source: Source, event: Event, version: int, fetches: list[dict[str, str]]) -> list[dict[str, Any]]:
    shown = _shown(source, event.id, event.type, event.key)
    try:
        projected: Projected = source.project(event, version)
    except Unusable as error:
        return [{**shown, "dead_letter": _letter(error)}]
    fetches += [{"event": event.id, "kind": task.kind, "id": task.thing, "reason": task.reason} for task in projected.tasks]
    changes = [
        {**shown, "key": change.record, "order": change.order, "full": ROOT in change.full, "facets": dict(change.leaves)}
        for change in projected.changes
    ]
    return changes or [{**shown, "order": max(projected.orders, default=None)}]


def _unread(source: Source, unread: Unread) -> dict[str, Any]:
    return {**_shown(source, unread.event_id, unread.type, unread.key), "dead_letter": _letter(unread.error)}


def _shown(source: Source, id_: str, type_: str, key: str) -> dict[str, Any]:
    return {"id": id_, "type": type_, "side": source.side, "key": key, "order": None, "full": False, "facets": {}, "dead_letter": None}


def _letter(error: Unusable) -> dict[str, str]:
    return {"disposition": "malformed" if isinstance(error, Malformed) else "unmappable", "message": str(error)}


def order_in_words(order: str) -> str:
    """An order taken apart, for people."""
    parts = orders.parts(order)
    source = rfc3339(parts.source) if parts.source >= _LEAST_TIME_US else f"number {parts.source}"
    rank = {orders.CHANGE: "a change", orders.DELETION: "a deletion", orders.FETCHED: "a fetched state"}.get(
        parts.rank, f"rank {parts.rank}"
    )
    words = [source, rank]
    words += [f"fetched from {rfc3339(parts.fetched_us)} on"] if parts.fetched_us else []
    words += [f"finer hint {parts.tie}"] if parts.tie else []
    words += [f"era {parts.era}"] if parts.era else []
    return ", ".join([*words, f"configuration version {parts.version}"])
