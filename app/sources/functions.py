"""The few functions that presets may call in an expression, beside JMESPath's own.

Owns: the functions, for compiled expressions and for the interpreter. Does not own: compiling (expressions.py).
Next stop: app/sources/expressions.py.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from jmespath import functions

from app.errors import Malformed
from app.sources.payload import parse
from app.sources.transforms import boolean


class WrongArgument(ValueError):
    """A function was given something that it cannot work on. The message holds types, no values."""


def _object(value: Any, name: str) -> dict[str, Any]:
    if value is None or isinstance(value, dict):
        return value or {}
    raise WrongArgument(f"{name}() expects an object or null, found {type(value).__name__}")


def from_keys(keys: Any) -> dict[str, str]:
    """A list of names as an object with empty values: what is left of things that were removed."""
    if keys is not None and not isinstance(keys, list):
        raise WrongArgument(f"from_keys() expects an array or null, found {type(keys).__name__}")
    return {key: "" for key in keys or () if isinstance(key, str)}


def merge(*objects: Any) -> dict[str, Any]:
    """JMESPath's merge(), which checks no types: one object of several, the later ones win."""
    merged: dict[str, Any] = {}
    for each in objects:
        if not isinstance(each, dict):
            raise WrongArgument(f"merge() expects objects, found {type(each).__name__}")
        merged.update(each)
    return merged


def side_of(values: Any, side: Any) -> dict[str, Any]:
    """One side ("new" or "previous") of an Akeneo delta's values, in the shape of Akeneo's product values.

    In: attribute -> [{previous, new, type, locale, scope or channel}]. Out: attribute -> [{data, type, locale, scope}], without those
    whose side is null. Identifiers, which a delta wraps into {data, is_main_identifier}, are unwrapped.
    """
    held = _object(values, "side_of")
    return {attribute: entries for attribute, changes in held.items() if (entries := _entries(changes, side))}


def _entries(changes: Any, side: str) -> list[dict[str, Any]]:
    entries = []
    for change in changes if isinstance(changes, list) else ():
        value = change.get(side) if isinstance(change, dict) else None
        if isinstance(value, dict) and "is_main_identifier" in value:
            value = value.get("data")
        if value is not None:
            scope = change.get("scope")
            entries.append(
                {
                    "data": value,
                    "type": change.get("type"),
                    "locale": change.get("locale"),
                    "scope": change.get("channel") if scope is None else scope,
                }
            )
    return entries


def main_identifier(values: Any, side: Any) -> Any:
    """The value of the main identifier in an Akeneo delta's values, on one side; null where it did not change."""
    for changes in _object(values, "main_identifier").values():
        for change in changes if isinstance(changes, list) else ():
            value = change.get(side) if isinstance(change, dict) else None
            if isinstance(value, dict) and value.get("is_main_identifier") is True:
                return value.get("data")
    return None


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


# Functions that compiled expressions call directly; every other one needs the interpreter.
DIRECT: Mapping[str, Callable[..., Any]] = {
    "from_keys": from_keys,
    "merge": merge,
    "side_of": side_of,
    "main_identifier": main_identifier,
    "parsed": parsed,
    "last_part": last_part,
    "without_query": without_query,
    "first_part": first_part,
    "quoted": quoted,
    "truth": truth,
    "keyed": keyed,
}


class Interpreted(functions.Functions):
    """The same functions for the interpreter."""

    @functions.signature({"types": [], "variadic": True})
    def _func_merge(self, *objects: Any) -> Any:
        return merge(*objects)

    @functions.signature({"types": []})
    def _func_from_keys(self, keys: Any) -> Any:
        return from_keys(keys)

    @functions.signature({"types": []}, {"types": ["string"]})
    def _func_side_of(self, values: Any, side: Any) -> Any:
        return side_of(values, side)

    @functions.signature({"types": []}, {"types": ["string"]})
    def _func_main_identifier(self, values: Any, side: Any) -> Any:
        return main_identifier(values, side)

    @functions.signature({"types": []})
    def _func_parsed(self, text: Any) -> Any:
        return parsed(text)

    @functions.signature({"types": []}, {"types": ["string"]})
    def _func_last_part(self, text: Any, separator: Any) -> Any:
        return last_part(text, separator)

    @functions.signature({"types": []})
    def _func_without_query(self, url: Any) -> Any:
        return without_query(url)

    @functions.signature({"types": []}, {"types": ["string"]})
    def _func_first_part(self, text: Any, separator: Any) -> Any:
        return first_part(text, separator)

    @functions.signature({"types": []})
    def _func_quoted(self, text: Any) -> Any:
        return quoted(text)

    @functions.signature({"types": []})
    def _func_truth(self, flag: Any) -> Any:
        return truth(flag)

    @functions.signature({"types": []})
    def _func_keyed(self, entries: Any) -> Any:
        return keyed(entries)
