"""What a stored answer looks like to a reader at this instant.

Owns: the last look at time before an answer leaves (promise P6). Does not own: the decision (app/domain/bind.py), the clock that has it
decided again (consumers/clock.py). Next stop: app/api/skus.py.

The stored text is served as it is: a revision in front, nothing decoded. Only where the answer was due to change before now, and the clock
has not come by yet, it is decoded, and bindings whose right has ended lose what may not be handed out any more. What begins by time is left
to the clock: a URL may come late, never stay late.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from app.domain.reasons import expired
from app.ports import Doc

# Leaves of an asset's record that hold its address. Whether it may be given is decided per SKU, so no other answer holds them.
WITHHELD = ("url", "part.", "renditions.", "aliases.url")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def shown(doc: Doc, now_us: int) -> bytes:
    """The JSON of one SKU for readers, at this instant (µs UTC)."""
    due_us = doc.numbers.get("due_us")
    text = doc.body if due_us is None or due_us > now_us else _without_what_ended(doc.body, now_us)
    return b'{"revision":%d,%b' % (doc.numbers["revision"], text[1:].encode())


def content(doc: Doc, now_us: int) -> dict[str, Any]:
    """The same, decoded."""
    decoded: dict[str, Any] = orjson.loads(shown(doc, now_us))
    return decoded


def instant_us(text: str) -> int:
    """Microseconds UTC of an RFC 3339 instant."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def _without_what_ended(text: str, now_us: int) -> str:
    answer = orjson.loads(text)
    for binding in answer["bindings"]:
        until = binding["valid_until"]
        if until is not None and instant_us(until) <= now_us:
            reason = {"code": "expired", "text": expired(binding["asset"]["system"], instant_us(until))}
            binding |= {"state": "expired", "reason": reason, "url": None, "renditions": {}, "valid_until": None}
    return orjson.dumps(answer, option=orjson.OPT_SORT_KEYS).decode()
