"""JMESPath expressions, compiled at load.

Owns: compiling an expression into a closure. Does not own: the functions presets may call (functions.py), what expressions are for.
Next stop: app/sources/mapping.py.

Paths, alternatives, objects and a few functions (`a.b[0].c`, `a[].b`, `a || b.c`, `{x: a.b}`) become closures, since the interpreter
would cost more than everything else together; the rest (filters, slices, other functions) is interpreted. Both give what JMESPath says:
tests/sources/test_expressions.py compares them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import jmespath
from jmespath import exceptions

from app.sources.arguments import WrongArgument
from app.sources.functions import DIRECT, Interpreted, takes

Getter = Callable[[Any], Any]


class ExpressionFailed(ValueError):
    """An expression met a value of a type it cannot work on. The message holds types, no values."""


def _is_false(value: Any) -> bool:
    """JMESPath's falsehood: null, false and whatever is empty; zero is true."""
    return value is None or value is False or (isinstance(value, str | list | dict) and not value)


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. get: value -> result, None for null; raises ExpressionFailed. mentions: whether the value holds the path at
    all, be it null (None for expressions that are no plain path: there a null cannot be told from an absence)."""

    text: str
    get: Getter
    mentions: Callable[[Any], bool] | None = None


def compile_expression(text: str) -> Expression:
    """Compiles. Raises ValueError saying what is wrong with the expression."""
    try:
        return _compiled(text)
    except RecursionError:
        raise ValueError(f"{text[:60]!r} is nested too deeply for an expression") from None


def _compiled(text: str) -> Expression:
    try:
        parsed = jmespath.compile(text)
    except exceptions.JMESPathError as wrong:
        # The first line says what is wrong; the others draw an arrow below the expression, which is quoted here already.
        why = str(wrong).partition("\n")[0].partition(", for expression")[0].rpartition("jmespath expression: ")[2].rstrip(":")
        raise ValueError(f"{text!r} is no JMESPath expression: {why[:120]}") from None
    tree: Any = parsed.parsed
    _check_calls(tree, text)
    getter = _closure(tree)
    if getter is None:
        return Expression(text, _interpreted(text, parsed))
    return Expression(text, getter, _mentions(tree))


def _check_calls(node: Any, text: str) -> None:
    """Raises ValueError for a function that is not there, or not with so many arguments: the interpreter would say so at every event."""
    if node["type"] == "function_expression":
        known = Interpreted.FUNCTION_TABLE.get(node["value"])
        if known is None:
            close = get_close_matches(node["value"], sorted(Interpreted.FUNCTION_TABLE), 1)
            raise ValueError(f"{text!r} calls {node['value']}(), which is no function{f'; did you mean {close[0]}()?' if close else ''}")
        given, wanted = len(node["children"]), len(known["signature"])
        if given < wanted if wanted and known["signature"][-1].get("variadic") else given != wanted:
            raise ValueError(f"{text!r} calls {node['value']}() with {given} arguments, it takes {wanted}")
    for child in node["children"]:
        if isinstance(child, dict):  # The ends of a slice are numbers.
            _check_calls(child, text)


def plain_names(text: str) -> list[str] | None:
    """The names of a plain dotted path (`a."b c".d`), None for any other expression. Raises ValueError where it is none at all."""
    compile_expression(text)
    tree: Any = jmespath.compile(text).parsed
    return _names(tree)


def _closure(node: dict[str, Any]) -> Getter | None:
    """The node as a closure, None where it needs the interpreter."""
    make = _CLOSURES.get(node["type"])
    if make is None:
        return None
    children = [_closure(child) for child in node["children"]]
    return None if any(child is None for child in children) else make(node, children)


def _field(node: dict[str, Any], _: list[Any]) -> Getter:
    name = node["value"]
    return lambda value: value.get(name) if isinstance(value, dict) else None


def _index(node: dict[str, Any], _: list[Any]) -> Getter:
    at = node["value"]

    def index(value: Any) -> Any:
        return value[at] if isinstance(value, list) and -len(value) <= at < len(value) else None

    return index


def _chain(node: dict[str, Any], steps: list[Getter]) -> Getter:
    names = _names(node)
    if names is not None:
        return _dotted(names)
    if len(steps) == 2:
        first, second = steps
        return lambda value: second(first(value))

    def chain(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return chain


def _names(node: dict[str, Any]) -> list[str] | None:
    """The names of a path of plain fields, None for anything else."""
    if node["type"] == "field":
        return [node["value"]]
    if node["type"] == "subexpression":
        parts = [_names(child) for child in node["children"]]
        return [name for part in parts for name in part or ()] if all(parts) else None
    return None


def _dotted(names: list[str]) -> Getter:
    if len(names) == 2:
        first, second = names

        def two(value: Any) -> Any:
            inner = value.get(first) if isinstance(value, dict) else None
            return inner.get(second) if isinstance(inner, dict) else None

        return two

    def dotted(value: Any) -> Any:
        for name in names:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value

    return dotted


def _or(_: dict[str, Any], sides: list[Getter]) -> Getter:
    left, right = sides

    def either(value: Any) -> Any:
        found = left(value)
        return right(value) if _is_false(found) else found

    return either


def _projection(_: dict[str, Any], sides: list[Getter]) -> Getter:
    base, each = sides

    def project(value: Any) -> Any:
        elements = base(value)
        return [found for element in elements if (found := each(element)) is not None] if isinstance(elements, list) else None

    return project


def _flatten(_: dict[str, Any], sides: list[Getter]) -> Getter:
    (base,) = sides

    def flatten(value: Any) -> Any:
        elements = base(value)
        if not isinstance(elements, list):
            return None
        flat: list[Any] = []
        for element in elements:
            if isinstance(element, list):
                flat.extend(element)
            else:
                flat.append(element)
        return flat

    return flatten


def _and(_: dict[str, Any], sides: list[Getter]) -> Getter:
    left, right = sides

    def both(value: Any) -> Any:
        found = left(value)
        return found if _is_false(found) else right(value)

    return both


def _object(node: dict[str, Any], members: list[Getter]) -> Getter:
    named = [(child["value"], member) for child, member in zip(node["children"], members, strict=True)]

    def build(value: Any) -> Any:
        return None if value is None else {name: member(value) for name, member in named}

    return build


def _list(_: dict[str, Any], members: list[Getter]) -> Getter:
    return lambda value: None if value is None else [member(value) for member in members]


def _literal(node: dict[str, Any], _: list[Getter]) -> Getter:
    literal = node["value"]
    return lambda _value: literal


def _call(node: dict[str, Any], arguments: list[Getter]) -> Getter | None:
    function = DIRECT.get(node["value"])
    if function is None or not takes(function, len(arguments)):
        return None
    if len(arguments) == 1:
        (only,) = arguments
        return lambda value: function(only(value))
    return lambda value: function(*[argument(value) for argument in arguments])


_CLOSURES: dict[str, Callable[[dict[str, Any], list[Any]], Getter | None]] = {
    "field": _field,
    "index": _index,
    "subexpression": _chain,
    "index_expression": _chain,
    "pipe": _chain,
    "or_expression": _or,
    "and_expression": _and,
    "multi_select_dict": _object,
    "multi_select_list": _list,
    "key_val_pair": lambda _node, children: children[0],
    "literal": _literal,
    "function_expression": _call,
    "projection": _projection,
    "flatten": _flatten,
    "identity": lambda _node, _children: lambda value: value,
    "current": lambda _node, _children: lambda value: value,
}


def _mentions(node: dict[str, Any]) -> Callable[[Any], bool] | None:
    """Whether a value holds the path, for plain paths and alternatives of them."""
    if node["type"] == "or_expression":
        sides = [_mentions(child) for child in node["children"]]
        left, right = sides
        return (lambda value: left(value) or right(value)) if left and right else None
    names = _names(node)
    if names is None:
        return None
    *parents, last = names
    parent = _dotted(parents) if parents else lambda value: value

    def mentions(value: Any) -> bool:
        holder = parent(value)
        return isinstance(holder, dict) and last in holder

    return mentions


def _interpreted(text: str, parsed: Any) -> Getter:
    options = jmespath.Options(custom_functions=Interpreted())

    def search(value: Any) -> Any:
        try:
            return parsed.search(value, options)
        except WrongArgument:
            raise
        except exceptions.JMESPathTypeError as wrong:
            raise ExpressionFailed(f"{wrong.function_name}() expects {'/'.join(wrong.expected_types)}, found {wrong.actual_type}") from None
        except (exceptions.JMESPathError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as wrong:
            # The interpreter walks whatever a sender wrote; its built-ins leak such errors for types they do not check.
            raise ExpressionFailed(f"the expression {text[:60]!r} fails ({type(wrong).__name__})") from None

    return search
