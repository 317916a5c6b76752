"""Functions for presets whose senders put several things into one list: which of them belongs to which, and what each is called.

Owns: those functions. Does not own: the other ones (functions.py), what presets make of them (app/sources/presets/).
Next stop: app/sources/functions.py.

JMESPath's filters cannot see what surrounds a list, so "the images of this variant" or "the parent of this product" needs a function.
"""

import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from app.sources.arguments import WrongArgument

# The last pair of parentheses of a label: `Name (on the web) (name)` is about `name`.
_PARENTHESES = re.compile(r"\(([^()]+)\)\s*$")


def _list(values: Any, name: str) -> list[Any]:
    if values is None or isinstance(values, list):
        return values or []
    raise WrongArgument(f"{name}() expects an array or null, found {type(values).__name__}")


def concat(*parts: Any) -> str | None:
    """Texts and whole numbers as one text; null where one of them is null."""
    for part in parts:
        if part is not None and (isinstance(part, bool) or not isinstance(part, str | int)):
            raise WrongArgument(f"concat() expects texts, whole numbers or null, found {type(part).__name__}")
    return None if any(part is None for part in parts) else "".join(map(str, parts))


def prefixed(prefix: Any, values: Any) -> list[str] | None:
    """Every text or whole number of a list behind the same prefix; null where either is null."""
    listed = _list(values, "prefixed")
    if prefix is None or values is None:
        return None
    return [whole for value in listed if (whole := concat(prefix, value)) is not None]


def having(entries: Any, member: Any, *values: Any) -> list[dict[str, Any]] | None:
    """The objects of a list whose member is one of the values, or is a list that holds one; null for null.

    `having(_piece.images, 'variant_ids', id)`; an absent member is null, an empty list equals an empty list.
    """
    listed = _list(entries, "having")
    return None if entries is None else [entry for entry in listed if isinstance(entry, dict) and _is_one(entry.get(member), values)]


def _is_one(held: Any, values: tuple[Any, ...]) -> bool:
    return held in values or (isinstance(held, list) and any(value in held for value in values))


def by_position(entries: Any) -> list[dict[str, Any]] | None:
    """The objects of a list by their member `position`, a number or one in a text; what has none comes first. Null for null."""
    listed = _list(entries, "by_position")
    return None if entries is None else sorted([entry for entry in listed if isinstance(entry, dict)], key=_position)


def _position(entry: dict[str, Any]) -> float:
    try:
        return float(entry.get("position") or 0)
    except (TypeError, ValueError):
        return 0


def line_of(entries: Any, own: Any, above: Any, first: Any) -> list[dict[str, Any]]:
    """The objects of a list from one upwards: the one whose member `own` is `first`, then the one that its member `above` names, …"""
    held = {entry[own]: entry for entry in _list(entries, "line_of") if isinstance(entry, dict) and isinstance(entry.get(own), str | int)}
    line: list[dict[str, Any]] = []
    while isinstance(first, str | int) and (entry := held.pop(first, None)) is not None:
        line.append(entry)
        first = entry.get(above)
    return line


def by_name(entries: Any) -> dict[str, Any]:
    """One object of a list of {name, value} or of bare names (their value is ""); an object stays one. Null is empty.

    A value that is an object of what was and what is now gives what is now (`value`, `new_value` or `new`).
    """
    if isinstance(entries, dict):
        return {name: _now(value) for name, value in entries.items()}
    named: dict[str, Any] = {}
    for entry in _list(entries, "by_name"):
        name = entry.get("name") if isinstance(entry, dict) else entry
        if not isinstance(name, str):
            raise WrongArgument(f"by_name() expects names or objects with a name, found {type(entry).__name__}")
        named[name] = _now(entry) if isinstance(entry, dict) else ""
    return named


def _now(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    held = [value[name] for name in ("value", "new_value", "new") if name in value]
    if not held:
        raise WrongArgument("by_name() expects a value or an object with value, new_value or new")
    return held[0]


def brief(text: Any) -> str | None:
    """A text that may serve as a name: what is longer than 200 characters is cut, 24 digits of the whole behind it; null for null."""
    whole = digest(text)
    return text if whole is None or len(text) <= 200 else f"{text[:200]}~{whole}"


def digest(text: Any) -> str | None:
    """24 hexadecimal digits in place of a text: the id of what has none but its address, which an id must not give away; null for null."""
    if text is not None and not isinstance(text, str):
        raise WrongArgument(f"digest() expects a text or null, found {type(text).__name__}")
    return blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest() if text is not None else None


def in_parentheses(labelled: Any) -> dict[str, Any]:
    """An object whose names read `Label (name)` under the last name in parentheses; names without any stay, and win over a label's."""
    if labelled is not None and not isinstance(labelled, dict):
        raise WrongArgument(f"in_parentheses() expects an object or null, found {type(labelled).__name__}")
    plain: dict[str, Any] = {}
    named: dict[str, Any] = {}
    for label, value in (labelled or {}).items():
        match = _PARENTHESES.search(label)
        (named if match else plain)[match[1] if match else label] = value
    return {**named, **plain}


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "concat": concat,
    "prefixed": prefixed,
    "having": having,
    "by_position": by_position,
    "by_name": by_name,
    "brief": brief,
    "line_of": line_of,
    "digest": digest,
    "in_parentheses": in_parentheses,
}
