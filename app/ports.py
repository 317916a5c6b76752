"""The ports: what the pipeline needs from the world, as Protocols with numbered promises.

Owns: the vocabulary between the rules and the engines. Does not own: any engine (app/backends/), which one is used (app/bootstrap.py).
Next stop: consumers/runner.py. Every numbered promise has one contract test, run against every backend (tests/contracts/).
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

Headers = Sequence[tuple[str, bytes]]


class TopicPartition(NamedTuple):
    topic: str
    partition: int


class Entry(NamedTuple):
    """One record to append. Entries of one key keep their order."""

    key: bytes
    value: bytes
    headers: Headers = ()


class LogRecord(Protocol):
    """One record read back; aiokafka's ConsumerRecord has this shape. `timestamp` is the log's append or create time in milliseconds."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Position(NamedTuple):
    partition: int
    offset: int


OnAssigned = Callable[[frozenset[TopicPartition]], Awaitable[None]]
OnRevoked = Callable[[frozenset[TopicPartition]], Awaitable[None]]


class LogConsumer(Protocol):
    """One member of a consumer group.

    L4 A group without commits starts at the earliest record; what was not committed is read again by the next owner.
    L5 commit() takes explicit next offsets and moves nothing else; by a member that lost the partition it raises Revoked.
    L6 Before partitions move, on_revoked is awaited; before the first poll of a partition, on_assigned is.
    L7 rewind() makes the next poll start at the committed offsets again.
    L8 Records of a partition come in the order of their offsets, each once per assignment (rewinds apart).
    """

    async def start(self) -> None: ...
    async def poll(self, max_records: int, timeout_s: float) -> Sequence[LogRecord]:
        """Up to max_records from all owned partitions, [] after timeout_s. Raises LogUnavailable."""
        ...

    async def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None: ...
    async def rewind(self) -> None: ...
    def assignment(self) -> frozenset[TopicPartition]: ...
    async def stop(self) -> None:
        """Leaves the group at once, so that others take over without waiting for a time-out. Commits nothing."""
        ...


class FencedWriter(Protocol):
    """A writer with a name, of which only the latest opened can append.

    L9 Once a writer of this name is opened elsewhere, append() raises Fenced and none of its entries is ever read.
    L10 append() is all or nothing for readers of the topic, and durable when it returns.
    """

    async def open(self) -> None: ...
    async def append(self, topic: str, entries: Sequence[Entry]) -> None: ...
    async def close(self) -> None: ...


class EventLog(Protocol):
    """The log of events, requests, bindings and letters.

    L1 append() returns only when every entry is durable (Kafka: acks=all, idempotent; embedded: committed with fsync).
    L2 Entries of one key go to one partition, in the order in which append() was called for them.
    L3 An entry that the log refuses raises EntryRefused for its own append() only; entries appended at the same time by others,
       and every later append to the same partition, go through.
    L11 When the log cannot acknowledge within deadline_s, append() raises LogUnavailable and works again once the log is back.
    """

    async def start(self) -> None: ...
    async def append(self, topic: str, entries: Sequence[Entry], *, deadline_s: float = 10.0) -> Sequence[Position]: ...
    def consumer(
        self, group: str, topics: Collection[str], *, on_assigned: OnAssigned | None = None, on_revoked: OnRevoked | None = None
    ) -> LogConsumer: ...
    def fenced_writer(self, name: str) -> FencedWriter: ...
    async def partitions(self, topic: str) -> int: ...
    async def lag(self, group: str, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        """Records not yet committed by the group, per partition."""
        ...

    async def ends(self, topic: str) -> Mapping[int, int]:
        """Partition -> offset of the next record to come."""
        ...

    async def ping(self) -> None:
        """Raises LogUnavailable when the log does not answer within two seconds."""
        ...

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Doc:
    """One document. The store reads nothing but what stands beside the body.

    id: up to 1,000 characters. body: JSON text, opaque. version: the store's write counter, 0 = does not exist.
    tokens: exact-match keys. numbers: 64-bit integers by name; those that an index of the collection names can be scanned.
    """

    id: str
    body: str
    version: int = 0
    tokens: tuple[str, ...] = ()
    numbers: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of a save(). conflicts: ids whose version was another one. refused: id -> why the engine cannot store it."""

    conflicts: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)


class Documents(Protocol):
    """One collection of documents.

    S1 save() writes each document if the stored version equals doc.version (0: it does not exist), and stores version + 1; all that it
       wrote is durable when it returns (MongoDB: w=majority). Documents are independent: one conflict or refusal touches no other.
    S2 A document the engine cannot store is reported as refused with a reason; the rest of the batch is written.
    S3 load(), matching(), scan(), page() see every save() that returned before, by whomever (reads: majority, primary).
    S4 Text comes back exactly as it went in (any Unicode but lone surrogates, NUL included); integers of 64 bit too.
    S5 matching(tokens) gives documents that hold any of the tokens (every=True: all of them), in the order of their ids.
    S6 scan(index) gives documents with these leading numbers, `above` < last number <= `upto`, in the order of that number, then id
       (descending: the reverse, still within those bounds); documents without the numbers are not in the index.
    S7 Paging by `after` neither skips nor repeats documents that do not change meanwhile.
    """

    async def load(self, ids: Collection[str]) -> dict[str, Doc]: ...
    async def save(self, docs: Sequence[Doc]) -> Saved: ...
    async def matching(
        self, tokens: Collection[str], *, every: bool = False, after: str = "", limit: int | None = None, bodies: bool = True
    ) -> list[Doc]:
        """`bodies` False: the bodies stay where they are, every Doc comes with the body "". As many tokens as memory holds; with `every`
        up to 100, of up to 4 MB together, more is a ValueError.
        """
        ...

    async def scan(
        self,
        index: str,
        equal: Sequence[int] = (),
        *,
        above: int | None = None,
        upto: int | None = None,
        limit: int,
        descending: bool = False,
        every: Collection[str] = (),
    ) -> list[Doc]:
        """`every`: only documents that hold all of these tokens."""
        ...

    async def page(self, *, after: str = "", limit: int, prefix: str = "") -> list[Doc]: ...
    async def count(self, tokens: Collection[str] = (), *, at_most: int = 10_000) -> int:
        """How many hold all of these tokens ((): all documents), counted up to at_most."""
        ...


Name = Literal["records", "bindings", "owners", "letters", "jobs", "tasks", "sweeps", "configuration", "audit", "requests"]

# The collections, and for each the indexes for scan(): name -> the numbers it is ordered by.
COLLECTIONS: Mapping[Name, Mapping[str, tuple[str, ...]]] = {
    "records": {},
    "bindings": {"due": ("due_us",), "place": ("topic_version", "partition", "offset")},
    "owners": {},
    "letters": {"newest": ("last_failed_us",)},
    "jobs": {"newest": ("created_us",)},
    "tasks": {"due": ("due_us",), "system_due": ("system", "due_us")},
    "sweeps": {},
    "configuration": {},
    "audit": {"newest": ("at_us",)},
    "requests": {},
}


class StoreView(Protocol):
    """The collections, by attribute."""

    @property
    def records(self) -> Documents: ...
    @property
    def bindings(self) -> Documents: ...
    @property
    def owners(self) -> Documents: ...
    @property
    def letters(self) -> Documents: ...
    @property
    def jobs(self) -> Documents: ...
    @property
    def tasks(self) -> Documents: ...
    @property
    def sweeps(self) -> Documents: ...
    @property
    def configuration(self) -> Documents: ...
    @property
    def audit(self) -> Documents: ...
    @property
    def requests(self) -> Documents: ...


class Store(StoreView, Protocol):
    """All collections of one deployment.

    S8 Within causal(), reads see at least every write of the same view and everything those writes had seen: a deposed primary cannot
       feed it older inputs.
    S9 When the store does not answer, calls raise StoreUnavailable and work again once it is back.
    """

    async def start(self) -> None:
        """Connects and creates what is missing (collections, indexes)."""
        ...

    def causal(self) -> AbstractAsyncContextManager[StoreView]: ...
    async def ping(self) -> None:
        """Raises StoreUnavailable when the store does not answer within two seconds."""
        ...

    async def stop(self) -> None: ...


class Clock(Protocol):
    """The only source of time.

    C1 now_us() is microseconds since 1970 in UTC. C2 monotonic_s() never goes back. C3 sleep() returns early when cancelled.
    """

    def now_us(self) -> int: ...
    def monotonic_s(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call to the outside brought. headers: lower-case names. began_us: start of the call on the *other* side's clock (its `Date`
    header less the time the call took), on ours where that is of no use; whole seconds, rounded down: never later than the true start.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    began_us: int


class Outbound(Protocol):
    """Calls to the outside: vendors, key servers, destinations.

    O1 No redirect is followed; a 3xx is an answer like any other.
    O2 An address that is not public (loopback, private, link-local, metadata) is refused with Misconfigured, after name resolution and for
       the very address that is connected to, unless `private` names its host.
    O3 A body larger than max_bytes ends the call with VendorDown while it streams; memory stays bounded.
    O4 No connection, no complete answer within timeout_s in all, or an answer that ends early is VendorDown.
    O5 Neither headers nor bodies nor query strings reach a log line or an error.
    """

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_s: float = 10.0,
        max_bytes: int = 16_777_216,
        private: Collection[str] = (),
    ) -> Answer:
        """One request. `private`: host names (as written in the URL) that may stand for addresses which are not public."""
        ...

    async def stop(self) -> None: ...
