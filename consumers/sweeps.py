"""Sweeps: paged passes over many SKUs (the variants of a model, everything after a configuration raise).

Owns: the stored cursor, coalescing by key, pacing below live traffic. Does not own: why a sweep is asked for (projector, bootstrap, API).
Next stop: consumers/binder.py answers the requests that a page appends.

One document a sweep, with three numbers: `requested` counts the asks, `running` is the count that the pass under way covers (0: none),
`done` the count that finished passes cover. So a model saved a thousand times during a pass is that pass and one more.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace

import orjson
import structlog

from app.domain import keys
from app.domain.family import DEPTH
from app.errors import Refused
from app.ports import Clock, Doc, Documents, Entry, EventLog, Store, StoreView
from schemas import topics

log_line = structlog.get_logger(__name__)

ALL = "all"
VARIANTS = "variants/"
ACTIVE = "active"
AT_ONCE = 100
SHARING = 2_000


async def request_sweep(store: StoreView, *sweep_keys: str) -> None:
    """Asks for a pass over each key ("all", "variants/<record key of a model>").

    Failure policy: a lost race reads again; StoreUnavailable passes through, and the asker's batch is repeated.
    """
    wanted = set(sweep_keys)
    while wanted:
        held = await store.sweeps.load(wanted)
        docs = [_asked(held.get(key, Doc(key, '{"cursor":""}'))) for key in sorted(wanted)]
        saved = await store.sweeps.save(docs)
        if saved.refused:
            raise Refused(
                f"the store cannot hold these sweeps: {dict(saved.refused)}; a defect, since ids are capped where they are mapped"
            )
        wanted = set(saved.conflicts)


def _asked(doc: Doc) -> Doc:
    numbers = {"requested": 0, "running": 0, "done": 0} | dict(doc.numbers)
    numbers["requested"] += 1
    return replace(doc, numbers=numbers, tokens=(ACTIVE,))


def request_entries(skus: Iterable[str], cause: str, at_us: int | None = None) -> list[Entry]:
    """Bind requests, one a SKU. `cause` says who asks: record, clock, sweep, person."""
    value = orjson.dumps({"cause": cause, "at_us": at_us})
    return [Entry(sku.encode(), value) for sku in skus]


class Sweeper:
    """Works sweeps off, a page of each at a time."""

    def __init__(
        self, log: EventLog, store: Store, clock: Clock, *, binder_group: str, variants_listed: Collection[str] = (), page: int = 500
    ) -> None:
        """variants_listed: product systems whose models say which of their variants are gone (app/domain/policy.py)."""
        self._log, self._store, self._clock = log, store, clock
        self._variants_listed = variants_listed
        self._binder_group, self._page = binder_group, page
        self._last = ""

    async def run_once(self) -> int:
        """One page of every active sweep; the number of requests appended.

        Does nothing while the binder has more than a page waiting: a sweep stays below live traffic, which shares the topic.
        Failure policy: EngineDown passes through; a page is appended before its cursor is stored, so a crash repeats a page and skips none.
        """
        appended = 0
        docs = await self._store.sweeps.matching([ACTIVE], after=self._last, limit=AT_ONCE)
        for doc in docs:
            if await self.binder_lag() > self._page:
                return appended
            appended += await self._step(doc)
            self._last = doc.id  # the next step begins behind it, so that nobody is starved by those in front
        if len(docs) < AT_ONCE:
            self._last = ""
        return appended

    async def binder_lag(self) -> int:
        """Bind requests that wait to be decided."""
        return sum((await self._log.lag(self._binder_group, [topics.BIND_REQUESTS])).values())

    async def _step(self, doc: Doc) -> int:
        numbers = dict(doc.numbers)
        cursor = orjson.loads(doc.body)["cursor"] if numbers["running"] else ""
        running = numbers["running"] or numbers["requested"]
        skus, models, cursor = await self._read(doc.id, cursor)
        if models:
            await request_sweep(self._store, *models)
        if skus:
            await self._log.append(topics.BIND_REQUESTS, request_entries(skus, "sweep"))
        await self._advance(doc, running, cursor)
        return len(skus)

    async def _advance(self, doc: Doc, running: int, cursor: str) -> None:
        current: Doc | None = doc
        while current is not None:
            numbers = dict(current.numbers)
            if cursor:
                numbers["running"] = running
            else:
                numbers |= {"running": 0, "done": max(numbers["done"], running)}
            active = (ACTIVE,) if numbers["requested"] > numbers["done"] else ()
            wanted = replace(current, numbers=numbers, tokens=active, body=orjson.dumps({"cursor": cursor}).decode())
            if not (await self._store.sweeps.save([wanted])).conflicts:
                if not cursor:
                    log_line.info("sweep.pass_finished", sweep=doc.id, covered=running, requested=numbers["requested"])
                return
            # Either it was asked for once more (take its count over), or another process advanced it (let that one go on).
            newer = (await self._store.sweeps.load([doc.id])).get(doc.id)
            moved = newer is None or newer.body != doc.body or newer.numbers["running"] != doc.numbers["running"]
            current = None if moved else newer

    async def _read(self, sweep: str, cursor: str) -> tuple[list[str], list[str], str]:
        """(SKUs, sweeps of sub-models, next cursor or "" at the end)."""
        if sweep.startswith(VARIANTS):
            level, model = _place(sweep)
            docs = await self._store.records.matching(["^" + keys.own_token(model)[1:]], after=cursor, limit=self._page)
            # Answers climb no further than DEPTH models, so a pass descends no further; models in a ring come to rest by it.
            models = [doc.id for doc in docs if doc.id.startswith("model/")] if level + 1 < DEPTH else []
            deeper = [f"{VARIANTS}{level + 1}/{key}" for key in models]
            sharing = await self._sharing(docs) if keys.split_key(model)[1] in self._variants_listed else []
            return _skus([*docs, *sharing]), deeper, docs[-1].id if len(docs) == self._page else ""
        return await self._read_all(cursor)

    async def _sharing(self, variants: Iterable[Doc]) -> list[Doc]:
        """Whether a variant is gone is its model's word here, and others with its GTIN then share that with one product less."""
        gtins = {token for doc in variants for token in doc.tokens if token.startswith("=gtin/")}
        found: list[Doc] = []
        more = bool(gtins)
        while more:
            docs = await self._store.records.matching(gtins, after=found[-1].id if found else "", limit=SHARING, bodies=False)
            found += docs
            more = len(docs) == SHARING
        return found

    async def _read_all(self, cursor: str) -> tuple[list[str], list[str], str]:
        # First every SKU that has an answer, then every SKU that a record names: a SKU may be in the one and not in the other.
        phase, after = cursor[:1] or "b", cursor[1:]
        collection: Documents = self._store.bindings if phase == "b" else self._store.records
        docs = await collection.page(after=after, limit=self._page)
        skus = [doc.id for doc in docs] if phase == "b" else _skus(docs)
        if len(docs) == self._page:
            return skus, [], phase + docs[-1].id
        return skus, [], "r" if phase == "b" else ""


def _skus(docs: Iterable[Doc]) -> list[str]:
    return sorted({sku for doc in docs for token in doc.tokens if (sku := keys.sku_of(token))})


def _place(sweep: str) -> tuple[int, str]:
    """How many models below the one that was asked for ("variants/<record key>": 0, "variants/2/<record key>": 2), and the record key."""
    name = sweep.removeprefix(VARIANTS)
    level, _, key = name.partition("/")
    return (int(level), key) if level.isdigit() else (0, name)
