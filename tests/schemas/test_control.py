"""A request of the control topic as the log gives it back, whoever wrote the record.

Owns: reading headers that are odd or missing. Does not own: what becomes of it (tests/consumers/test_control.py).
Next stop: schemas/control.py.
"""

import pytest

from schemas.control import Kept

KEPT = Kept("quarantined", "pim-1", 5, b"{}", path="/webhooks/pim-1", headers={"x": "1"}, about={"reason": "no"})
KEY, VALUE, HEADERS = KEPT.entry()


@pytest.mark.parametrize("name", [name for name, _ in HEADERS])
@pytest.mark.parametrize("wrong", [None, b"", b"\xff", b"9" * 10_000, b"[1]"], ids=["null", "empty", "not-utf-8", "endless", "list"])
def test_an_odd_header_is_read_or_named_as_a_value_error(name: str, wrong: bytes | None) -> None:
    """Only an id may be any text; Kafka permits null, which is told by the header's name."""
    odd = [(each, wrong if each == name else held) for each, held in HEADERS]
    if name == "bindery-id" and wrong not in {None, b"\xff"}:
        assert Kept.read(KEY, VALUE, odd).source == "pim-1"
        return
    with pytest.raises(ValueError, match=f"no {name}" if wrong is None else None):
        Kept.read(KEY, VALUE, odd)
