"""Makes what a webhook said durable: events to their lane, what could not be read or was refused to the letters.

Owns: which append a piece goes to, what happens to what the log refuses. Does not own: splitting (app/sources/), the letter's form
(schemas/letter.py), the answer (app/api/webhooks.py). Next stop: app/ports.py (EventLog).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from app.api.deps import Api
from app.domain.letters import letter_of_event, letter_of_unread
from app.errors import EntryRefused, LogUnavailable
from app.ports import Entry
from app.sources.source import Received, Source
from schemas import topics
from schemas.event import Event
from schemas.letter import Letter

log_line = structlog.get_logger(__name__)


@dataclass(slots=True)
class Arrival:
    """One authentic request: source, headers, what it said, when it arrived (µs UTC), by when it must be answered (the loop's clock).

    Not frozen: a frozen dataclass takes three times as long to make, and one is made for each request.
    """

    source: Source
    headers: Mapping[str, str]
    received: Received
    at_us: int
    loop: asyncio.AbstractEventLoop
    due_s: float


async def accept(api: Api, lane: str, arrival: Arrival) -> tuple[list[str], list[str]]:
    """Ids of the events and of the letters that are durable now; together they are all that the request said.

    Failure policy: LogUnavailable passes through, then the request is not accepted and the sender repeats it (a second copy of what was
    durable by then changes nothing). What the log refuses for good becomes a letter.
    """
    events = arrival.received.events
    letters = [_unread(api, arrival, number) for number in range(len(arrival.received.unread))]
    if not letters:
        refused = await _append_events(api, lane, events, arrival)
    else:
        refused, _ = await asyncio.gather(_append_events(api, lane, events, arrival), _append_letters(api, letters, arrival))
    if refused:
        more = [_refused(api, arrival, event) for event in refused]
        await _append_letters(api, more, arrival)
        letters += more
        gone = {event.id for event in refused}
        return [event.id for event in events if event.id not in gone], [letter.id for letter in letters]
    return [event.id for event in events], [letter.id for letter in letters]


def _left(arrival: Arrival) -> float:
    left = arrival.due_s - arrival.loop.time()
    if left <= 0:
        raise LogUnavailable("the time for an answer is over")
    return left


async def _append_events(api: Api, lane: str, events: Sequence[Event], arrival: Arrival) -> Sequence[Event]:
    """Appends all events; returns those that the log refuses for good."""
    if not events:
        return ()
    entries = [Entry(event.key.encode(), event.value, event.headers()) for event in events]
    try:
        await api.log.append(lane, entries, deadline_s=_left(arrival))
    except EntryRefused:
        if len(events) == 1:
            return events
    else:
        return ()
    # One of several is to blame. Each goes alone now; those that went through before are there twice, which changes nothing (P3).
    alone = [api.log.append(lane, [entry], deadline_s=_left(arrival)) for entry in entries]
    outcomes = await asyncio.gather(*alone, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, EntryRefused):
            raise outcome
    return [event for event, outcome in zip(events, outcomes, strict=True) if isinstance(outcome, EntryRefused)]


async def _append_letters(api: Api, letters: Sequence[Letter], arrival: Arrival) -> None:
    """Appends all letters; a letter that the log refuses goes without the original, which the sender still has.

    Raises LogUnavailable where even that is refused: better refused aloud than lost silently.
    """
    try:
        await api.log.append(topics.DEAD_LETTERS, [Entry(*letter.entry()) for letter in letters], deadline_s=_left(arrival))
    except EntryRefused:
        for letter in letters:
            await _append_letter(api, letter, arrival)


async def _append_letter(api: Api, letter: Letter, arrival: Arrival) -> None:
    try:
        await api.log.append(topics.DEAD_LETTERS, [Entry(*letter.entry())], deadline_s=_left(arrival))
    except EntryRefused as refused:
        log_line.warning("webhook.letter_without_value", source=arrival.source.name, letter=letter.id, bytes=len(letter.value))
        note = f"{letter.message} (the original, {len(letter.value)} bytes, was refused by the log as well: {refused})"
        bare = replace(letter, value=b"", key=letter.key[:1000], message=note[:1000], replayable=False)
        try:
            await api.log.append(topics.DEAD_LETTERS, [Entry(*bare.entry())], deadline_s=_left(arrival))
        except EntryRefused as again:
            raise LogUnavailable(f"the log refuses even an empty letter: {again}") from again


def _unread(api: Api, arrival: Arrival, number: int) -> Letter:
    return letter_of_unread(
        arrival.source.name,
        arrival.received.unread[number],
        arrived_us=arrival.at_us,
        era=arrival.source.era,
        now_us=arrival.at_us,
        code_version=api.code_version,
        config_version=api.configuration.version,
        headers=arrival.headers,
    )


def _refused(api: Api, arrival: Arrival, event: Event) -> Letter:
    return letter_of_event(
        event,
        record=None,
        error=EntryRefused(f"the event log refuses {len(event.value)} bytes: too large for one record; lower the source's max_body_bytes"),
        stage="ingress",
        now_us=arrival.at_us,
        code_version=api.code_version,
        config_version=api.configuration.version,
    )
