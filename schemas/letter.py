"""A letter on the log, and what became of one: the original bytes as the value, everything about the failure in headers.

Owns: header names, caps, encoding and decoding of Letter and Outcome. Does not own: when a letter is written (app/domain/failures.py), its
identity and states (app/domain/letters.py, app/domain/letter_states.py). Next stop: app/domain/letters.py.

Key = letter id, so that all that is said of one letter stays in order. Headers named as Kafka Connect names them (KIP-298,
`org.apache.kafka.connect.runtime.errors.DeadLetterQueueReporter`) can be read by existing tools; the rest is `bindery-…`. The original
record's headers keep their names and stand beside them. Secrets and signatures are never in: headers are chosen by an allow-list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self, cast, get_args

Headers = Sequence[tuple[str, bytes]]
Stage = Literal["ingress", "map", "store", "task"]
Disposition = Literal["malformed", "unmappable", "exhausted", "rejected"]
Ending = Literal["resolved", "superseded"]

# A letter stays below the topic's max.message.bytes of 1 MiB: the value, and at most 64 KiB of headers.
VALUE_CAP = 900_000
MESSAGE_CAP = 1_000
TEXT_CAP = 1_000
HEADER_CAP = 1_000
HEADERS_CAP = 40

CONNECT = "__connect.errors."
OURS = "bindery-"
KIND = "bindery-kind"
LETTER = b"letter"


@dataclass(frozen=True, slots=True)
class Letter:
    """One failure of one event.

    id: letter id. key: the original record's key. value: original bytes, possibly cut (then `truncated_from` is their length). headers:
    those of the original that are safe to keep. topic, partition, offset, timestamp_ms: where the failing record stood; "" and -1 for what
    never was on the log. source: the configured source's name. error_class, message: what failed, by path and type, without values.
    fingerprint: the same for failures of one cause. attempt: 0 for the first failure, +1 for each replay. …_us: microseconds UTC.
    arrived_us, era: of the first arrival, stamped by the ingress. replayable: the bytes are complete and unmasked.
    """

    id: str
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    source: str
    stage: Stage
    error_class: str
    message: str
    fingerprint: str
    disposition: Disposition
    attempt: int
    first_failed_us: int
    last_failed_us: int
    arrived_us: int
    era: int
    type: str
    event_id: str
    code_version: str
    config_version: int
    replayable: bool
    truncated_from: int = 0

    def entry(self) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
        """Key, value and headers for the topic of letters."""
        place: list[tuple[str, str | int]] = []
        if self.topic:
            place = [
                (CONNECT + "topic", self.topic),
                (CONNECT + "partition", self.partition),
                (CONNECT + "offset", self.offset),
                ("bindery-original-timestamp-ms", self.timestamp_ms),
            ]
        about: list[tuple[str, str | int]] = [
            (CONNECT + "connector.name", self.source),
            (CONNECT + "stage", self.stage),
            (CONNECT + "exception.class.name", self.error_class),
            (CONNECT + "exception.message", self.message),
            ("bindery-original-key", self.key),
            ("bindery-fingerprint", self.fingerprint),
            ("bindery-disposition", self.disposition),
            ("bindery-attempt", self.attempt),
            ("bindery-first-failed-us", self.first_failed_us),
            ("bindery-last-failed-us", self.last_failed_us),
            ("bindery-arrived-us", self.arrived_us),
            ("bindery-era", self.era),
            ("bindery-event-type", self.type),
            ("bindery-event-id", self.event_id),
            ("bindery-code-version", self.code_version),
            ("bindery-config-version", self.config_version),
            ("bindery-replayable", "true" if self.replayable else "false"),
        ]
        if self.truncated_from:
            about.append(("bindery-truncated-from", self.truncated_from))
        headers = [(KIND, LETTER), *((name, str(value).encode("utf-8", "replace")) for name, value in place + about)]
        return self.id.encode(), self.value, [*self.headers, *headers]

    @classmethod
    def read(cls, key: bytes | None, value: bytes | None, headers: Headers) -> Self:
        """The letter of a log record. Raises ValueError naming what is missing or unreadable."""
        held = _Held(headers, LETTER)
        stage, disposition = held.text(CONNECT + "stage"), held.text("bindery-disposition")
        if stage not in get_args(Stage) or disposition not in get_args(Disposition):
            raise ValueError(f"the letter names an unknown stage or disposition: {stage[:40]!r}, {disposition[:40]!r}")
        return cls(
            id=(key or b"").decode(),
            key=held.text("bindery-original-key"),
            value=value or b"",
            headers=tuple((name, bytes(text)) for name, text in headers if not name.startswith((CONNECT, OURS))),
            topic=held.text(CONNECT + "topic", ""),
            partition=held.number(CONNECT + "partition", -1),
            offset=held.number(CONNECT + "offset", -1),
            timestamp_ms=held.number("bindery-original-timestamp-ms", -1),
            source=held.text(CONNECT + "connector.name"),
            stage=cast("Stage", stage),
            error_class=held.text(CONNECT + "exception.class.name"),
            message=held.text(CONNECT + "exception.message"),
            fingerprint=held.text("bindery-fingerprint"),
            disposition=cast("Disposition", disposition),
            attempt=held.number("bindery-attempt"),
            first_failed_us=held.number("bindery-first-failed-us"),
            last_failed_us=held.number("bindery-last-failed-us"),
            arrived_us=held.number("bindery-arrived-us"),
            era=held.number("bindery-era"),
            type=held.text("bindery-event-type"),
            event_id=held.text("bindery-event-id"),
            code_version=held.text("bindery-code-version"),
            config_version=held.number("bindery-config-version"),
            replayable=held.text("bindery-replayable") == "true",
            truncated_from=held.number("bindery-truncated-from", 0),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a letter's event at one attempt: it went through (resolved), or a newer full state made it idle (superseded)."""

    id: str
    attempt: int
    outcome: Ending
    at_us: int
    why: str

    def entry(self) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
        """Key, value (empty) and headers for the topic of letters."""
        about: list[tuple[str, str | int]] = [
            (KIND, self.outcome),
            ("bindery-attempt", self.attempt),
            ("bindery-at-us", self.at_us),
            ("bindery-why", self.why[:TEXT_CAP]),
        ]
        return self.id.encode(), b"", [(name, str(value).encode("utf-8", "replace")) for name, value in about]

    @classmethod
    def read(cls, key: bytes | None, value: bytes | None, headers: Headers) -> Self:
        """The outcome of a log record. Raises ValueError naming what is missing or unreadable."""
        kind = dict(headers).get(KIND, b"").decode("utf-8", "replace")
        if kind not in get_args(Ending):
            raise ValueError(f"the record is no outcome of a letter: {KIND} is {kind[:40]!r}")
        held = _Held(headers, kind.encode())
        ending = cast("Ending", kind)
        return cls((key or b"").decode(), held.number("bindery-attempt"), ending, held.number("bindery-at-us"), held.text("bindery-why"))


def read(key: bytes | None, value: bytes | None, headers: Headers) -> Letter | Outcome:
    """Whichever a record of the topic of letters holds. Raises ValueError naming what is missing or unreadable."""
    if not key:
        raise ValueError("the record has no key, which would be the letter's id")
    if dict(headers).get(KIND) == LETTER:
        return Letter.read(key, value, headers)
    return Outcome.read(key, value, headers)


class _Held:
    """The headers of a record of this kind, by name."""

    def __init__(self, headers: Headers, kind: bytes) -> None:
        self._held = {name: value for name, value in headers if name.startswith((CONNECT, OURS))}
        if self._held.get(KIND) != kind:
            raise ValueError(f"the record is no {kind.decode()}: {KIND} is {self._held.get(KIND, b'missing')[:40]!r}")

    def text(self, name: str, absent: str | None = None) -> str:
        found = self._held.get(name)
        if found is not None:
            return found.decode("utf-8", "replace")
        if absent is None:
            raise ValueError(f"the record has no header {name}")
        return absent

    def number(self, name: str, absent: int | None = None) -> int:
        text = self.text(name, None if absent is None else str(absent))
        try:
            return int(text)
        except ValueError:
            raise ValueError(f"the header {name} is no integer") from None
