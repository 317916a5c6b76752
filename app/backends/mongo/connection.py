"""The client: the one file that knows that the driver is motor.

Owns: opening, closing and asking the server, sessions, and the settings that are pinned. Does not own: queries (documents.py), writes
(saving.py). Next stop: app/backends/mongo/store.py.

Pinned whatever the URI says, since the protocols of the consumers rest on it: reads at the primary with readConcern majority, writes
with w=majority and journal. Retryable writes are off: a write whose answer is lost is StoreUnavailable anyway and decided again after
reading, and without the bookkeeping of retries the server takes half as many writes again (measured: 23,200 instead of 15,200 a second).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession, AsyncIOMotorCollection
from pymongo.errors import ConfigurationError, InvalidName
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from app.backends.mongo.errors import answering
from app.errors import Misconfigured, StoreUnavailable

# Parsing such a URI asks the DNS, which blocks.
_BY_DNS = "mongodb+srv://"

Document = dict[str, Any]
Session = AsyncIOMotorClientSession
Collection = AsyncIOMotorCollection[Document]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait before MongoDB counts as not answering. `select_s`: for a primary, an election included. `answer_s`: for one answer.
    `majority_s`: for the majority to confirm a write; below `answer_s`, so that the server answers before the client hangs up.
    """

    connect_s: float = 2.0
    select_s: float = 5.0
    answer_s: float = 20.0
    majority_s: float = 10.0
    ping_s: float = 2.0
    close_s: float = 2.0

    def __post_init__(self) -> None:
        if self.majority_s >= self.answer_s:
            raise Misconfigured(f"MongoDB time-outs: majority_s ({self.majority_s}) must be below answer_s ({self.answer_s}).")


class Connection:
    """One client with its pool. Survives restarts of the server and elections; open() and close() frame its use."""

    def __init__(self, uri: str, database: str, timeouts: Timeouts) -> None:
        self._uri = uri
        self._database = database
        self._timeouts = timeouts
        self._client: AsyncIOMotorClient[Document] | None = None

    def open(self) -> None:
        """Makes the client; connects to nothing yet. Raises Misconfigured for a URI or database name that cannot be used."""
        if self._client is not None:
            return
        waits = self._timeouts
        try:
            if not self._uri.startswith(_BY_DNS):
                # The client only warns of options that it does not know or cannot read; a misspelt TLS option must stop the start.
                parse_uri(self._uri, validate=True, warn=False)
            self._client = AsyncIOMotorClient(
                self._uri,
                appname="bindery",
                connectTimeoutMS=_ms(waits.connect_s),
                serverSelectionTimeoutMS=_ms(waits.select_s),
                socketTimeoutMS=_ms(waits.answer_s),
                waitQueueTimeoutMS=_ms(waits.answer_s),
                retryWrites=False,
            )
            self.collection("records")
        except (ConfigurationError, InvalidName, ValueError) as error:
            # The text of the driver may quote a part of the URI, passwords included.
            raise Misconfigured(
                f"The MongoDB URI or database name cannot be used ({type(error).__name__}): expected mongodb://user:password@host:port/?options"
                ' with user and password percent-encoded, and a database name without any of /\\. "$*<>:|?'
            ) from error

    def collection(self, name: str) -> Collection:
        """A collection with everything pinned. Raises StoreUnavailable before open()."""
        return self._opened().get_database(
            self._database,
            read_preference=ReadPreference.PRIMARY,
            read_concern=ReadConcern("majority"),
            write_concern=WriteConcern(w="majority", j=True, wtimeout=_ms(self._timeouts.majority_s)),
        )[name]

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A causally consistent session. Failure policy: StoreUnavailable."""
        client = self._opened()
        with answering():
            session = await client.start_session(causal_consistency=True)
        async with session:
            yield session

    async def ping(self) -> None:
        """Failure policy: StoreUnavailable when no primary answers within ping_s; nothing keeps waiting behind its back."""
        with answering(), pymongo.timeout(self._timeouts.ping_s):
            await self._opened().get_database("admin", read_preference=ReadPreference.PRIMARY).command("ping")

    async def close(self) -> None:
        """Closes the pool; closing twice does nothing.

        The driver ends its sessions at the server and waits for the answers, hence a thread of its own.
        Failure policy: a server that does not answer within close_s is left to notice by itself.
        """
        client, self._client = self._client, None
        if client is None:
            return
        with pymongo.timeout(self._timeouts.close_s):
            # The time-out goes into the thread along with the context.
            closing = asyncio.create_task(asyncio.to_thread(client.close))
        done, _ = await asyncio.wait({closing}, timeout=self._timeouts.close_s)
        for each in done:
            each.result()

    def _opened(self) -> "AsyncIOMotorClient[Document]":
        if self._client is None:
            raise StoreUnavailable("The connection to MongoDB is not open: call start() first.")
        return self._client


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
