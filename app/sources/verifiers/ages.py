"""How old a signed request is, and the bytes of a header.

Owns: age(), age_of_text(), header_bytes(). Does not own: which schemes sign a time (app/sources/schemes.py).
Next stop: app/sources/verifiers/hmac_template.py.
"""

from datetime import UTC, datetime


def header_bytes(header: str) -> bytes:
    """A header's value as it is compared and signed; never raises."""
    return header.encode("utf-8", "replace")


def age(stamp: str, now_s: float, tolerance_s: float | None, *, scale: int = 1, future: bool = True) -> str:
    """Why a timestamp (whole units, `scale` of them per second) is not acceptable, "" where it is. future: whether that counts, too.

    An age of exactly the tolerance is too old (as at Contentful), an instant exactly so far ahead is not.
    """
    if tolerance_s is None:
        return ""
    try:
        age_s = now_s - int(stamp[:20]) / scale
    except ValueError:
        return "the signed timestamp is not a number"
    return _out_of_range(age_s, tolerance_s, future=future)


def age_of_text(stamp: str, now_s: float, tolerance_s: float | None) -> str:
    """Why an instant in ISO 8601 (UTC where it names no zone) is not acceptable, "" where it is."""
    if tolerance_s is None:
        return ""
    try:
        at = datetime.fromisoformat(stamp[:40])
        at_s = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return "the signed timestamp is no time"
    return _out_of_range(now_s - at_s, tolerance_s, future=True)


def _out_of_range(age_s: float, tolerance_s: float, *, future: bool) -> str:
    """Why an age is not acceptable, "" where it is."""
    if age_s >= tolerance_s:
        return f"the signed timestamp is {age_s:.0f} s old, {tolerance_s:.0f} s are tolerated (tolerance_s)"
    if future and -age_s > tolerance_s:
        return f"the signed timestamp lies {-age_s:.0f} s in the future, {tolerance_s:.0f} s are tolerated (tolerance_s)"
    return ""
