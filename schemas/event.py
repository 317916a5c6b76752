"""An event on the log: CloudEvents 1.0 in binary mode, attributes in `ce_` headers, the vendor's JSON as the value.

Owns: header names, encoding and decoding. Does not own: what the value means (app/sources/). Next stop: app/ports.py.
Source of the header names: CloudEvents Kafka protocol binding 1.0.2, section 3.2; `bindery…` are extension attributes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

Headers = Sequence[tuple[str, bytes]]

EMBEDDED_JSON = b"application/json"


@dataclass(frozen=True, slots=True)
class Event:
    """One change from one source.

    id: the sender's id, or a hash of the body; pieces of one request add ":<n>". source: the configured source's name. type: the sender's
    word for it. key: the record key ("asset/cloudinary-eu/7d1f…"), also the log record's key. time: the sender's time as RFC 3339, if any.
    arrived_us: stamped by the ingress, kept by replays. era: of the system, stamped by the ingress. letter, attempt, replay: of a replay.
    fetched_us: start of the fetch on the vendor's clock, 0 for what was not fetched.
    """

    id: str
    source: str
    type: str
    key: str
    value: bytes
    arrived_us: int
    era: int = 0
    time: str = ""
    letter: str = ""
    attempt: int = 0
    replay: str = ""
    fetched_us: int = 0

    def headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers of this event."""
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", self.id.encode()),
            ("ce_source", self.source.encode()),
            ("ce_type", self.type.encode()),
            ("ce_subject", self.key.encode()),
            ("content-type", EMBEDDED_JSON),
            ("ce_binderyarrived", b"%d" % self.arrived_us),
            ("ce_binderyera", b"%d" % self.era),
        ]
        if self.time:
            headers.append(("ce_time", self.time.encode()))
        if self.letter:
            headers += [("ce_binderyletter", self.letter.encode()), ("ce_binderyattempt", b"%d" % self.attempt)]
        if self.replay:
            headers.append(("ce_binderyreplay", self.replay.encode()))
        if self.fetched_us:
            headers.append(("ce_binderyfetched", b"%d" % self.fetched_us))
        return headers

    @classmethod
    def read(cls, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> Self:
        """The event of a log record. Raises ValueError naming the header that is missing or unreadable.

        Kafka permits null as a header's value; such a header counts as not there.
        """
        held = {name: header for name, header in headers if header is not None}
        try:
            return cls(
                id=held["ce_id"].decode(),
                source=held["ce_source"].decode(),
                type=held["ce_type"].decode(),
                key=(key or b"").decode(),
                value=value or b"",
                arrived_us=int(held["ce_binderyarrived"]),
                era=int(held.get("ce_binderyera", b"0")),
                time=held.get("ce_time", b"").decode(),
                letter=held.get("ce_binderyletter", b"").decode(),
                attempt=int(held.get("ce_binderyattempt", b"0")),
                replay=held.get("ce_binderyreplay", b"").decode(),
                fetched_us=int(held.get("ce_binderyfetched", b"0")),
            )
        except KeyError as missing:
            raise ValueError(f"the log record has no header {missing.args[0]}") from None
        except (UnicodeDecodeError, ValueError) as wrong:
            raise ValueError(f"a header of the log record cannot be read: {type(wrong).__name__}") from None
