"""The body of a request as data: parsing, places in it, and the resources that it speaks of.

Owns: parse(), Place, several(), Splitter. Does not own: what is dropped (hot.py), what the pieces mean (events.py).
Next stop: app/sources/hot.py.
"""

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from app.errors import Malformed, Unmappable
from app.sources.transforms import found

# Far below what orjson reads (1,024) and writes (254), so that whatever was read can be written and walked by recursion.
MAX_DEPTH = 100
# Pieces repeat what surrounds their list; a request may grow to this much in all before it is refused as unsplittable.
MAX_SPLIT_BYTES = 64 * 1024 * 1024
BODY, NAME, VALUE, REQUEST = "_body", "_name", "_value", "_request"


def parse(body: bytes) -> Any:
    """The body's JSON. Raises Malformed: not JSON, not UTF-8, lone surrogates, nested deeper than MAX_DEPTH."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as wrong:
        raise Malformed(f"the body is not JSON: {wrong.msg} at byte {wrong.pos}") from None
    if may_be_deep(body) and _deeper(parsed, MAX_DEPTH):
        raise Malformed(f"the body is nested deeper than {MAX_DEPTH} levels")
    return parsed


def may_be_deep(body: bytes) -> bool:
    """Whether a body has brackets enough for being nested too deep."""
    return body.count(b"[") + body.count(b"{") > MAX_DEPTH


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
    """A dotted path for changing or dropping what stands there; lists on the way (`name[]`) are gone through."""

    def __init__(self, path: str) -> None:
        self._names = [step.removesuffix("[]") for step in path.split(".")]
        self._first = self._names[0].encode()
        # Of the objects on the way; a body that holds none of their names holds nothing at this place, not even twice.
        self._hints = [name.encode() for name in self._names[-2:]]

    @property
    def name(self) -> str:
        """The last name."""
        return self._names[-1]

    def begun(self, body: bytes) -> bool:
        """Whether the bytes hold the first name of the path: without it change() finds nothing, not even what ends the path early."""
        return self._first in body

    def hinted(self, body: bytes) -> bool:
        """Whether the bytes hold the last names of the path anywhere, be it where a duplicate key hides them from change()."""
        return all(hint in body for hint in self._hints)

    def change(self, body: Any, make: Callable[[str], str]) -> bool:
        """Replaces what stands there by what make() says of it, also where a list or a text stands for an object on the way."""
        spots = list(self._spots(body, 0))
        changed = False
        for holder, name in spots:
            value = holder[name]
            if value not in ("", [], {}) and value is not None and not isinstance(value, bool):
                holder[name] = make(value if isinstance(value, str) else orjson.dumps(value).decode())
                changed = True
        return changed

    def drop(self, body: Any) -> bool:
        """Takes away what stands there; True where there was something."""
        spots = list(self._spots(body, 0))
        for holder, name in spots:
            del holder[name]
        return bool(spots)

    def _spots(self, value: Any, depth: int) -> Iterable[tuple[dict[str, Any], str]]:
        """(object, name) of what stands at the path, or of what ends it early."""
        if isinstance(value, list):
            for entry in value:
                yield from self._spots(entry, depth)
        elif isinstance(value, dict) and (name := self._names[depth]) in value:
            if depth + 1 == len(self._names) or not isinstance(value[name], dict | list):
                yield value, name
            else:
                yield from self._spots(value[name], depth + 1)


def several(body: Any, names: list[str]) -> list[Any] | None:
    """The events of a body that holds a list of them (no names: that is one); None for a body that is one event itself.

    What stands beside the list at the top of the body (a time, a tenant) is added to every event as `_request`. Raises Unmappable where
    that would be more than MAX_SPLIT_BYTES in all.
    """
    held = body
    for name in names:
        held = held.get(name) if isinstance(held, dict) else None
    if not isinstance(held, list):
        return None
    beside = {name: value for name, value in body.items() if name != names[0]} if names else {}
    if not beside:
        return held
    if len(held) * len(orjson.dumps(beside)) > MAX_SPLIT_BYTES:
        raise Unmappable(f"{len(held)} events, each with what stands beside them, exceed {MAX_SPLIT_BYTES} bytes together")
    return [{**event, REQUEST: beside} if isinstance(event, dict) else event for event in held]


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
