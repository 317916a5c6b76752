"""What the webhook door does with requests that are no events: handshakes, confirmations, quarantine, samples, notices.

Owns: which of these a request is, what is kept of it. Does not own: the order of the checks (app/api/webhooks.py), the words for them
(app/sources/handshakes.py), what becomes of what was kept (consumers/control.py). Next stop: consumers/control.py.

What is kept goes to the control topic and is durable before the answer, like events; only samples are not worth a request's time.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from app.api.deps import Api
from app.api.first_secrets import FirstSecrets
from app.api.metrics import Counts
from app.api.problems import Problem
from app.errors import EngineDown, EntryRefused
from app.kept.recordings import Recording
from app.ports import Entry
from app.sources.credentials import UnacceptedTopic
from app.sources.source import Source
from schemas import topics
from schemas.control import Kept, fitting

log_line = structlog.get_logger(__name__)

QUARANTINED, CONFIRMATION, HANDSHAKE, CHALLENGE = "quarantined", "confirmation", "handshake", "challenge"
# What a sender asks beside sending events, and is answered.
ANSWERED = frozenset({CONFIRMATION, HANDSHAKE, CHALLENGE})
NOTHING = b'{"accepted":[],"dead_letters":[]}'
# Junk that is answered 200 costs its sender nothing and us a place on the log: so much at once, and then so much per second.
ROOM_BYTES, ROOM_BYTES_PER_S = 32 << 20, 1 << 20
# Of headers that stay out of samples, beside those that the source's own scheme reads.
_PRIVATE = re.compile(r"sign|hmac|secret|token|auth|key|cookie|digest|password|credential|forwarded|real-ip")


@dataclass(slots=True)
class Request:
    """One request at the door. headers: lower-case names. due_s: by when it must be answered (the loop's clock). at_us: arrival, µs UTC."""

    scope: Mapping[str, Any]
    headers: dict[str, str]
    body: bytes
    at_us: int
    due_s: float
    loop: asyncio.AbstractEventLoop

    @property
    def path(self) -> str:
        """The raw path with its query, as received."""
        return path_of(self.scope)


def path_of(scope: Mapping[str, Any]) -> str:
    """The raw path of a request with its query, as received."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return (raw + b"?" + query if query else raw).decode("latin-1")


class Room:
    """How many bytes of one source's junk are taken: a store that refills."""

    def __init__(self) -> None:
        self._left, self._at_s = float(ROOM_BYTES), 0.0

    def takes(self, size: int, now_s: float) -> bool:
        """Whether so many bytes more are taken now."""
        self._left = min(ROOM_BYTES, self._left + (now_s - self._at_s) * ROOM_BYTES_PER_S)
        self._at_s = now_s
        if size > self._left:
            return False
        self._left -= size
        return True


class Recorder:
    """Keeps samples of one source for one recording, as far as this process sees its requests."""

    def __init__(self, api: Api, recording: Recording) -> None:
        self.recording = recording
        self._api, self._left = api, recording.count
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, source: Source, request: Request, reason: str) -> None:
        """Keeps a sample of this request, redacted. reason: why it is not proved to be genuine, "" where it is."""
        if self._left <= 0 or not self.recording.active(request.at_us):
            return
        self._left -= 1
        about = {"recording": self.recording.id, "verified": "false" if reason else "true", "reason": str(reason)}
        kept = Kept(
            "recorded",
            source.name,
            request.at_us,
            source.redacted(request.body),
            request.scope["method"],
            _path_without_secrets(source, request.scope),
            {name: value for name, value in fitting(request.headers).items() if not _private(source, name)},
            about,
        )
        task = request.loop.create_task(self._append(kept))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _append(self, kept: Kept) -> None:
        """Failure policy: a sample that the log does not take is reported and missing; the next request makes another one."""
        try:
            await self._api.log.append(topics.CONTROL, [Entry(*kept.entry())])
        except (EngineDown, EntryRefused) as failed:
            self._left += 1
            log_line.warning("webhook.sample_lost", source=kept.source, error=type(failed).__name__, detail=str(failed))


def _private(source: Source, header: str) -> bool:
    return header in source.private_headers or _PRIVATE.search(header) is not None


def _path_without_secrets(source: Source, scope: Mapping[str, Any]) -> str:
    """The path of a sample: without the query, which may hold a token, and without a last segment that is one."""
    path = path_of(scope).partition("?")[0]
    # A slash at the end hides no token: the verifier looks past it, too.
    return path.rstrip("/").rpartition("/")[0] + "/redacted" if ":path" in source.private_headers else path


class Apart:
    """Handshakes and what is kept apart, for all sources of one process."""

    def __init__(self, api: Api, first_secrets: FirstSecrets) -> None:
        self._api, self._first_secrets = api, first_secrets
        self._rooms: dict[str, Room] = {}

    async def keep(self, kept: Kept, request: Request) -> None:
        """Makes it durable. Raises LogUnavailable, EntryRefused."""
        left_s = request.due_s - request.loop.time()
        await self._api.log.append(topics.CONTROL, [Entry(*kept.entry())], deadline_s=max(left_s, 0.001))

    async def shared_secret(self, source: Source, counts: Counts, request: Request) -> bytes:
        """The answer to a handshake that tells a secret: ours, or the first one where none is there yet. Raises Problem (401, 503)."""
        assert source.handshakes is not None
        shared = source.handshakes.shared
        assert shared is not None
        secret = shared.told(request.body)
        if not secret:
            text = f"The handshake holds no usable secret: JSON with a text of 8 to 1,000 characters in {shared.member!r} is expected."
            raise Problem("bad-signature", text, headers={"www-authenticate": "Webhook-Signature"})
        if not shared.fits(secret):
            if not await self._first_secrets.take(source.name, secret):
                text = f"The handshake's secret is not the one that {source.name!r} is configured with. Compare both ends."
                raise Problem("bad-signature", text, headers={"www-authenticate": "Webhook-Signature"})
            log_line.warning("webhook.first_secret", source=source.name, file=str(self._first_secrets.file(source.name)))
            await self.keep(Kept("notice", source.name, request.at_us, about={"notice": "secret", "type": "handshake"}), request)
        counts.outcomes[HANDSHAKE] += 1
        return NOTHING

    async def confirmation(self, source: Source, counts: Counts, request: Request, reason: str) -> bytes | None:
        """The answer to a message of SNS that is to be confirmed, also by a topic that nobody accepted yet; None for all others."""
        handshakes = source.handshakes
        if handshakes is None or not handshakes.sns or (reason and not isinstance(reason, UnacceptedTopic)):
            return None
        asked = handshakes.confirmation(request.body)
        if asked is None:
            return None
        about = {"type": asked.type, "topic": asked.topic, "url": asked.url} | ({"accepted_by": "topic_arn"} if handshakes.pinned else {})
        await self.keep(Kept("confirmation", source.name, request.at_us, about=about), request)
        log_line.info("webhook.confirmation", source=source.name, type=asked.type, topic=asked.topic, accepted=not reason)
        counts.outcomes[CONFIRMATION] += 1
        return NOTHING

    async def quarantine(self, source: Source, counts: Counts, request: Request, reason: str) -> bytes | None:
        """Keeps a request that is not proved to be genuine, whole, since it is verified again; None where its headers are too many for it.

        Raises Problem (429) where this source sends more of them than anyone would mend.
        """
        headers = fitting(request.headers)
        if len(headers) < sum(not name.startswith(":") for name in request.headers):
            return None
        if not self._rooms.setdefault(source.name, Room()).takes(len(request.body) + 1_000, request.loop.time()):
            text = f"Too many requests of {source.name!r} are not proved to come from it. Compare the secrets of both ends; send it again."
            raise Problem("too-much-in-flight", text, headers={"retry-after": "30"})
        kept = Kept(
            "quarantined", source.name, request.at_us, request.body, request.scope["method"], request.path, headers, {"reason": str(reason)}
        )
        await self.keep(kept, request)
        counts.outcomes[QUARANTINED] += 1
        counts.last_error, counts.last_error_us = f"in quarantine: {reason}", request.at_us
        log_line.info("webhook.quarantined", source=source.name, reason=str(reason))
        return NOTHING
