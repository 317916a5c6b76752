"""Lets out of quarantine what is proved to be genuine after all, once the secret is mended.

Owns: verifying again, as of the arrival, and appending. Does not own: the ring (app/kept/rings.py), what is appended where
(app/api/acceptance.py). Next stop: app/kept/rings.py.

First durable, then taken out: a crash between the two leaves a request that is released once more, and an event that is there twice changes
nothing.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace

from app.api.acceptance import Arrival, accept
from app.api.deps import Api
from app.errors import KeyMissing
from app.kept import rings, seen
from app.kept.seen import Seen
from app.ports import Doc, Entry
from app.sources.source import Source
from schemas import topics
from schemas.control import Kept

APPEND_S = 10.0


@dataclass(slots=True)
class Outcome:
    """What became of one source's quarantine. seen: what is added to what was seen of the source."""

    released: int = 0
    events: int = 0
    dead_letters: int = 0
    waiting_for_key: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    seen: Seen = field(default_factory=Seen)


async def release(api: Api, source: Source) -> Outcome:
    """Goes through the whole quarantine of a source once.

    Failure policy: EngineDown passes through; what was appended by then is released, the rest is still there.
    """
    outcome, after = Outcome(), ""
    while True:
        page = await rings.page(api.store.requests, "quarantined", source.name, after=after)
        genuine = [(doc, kept) for doc, kept in page if _is_genuine(api, source, kept, outcome)]
        await asyncio.gather(*(_append(api, source, kept, outcome) for _, kept in genuine))
        outcome.released += await _take_out(api, [doc for doc, _ in genuine])
        if len(page) < rings.PAGE:
            break
        after = page[-1][0].id
    if outcome.released:
        # They count as what they are now, accepted as of their arrival.
        outcome.seen = replace(outcome.seen, accepted=outcome.released, events=outcome.events, letters=outcome.dead_letters)
        await seen.add(api.store.requests, {source.name: outcome.seen})
    return outcome


async def _take_out(api: Api, docs: list[Doc]) -> int:
    return await rings.take_out(api.store.requests, docs) if docs else 0


def _headers(kept: Kept) -> dict[str, str]:
    return {**kept.headers, ":method": kept.method, ":path": kept.path}


def _is_genuine(api: Api, source: Source, kept: Kept, outcome: Outcome) -> bool:
    try:
        reason = source.verify(_headers(kept), kept.body, kept.arrived_us / 1e6)
    except KeyMissing as missing:
        api.want_key(missing.url)
        outcome.waiting_for_key += 1
        reason = str(missing)
    if reason:
        outcome.reasons[str(reason)] += 1
    return not reason


async def _append(api: Api, source: Source, kept: Kept, outcome: Outcome) -> None:
    loop = asyncio.get_running_loop()
    asked = source.handshakes.confirmation(kept.body) if source.handshakes and source.handshakes.sns else None
    if asked is not None:
        by = {"accepted_by": "topic_arn"} if source.handshakes and source.handshakes.pinned else {}
        about = {"type": asked.type, "topic": asked.topic, "url": asked.url, **by}
        await api.log.append(topics.CONTROL, [Entry(*Kept("confirmation", source.name, kept.arrived_us, about=about).entry())])
        return
    headers = _headers(kept)
    received = source.receive(kept.body, kept.arrived_us, headers)
    if received.notice is not None:
        about = {"notice": received.notice, "type": received.notice}
        await api.log.append(topics.CONTROL, [Entry(*Kept("notice", source.name, kept.arrived_us, about=about).entry())])
    arrival = Arrival(source, headers, received, kept.arrived_us, loop, loop.time() + APPEND_S)
    accepted, letters = await accept(api, topics.lane_of(source.side), arrival)
    outcome.events += len(accepted)
    outcome.dead_letters += len(letters)
    order_us = max((seen.order(event.time, kept.arrived_us) for event in received.events if event.time), default=0)
    outcome.seen = outcome.seen.plus(Seen(last_accepted_us=kept.arrived_us, last_order_us=order_us))
