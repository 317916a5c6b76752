"""Replays as values: what is sent again for a letter, and what an ingress letter becomes when its source reads it once more.

Owns: these decisions. Does not own: the set and its rate (app/letters/jobs.py), sending (consumers/replayer.py).
Next stop: consumers/replayer.py.

One letter is one event. So where a request reads as exactly one event, that event carries the letter; where it reads as several, each goes
its own way (and fails as its own letter), and the letter is resolved by having been read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from app.domain.failures import disposition_of
from app.domain.letters import fingerprint, told
from schemas.event import Event
from schemas.letter import Letter, Outcome

_EVENT_ID = "ce_id"


@dataclass(slots=True)
class Sending:
    """What one or many replayed letters come to: events for the slow lane, and what is said on the topic of letters at once."""

    events: list[Event] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def add(self, other: "Sending") -> None:
        self.events += other.events
        self.letters += other.letters
        self.outcomes += other.outcomes


@dataclass(frozen=True, slots=True)
class Versions:
    """Which code and configuration a failure happened under, and when (µs UTC)."""

    code: str
    config: int
    now_us: int


def holds_event(letter: Letter) -> bool:
    """True where the letter holds an event as it stood on the log, False where it holds a request, or a piece of one, as it came in."""
    return letter.stage != "ingress" or any(name == _EVENT_ID for name, _ in letter.headers)


def event_of(letter: Letter, attempt: int, replay: str) -> Event:
    """The letter's event once more: its own id, type, key, bytes, first arrival and era; new are letter, attempt and replay."""
    held = dict(letter.headers)
    return Event(
        id=letter.event_id,
        source=letter.source,
        type=letter.type,
        key=letter.key,
        value=letter.value,
        arrived_us=letter.arrived_us,
        era=letter.era,
        time=held.get("ce_time", b"").decode("utf-8", "replace"),
        letter=letter.id,
        attempt=attempt,
        replay=replay,
        fetched_us=int(fetched) if (fetched := held.get("ce_binderyfetched", b"0")).isdigit() else 0,
    )


def failed_again(letter: Letter, error: Exception, attempt: int, versions: Versions) -> Letter:
    """The same letter, failed at a later attempt."""
    error_class, message = type(error).__name__, told(error)
    return replace(
        letter,
        error_class=error_class,
        message=message,
        fingerprint=fingerprint(letter.source, letter.stage, error_class, message, letter.type),
        disposition=disposition_of(error, letter.stage),
        attempt=attempt,
        first_failed_us=versions.now_us,
        last_failed_us=versions.now_us,
        code_version=versions.code,
        config_version=versions.config,
    )


def read_again(letter: Letter, events: Sequence[Event], unread: Sequence[Letter], attempt: int, replay: str, now_us: int) -> Sending:
    """What a request in a letter becomes, now that its source gave these events, and could not read these pieces (letters of their own)."""
    marked = [replace(event, era=letter.era, replay=replay) for event in events]
    if len(marked) == 1 and not unread:
        return Sending(events=[replace(marked[0], letter=letter.id, attempt=attempt)])
    if len(unread) == 1 and not marked:
        return Sending(letters=[replace(unread[0], id=letter.id, attempt=attempt)])
    # A piece that cannot be read may be the whole request again: then the letter fails with it, and is not resolved by the rest.
    pieces = [replace(piece, attempt=attempt) if piece.id == letter.id else piece for piece in unread]
    if any(piece.id == letter.id for piece in pieces):
        return Sending(events=marked, letters=pieces)
    why = f"read as {len(marked)} events and {len(pieces)} pieces that are letters of their own"
    return Sending(events=marked, letters=pieces, outcomes=[Outcome(letter.id, attempt, "resolved", now_us, why)])
