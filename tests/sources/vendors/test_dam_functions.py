"""The functions that presets of DAMs call, compiled and interpreted.

Owns: first_part(), quoted(), truth(), keyed(), by_name(), brief(). Does not own: the other functions (tests/sources/test_functions.py).
Next stop: tests/sources/vendors/test_bynder.py.
"""

from hashlib import blake2b
from typing import Any

import pytest

from app.sources.arguments import WrongArgument
from app.sources.expressions import compile_expression


@pytest.mark.parametrize("around", ["{}", "{} | @", "[{}][?@ == @ || @ == `null`] | [0]"])
@pytest.mark.parametrize(
    ("call", "value", "expected"),
    [
        ("first_part(v, '_')", "09521101530476_A1N1.jpg", "09521101530476"),
        ("first_part(v, '_')", "plain", "plain"),
        ("first_part(v, '_')", None, None),
        ("quoted(v)", "/å b/c#1?.jpg", "/%C3%A5%20b/c%231%3F.jpg"),
        ("quoted(v)", None, None),
        ("truth(v)", 0, False),
        ("truth(v)", "1", True),
        ("truth(v)", "No", False),
        ("truth(v)", "", None),
        ("truth(v)", None, None),
        ("keyed(v)", [{"key": "a", "value": 1}, {"key": "b", "value": [2, 3]}, {"key": "a", "value": 4}], {"a": [1, 4], "b": [2, 3]}),
        ("keyed(v)", [{"key": "a", "value": 0}, {"key": "b"}, {"value": 1}, 7, None], {"a": 0}),
        ("keyed(v)", None, {}),
        ('merge(v, `{"a": 1}`)', None, {"a": 1}),
        ('merge(v, `{"a": 1}`)', [], {"a": 1}),
        ('merge(`{"a": 1}`, v)', {"a": 2, "b": 3}, {"a": 2, "b": 3}),
        ("by_name(v)", [{"name": "a", "value": 1}, {"name": "b", "previous_value": 1, "new_value": 2}, "c"], {"a": 1, "b": 2, "c": ""}),
        ("by_name(v)", {"a": "x", "b": {"previous": "x", "new": "y"}, "c": None}, {"a": "x", "b": "y", "c": None}),
        ("by_name(v)", None, {}),
        ("brief(v)", "w_9", "w_9"),
        ("brief(v)", "x" * 201, f"{'x' * 200}~{blake2b(b'x' * 201, digest_size=12).hexdigest()}"),
        ("brief(v)", None, None),
        ("from_keys(v)", {"a": "old", "b": None}, {"a": "", "b": ""}),
    ],
)
def test_what_they_give(around: str, call: str, value: Any, expected: Any) -> None:
    """The same by either way, and null stays null."""
    assert compile_expression(around.format(call)).get({"v": value}) == expected


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("first_part(v, '_')", 7),
        ("quoted(v)", ["/a"]),
        ("truth(v)", "perhaps"),
        ("truth(v)", []),
        ("truth(v)", 2),
        ("keyed(v)", {"key": "a"}),
        ("by_name(v)", "perhaps"),
        ("by_name(v)", [7]),
        ("by_name(v)", [{"name": "perhaps"}]),
        ("by_name(v)", {"a": {"perhaps": 1}}),
        ("merge(v, v)", "perhaps"),
        ("merge(v, v)", ["perhaps"]),
    ],
)
def test_what_they_refuse(call: str, value: Any) -> None:
    """By naming the type, and no value."""
    with pytest.raises(WrongArgument) as error:
        compile_expression(call).get({"v": value})
    assert "perhaps" not in str(error.value)
