"""The store of production: one MongoDB database.

Owns: `MongoStore`, the indexes, causal views. Does not own: the client (connection.py), the collections' calls (documents.py).
Next stop: app/backends/mongo/documents.py.

Document: {_id: id, v: version, body: text, tokens: [text], n: {name: int64}}. A collection has the index `tokens` (token, id) and, per
scan of app/ports.py, one of its name over its numbers and the id, partial: it holds only documents with all of these numbers.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pymongo import ASCENDING, IndexModel

from app.backends.documents import Collections
from app.backends.mongo.connection import Connection, Timeouts
from app.backends.mongo.documents import TOKENS, MongoDocuments, Turn
from app.backends.mongo.errors import answering
from app.ports import COLLECTIONS, Name


class MongoStore(Collections):
    """All collections in the database `database` of a replica set or sharded cluster.

    The URI may hold hosts, credentials and TLS options; what the promises rest on is pinned (connection.py).
    """

    def __init__(self, uri: str, *, database: str = "bindery", timeouts: Timeouts | None = None) -> None:
        self._connection = Connection(uri, database, timeouts or Timeouts())
        super().__init__(lambda name: MongoDocuments(self._connection, name))

    async def start(self) -> None:
        """Connects and creates the indexes that are missing; several processes may do so at once.

        Failure policy: Misconfigured for a URI that cannot be used; StoreUnavailable when MongoDB does not answer: call it again.
        """
        self._connection.open()
        await asyncio.gather(*(self._create_indexes(name) for name in COLLECTIONS))

    @asynccontextmanager
    async def causal(self) -> AsyncIterator[Collections]:
        """The collections in one causally consistent session: a read waits until the member that answers has seen this view's writes.

        Calls made at once are made one after the other. Failure policy: StoreUnavailable.
        """
        async with self._connection.session() as session:
            turn = Turn(session)
            yield Collections(lambda name: MongoDocuments(self._connection, name, turn))

    async def ping(self) -> None:
        """Failure policy: StoreUnavailable when no primary answers within `Timeouts.ping_s`."""
        await self._connection.ping()

    async def stop(self) -> None:
        """Closes the connections; stopping twice does nothing."""
        await self._connection.close()

    async def _create_indexes(self, name: Name) -> None:
        indexes = [IndexModel([("tokens", ASCENDING), ("_id", ASCENDING)], name=TOKENS)]
        for index, fields in COLLECTIONS[name].items():
            keys = [f"n.{field}" for field in fields]
            present = {key: {"$exists": True} for key in keys}
            order = [(key, ASCENDING) for key in [*keys, "_id"]]
            indexes.append(IndexModel(order, name=index, partialFilterExpression=present))
        with answering():
            await self._connection.collection(name).create_indexes(indexes)
