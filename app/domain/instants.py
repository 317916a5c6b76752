"""Instants as text: integer microseconds in UTC become RFC 3339.

Owns: the one spelling used in answers. Does not own: reading vendors' dates (app/sources/transforms.py). Next stop: app/domain/bind.py.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_US = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_LAST_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


@lru_cache(maxsize=4096)
def rfc3339(at_us: int) -> str:
    """2026-03-01T00:00:00Z, with six more digits where there are microseconds. What lies outside the years 1 to 9999 is clamped to them."""
    return (_EPOCH + timedelta(microseconds=min(max(at_us, _FIRST_US), _LAST_US))).isoformat()[:-6] + "Z"


def optional(at_us: int | None) -> str | None:
    """The same, where None stays None."""
    return None if at_us is None else rfc3339(at_us)
