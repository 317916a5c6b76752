"""Named transforms: what senders write, as the values the rules work with.

Owns: instants, identifiers, lists, GTINs, whole numbers, booleans, URLs. Does not own: where values stand in a payload (mapping.py).
Next stop: app/sources/mapping.py.

Every function raises ValueError saying what was expected and which type was found, never a value. Sources: RFC 3339; PHP's DateTime as
json_encode writes it; biip for GTINs (GS1 General Specifications 7.9).
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import biip
import orjson
from biip.gtin import Gtin

INT64 = 1 << 63
# What servers and browsers take; looking for places in it takes time that grows with the square of its length.
LONGEST_URL = 8_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US = 86_400_000_000
_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}", re.ASCII)
_DIGITS = re.compile(r"[0-9]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DELIMITERS = re.compile(r"[,;|\n]")
_DELIMITED = re.compile(r"\s*\[|.*[,;|\n]").match
_EPOCH_UNITS = ((100_000_000_000, 1_000_000), (100_000_000_000_000, 1_000), (100_000_000_000_000_000, 1))


def found(value: Any) -> str:
    """The type of a value in JSON's words, for messages."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def identifier(value: Any) -> str:
    """An id or key: a string without surrounding space, or a whole number written out. At most 500 characters, no control characters."""
    if isinstance(value, str):
        text = value.strip()
        if text and len(text) <= 500 and text.isprintable():
            return text
    elif isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    else:
        more = " (whole numbers beyond 64 bit are read as fractions; send them as strings)" if isinstance(value, float) else ""
        raise ValueError(f"expected an identifier (a string or a whole number), found {found(value)}{more}")
    if not text:
        raise ValueError("expected an identifier, found an empty string")
    if len(text) > 500:
        raise ValueError(f"expected an identifier of at most 500 characters, found one of {len(text)}")
    if _CONTROL.search(text):
        raise ValueError("expected an identifier, found a string with control characters")
    return text


def strings(value: Any, split: bool = True) -> list[str]:
    """Identifiers from a list, a JSON list in a string, a string delimited by `,` `;` `|` or newline, or one value; without repetition.

    split=False takes a string as one value. Empty entries are left out.
    """
    if value is None:
        return []
    if isinstance(value, str):
        if not split or not _DELIMITED(value):
            return [] if _blank(value) else [identifier(value)]
        value = _parts(value)
    elif not isinstance(value, list):
        value = [value]
    return list(dict.fromkeys([identifier(entry) for entry in value if entry is not None and not _blank(entry)]))


def _blank(entry: Any) -> bool:
    return isinstance(entry, str) and not entry.strip()


def _parts(text: str) -> list[Any]:
    if text.lstrip().startswith("["):
        try:
            parsed = orjson.loads(text)
        except orjson.JSONDecodeError:
            parsed = None
        if isinstance(parsed, list):
            return parsed
    return _DELIMITERS.split(text)


@lru_cache(maxsize=65_536)
def gtin14(text: str) -> str | None:
    """A GTIN of 8, 12, 13 or 14 digits as 14 digits; None where it is none (length, characters, check digit)."""
    digits = text.replace(" ", "").replace("-", "")
    if not digits.isascii() or not digits.strip("0"):
        return None
    try:
        return Gtin.parse(digits).as_gtin_14()
    except biip.ParseError:
        return None


def whole_number(value: Any) -> int:
    """A whole number within 64 bit, also as a string of digits."""
    if isinstance(value, str) and len(value) < 20:
        try:
            value = int(value)
        except ValueError:
            raise ValueError("expected a whole number, found a string that is none") from None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not -INT64 <= value < INT64:
        raise ValueError(f"expected a whole number within 64 bit, found {found(value)}")
    return value


def boolean(value: Any) -> bool:
    """True and false, as booleans, 0 and 1, or their names."""
    known = {True: True, False: False, "1": True, "0": False, "true": True, "false": False, "yes": True, "no": False}
    key = value.strip().lower() if isinstance(value, str) else value
    if isinstance(key, bool | int | str) and key in known:
        return known[key]
    raise ValueError(f"expected true or false (or 0, 1), found {found(value)}")


def text(value: Any) -> str:
    """A text for people: a string, or a number written out."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"expected a text, found {found(value)}")


def url(value: Any) -> str:
    """An http(s) address; one without a scheme (`//host/…`) gets https."""
    if not isinstance(value, str):
        raise ValueError(f"expected a URL, found {found(value)}")
    if len(value) > LONGEST_URL:
        raise ValueError(f"expected a URL of at most {LONGEST_URL} characters, found one of {len(value)}")
    if value.startswith("https://") and value.isascii() and value.isprintable() and " " not in value:
        return value
    address = value.strip()
    if address.startswith("//"):
        address = f"https:{address}"
    if not address.lower().startswith(("https://", "http://")) or _CONTROL.search(address) or " " in address:
        raise ValueError("expected an http or https URL without spaces, found a string that is none")
    return address


def instants(zone: tzinfo, inclusive: bool = False) -> Callable[[Any], int]:
    """A reader of instants: value -> microseconds since 1970 in UTC.

    Reads RFC 3339 (a time without an offset is in `zone`), bare dates (their midnight in `zone`), Unix time in seconds, milliseconds or
    microseconds (by magnitude), 14 or 17 digits yyyyMMddHHmmss and yyyyMMddHHmmssSSS (also as numbers), and PHP's {date, timezone}.
    inclusive: a bare date is the last day that still counts, so it gives the midnight after it; instants are what they say.
    """

    def read(value: Any) -> int:
        if isinstance(value, str):
            if value[10:11] == "T" and value[-1:] == "Z":
                # The commonest spelling takes the shortest way.
                return _us(_parse(value, zone))
            at_us, is_date = _from_text(value.strip(), zone)
        elif isinstance(value, int) and not isinstance(value, bool):
            at_us, is_date = _from_whole(value, zone), False
        elif isinstance(value, float):
            at_us, is_date = _from_number(value), False
        elif isinstance(value, dict) and isinstance(value.get("date"), str) and isinstance(value.get("timezone"), str):
            at_us, is_date = _from_text(value["date"], _zone(value["timezone"]))[0], False
        else:
            raise ValueError(f"expected a date or an instant, found {found(value)}")
        return _midnight_after(value.strip(), zone) if is_date and inclusive else at_us

    return read


def _us(at: datetime) -> int:
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _parse(text_: str, zone: tzinfo) -> datetime:
    try:
        if len(text_) in {14, 17} and _DIGITS.fullmatch(text_):
            at = datetime.fromisoformat(f"{text_[:8]}T{text_[8:14]}.{text_[14:] or '0'}")
        else:
            at = datetime.fromisoformat(text_)
    except ValueError:
        raise ValueError("expected a date or an instant (RFC 3339, a date, Unix time), found a string that is neither") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


def _from_text(text_: str, zone: tzinfo) -> tuple[int, bool]:
    # 14 digits would be milliseconds of the year 2286 and later: a date that is written without its dashes is far likelier.
    if 9 <= len(text_) <= 16 and len(text_) != 14 and _DIGITS.fullmatch(text_):
        return _from_number(int(text_)), False
    return _us(_parse(text_, zone)), _DATE.fullmatch(text_) is not None


def _midnight_after(date: str, zone: tzinfo) -> int:
    day = _parse(date, zone)
    try:
        return _us(day + timedelta(days=1))
    except OverflowError:  # 9999-12-31: the calendar ends, the right does not.
        return _us(day) + _DAY_US


def _from_whole(value: int, zone: tzinfo) -> int:
    # As Unix time, numbers of 14 and 17 digits lie beyond the year 2286; the few that are no date are such far ends, often "never".
    written = str(value)
    try:
        return _us(_parse(written, zone)) if len(written) in {14, 17} else _from_number(value)
    except ValueError:
        return _from_number(value)


def _from_number(value: float) -> int:
    for below, factor in _EPOCH_UNITS:
        if abs(value) < below:
            return value * factor if isinstance(value, int) else round(value * factor)
    raise ValueError("expected Unix time in seconds, milliseconds or microseconds, found a number beyond them")


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    """An IANA zone, or an offset such as +02:00 as PHP writes it."""
    try:
        if name[:1] in {"+", "-"}:
            offset = datetime.fromisoformat(f"2000-01-01T00:00:00{name}").tzinfo
            return offset if offset is not None else UTC
        return UTC if name in {"Z", "UTC"} else ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ValueError("expected the name of a time zone, found a string that is none") from None
