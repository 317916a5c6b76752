"""URL templates of assets, filled in from the parts that the asset's record holds.

Owns: the expansion and its encoding. Does not own: whether a URL may be given at all (app/domain/rights.py).
Next stop: app/domain/details.py.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from app.domain.facets import Json

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PLAIN = re.compile(r"[A-Za-z0-9._~/-]+").fullmatch


def expand(template: str, leaves: Mapping[str, Json]) -> str:
    """Fills `{name}` with the leaf `part.<name>`; "" where a part is missing. Parts are raw values: all but RFC 3986 unreserved characters,
    "/", ":", "," and "@" is percent-encoded, so that a part can never reach beyond its place in the URL."""
    if "{" not in template:
        return template
    pattern, joined, paths = _compiled(template)
    values = tuple([leaves.get(path) for path in paths])
    if None in values or "" in values:
        return ""
    if not _PLAIN(joined % values):
        values = tuple([quote(str(value), safe="/:,@") for value in values])
    return pattern % values


def missing(template: str, leaves: Mapping[str, Json]) -> list[str]:
    """The names of the parts that a template needs and the record does not hold, sorted."""
    return sorted({path[5:] for path in _compiled(template)[2] if leaves.get(path) in (None, "")})


@lru_cache(maxsize=1024)
def _compiled(template: str) -> tuple[str, str, list[str]]:
    """The template as a pattern for the % operator, the same without its literal text, and the path of the leaf for each place."""
    pieces = _PLACEHOLDER.split(template)
    paths = [f"part.{name}" for name in pieces[1::2]]
    return "%s".join(piece.replace("%", "%%") for piece in pieces[::2]), "%s" * len(paths), paths
