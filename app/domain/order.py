"""The order of a change: one fixed-width text, compared as text, made from the event alone.

Owns: its layout and the refusal of orders from the future. Does not own: reading times out of payloads (app/sources/).
Next stop: app/domain/facets.py, where the greater order wins.

Layout, most significant first, in hexadecimal digits:
era 4 · source order 16 · rank 1 · start of the fetch 16 · tie 16 · hash of the source event 16 · configuration version 8.
"""

from dataclasses import dataclass
from hashlib import blake2b

CHANGE, DELETION, FETCHED = 0, 1, 2

DAY_US = 86_400_000_000
_BIAS = 1 << 63
_MASK = (1 << 64) - 1
# So many characters say when something was said; what follows only tells apart what was said at the same time.
SOURCE = 4 + 16
RANK = SOURCE  # where the rank stands
TIE = SOURCE + 1 + 16 + 16  # so many are equal in orders that tie
EVENT = TIE + 16  # so many are equal in orders of one event, whatever the configuration
LENGTH = EVENT + 8


@dataclass(frozen=True, slots=True)
class Parts:
    """An order taken apart. `source` is microseconds in UTC or a sequence number; `fetched_us` is 0 for what was not fetched."""

    era: int
    source: int
    rank: int
    fetched_us: int
    tie: int
    event_hash: str
    version: int


def event_hash(value: bytes) -> str:
    """16 hexadecimal digits that name the source event by its bytes: a redelivery has the same, wherever and whenever it comes."""
    return blake2b(value, digest_size=8).hexdigest()


def order(*, era: int, source: int, rank: int, event_hash: str, version: int, tie: int = 0, fetched_us: int = 0) -> str:
    """The order as text of LENGTH characters. Numbers outside 64 bit are clamped (`tie` is masked), so the width never changes."""
    biased = min(max(source + _BIAS, 0), _MASK)
    began = min(max(fetched_us, 0), _MASK)
    return f"{era & 0xFFFF:04x}{biased:016x}{rank:x}{began:016x}{tie & _MASK:016x}{event_hash:0>16.16}{version & 0xFFFFFFFF:08x}"


def parts(text: str) -> Parts:
    """Takes an order apart again, for explanations."""
    return Parts(
        era=int(text[0:4], 16),
        source=int(text[4:20], 16) - _BIAS,
        rank=int(text[20:21], 16),
        fetched_us=int(text[21:37], 16),
        tie=int(text[37:53], 16),
        event_hash=text[53:69],
        version=int(text[69:77], 16),
    )


def is_from_the_future(source_us: int, arrived_us: int) -> bool:
    """True where a source time lies more than a day beyond the arrival stamped by the ingress: merged, it would freeze the record."""
    return source_us > arrived_us + DAY_US
