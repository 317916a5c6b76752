"""An event as the log gives it back, whoever wrote the record.

Owns: reading headers that are odd or missing. Does not own: what the value means (tests/sources/). Next stop: schemas/event.py.
"""

import contextlib
from typing import Any

import pytest

from schemas.event import Event

EVENT = Event("e1", "cloudinary-eu", "upload", "asset/cloudinary-eu/7d1f", b"{}", 5, time="2026-01-01T00:00:00Z", letter="l1", attempt=2)
NAMES = [name for name, _ in EVENT.headers()]


def without(name: str, value: bytes | None) -> Any:
    """The event's headers, one of them with another value."""
    return [(each, value if each == name else held) for each, held in EVENT.headers()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, b"", b"\xff", b"9" * 10_000], ids=["null", "empty", "not-utf-8", "endless"])
def test_an_odd_header_is_read_or_named_as_a_value_error(name: str, value: bytes | None) -> None:
    """Whatever one header holds, null included, reading gives an event or raises ValueError."""
    source = None
    with contextlib.suppress(ValueError):
        source = Event.read(EVENT.key.encode(), EVENT.value, without(name, value)).source
    assert source is None or (source == "cloudinary-eu") is not (name == "ce_source")


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_type", "ce_binderyarrived"])
def test_a_null_header_counts_as_missing(name: str) -> None:
    """A header that must be there and is null is told by its name."""
    with pytest.raises(ValueError, match=f"no header {name}"):
        Event.read(EVENT.key.encode(), EVENT.value, without(name, None))


def test_an_event_reads_back_as_it_was() -> None:
    """Encoding and reading give the same event; null where a header may be absent is absence."""
    assert Event.read(EVENT.key.encode(), EVENT.value, EVENT.headers()) == EVENT
    assert Event.read(EVENT.key.encode(), EVENT.value, without("ce_time", None)).time == ""
