"""What was seen of a source by all processes since ever: one document a source, to which each process adds what it counted.

Owns: Seen, adding, the rule for a suspected gap. Does not own: counting (app/api/metrics.py), when to add (app/api/attendance.py).
Next stop: app/api/attendance.py.

A process that dies takes the last seconds of its counts with it. Numbers here are for people who look after senders; what was accepted is
on the log.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from app.domain.order import is_from_the_future
from app.ports import Doc, Documents

# Silence counts from here on, whatever is usual; and not before so many pauses between deliveries are known.
LEAST_SILENCE_US, LEAST_PAUSES, FACTOR = 600_000_000, 20, 3
# A longest pause counts less with every pause that follows: half after 700 of them.
FADING = 0.999


@dataclass(frozen=True, slots=True)
class Seen:
    """Counts, instants in µs UTC (0: never). refused: outcome -> requests. last_order_us: the newest time that a sender gave one of its
    events. pauses: between deliveries, of more than a few seconds; longest_us: the longest of them, fading."""

    accepted: int = 0
    events: int = 0
    letters: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    last_delivery_us: int = 0
    last_accepted_us: int = 0
    last_error_us: int = 0
    last_error: str = ""
    last_order_us: int = 0
    pauses: int = 0
    longest_us: int = 0

    def plus(self, more: "Seen") -> "Seen":
        """Both together; `more` is what one process counted since it last added something."""
        pause_us = more.last_accepted_us - self.last_accepted_us if self.last_accepted_us and more.last_accepted_us else 0
        counts = pause_us > 0
        newer = more if more.last_error_us >= self.last_error_us else self
        return Seen(
            accepted=self.accepted + more.accepted,
            events=self.events + more.events,
            letters=self.letters + more.letters,
            refused=dict(Counter(self.refused) + Counter(more.refused)),
            last_delivery_us=max(self.last_delivery_us, more.last_delivery_us),
            last_accepted_us=max(self.last_accepted_us, more.last_accepted_us),
            last_error_us=newer.last_error_us,
            last_error=newer.last_error,
            last_order_us=max(self.last_order_us, more.last_order_us),
            pauses=self.pauses + counts,
            longest_us=max(pause_us, int(self.longest_us * FADING)) if counts else self.longest_us,
        )

    def silence(self, now_us: int) -> str:
        """Why a gap is suspected: nothing came for much longer than is usual for this source; "" where all is as ever."""
        quiet_us = now_us - self.last_accepted_us
        if self.pauses < LEAST_PAUSES or quiet_us < max(LEAST_SILENCE_US, FACTOR * self.longest_us):
            return ""
        return f"nothing was accepted for {_span(quiet_us)}; its longest pause so far was about {_span(self.longest_us)}"


def order(text: str, arrived_us: int) -> int:
    """µs UTC of a sender's RFC 3339 time; 0 where it is none, or so far beyond the arrival that no event counts with it."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return 0
    at_us = int(at.timestamp() * 1_000_000) if at.tzinfo else 0
    return 0 if is_from_the_future(at_us, arrived_us) else at_us


def _span(us: int) -> str:
    minutes = us // 60_000_000
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _read(doc: Doc) -> Seen:
    # What a newer version of Bindery counts beside these is nothing to fall over in a rolling deploy.
    return Seen(**{name: value for name, value in orjson.loads(doc.body).items() if name in Seen.__slots__})


def _id(source: str) -> str:
    return f"seen/{source}"


async def load(requests: Documents, sources: Mapping[str, object]) -> dict[str, Seen]:
    """What was seen of each source, as far as something was. Failure policy: StoreUnavailable passes through."""
    docs = await requests.load([_id(name) for name in sources])
    return {name: _read(docs[_id(name)]) for name in sources if _id(name) in docs}


async def add(requests: Documents, counted: Mapping[str, Seen]) -> None:
    """Adds what one process counted.

    Failure policy: a lost race reads again; StoreUnavailable passes through: what was added before is then added twice next time, which
    may make these numbers, and nothing else, too large.
    """
    while counted:
        docs = await requests.load([_id(name) for name in counted])
        saved = await requests.save([_plus(docs.get(_id(name)), name, more) for name, more in counted.items()])
        counted = {name: more for name, more in counted.items() if _id(name) in saved.conflicts}


def _plus(doc: Doc | None, name: str, more: Seen) -> Doc:
    before = _read(doc) if doc else Seen()
    after = before.plus(more)
    body = orjson.dumps({name: getattr(after, name) for name in Seen.__slots__}).decode()
    return Doc(_id(name), body, doc.version if doc else 0, ("seen",))
