"""Sources as people see them: what is configured, what was seen of it, what waits.

Owns: putting a source's state together. Does not own: its shape (app/api/source_models.py), the documents (app/kept/). Next stop:
app/api/sources.py.
"""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.api.apart import ANSWERED
from app.api.attendance import Attendance
from app.api.deps import Api
from app.domain.instants import rfc3339
from app.kept import notices, recordings, rings, seen, topics
from app.kept.notices import Notice
from app.kept.recordings import Recording
from app.kept.seen import Seen
from app.sources.source import Source
from schemas.control import Kept
from schemas.topics import lane_of


@dataclass(frozen=True, slots=True)
class _Common:
    """What is asked once for all sources."""

    seen: Mapping[str, Seen]
    notices: Mapping[str, Notice]
    lags: Mapping[str, int]
    now_us: int


async def states(api: Api, attendance: Attendance | None) -> list[dict[str, Any]]:
    """Every configured source, by name. Failure policy: EngineDown passes through."""
    sources = dict(sorted(api.configuration.sources.items()))
    known = await seen.load(api.store.requests, sources)
    fresh = attendance.pending() if attendance else {}
    both = {name: known.get(name, Seen()).plus(fresh.get(name, Seen())) for name in sources}
    common = _Common(both, await notices.load(api.store.requests, sources), await _lags(api), api.clock.now_us())
    current = {name: attendance.source(name) if attendance else source for name, source in sources.items()}
    return list(await asyncio.gather(*(_state(api, source, common, attendance) for source in current.values())))


async def _lags(api: Api) -> dict[str, int]:
    """Topic -> records that the group which reads it has yet to work off."""
    lags: dict[str, int] = {}
    for group, read in api.groups.items():
        for place, records in (await api.log.lag(group, read)).items():
            lags[place.topic] = lags.get(place.topic, 0) + records
    return lags


async def _state(api: Api, source: Source, common: _Common, attendance: Attendance | None) -> dict[str, Any]:
    store, name = api.store, source.name
    letters, tasks, asked, quarantined, recording = await asyncio.gather(
        store.letters.count(["letter", "waiting", f"source:{name}"]),
        store.tasks.count(["waiting", f"system:{source.system}"]),
        topics.of_source(store.requests, name),
        rings.count(store.requests, "quarantined", name),
        recording_of(api, name),
    )
    was, notice = common.seen[name], common.notices.get(name)
    gap = (notice.gap() if notice else "") or was.silence(common.now_us)
    read = {topic for group in api.groups.values() for topic in group}
    return {
        "name": name,
        "side": source.side,
        "system": source.system,
        "preset": source.preset,
        "state": "broken" if source.broken else "retired" if source.retired else "open",
        "trouble": source.broken or None,
        "waits_for_secret": bool(attendance and attendance.waits(name)),
        "accepted": was.accepted,
        "events": was.events,
        "dead_letters": was.letters,
        "refused": {kind: count for kind, count in sorted(was.refused.items()) if kind not in ANSWERED},
        "answered": {kind: count for kind, count in sorted(was.refused.items()) if kind in ANSWERED},
        "letters": letters,
        "waiting_tasks": tasks,
        "lag": common.lags.get(lane_of(source.side), 0) if lane_of(source.side) in read else None,
        "last_delivery_at": _at(was.last_delivery_us),
        "last_accepted_at": _at(was.last_accepted_us),
        "last_order_at": _at(was.last_order_us),
        "last_error": was.last_error or None,
        "last_error_at": _at(was.last_error_us),
        "suspected_gap": gap or None,
        "told": {"notice": notice.notice, "at": rfc3339(notice.at_us)} if notice else None,
        "topics": [topic_state(topic) for _, topic in asked],
        "quarantine": source.quarantine,
        "quarantined": quarantined,
        "recording": recording,
    }


def topic_state(topic: topics.Topic) -> dict[str, Any]:
    """A topic; the address to confirm it at holds a token and stays inside."""
    return {
        "topic": topic.topic,
        "state": topic.state,
        "accepted_by": topic.accepted_by or None,
        "asked_at": _at(topic.asked_us),
        "changed_at": _at(topic.changed_us),
        "due_at": _at(topic.due_us) if topic.state == "wanted" else None,
        "attempts": topic.attempts,
        "last_error": topic.last_error or None,
    }


async def recording_of(api: Api, name: str) -> dict[str, Any] | None:
    """The source's last recording, None where there never was one. Failure policy: StoreUnavailable passes through."""
    recording, goes_on = await recordings.of_source(api.store.requests, name)
    return None if recording is None else await _recording(api, recording, goes_on)


async def _recording(api: Api, one: Recording, goes_on: bool) -> dict[str, Any]:
    kept = await rings.count(api.store.requests, "recorded", one.source, group=one.id)
    return {
        "id": one.id,
        "count": one.count,
        "kept": min(kept, one.count),
        "complete": not goes_on or kept >= one.count or not one.active(api.clock.now_us()),
        "asked_at": rfc3339(one.asked_us),
        "until": rfc3339(one.until_us),
        "by": one.by,
    }


def sample(kept: Kept) -> dict[str, Any]:
    """One recorded request."""
    try:
        body = {"text": kept.body.decode()}
    except UnicodeDecodeError:
        body = {"base64": b64encode(kept.body).decode()}
    return {
        "id": kept.id,
        "arrived_at": rfc3339(kept.arrived_us),
        "method": kept.method,
        "path": kept.path,
        "headers": dict(kept.headers),
        "verified": kept.about.get("verified") == "true",
        "reason": kept.about.get("reason") or None,
        "body": body,
    }


def _at(at_us: int) -> str | None:
    return rfc3339(at_us) if at_us else None
