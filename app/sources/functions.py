"""The few functions that presets may call in an expression, beside JMESPath's own.

Owns: the functions, for compiled expressions and for the interpreter. Does not own: compiling (expressions.py).
Next stop: app/sources/expressions.py.
"""

from collections.abc import Callable, Mapping
from typing import Any

from jmespath import functions


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


# Functions that compiled expressions call directly; every other one needs the interpreter.
DIRECT: Mapping[str, Callable[..., Any]] = {"from_keys": from_keys, "merge": merge, "side_of": side_of, "main_identifier": main_identifier}


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
