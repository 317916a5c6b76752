"""The stores under test: over a file, over a database.

Owns: opening and closing them. Does not own: mongod (tests/conftest.py). Next stop: tests/contracts/store_suite.py.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from app.backends.mongo.connection import Timeouts
from app.backends.mongo.store import MongoStore
from app.backends.sqlite.store import SqliteStore
from app.ports import COLLECTIONS
from deploy.engines import Engines
from tests.contracts.store_suite import AnyStore, OpenStore

_numbers = itertools.count()


@asynccontextmanager
async def sqlite_stores(folder: Path) -> AsyncIterator[OpenStore]:
    """Opens stores over one new file in a folder that need not exist, and stops them at the end."""
    opened: list[SqliteStore] = []
    path = folder / "data" / f"store{next(_numbers)}.db"

    async def open_one() -> AnyStore:
        opened.append(SqliteStore(path))
        await opened[-1].start()
        return opened[-1]

    yield open_one
    for store in opened:
        await store.stop()


def new_database() -> str:
    return f"store_{os.getpid()}_{next(_numbers)}"


@asynccontextmanager
async def raw_database(engines: Engines, name: str) -> AsyncIterator[Any]:
    """The database behind the store's back; dropped at the end."""
    async with AsyncMongoClient[dict[str, Any]](engines.mongo_uri) as client:
        yield client[name]
        await client.drop_database(name)


@asynccontextmanager
async def mongo_stores(engines: Engines, timeouts: Timeouts | None = None) -> AsyncIterator[OpenStore]:
    """Opens stores over the one database of this process, and stops them and empties it at the end.

    Not one database for each test: a mongod that was killed takes the longer to come back the more collections it has dropped.
    """
    opened: list[MongoStore] = []
    name = f"store_contract_{os.getpid()}"

    async def open_one() -> AnyStore:
        opened.append(MongoStore(engines.mongo_uri, database=name, timeouts=timeouts))
        await opened[-1].start()
        return opened[-1]

    yield open_one
    for store in opened:
        await store.stop()
    async with AsyncMongoClient[dict[str, Any]](engines.mongo_uri) as client:
        await asyncio.gather(*(client[name][collection].delete_many({}) for collection in COLLECTIONS))
