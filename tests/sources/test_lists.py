"""Functions about lists of things of several kinds: which belongs to which, and what it is called.

Owns: their results and refusals. Does not own: presets that use them (tests/sources/vendors/).
Next stop: tests/sources/test_expressions.py.
"""

from typing import Any

import pytest

from app.sources.arguments import WrongArgument
from app.sources.expressions import compile_expression

PIECE: dict[str, Any] = {
    "id": 7,
    "images": [{"id": 1, "variants": []}, {"id": 2, "variants": [7, 8]}, {"id": 3, "variants": [8]}, {"id": 4}, "no object"],
    "parents": [{"code": "sub", "up": "top"}, {"code": "other", "up": "top"}, {"code": "top", "up": "sub"}],
    "above": "sub",
    "url": "https://cdn.example/a.jpg?v=2",
    "placed": [{"id": 1, "position": "10"}, {"id": 2, "position": 9}, {"id": 3}, {"id": 4, "position": "first"}, "no object"],
    "labelled": {"id": 1, "SKU (web) (sku)": "NH-1", "Name (name)": "Jacket", "Wrong id (id)": 9},
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("concat('p/', id)", "p/7"),
        ("concat('p/', nothing)", None),
        ("prefixed(concat(id, '/'), images[].id)", ["7/1", "7/2", "7/3", "7/4"]),
        ("prefixed('x', nothing)", None),
        ("having(images, 'variants', id)[].id", [2]),
        ("having(images, 'variants', id, `[]`)[].id", [1, 2]),
        ("having(images, 'variants', `[]`, `null`)[].id", [1, 4]),
        ("having(nothing, 'variants', id)", None),
        ("by_position(placed)[].id", [3, 4, 2, 1]),
        ("by_position(nothing)", None),
        ("line_of(parents, 'code', 'up', above)[].code", ["sub", "top"]),
        ("line_of(parents, 'code', 'up', nothing)", []),
        ("digest(nothing)", None),
        ("in_parentheses(labelled)", {"id": 1, "sku": "NH-1", "name": "Jacket"}),
    ],
)
def test_a_function_gives(expression: str, expected: Any) -> None:
    """Each function gives what its docstring says, whether compiled or interpreted."""
    assert compile_expression(expression).get(PIECE) == expected
    # keys() is the interpreter's own, so the whole expression goes through it.
    assert compile_expression(f"{{x: {expression}, y: keys(@)}}.x").get(PIECE) == expected


def test_a_digest_names_an_address_without_giving_it_away() -> None:
    """The same address has the same digest, another one another; the address is not in it."""
    one, other = (compile_expression(f"digest({name})").get(PIECE) for name in ("url", "above"))
    assert one == compile_expression("digest(url)").get(PIECE) != other
    assert len(one) == 24
    assert "cdn" not in one


@pytest.mark.parametrize(
    "expression",
    [
        "concat(images)",
        "concat(`true`)",
        "prefixed('x', id)",
        "having(id, 'a', 'b')",
        "by_position(id)",
        "line_of(id, 'a', 'b', 'c')",
        "digest(id)",
        "in_parentheses(id)",
    ],
)
def test_a_function_refuses_other_types(expression: str) -> None:
    """What a function cannot work on is a mistake of the payload that names types."""
    with pytest.raises(WrongArgument, match="expects"):
        compile_expression(expression).get(PIECE)
