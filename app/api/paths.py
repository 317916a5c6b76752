"""Paths that hold SKUs and asset ids, which may hold slashes themselves.

Owns: which slash separates and which belongs to a name. Does not own: the routes. Next stop: app/api/skus.py.

A server decodes `%2F` before routing, and then `a%2Fexplain` and `a/explain` are one. So these paths are routed as they were sent: an
encoded slash always belongs to the name, a plain one may do either, and the longest fitting name wins.
"""

from typing import Any
from urllib.parse import unquote

ENCODED = ("/v1/skus/", "/v1/assets/")


def as_sent(scope: Any) -> None:
    """Makes the router see the path as it was sent, where it holds names."""
    if scope["path"].startswith(ENCODED) and b"%" in scope.get("raw_path", b""):
        scope["path"] = scope["raw_path"].decode("latin-1")


def plain(name: str) -> str:
    """A name out of such a path. What is not UTF-8 becomes U+FFFD, which no name holds."""
    return unquote(name, errors="replace")
