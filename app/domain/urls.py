"""URL templates of assets, filled in from the parts that the asset's record holds.

Owns: the expansion and its encoding. Does not own: whether a URL may be given at all (app/domain/rights.py).
Next stop: app/domain/details.py.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from app.domain.facets import Json

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PLAIN = re.compile(r"[A-Za-z0-9._~/-]+").fullmatch


class Expanded(NamedTuple):
    """The URL, or "" and the names of the parts that are not known (none: the template itself is empty)."""

    url: str
    missing: tuple[str, ...] = ()


def expand(template: str, leaves: Mapping[str, Json]) -> Expanded:
    """Fills `{name}` with the leaf `part.<name>`. Parts are raw values: all but RFC 3986 unreserved characters, "/", ":", "," and "@" is
    percent-encoded, so that a part can never reach beyond its place in the URL."""
    if "{" not in template:
        return Expanded(template)
    literals, names = _pieces(template)
    values = [_encoded(leaves.get(f"part.{name}")) for name in names]
    if "" in values:
        return Expanded("", tuple(sorted({name for name, value in zip(names, values, strict=True) if not value})))
    filled = [literals[0]]
    for value, literal in zip(values, literals[1:], strict=True):
        filled += (value, literal)
    return Expanded("".join(filled))


@lru_cache(maxsize=1024)
def _pieces(template: str) -> tuple[list[str], list[str]]:
    pieces = _PLACEHOLDER.split(template)
    return pieces[::2], pieces[1::2]


def _encoded(part: Json) -> str:
    text = "" if part is None else str(part)
    return text if not text or _PLAIN(text) else quote(text, safe="/:,@")
