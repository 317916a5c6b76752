"""Instants as text: integer microseconds in UTC become RFC 3339, and dates in HTTP's headers become such integers.

Owns: the one spelling used in answers, http_date_us(). Does not own: dates in vendors' payloads (app/sources/transforms.py).
Next stop: app/domain/bind.py.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
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


def http_date_us(text: str) -> int | None:
    """A date as HTTP's headers have it (RFC 9110, 5.6.7), None where it is none. One that names no zone, as C's asctime() writes it, is UTC
    as well."""
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)
