"""The functions that presets may call in an expression, beside those about lists and those for Akeneo.

Owns: their results and refusals. Does not own: compiled against interpreted (test_expressions.py beside this file).
Next stop: tests/sources/test_lists.py.
"""

from typing import Any

import pytest

from app.errors import Unusable
from app.sources.arguments import WrongArgument
from app.sources.expressions import compile_expression

PIECE: dict[str, Any] = {
    "json": '{"a": [1, {"b": null}]}',
    "blank": "  ",
    "object": {"a": 1},
    "urn": "urn:aaid:aem:4f2c",
    "url": "https://x.example/a.jpg?sig=1#top",
    "name": "NH-1_A1.jpg",
    "path": "/content/dam/a b/ö.jpg",
    "zero": 0,
    "pairs": [{"key": "sku", "value": "NH-1"}, {"key": "tag", "value": ["a"]}, {"key": "tag", "value": "b"}, {"key": "none"}, 5],
    "template": "https://x.example/{CODE}/{N}",
    "members": {"CODE": "a b/c", "N": 2},
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("parsed(json).a[1]", {"b": None}),
        ("parsed(nothing)", None),
        ("parsed(blank)", None),
        ("parsed(object)", {"a": 1}),
        ("last_part(urn, ':')", "4f2c"),
        ("last_part(urn, '/')", "urn:aaid:aem:4f2c"),
        ("last_part(nothing, ':')", None),
        ("first_part(name, '_')", "NH-1"),
        ("first_part(nothing, '_')", None),
        ("without_query(url)", "https://x.example/a.jpg"),
        ("without_query(nothing)", None),
        ("quoted(path)", "/content/dam/a%20b/%C3%B6.jpg"),
        ("truth(zero)", False),
        ("truth(nothing)", None),
        ("keyed(pairs)", {"sku": "NH-1", "tag": ["a", "b"]}),
        ("keyed(nothing)", {}),
        ("filled(template, members)", "https://x.example/a%20b%2Fc/2"),
        ("filled(template, object)", None),
    ],
)
def test_a_function_gives(expression: str, expected: Any) -> None:
    """Each function gives what its docstring says, whether compiled or interpreted."""
    assert compile_expression(expression).get(PIECE) == expected
    # keys() is the interpreter's own, so the whole expression goes through it.
    assert compile_expression(f"{{x: {expression}, y: keys(@)}}.x").get(PIECE) == expected


@pytest.mark.parametrize(
    "expression",
    ["parsed(name)", "last_part(object, ':')", "last_part(urn, zero)", "without_query(zero)", "first_part(pairs, '_')", "keyed(object)"],
)
def test_a_function_refuses_what_it_cannot_work_on(expression: str) -> None:
    """A mistake of the payload that names types and no values."""
    with pytest.raises(WrongArgument, match="expects") as refused:
        compile_expression(expression).get(PIECE)
    assert "NH-1" not in str(refused.value)


def test_json_in_a_text_is_no_way_around_the_limits() -> None:
    """A text nested too deep, or one that is half JSON, is refused like a body of that sort."""
    for text in ("[" * 200 + "]" * 200, '{"a": '):
        with pytest.raises((WrongArgument, Unusable)):
            compile_expression("parsed(@)").get(text)
