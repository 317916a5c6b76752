"""Hot fields: what must reach neither log nor store (prices, stock, tokens), found by name, type or shape at any depth.

Owns: finding and dropping them. Does not own: which are hot (bindery.yaml, presets). Next stop: app/sources/receive.py.

A search for the names' bytes comes first, so that a body without them pays for nothing else. A body that may hold one is walked and
written anew from what was understood: whatever a duplicate key, an escape or odd spacing hid from the walk is gone as well.
"""

import re
from collections.abc import Collection
from typing import Any

import orjson

from app.errors import Malformed
from app.sources.payload import parse

_ESCAPED_ASCII = re.compile(rb"\\u00[2-7]", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9_.: -]+")
_MASK = bytes.maketrans(b"0123456789", b"##########")
_WORDS = bytes(byte for byte in range(256) if byte > 127 or chr(byte).isalnum())
_MASK_WORDS = bytes.maketrans(_WORDS, b"#" * len(_WORDS))
_TYPES = ("type", "attribute_type")
# What members are called that name the value beside them: `{"attribute_code": "special_price", "value": 9}`.
_NAMES = ("attribute_code", "name", "code", "key")


class HotFields:
    """The hot names (compared without case), attribute types and shapes (objects with exactly these members) of one source.

    A name is found as a member, in a member's label (`Preis (price)`), and as the word that names a value beside it
    (`{"name": "price", "value": 9}`).
    """

    def __init__(self, names: Collection[str], types: Collection[str] = (), shapes: Collection[Collection[str]] = ()) -> None:
        self._names = frozenset(name.lower() for name in names)
        self._types = frozenset(types)
        self._shapes = frozenset(frozenset(shape) for shape in shapes if shape)
        # A body without one member of a shape, the longest, has no such object.
        telling = {max(sorted(shape), key=len) for shape in self._shapes}
        named = {*self._names, *self._types, *telling}
        plain = [name for name in named if _PLAIN.fullmatch(name)]
        # A needle that contains another one is found by it.
        self._needles = tuple(n.lower().encode() for n in plain if not any(o != n and o.lower() in n.lower() for o in plain))
        self._unsearchable = len(plain) < len(named)

    @property
    def active(self) -> bool:
        """Whether anything is hot at this source."""
        return bool(self._names or self._types or self._shapes)

    def suspects(self, body: bytes) -> bool:
        """Whether the body may hold a hot field; False only where it holds none."""
        if not self.active:
            return False
        if self._unsearchable:
            return True
        lowered = body.lower()
        for needle in self._needles:
            if needle in lowered:
                return True
        return b"\\u00" in lowered and _ESCAPED_ASCII.search(body) is not None

    def cleaned(self, value: Any) -> Any:
        """The value without its hot fields; objects and lists are changed in place. Strings that hold JSON are cleaned as well."""
        if isinstance(value, dict):
            for name in list(value):
                child = value[name]
                if self._is_named(name) or self._is_hot(child):
                    del value[name]
                elif isinstance(child, dict | list | str):
                    had = isinstance(child, list) and len(child) > 0
                    value[name] = child = self.cleaned(child)
                    if had and not child:
                        del value[name]
        elif isinstance(value, list):
            value[:] = [self.cleaned(child) for child in value if not self._is_hot(child)]
        elif isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:
            return self._text(value)
        return value

    def _is_named(self, name: str) -> bool:
        """Whether it is hot itself or has a hot label: `Preis (price)`, or the other way round, `Price (USD)`."""
        lowered = name.lower()
        if lowered in self._names or not lowered.endswith(")"):
            return lowered in self._names
        before, opened, within = lowered[:-1].rpartition("(")
        return bool(opened) and ")" not in within and not self._names.isdisjoint((before.rstrip(), within))

    def _is_hot(self, value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        if "value" in value and any(isinstance(name := value.get(word), str) and self._is_named(name) for word in _NAMES):
            return True
        if self._shapes and frozenset(value) in self._shapes:
            return True
        return bool(self._types) and any(isinstance(kind := value.get(name), str) and kind in self._types for name in _TYPES)

    def _text(self, text: str) -> str:
        encoded = text.encode()
        if not self.suspects(encoded):
            return text
        try:
            return orjson.dumps(self.cleaned(parse(encoded))).decode()
        except Malformed:
            return mask(encoded).decode()


def mask(body: bytes) -> bytes:
    """The bytes with every digit hidden."""
    return body.translate(_MASK)


def mask_words(body: bytes) -> bytes:
    """The bytes with every digit, letter and byte beyond ASCII hidden: what stays is the shape."""
    return body.translate(_MASK_WORDS)


def without_members(body: bytes, names: Collection[str]) -> bytes:
    """Bytes that are no JSON, with the value after each of these member names hidden (up to the end of a text that is cut off)."""
    for name in names:
        body = re.sub(rb'("%b"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}\]]+)' % re.escape(name).encode(), rb'\1"*"', body, flags=re.DOTALL)
    return body
