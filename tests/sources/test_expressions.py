"""Compiled expressions say what the JMESPath interpreter says.

Owns: the comparison, and what counts as mentioned. Does not own: what expressions are used for.
Next stop: tests/sources/test_transforms.py.
"""

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sources.arguments import WrongArgument
from app.sources.expressions import ExpressionFailed, compile_expression, plain_names
from app.sources.functions import Interpreted

NAMES = st.sampled_from(["a", "b", "c", "a b"])
SCALARS: st.SearchStrategy[Any] = st.sampled_from([None, True, False, 0, 1, "", "x", [], {}])
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)), max_leaves=12
)
EXPRESSIONS = [
    "a",
    "a.b",
    "a.b.c",
    '"a b".c',
    "a[0]",
    "a[-1].b",
    "a[0][1]",
    "a.b[0].c",
    "a[]",
    "a[].b",
    "a[].b.c",
    "a[*].b",
    "a[][].b",
    "a || b",
    "a.b || b || c",
    "a && b",
    "(a || b).c",
    "(a || b) | c || a",
    "a[].b | [0]",
    "(a || @) | {x: b, y: c.a}",
    "{x: a, y: b.c}",
    "{x: {y: a}}",
    "a.{x: b}",
    "a[].{x: b}",
    "merge(a || `{}`, b || `{}`)",
    "merge(a, b)",
    "from_keys(a)",
    "a[?b]",
    "a[?b=='x'].c | [0]",
    "keys(a)",
    "length(a)",
    "[a, b]",
    "a[1:]",
    "@",
    "`[1]`",
]


def interpreted(text: str, value: Any) -> Any:
    try:
        return jmespath.compile(text).search(value, jmespath.Options(custom_functions=Interpreted()))
    except (jmespath.exceptions.JMESPathError, WrongArgument):
        return "an error"


def compiled(text: str, value: Any) -> Any:
    try:
        return compile_expression(text).get(value)
    except (ExpressionFailed, WrongArgument):
        return "an error"


@pytest.mark.parametrize("text", EXPRESSIONS)
@given(value=VALUES)
def test_compiled_is_interpreted(text: str, value: Any) -> None:
    """For any value, the closure and the interpreter agree, errors included."""
    assert compiled(text, value) == interpreted(text, value)


@pytest.mark.parametrize("text", ["", "a.", "a..b", "[", "a[b]", "nothing(", "a | "])
def test_what_is_no_expression_is_refused(text: str) -> None:
    """A mistake in an expression is found when it is compiled, and quoted."""
    with pytest.raises(ValueError, match="is no JMESPath expression"):
        compile_expression(text)


@pytest.mark.parametrize("text", ["!" * 3_000 + "a", "(" * 3_000, "`" + "[" * 3_000 + "`", "a[?" * 2_000 + "a" + "]" * 2_000])
def test_a_bottomless_expression_is_refused(text: str) -> None:
    """In words that do not repeat all of it, instead of ending the process."""
    with pytest.raises(ValueError, match="nested too deeply") as refused:
        compile_expression(text)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("text", "value", "mentioned"),
    [
        ("a", {"a": None}, True),
        ("a", {}, False),
        ("a", [], False),
        ("a.b", {"a": {"b": None}}, True),
        ("a.b", {"a": None}, False),
        ("a || b.c", {"b": {"c": 1}}, True),
        ("a || b.c", {"b": {}}, False),
    ],
)
def test_a_null_is_told_from_an_absence(text: str, value: Any, mentioned: bool) -> None:
    """Plain paths and their alternatives know whether a payload mentions them."""
    mentions = compile_expression(text).mentions
    assert mentions is not None
    assert mentions(value) is mentioned


def test_only_plain_paths_know() -> None:
    """Anything else cannot tell a null from an absence and says so."""
    assert compile_expression("a[0]").mentions is None
    assert plain_names('a."b c".d') == ["a", "b c", "d"]
    assert plain_names("a[0]") is None


def test_an_error_names_types_and_no_values() -> None:
    """What a function refuses is told by type."""
    with pytest.raises(ExpressionFailed, match=r"^length\(\) expects .*, found number$"):
        compile_expression("length(a)").get({"a": 4711})
    with pytest.raises(WrongArgument, match=r"^merge\(\) expects objects or null, found int$"):
        compile_expression("merge(a)").get({"a": 4711})
