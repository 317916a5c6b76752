"""What goes in and out of a vendor server, and how it may misbehave.

Owns: Request, Reply, reply(), Limits, Fault. Does not own: serving (serving.py), the wire (connections.py). Next stop: serving.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}
Misbehaviour = Literal["status", "nothing", "half", "wrong", "endless", "close", "empty"]


@dataclass(slots=True)
class Request:
    """One request as it came. query: name -> its values, in order. headers: lower-case names."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body or b"null")


@dataclass(slots=True)
class Reply:
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


def reply(data: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, orjson.dumps(data), {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass(slots=True)
class Limits:
    """open_at_once: requests under way. per: (requests, seconds) pairs, over any window of that length."""

    open_at_once: int = 1_000
    per: tuple[tuple[int, float], ...] = ()


@dataclass(slots=True)
class Fault:
    """One misbehaviour.

    status: answer with it (and with retry_after, seconds or a date, where given). nothing: never answer. half: end the connection in the
    middle of the body. wrong: 200 with text that is no JSON. empty: 200 with `{}`. endless: a body without end. close: end the connection
    at once. times: how often, None for ever. only: on paths that contain this text.
    """

    kind: Misbehaviour
    status: int = 500
    retry_after: str = ""
    times: int | None = 1
    only: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
