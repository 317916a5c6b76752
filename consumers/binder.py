"""The binder: for every SKU asked for, the decision, its revision, its publication.

Owns: epochs, revisions, the order of write, append and commit.
Does not own: the decision (app/domain/bind.py), the loop (consumers/runner.py).
Next stop: app/domain/bind.py, then the store, then app/api/skus.py.

A batch of bind requests, in numbered steps (tests/models/ checks them exhaustively and shows what breaks without each):
1. own every partition in it: draw a new epoch from the store, then open its fenced writer, which shuts out the previous owner's;
2. write the partition's owner document under its version: a deposed owner ends here, and in a causal view no older inputs are read later;
3. read what is stored, then the inputs; decide; a stored epoch above mine makes me a zombie; changed content is revision + 1; write by
   compare-and-set on what was read, epoch := mine; a lost race reads and decides again;
4. append to the topic what changed, and what an older epoch decided (its append may never have happened), in one transaction a partition;
   3 and 4 go through the batch's SKUs in pages, which are full and hold few partitions where there is a backlog;
5. note how far the partition is finished; the runner then commits.
Any failure after the first write gives the epochs up: the next batch draws new ones, so that whatever was written is published again.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson
import structlog

from app.domain.fitting import fitted
from app.domain.inputs import Inputs
from app.domain.letters import letter_of_event
from app.domain.policy import Policy
from app.errors import ConfigurationStale, Deposed, Refused
from app.ports import Clock, Doc, Entry, EventLog, FencedWriter, LogRecord, Store, StoreView, TopicPartition
from consumers.configuration import refuse_if_stale
from consumers.inputs import load_inputs
from schemas import topics
from schemas.event import Event

log_line = structlog.get_logger(__name__)

GROUP = "bindery.binder"
CLOCK_BOUND_US = 60_000_000  # a request's `at` further ahead than this is the work of a wrong clock and is not believed
VALUE_LIMIT = 900_000  # bytes of a topic value, below the topic's max.message.bytes
PAGE = 1000  # SKUs whose inputs are in memory at a time, however many a batch asks for
YIELD_EVERY = 25


@dataclass(slots=True)
class Owned:
    """One partition of bind requests that is mine."""

    doc: Doc
    epoch: int
    writer: FencedWriter


@dataclass(frozen=True, slots=True)
class Request:
    """A SKU to decide, with the place of its last request in the batch and the latest instant asked for (0: now)."""

    sku: str
    partition: int
    offset: int
    at_us: int


class Binder:
    """The stage that decides. Failure policy: EngineDown and Ownership pass through; the batch is repeated under new epochs."""

    group = GROUP
    topics = (topics.BIND_REQUESTS,)

    def __init__(
        self,
        log: EventLog,
        store: Store,
        clock: Clock,
        policy: Policy,
        *,
        version: int,
        code_version: str = "",
        checkpoint: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._log, self._store, self._clock, self._policy = log, store, clock, policy
        self._version, self._code_version = version, code_version
        self._checkpoint = checkpoint
        self._owned: dict[int, Owned] = {}

    async def abandoned(self, partitions: Collection[TopicPartition] | None) -> None:
        gone = set(self._owned) if partitions is None else {p.partition for p in partitions}
        # Side by side: each close has a bound of its own, and whoever is to own the partitions next waits for the last of them.
        await asyncio.gather(*(self._owned.pop(partition).writer.close() for partition in gone & set(self._owned)))

    async def process(self, records: Sequence[LogRecord]) -> None:
        requests = self._requests(records)
        upto = {record.partition: record.offset for record in records}
        # Side by side: opening a writer takes some ten milliseconds, and after a start or a rebalance every partition is new.
        opened = await asyncio.gather(*map(self._own, upto.keys() - self._owned.keys()), return_exceptions=True)
        for error in opened:
            if error is not None:
                raise error
        async with self._store.causal() as view:
            await self._touch(view, upto.keys())
            await refuse_if_stale(view, self._version)
            skus = list(requests)
            for start in range(0, len(skus), PAGE):
                await self._work_off(view, {sku: requests[sku] for sku in skus[start : start + PAGE]})
            await self._finish(view, upto)

    async def _work_off(self, view: StoreView, requests: Mapping[str, Request]) -> None:
        """Steps 3 and 4 for some of the batch's SKUs."""
        publish = await self._decide_all(view, requests)
        self._checkpoint("binder.after_write")
        await asyncio.gather(
            *(self._owned[partition].writer.append(topics.SKU_BINDINGS, entries) for partition, entries in publish.items())
        )
        self._checkpoint("binder.after_append")

    def _requests(self, records: Sequence[LogRecord]) -> dict[str, Request]:
        latest_us = self._clock.now_us() + CLOCK_BOUND_US
        requests: dict[str, Request] = {}
        for record in records:
            try:
                sku, at_us = _asked(record)
            except ValueError as error:
                # Nobody but this service writes here, so this is a defect or a stray record; it must not block the SKUs behind it.
                log_line.error("binder.unreadable", topic=record.topic, partition=record.partition, offset=record.offset, detail=str(error))
                continue
            if at_us > latest_us:
                log_line.error("binder.clock_refused", sku=sku, ahead_s=(at_us - latest_us + CLOCK_BOUND_US) // 1_000_000)
                at_us = 0
            before = requests.get(sku)
            requests[sku] = Request(sku, record.partition, record.offset, max(at_us, before.at_us if before else 0))
        return requests

    async def _own(self, partition: int) -> None:
        """Step 1."""
        doc = Doc(owner_id(partition), "{}", numbers={"epoch": 0, "finished": -1})
        while True:
            doc = (await self._store.owners.load([doc.id])).get(doc.id, doc)
            epoch = doc.numbers["epoch"] + 1
            drawn = replace(doc, numbers={**doc.numbers, "epoch": epoch})
            if not (await self._store.owners.save([drawn])).conflicts:
                break
        writer = self._log.fenced_writer(f"bindery.binder.{partition}")
        await writer.open()
        log_line.info("binder.owned", partition=partition, epoch=epoch)
        self._owned[partition] = Owned(replace(drawn, version=drawn.version + 1), epoch, writer)

    async def _touch(self, view: StoreView, partitions: Collection[int], finished: Mapping[int, int] | None = None) -> None:
        """Step 2, and step 5 with `finished`. Raises Deposed where another owner has drawn a newer epoch."""
        docs = []
        for partition in sorted(partitions):
            doc = self._owned[partition].doc
            docs.append(replace(doc, numbers={**doc.numbers, "finished": finished[partition]}) if finished else doc)
        conflicts = (await view.owners.save(docs)).conflicts
        if conflicts:
            raise Deposed(f"another process owns {', '.join(sorted(conflicts))} by now; this one abandons the batch")
        for partition, doc in zip(sorted(partitions), docs, strict=True):
            self._owned[partition].doc = replace(doc, version=doc.version + 1)

    async def _finish(self, view: StoreView, upto: Mapping[int, int]) -> None:
        await self._touch(view, upto.keys(), {p: max(offset, self._owned[p].doc.numbers["finished"] + 1) for p, offset in upto.items()})

    async def _decide_all(self, view: StoreView, requests: Mapping[str, Request]) -> dict[int, list[Entry]]:
        """Step 3. Partition -> entries to append."""
        publish: dict[int, list[Entry]] = {}
        waiting = set(requests)
        while waiting:
            stored = await view.bindings.load(waiting)
            inputs = await load_inputs(view, waiting, self._policy)
            writes: dict[str, tuple[Doc, bool]] = {}
            for number, sku in enumerate(sorted(waiting), start=1):
                if number % YIELD_EVERY == 0:
                    await asyncio.sleep(0)
                decided = self._decide(requests[sku], stored.get(sku), inputs[sku])
                if decided:
                    writes[sku] = decided
            saved = await view.bindings.save([doc for doc, _ in writes.values()]) if writes else None
            waiting = set(saved.conflicts) if saved else set()
            refused = saved.refused if saved else {}
            if refused:
                await self._report(refused)
            for sku, (doc, to_publish) in writes.items():
                if to_publish and sku not in waiting and sku not in refused:
                    publish.setdefault(requests[sku].partition, []).append(entry_of(doc))
        return publish

    async def _report(self, refused: Mapping[str, str]) -> None:
        """A letter for each SKU whose answer the store cannot hold. It keeps the answer it has; the others must not wait for it."""
        now_us = self._clock.now_us()
        letters = []
        for sku, reason in refused.items():
            log_line.error("binder.refused", sku=sku[:200], detail=reason)
            # One letter a SKU, however often it is asked for. There is no event behind it that could be sent again.
            asked = Event(id=f"bind {sku}", source="bindery", type="bind-request", key=sku, value=b"", arrived_us=now_us)
            error = Refused(f"the store cannot hold the answer: {reason}. The SKU keeps its last one. Once mended: `bindery rebind`")
            letter = letter_of_event(
                asked,
                record=None,
                error=error,
                stage="store",
                now_us=now_us,
                code_version=self._code_version,
                config_version=self._version,
            )
            letters.append(Entry(*replace(letter, replayable=False).entry()))
        await self._log.append(topics.DEAD_LETTERS, letters)

    def _decide(self, request: Request, stored: Doc | None, inputs: Inputs) -> tuple[Doc, bool] | None:
        """The document to write and whether to publish it; None where nothing is to be done."""
        epoch = self._owned[request.partition].epoch
        held = stored.numbers if stored else {"revision": 0, "epoch": 0, "config": 0, "at_us": 0}
        if held["epoch"] > epoch:
            raise Deposed(
                f"SKU {request.sku!r} was decided by epoch {held['epoch']}, mine is {epoch}: another process owns its partition by now"
            )
        if held["config"] > self._version:
            raise ConfigurationStale(
                f"SKU {request.sku!r} was decided under configuration version {held['config']}, this process runs {self._version}: "
                "it stops and commits nothing. Start it again with the newer bindery.yaml."
            )
        at_us = max(self._clock.now_us(), request.at_us, held["at_us"])
        bound = fitted(inputs, self._policy, at_us, VALUE_LIMIT)
        if stored is None and bound.content["product"] is None and not bound.content["bindings"]:
            # Nothing to tell yet, but the epoch has to stand here: an older owner that wakes up must find that its inputs are out of date.
            return Doc(request.sku, bound.text, numbers={**held, "epoch": epoch, "config": self._version, "at_us": at_us}), False
        changed = stored is None or stored.body != bound.text
        if not changed and held["epoch"] == epoch:
            return None
        numbers = {**held, "epoch": epoch, "config": self._version}
        if changed:
            numbers |= {
                "revision": held["revision"] + 1,
                "at_us": at_us,
                "topic_version": topics.BIND_REQUESTS_VERSION,
                "partition": request.partition,
                # A batch that is repeated after it was noted as finished must not change what readers have passed already.
                "offset": max(request.offset, self._owned[request.partition].doc.numbers["finished"] + 1),
            }
            numbers.pop("due_us", None)
            if bound.next_change_us is not None:
                numbers["due_us"] = bound.next_change_us
        # Revision 0 is an answer that was never given.
        return Doc(request.sku, bound.text, stored.version if stored else 0, bound.asset_keys, numbers), numbers["revision"] > 0


def _asked(record: LogRecord) -> tuple[str, int]:
    """The SKU of a bind request, and the instant it asks for (µs UTC, 0: now). Raises ValueError for a record that is none."""
    asked = orjson.loads(record.value or b"{}")
    at_us = asked.get("at_us") or 0 if isinstance(asked, dict) else None
    if not record.key or not isinstance(at_us, int):
        raise ValueError("the record is no bind request: its key is a SKU and its value an object with `at_us`, an integer")
    return record.key.decode(), at_us


def owner_id(partition: int) -> str:
    """The id of the owner document of one partition of bind requests."""
    return f"{topics.BIND_REQUESTS}/{partition}"


def entry_of(doc: Doc) -> Entry:
    """The stored answer as a topic entry: its revision in front of the content, and in a header."""
    revision = doc.numbers["revision"]
    value = f'{{"revision":{revision},{doc.body[1:]}'.encode()
    return Entry(doc.id.encode(), value, (("bindery-revision", b"%d" % revision), ("content-type", b"application/json")))
