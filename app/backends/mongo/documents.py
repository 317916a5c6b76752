"""One collection of MongoDB behind the Documents port.

Owns: the queries and the index each of them uses. Does not own: writing (saving.py), creating indexes (store.py).
Next stop: app/backends/mongo/saving.py.

Every query names its index where only one can be right: the server's planner tries alternatives on live data, remembers what won, and
now and then remembers wrongly. Answers come in one batch where they fit one (a first batch has 101 documents otherwise).
"""

import asyncio
from collections.abc import Collection as AbstractCollection
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from app.backends.documents import findable, merged, prefix_end, scanned, sift, slices, together
from app.backends.mongo.connection import Collection, Connection, Document, Session
from app.backends.mongo.errors import answering
from app.backends.mongo.saving import write
from app.ports import Doc, Name, Saved

TOKENS, IDS = "tokens", "_id_"
_ASCENDING, _DESCENDING = 1, -1
# Without a limit an answer may be long; the server ends a batch at 16 MB by itself.
_BATCH = 20_000


class Turn:
    """A session and whose turn it is: a session takes one call at a time."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.lock = asyncio.Lock()


class MongoDocuments:
    """One collection. Failure policy of every method: StoreUnavailable when MongoDB does not answer; reading again is safe."""

    def __init__(self, connection: Connection, name: Name, turn: Turn | None = None) -> None:
        self._connection = connection
        self._name: Name = name
        self._turn = turn.lock if turn else nullcontext()
        self._session = turn.session if turn else None

    async def load(self, ids: AbstractCollection[str]) -> dict[str, Doc]:
        parts = [await self._find({"_id": {"$in": part}}, hint=IDS) for part in slices(findable(ids))]
        return {doc.id: doc for part in parts for doc in part}

    async def save(self, docs: Sequence[Doc]) -> Saved:
        storable, refused = sift(docs)
        if not storable:
            return Saved(refused=refused)
        async with self._turn:
            outcome = await write(self._collection(), storable, self._session)
        return Saved(frozenset(outcome.conflicts), refused | outcome.refused)

    async def matching(
        self, tokens: AbstractCollection[str], *, every: bool = False, after: str = "", limit: int | None = None, bodies: bool = True
    ) -> list[Doc]:
        wanted = together(tokens) if every else findable(tokens)
        if not wanted or (limit is not None and limit < 1):
            return []
        options: dict[str, Any] = {} if bodies else {"projection": {"body": 0}}
        if limit is not None:
            # Without a limit, putting them in order is cheaper here than holding whole documents in the server's sort.
            options |= {"sort": [("_id", _ASCENDING)], "limit": limit}
        above: Document = {"_id": {"$gt": after}} if after else {}
        held: list[Document] = [{"$all": wanted}] if every else [{"$in": part} for part in slices(wanted)]
        return merged([await self._find({"tokens": each, **above}, hint=TOKENS, **options) for each in held], limit)

    async def scan(
        self,
        index: str,
        equal: Sequence[int] = (),
        *,
        above: int | None = None,
        upto: int | None = None,
        limit: int,
        descending: bool = False,
        every: AbstractCollection[str] = (),
    ) -> list[Doc]:
        fields = [f"n.{field}" for field in scanned(self._name, index, equal)]
        wanted = together(every)
        if wanted is None or limit < 1:
            return []
        bounds = {"$exists": True} | ({"$gt": above} if above is not None else {}) | ({"$lte": upto} if upto is not None else {})
        query: Document = {**dict(zip(fields, equal, strict=False)), fields[-1]: bounds}
        if wanted:
            query["tokens"] = {"$all": wanted}
        order = _DESCENDING if descending else _ASCENDING
        # With tokens either index may be the better one: few letters of a source among many, or many among few.
        return await self._find(query, hint=None if wanted else index, sort=[(fields[-1], order), ("_id", order)], limit=limit)

    async def page(self, *, after: str = "", limit: int, prefix: str = "") -> list[Doc]:
        if limit < 1 or not findable([prefix]):
            return []
        bounds = {"$gt": after, "$gte": prefix}
        if (end := prefix_end(prefix)) is not None:
            bounds["$lt"] = end
        return await self._find({"_id": bounds}, hint=IDS, sort=[("_id", _ASCENDING)], limit=limit)

    async def count(self, tokens: AbstractCollection[str] = (), *, at_most: int = 10_000) -> int:
        wanted = together(tokens)
        if wanted is None or at_most < 1:
            return 0
        query: Document = {"tokens": {"$all": wanted}} if wanted else {}
        async with self._turn:
            with answering():
                hint = TOKENS if wanted else IDS
                return await self._collection().count_documents(query, limit=at_most, hint=hint, session=self._session)

    def _collection(self) -> Collection:
        return self._connection.collection(self._name)

    async def _find(self, query: Document, *, hint: str | None, limit: int = 0, **options: Any) -> list[Doc]:
        async with self._turn:
            with answering():
                cursor = self._collection().find(
                    query, hint=hint, limit=limit, batch_size=limit or _BATCH, session=self._session, **options
                )
                found = await cursor.to_list(None)
        return [_doc(each) for each in found]


def _doc(found: Document) -> Doc:
    numbers = {name: int(number) for name, number in found["n"].items()}
    return Doc(found["_id"], found.get("body", ""), found["v"], tuple(found["tokens"]), numbers)
