"""Named transforms: dates with zones and ends, identifiers, lists, GTINs, numbers, URLs.

Owns: their results and refusals. Does not own: where values stand. Next stop: tests/sources/test_configuration.py.
"""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sources import transforms

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2026-10-14T08:12:31Z", "2026-10-14T08:12:31+00:00"),
        ("2026-10-14T08:12:31.774112Z", "2026-10-14T08:12:31.774112+00:00"),
        ("2026-10-14T08:12:31.123456789Z", "2026-10-14T08:12:31.123456+00:00"),
        ("2026-10-14T10:12:31+0200", "2026-10-14T08:12:31+00:00"),
        ("2026-10-14 10:12:31", "2026-10-14T08:12:31+00:00"),
        (" 2026-10-14 ", "2026-10-13T22:00:00+00:00"),
        ("20261014", "2026-10-13T22:00:00+00:00"),
        ("20261014101231500", "2026-10-14T08:12:31.500000+00:00"),
        (1791965551, "2026-10-14T08:12:31+00:00"),
        ("1791965551", "2026-10-14T08:12:31+00:00"),
        ("20261014101231", "2026-10-14T08:12:31+00:00"),
        (20261014101231500, "2026-10-14T08:12:31.500000+00:00"),
        # Milliseconds that many write for "never"; they are no date of 14 digits.
        (32503680000000, "3000-01-01T00:00:00+00:00"),
        (1791965551.25, "2026-10-14T08:12:31.250000+00:00"),
        (1791965551250, "2026-10-14T08:12:31.250000+00:00"),
        (1791965551250000, "2026-10-14T08:12:31.250000+00:00"),
        ({"date": "2026-10-14 08:12:31.000000", "timezone_type": 3, "timezone": "UTC"}, "2026-10-14T08:12:31+00:00"),
        ({"date": "2026-10-14 08:12:31.000000", "timezone": "+02:00"}, "2026-10-14T06:12:31+00:00"),
        ({"date": "2026-10-14 08:12:31.000000", "timezone": "America/New_York"}, "2026-10-14T12:12:31+00:00"),
        # A zone without a midnight that day: the day begins when the clocks go on.
        ("2026-03-29", "2026-03-28T23:00:00+00:00"),
    ],
)
def test_instants(value: Any, instant: str) -> None:
    """Every spelling gives microseconds in UTC; what has no zone of its own is in the source's."""
    assert transforms.instants(STOCKHOLM)(value) == us(instant)


@pytest.mark.parametrize(
    ("date", "zone", "until"),
    [
        ("2027-03-01", "UTC", "2027-03-02T00:00:00+00:00"),
        ("2027-03-27", "Europe/Stockholm", "2027-03-27T23:00:00+00:00"),
        ("2027-03-28", "Europe/Stockholm", "2027-03-28T22:00:00+00:00"),
        ("2027-10-31", "Europe/Stockholm", "2027-10-31T23:00:00+00:00"),
        ("2027-12-31", "Pacific/Auckland", "2027-12-31T11:00:00+00:00"),
        ("2027-03-01T00:00:00Z", "Europe/Stockholm", "2027-03-01T00:00:00+00:00"),
    ],
)
def test_an_inclusive_end(date: str, zone: str, until: str) -> None:
    """A last day that still counts ends at its zone's next midnight, over changes of the clock too; an instant is itself."""
    assert transforms.instants(ZoneInfo(zone), inclusive=True)(date) == us(until)


def test_the_last_day_of_the_calendar() -> None:
    """9999-12-31, which many write for "never", is read like any other day."""
    assert transforms.instants(UTC, inclusive=True)("9999-12-31") == us("9999-12-31T00:00:00+00:00") + 86_400_000_000


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "02/03/2021",
        "2026-13-01",
        "2026-02-30",
        "99999999999999999999",
        True,
        None,
        [],
        {},
        {"date": "x", "timezone": "UTC"},
        1e30,
        {"date": "2026-10-14", "timezone": "Mars/Olympus"},
        {"date": "2026-10-14", "timezone": "../../etc/passwd"},
        {"date": 1, "timezone": 2},
    ],
)
def test_what_is_no_instant(value: Any) -> None:
    """An ambiguous or broken date is refused with its type, never guessed, never quoted."""
    with pytest.raises(ValueError, match=r"^expected") as error:
        transforms.instants(UTC)(value)
    assert not (isinstance(value, str) and len(value) > 3 and value in str(error.value))


@pytest.mark.parametrize(
    ("value", "split", "expected"),
    [
        ("A,B; C|D\nE", True, ["A", "B", "C", "D", "E"]),
        ("A,B", False, ["A,B"]),
        ('["A, B","C"]', True, ["A, B", "C"]),
        ("[not json", True, ["[not json"]),
        (["A", 7, None, "", " ", "A"], True, ["A", "7"]),
        (7, True, ["7"]),
        ("  ", True, []),
        (None, True, []),
        ("007", True, ["007"]),
    ],
)
def test_lists(value: Any, split: bool, expected: list[str]) -> None:
    """Lists, JSON lists, delimited strings and single values; leading zeros stay, repetition goes."""
    assert transforms.strings(value, split) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9521101530476", "09521101530476"),
        ("09521101530476", "09521101530476"),
        (" 952-1101 530476", "09521101530476"),
        ("96385074", "00000096385074"),
        ("614141000036", "00614141000036"),
        ("9521101530477", None),
        ("3256229544041", None),
        ("952110153047", None),
        ("00000000000000", None),
        ("9521101530476".translate({48 + n: 0xFF10 + n for n in range(10)}), None),
        ("NH-1", None),
        ("", None),
    ],
)
def test_gtins(text: str, expected: str | None) -> None:
    """All lengths become 14 digits; a wrong check digit, a wrong length and other scripts' digits are none."""
    assert transforms.gtin14(text) == expected


@pytest.mark.parametrize(("value", "expected"), [(1, True), (0, False), ("1", True), ("TRUE", True), (" no ", False), (True, True)])
def test_booleans(value: Any, expected: bool) -> None:
    """Booleans come as booleans, numbers and words."""
    assert transforms.boolean(value) is expected
    others: list[Any] = [2, "maybe", None, [], {}, 1.5]
    for other in others:
        with pytest.raises(ValueError, match="expected true or false"):
            transforms.boolean(other)


def test_urls() -> None:
    """One without a scheme gets https; no server takes one of more than 8,000 characters, and none is looked through."""
    assert transforms.url("//cdn.example/a.jpg") == "https://cdn.example/a.jpg"
    assert transforms.url("https://cdn.example/" + "a" * 7_980)
    for wrong in ("https://cdn.example/" + "/v1/%41" * 1_200, "ftp://cdn.example/a", "https://cdn.example/a b", 7):
        with pytest.raises(ValueError, match=r"expected .*URL"):
            transforms.url(wrong)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["date", "timezone", "x"]), inner, max_size=3),
    max_leaves=5,
)


@given(value=JSON)
def test_anything_is_read_or_refused(value: Any) -> None:
    """No value of JSON raises anything but ValueError, and what is read is of the promised shape."""
    for transform in (
        transforms.identifier,
        transforms.strings,
        transforms.whole_number,
        transforms.boolean,
        transforms.text,
        transforms.url,
        transforms.instants(STOCKHOLM),
        transforms.instants(STOCKHOLM, inclusive=True),
    ):
        try:
            result: Any = transform(value)
        except ValueError:
            continue
        if transform in (transforms.identifier,):
            assert result
            assert result.isprintable() or not any(c < " " for c in result)
        if isinstance(result, int) and transform is transforms.whole_number:
            assert -transforms.INT64 <= result < transforms.INT64


@given(digits=st.text("0123456789", min_size=7, max_size=13))
def test_every_valid_gtin_is_read(digits: str) -> None:
    """A body of 7, 11, 12 or 13 digits with its check digit is read, and with any other digit it is not."""
    total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(digits)))
    check = (10 - total % 10) % 10
    valid = digits + str(check)
    expected = valid.zfill(14) if len(valid) in {8, 12, 13, 14} and valid.strip("0") else None
    assert transforms.gtin14(valid) == expected
    assert transforms.gtin14(digits + str((check + 1) % 10)) is None
