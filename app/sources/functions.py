"""The few functions that presets may call in an expression, beside JMESPath's own.

Owns: the functions, for compiled expressions and for the interpreter. Does not own: compiling (expressions.py).
Next stop: app/sources/expressions.py.
"""

import re
from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any
from urllib.parse import quote

from jmespath import functions

from app.errors import Malformed
from app.sources import akeneo, lists
from app.sources.arguments import WrongArgument
from app.sources.payload import parse
from app.sources.transforms import boolean

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]+)\}")


def from_keys(keys: Any) -> dict[str, str]:
    """A list of names (or an object, for its names) as an object with empty values: what is left of things that were removed."""
    if keys is not None and not isinstance(keys, list | dict):
        raise WrongArgument(f"from_keys() expects an array, an object or null, found {type(keys).__name__}")
    return {key: "" for key in keys or () if isinstance(key, str)}


def merge(*objects: Any) -> dict[str, Any]:
    """JMESPath's merge(): one object of several, the later ones win; null is empty here, and so is `[]`, as PHP writes it."""
    merged: dict[str, Any] = {}
    for each in objects:
        if isinstance(each, dict):
            merged.update(each)
        elif each is not None and each != []:
            raise WrongArgument(f"merge() expects objects or null, found {type(each).__name__}")
    return merged


def _text(value: Any, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise WrongArgument(f"{name}() expects a text or null, found {type(value).__name__}")


def parsed(text: Any) -> Any:
    """JSON that stands in a text; null and an empty text are null, what is no text already stays as it is."""
    if not isinstance(text, str):
        return text
    if not text.strip():
        return None
    try:
        return parse(text.encode())
    except Malformed:
        raise WrongArgument("parsed() expects a text that holds JSON, found one that does not") from None


def last_part(text: Any, separator: Any) -> str | None:
    """What stands behind the last separator: `last_part(urn, ':')`; the whole text where there is none, null for null."""
    held = _text(text, "last_part")
    mark = _text(separator, "last_part")
    return held.rpartition(mark)[2] if held is not None and mark else held


def without_query(url: Any) -> str | None:
    """An address without what stands behind `?` or `#` (signatures, cache busters); null for null."""
    held = _text(url, "without_query")
    return held.partition("#")[0].partition("?")[0] if held is not None else None


def first_part(text: Any, separator: Any) -> str | None:
    """What stands before the first separator: `first_part(fileName, '_')`; the whole text where there is none, null for null."""
    held, mark = _text(text, "first_part"), _text(separator, "first_part")
    return held.partition(mark)[0] if held is not None and mark else held


def quoted(text: Any) -> str | None:
    """A path as it is written in an address: percent-encoded, slashes stay; null for null."""
    held = _text(text, "quoted")
    return quote(held, safe="/") if held is not None else None


def truth(flag: Any) -> bool | None:
    """A flag, written as a boolean, as 0 and 1 or in words, as a boolean that JMESPath can ask (to it, 0 is true); null for null."""
    try:
        return None if flag is None or flag == "" else boolean(flag)
    except ValueError as wrong:
        raise WrongArgument(f"truth() {wrong}") from None


def keyed(entries: Any) -> dict[str, Any]:
    """A list of {key, value} as one object; of several values of one key, a list. Entries without either are left out, null is empty."""
    if entries is not None and not isinstance(entries, list):
        raise WrongArgument(f"keyed() expects an array or null, found {type(entries).__name__}")
    held: dict[str, list[Any]] = {}
    for entry in entries or ():
        key, value = (entry.get("key"), entry.get("value")) if isinstance(entry, dict) else (None, None)
        if isinstance(key, str) and value is not None:
            held.setdefault(key, []).extend(value if isinstance(value, list) else [value])
    return {key: values[0] if len(values) == 1 else values for key, values in held.items()}


def filled(template: Any, members: Any) -> str | None:
    """A text with {NAME} placeholders filled from an object, percent-encoded; null where either or a member is missing."""
    held = _text(template, "filled")
    if held is None or not isinstance(members, dict):
        return None
    given = {name: value for name, value in members.items() if isinstance(value, str | int)}
    if any(name not in given for name in _PLACEHOLDER.findall(held)):
        return None
    return _PLACEHOLDER.sub(lambda place: quote(str(given[place.group(1)]), safe=""), held)


# Functions that compiled expressions call directly; every other one needs the interpreter.
DIRECT: Mapping[str, Callable[..., Any]] = {
    "from_keys": from_keys,
    "merge": merge,
    "parsed": parsed,
    "last_part": last_part,
    "without_query": without_query,
    "first_part": first_part,
    "quoted": quoted,
    "truth": truth,
    "keyed": keyed,
    "filled": filled,
    **akeneo.FUNCTIONS,
    **lists.FUNCTIONS,
}


def takes(function: Callable[..., Any], arguments: int) -> bool:
    """Whether the function can be called with so many arguments."""
    parameters = list(signature(function).parameters.values())
    if parameters[-1].kind is Parameter.VAR_POSITIONAL:
        return arguments >= len(parameters)
    return arguments == len(parameters)


def _entry(function: Callable[..., Any]) -> dict[str, Any]:
    """The function as the interpreter knows it, for arguments of any type: the functions check their own."""
    parameters = list(signature(function).parameters.values())
    words: list[dict[str, Any]] = [{"types": []} for _ in parameters]
    if parameters[-1].kind is Parameter.VAR_POSITIONAL:
        words[-1]["variadic"] = True
    return {"function": lambda _self, *arguments: function(*arguments), "signature": tuple(words)}


class Interpreted(functions.Functions):
    """The same functions for the interpreter, beside its own."""


Interpreted.FUNCTION_TABLE = {**functions.Functions.FUNCTION_TABLE, **{name: _entry(function) for name, function in DIRECT.items()}}
