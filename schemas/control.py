"""What stands beside the events: requests that are kept apart, confirmations that senders wait for, what senders say of themselves.

Owns: header names, caps, encoding and decoding of Kept. Does not own: when one is written (app/api/apart.py), what becomes of it
(consumers/control.py). Next stop: consumers/control.py.

Key = name of the source, so that its requests keep their order. The value is the request's body, byte for byte where it has to be verified
again (quarantined), without hot fields and tokens where it is a sample (recorded).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal, Self, cast, get_args

import orjson

Kind = Literal["confirmation", "quarantined", "recorded", "notice"]

# A record stays below the topic's max.message.bytes of 1 MiB: a body of at most 900,000 bytes (max_body_bytes) and these headers.
HEADER_CAP, HEADERS_CAP, HEADERS_BYTES = 4_000, 64, 32_000
_NAMES = ("bindery-kind", "bindery-id", "bindery-arrived-us", "bindery-request", "bindery-about")


@dataclass(frozen=True, slots=True)
class Kept:
    """One request, apart from the events.

    id: 32 hexadecimal digits, the same for the same request kept for the same reason. arrived_us: µs UTC. method, path ("/webhooks/…" with
    its query), headers (lower-case names): as received, as far as they were kept. about: what else is to be known, by kind:
    quarantined {reason}; recorded {recording, verified ("true", "false"), reason}; confirmation {type, topic, url}; notice {notice, type}.
    """

    kind: Kind
    source: str
    arrived_us: int
    body: bytes = b""
    method: str = "POST"
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    id: str = ""

    def entry(self) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
        """Key, value and headers for the control topic."""
        request = orjson.dumps({"method": self.method, "path": self.path, "headers": dict(self.headers)})
        values = (self.kind.encode(), (self.id or self.named()).encode(), b"%d" % self.arrived_us, request, orjson.dumps(dict(self.about)))
        return self.source.encode(), self.body, list(zip(_NAMES, values, strict=True))

    def named(self) -> str:
        """The id by content: in quarantine the same bytes with the same path and headers are one, whenever they arrive; all others are as
        many as they arrive."""
        told = (self.path, dict(self.headers), *(() if self.kind == "quarantined" else (dict(self.about), self.arrived_us)))
        mark = orjson.dumps([self.kind, self.source, *told], option=orjson.OPT_SORT_KEYS)
        return blake2b(mark + self.body, digest_size=16).hexdigest()

    @classmethod
    def read(cls, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> Self:
        """The request of a log record. Raises ValueError naming what is missing (null counts as that) or unreadable."""
        held = {name: header for name, header in headers if header is not None}
        try:
            kind, id_, arrived, request, about = (held[name] for name in _NAMES)
            told = orjson.loads(request)
            if kind.decode() not in get_args(Kind):
                raise ValueError(f"unknown kind {kind[:40]!r}")
            return cls(
                kind=cast("Kind", kind.decode()),
                source=(key or b"").decode(),
                arrived_us=_instant(arrived),
                body=value or b"",
                method=str(told["method"]),
                path=str(told["path"]),
                headers=_texts(told["headers"]),
                about=_texts(orjson.loads(about)),
                id=id_.decode(),
            )
        except KeyError as missing:
            raise ValueError(f"the record has no {missing.args[0]}") from None
        except (UnicodeDecodeError, TypeError) as wrong:
            raise ValueError(f"a header of the record cannot be read: {type(wrong).__name__}") from None


def _instant(text: bytes) -> int:
    at_us = int(text)
    if not 0 <= at_us < 1 << 63:
        raise ValueError("bindery-arrived-us is no instant")
    return at_us


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise ValueError("bindery-request or bindery-about is no object of texts")
    return value


def fitting(headers: Mapping[str, str]) -> dict[str, str]:
    """As many of a request's headers as may be kept, each of them whole: one that was cut would verify nothing."""
    kept: dict[str, str] = {}
    size = 0
    for name, value in headers.items():
        size += len(name) + len(value)
        if name.startswith(":") or len(value) > HEADER_CAP or size > HEADERS_BYTES or len(kept) == HEADERS_CAP:
            continue
        kept[name] = value.encode("utf-8", "replace").decode()
    return kept
