"""Letters as they are made: identity, fingerprint, and what of an original may be kept.

Owns: the constructors, letter ids, fingerprints, the allow-list of headers. Does not own: the record format (schemas/letter.py), which
failure becomes a letter (app/domain/failures.py). Next stop: app/domain/letter_states.py.

A letter's id comes from the event alone (source, event id, bytes, key), so the same event failing again, after a crash or a redelivery, is
the same letter. A replayed event carries its letter's id and attempt and fails under them.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Protocol

from app.domain.failures import disposition_of
from app.errors import BinderyError
from schemas.event import Event
from schemas.letter import HEADER_CAP, HEADERS_CAP, MESSAGE_CAP, TEXT_CAP, VALUE_CAP, Headers, Letter, Stage

# Headers of a vendor's request that its mapping may need on a replay: what it is, which event, when. Whatever proves or authorises is out.
_KEPT = re.compile(
    r"content-type|user-agent|ce[_-][a-z0-9_-]+|webhook-(id|timestamp)"
    r"|x-[a-z0-9-]*(topic|event|event-type|event-id|type|delivery|delivery-id|webhook-id|request-id|triggered-at|api-version|timestamp|domain|resource)"
)
_NEVER = re.compile(r"sign|hmac|secret|token|auth|key|cookie|digest|password|credential")
# Set anew by each replay; kept, they would make a letter its own ancestor.
_OF_A_REPLAY = frozenset({"ce_binderyletter", "ce_binderyattempt", "ce_binderyreplay"})


class Place(Protocol):
    """Where a record stands on the log (app.ports.LogRecord has this shape)."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def headers(self) -> Headers: ...


class Unread(Protocol):
    """What a source could not read of a request (app/sources has this shape). `value` holds no hot digits; masked: not replayable."""

    @property
    def value(self) -> bytes: ...
    @property
    def key(self) -> str: ...
    @property
    def event_id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def error(self) -> BinderyError: ...
    @property
    def replayable(self) -> bool: ...


def letter_id(source: str, event_id: str, value: bytes, key: str) -> str:
    """32 hexadecimal digits that name the failing event wherever and whenever it fails."""
    named = blake2b(digest_size=16)
    for part in (source.encode("utf-8", "replace"), event_id.encode("utf-8", "replace"), value, key.encode("utf-8", "replace")):
        named.update(b"%d:" % len(part))
        named.update(part)
    return named.hexdigest()


def fingerprint(source: str, stage: str, error_class: str, message: str, event_type: str) -> str:
    """16 hexadecimal digits, the same for failures of one cause: numbers and list indices in the message do not count."""
    shape = re.sub(r"\d+", "#", re.sub(r"\[\d+\]", "[]", message))
    return blake2b("\n".join((source, stage, error_class, shape, event_type)).encode("utf-8", "replace"), digest_size=8).hexdigest()


def kept_headers(headers: Headers) -> tuple[tuple[str, bytes], ...]:
    """The headers of an original that a letter keeps: by an allow-list, each cut to HEADER_CAP bytes, at most HEADERS_CAP of them."""
    kept = [
        (name, bytes(value)[:HEADER_CAP])
        for name, value in headers
        if len(name) <= 100
        and name.lower() not in _OF_A_REPLAY
        and _KEPT.fullmatch(name.lower())
        and (name.lower().startswith("ce_") or not _NEVER.search(name.lower()))
    ]
    return tuple(kept[:HEADERS_CAP])


def letter_of_event(
    event: Event, *, record: Place | None, error: Exception, stage: Stage, now_us: int, code_version: str, config_version: int
) -> Letter:
    """The letter of an event that was read from the log. `record` is its place there, None where it never got that far."""
    headers = kept_headers(record.headers if record else event.headers())
    letter = _letter(event, headers, error, stage, now_us)
    letter = replace(letter, code_version=code_version, config_version=config_version)
    if record is None:
        return letter
    return replace(letter, topic=record.topic, partition=record.partition, offset=record.offset, timestamp_ms=record.timestamp)


def letter_of_unread(
    source_name: str,
    unread: Unread,
    *,
    arrived_us: int,
    era: int,
    now_us: int,
    code_version: str,
    config_version: int,
    headers: Mapping[str, str] | None = None,
) -> Letter:
    """The letter of a request, or a piece of one, that its source could not read. headers: of the request; an allow-list chooses."""
    event = Event(
        id=unread.event_id,
        source=source_name,
        type=unread.type,
        key=unread.key,
        value=unread.value,
        arrived_us=arrived_us,
        era=era,
    )
    kept = kept_headers([(name, value.encode("utf-8", "replace")) for name, value in (headers or {}).items()])
    made = _letter(event, kept, unread.error, "ingress", now_us)
    return replace(made, code_version=code_version, config_version=config_version, replayable=made.replayable and unread.replayable)


def _letter(event: Event, headers: tuple[tuple[str, bytes], ...], error: Exception, stage: Stage, now_us: int) -> Letter:
    error_class, message = type(error).__name__, told(error)
    cut = len(event.value) > VALUE_CAP or max(len(event.key), len(event.id), len(event.type)) > TEXT_CAP
    return Letter(
        id=event.letter or letter_id(event.source, event.id, event.value, event.key),
        key=encodable(event.key, TEXT_CAP),
        value=event.value[:VALUE_CAP],
        headers=headers,
        topic="",
        partition=-1,
        offset=-1,
        timestamp_ms=-1,
        source=event.source,
        stage=stage,
        error_class=error_class,
        message=message,
        fingerprint=fingerprint(event.source, stage, error_class, message, event.type),
        disposition=disposition_of(error, stage),
        attempt=event.attempt,
        first_failed_us=now_us,
        last_failed_us=now_us,
        arrived_us=event.arrived_us,
        era=event.era,
        type=encodable(event.type, TEXT_CAP),
        event_id=encodable(event.id, TEXT_CAP),
        code_version="",
        config_version=0,
        replayable=not cut,
        truncated_from=len(event.value) if cut else 0,
    )


def told(error: Exception) -> str:
    """The error in words for a letter. A defect's own text may quote what it stumbled over, and letters name no values."""
    words = str(error) if isinstance(error, BinderyError) else "an unexpected error, a defect of Bindery; the service's log has the details"
    return plain(words, MESSAGE_CAP)


def encodable(text: str, cap: int) -> str:
    """Text that UTF-8 can hold, at most `cap` characters; lone surrogates become question marks."""
    return text[:cap].encode("utf-8", "replace").decode()


def plain(text: str, cap: int) -> str:
    """Text fit for one line of a terminal: encodable, without control characters, at most `cap` characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in encodable(text, cap))
