"""The body of a request as data: parsing, places in it, and the resources that it speaks of.

Owns: parse(), Place, Splitter. Does not own: what is dropped (hot.py), what the pieces mean (events.py). Next stop: app/sources/hot.py.
"""

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from app.errors import Malformed
from app.sources.transforms import found

# Far below what orjson reads (1,024) and writes (254), so that whatever was read can be written and walked by recursion.
MAX_DEPTH = 100
BODY, NAME, VALUE = "_body", "_name", "_value"


def parse(body: bytes) -> Any:
    """The body's JSON. Raises Malformed: not JSON, not UTF-8, lone surrogates, nested deeper than MAX_DEPTH."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as wrong:
        raise Malformed(f"the body is not JSON: {wrong.msg} at byte {wrong.pos}") from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _deeper(parsed, MAX_DEPTH):
        raise Malformed(f"the body is nested deeper than {MAX_DEPTH} levels")
    return parsed


def _deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [child for parent in level for child in _children(parent) if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _children(parent: Any) -> Iterable[Any]:
    return parent.values() if isinstance(parent, dict) else parent if isinstance(parent, list) else ()


class Place:
    """A dotted path whose `name[]` segments go through a list, for changing or dropping what stands there."""

    def __init__(self, path: str) -> None:
        self._steps = [(step.removesuffix("[]"), step.endswith("[]")) for step in path.split(".")]
        self._last = self._steps.pop()[0]

    def change(self, body: Any, make: Callable[[str], str]) -> bool:
        """Replaces strings and numbers there by what make() says of them; True where there was one."""
        changed = False
        for holder in self._holders(body):
            value = holder[self._last]
            if isinstance(value, str | int | float) and value != "" and not isinstance(value, bool):
                holder[self._last] = make(str(value))
                changed = True
        return changed

    def drop(self, body: Any) -> bool:
        """Takes away what stands there; True where there was something."""
        holders = self._holders(body)
        for holder in holders:
            del holder[self._last]
        return bool(holders)

    def _holders(self, body: Any) -> list[dict[str, Any]]:
        """The objects that hold the last name."""
        holders: list[Any] = [body]
        for name, through in self._steps:
            holders = [holder[name] for holder in holders if isinstance(holder, dict) and name in holder]
            if through:
                holders = [entry for listed in holders if isinstance(listed, list) for entry in listed]
        return [holder for holder in holders if isinstance(holder, dict) and self._last in holder]


class Splitter:
    """Where the list or map of resources stands (no names: the body itself)."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._label = ".".join(names) or "the body"

    def scopes(self, body: Any) -> list[dict[str, Any]]:
        """One scope per resource: its members, `_body` and, in a map, `_name`. Raises ValueError for a body that cannot be split."""
        held = self._held(body)
        named = list(held.items()) if isinstance(held, dict) else [(None, resource) for resource in held]
        return [{**(resource if isinstance(resource, dict) else {VALUE: resource}), BODY: body, NAME: name} for name, resource in named]

    def alone(self, body: Any) -> list[Any]:
        """The body once per resource, each with this one resource in its list or map, so that every piece keeps the sender's shape."""
        held = self._held(body)
        pieces: list[Any] = [{name: entry} for name, entry in held.items()] if isinstance(held, dict) else [[entry] for entry in held]
        return [_with(body, self._names, piece) for piece in pieces]

    def _held(self, body: Any) -> dict[str, Any] | list[Any]:
        held = body
        for name in self._names:
            held = held.get(name) if isinstance(held, dict) else None
        if not isinstance(held, dict | list):
            raise ValueError(f"resources at {self._label}: expected a list or an object of resources, found {found(held)}")
        return held


def _with(body: Any, names: list[str], piece: Any) -> Any:
    if not names:
        return piece
    return {**body, names[0]: _with(body[names[0]], names[1:], piece)}
