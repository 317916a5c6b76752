"""One configured sender, compiled: is this request genuine, which events are in it, what does an event change.

Owns: Source and the values it gives. Does not own: how verification, reading and mapping work (verify.py, receive.py, project.py),
which sources exist (app/configuration.py). Next stop: app/sources/verify.py.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.domain.facets import Change
from app.errors import Misconfigured, Unusable
from app.sources.fetching import Found
from app.sources.fields import Side
from app.sources.handshakes import Handshakes, Notice
from schemas.event import Event


@dataclass(frozen=True, slots=True)
class Unread:
    """An authentic request, or a piece of one, that cannot be understood. It becomes a letter.

    value: what may be kept of it, without hot fields (not JSON: digits masked, then not replayable). key: the record key where it could be
    told, else "". event_id, type: the sender's, as far as they could be read.
    """

    value: bytes
    key: str
    event_id: str
    type: str
    error: Unusable
    replayable: bool = True


@dataclass(frozen=True, slots=True)
class Received:
    """What one request becomes. answer: the body that the sender wants to read, None for Bindery's own.
    notice: what it says about its own deliveries."""

    events: list[Event] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    answer: bytes | None = None
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class FetchTask:
    """The wish to read one thing at its vendor. key names the thing, so that wishes for one thing become one task.

    thing: the id at the vendor. due_us: not before. trigger_us: the event's own source time or sequence, 0 for none; trigger_order: its
    order. deletion: the trigger says that the thing is gone. tie: it is two changes of this order that contradict each other. letter,
    attempt: of the letter whose replay asked for it.
    """

    key: str
    system: str
    source: str
    kind: str
    thing: str
    reason: str
    due_us: int
    trigger_us: int
    trigger_order: str
    deletion: bool = False
    tie: bool = False
    letter: str = ""
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Projected:
    """What one event means. orders: those that its pieces have, whether they change anything or ask for a fetch alone."""

    changes: list[Change] = field(default_factory=list)
    tasks: list[FetchTask] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)


class Verifier(Protocol):
    """Tells genuine requests from others. Header names are lower-case."""

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        """ "" where the request is genuine, else the reason in words. Compares in constant time. Raises KeyMissing and nothing else."""
        ...

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        """The headers that a genuine sender would send with this body. Raises Misconfigured where the scheme cannot say."""
        ...


class Receiver(Protocol):
    """Turns the body of a genuine request, or a fetched state, into events."""

    def receive(self, body: bytes, arrived_us: int, headers: Mapping[str, str]) -> Received: ...
    def redacted(self, body: bytes) -> bytes: ...
    def fetched(self, found: Found, *, began_us: int, at_least: int, arrived_us: int) -> Event: ...


class Projector(Protocol):
    """Turns an event into changes."""

    def project(self, event: Event, version: int) -> Projected: ...
    def settling(self, change: Change, event: Event) -> FetchTask | None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A configured sender. Pure: it touches neither network, disk nor clock.

    system: whose records its events change. era: stamped on arriving events. retired, broken ("" or why): the door answers 503; events that
    are on the log already are projected all the same. rate_per_s: requests per second that the door admits, None for any number.
    fetches: events of this source may ask for a fetch. fetcher: who would do it (app/fetchers/), "" for nobody. preset: its name, for
    messages. topics: SNS topics that were accepted for it, where its configuration pins none (see app/sources/credentials.py).
    unwrap: makes the JSON of a body that may come encoded as a whole.
    methods, below: which requests are the source's (app/sources/preset.py). wants_request: ":method" and ":path" are read. quarantine: what
    is not proved to be genuine is answered 200 and kept apart. handshakes: what is answered beside events. private_headers: that hold
    signatures or tokens, so that no sample may have them.
    """

    name: str
    side: Side
    system: str
    preset: str
    verifier: Verifier
    receiver: Receiver
    projector: Projector
    era: int = 0
    retired: bool = False
    broken: str = ""
    max_body_bytes: int = 786_432
    rate_per_s: float | None = None
    fetches: bool = False
    fetcher: str = ""
    topics: set[str] = field(default_factory=set)
    unwrap: Callable[[bytes], bytes] | None = None
    methods: frozenset[str] = frozenset({"POST"})
    below: bool = False
    wants_request: bool = False
    quarantine: bool = False
    handshakes: Handshakes | None = None
    private_headers: frozenset[str] = frozenset()

    def verify(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        """ "" where the request is genuine, else the reason in words, which holds no secret. `now_s`: seconds since 1970.

        headers: lower-case names, and ":method" and ":path" (raw, with the query) as in HTTP/2. The reason is an UnacceptedTopic where only
        the SNS topic is in doubt. Raises KeyMissing, whose url a door asks to be fetched, and nothing else.
        """
        return self.broken or self.verifier.check(headers, body, now_s)

    def receive(self, body: bytes, arrived_us: int, headers: Mapping[str, str]) -> Received:
        """The events of a genuine request, without hot fields and with authors hashed. Never raises for content."""
        return self.receiver.receive(body if self.unwrap is None else self.unwrap(body), arrived_us, headers)

    def redacted(self, body: bytes) -> bytes:
        """The body as a sample may hold it: without hot fields and tokens, authors hashed. Never raises for content."""
        return self.receiver.redacted(body if self.unwrap is None else self.unwrap(body))

    def fetched(self, found: Found, *, began_us: int, at_least: int, arrived_us: int) -> Event:
        """The event that carries what a fetch brought, without hot fields and with authors hashed.

        began_us: start of the fetch on the vendor's clock, µs UTC. at_least: source order of the newest deletion among the task's triggers
        (0: none); where the kind is ordered by a sequence and the thing is absent, of the newest trigger of any sort, since no clock can
        stand in for a sequence. Raises Malformed for a state that the log cannot hold.
        """
        return self.receiver.fetched(found, began_us=began_us, at_least=at_least, arrived_us=arrived_us)

    def project(self, event: Event, version: int) -> Projected:
        """What an event of this source changes, at this configuration version. Raises Malformed or Unmappable, which hold no values."""
        return self.projector.project(event, version)

    def settling(self, change: Change, event: Event) -> FetchTask | None:
        """The fetch that tells which of two changes of one order holds, this one being the one of this event. None where nobody can."""
        return self.projector.settling(change, event)

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        """Headers (lower-case names) that make this body genuine, for demos and tests. Raises Misconfigured where it cannot be done."""
        if self.broken:
            raise Misconfigured(f"source {self.name} cannot sign: {self.broken}")
        return self.verifier.sign(body, now_s)


class Sources(Mapping[str, Source]):
    """All configured sources by name."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = dict(sources)

    def __getitem__(self, name: str) -> Source:
        return self._sources[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)
