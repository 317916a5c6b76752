"""The store of production: how MongoDB fails and comes back, what is pinned, which indexes answer.

Owns: what is MongoDB's own. Does not own: the promises both stores share (store_suite.py). Next stop: app/backends/mongo/store.py.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from app.backends.mongo.connection import Timeouts
from app.backends.mongo.saving import Outcome, _look, _sort, write
from app.backends.mongo.store import MongoStore
from app.errors import StoreUnavailable
from app.ports import Doc, Saved
from deploy.engines import Engines
from tests.contracts.store_backends import mongo_stores, new_database, raw_database
from tests.contracts.store_suite import CULPRITS, kept, product, saved

# Short enough for a test to wait for, long enough for a busy machine to write to its disk.
QUICK = Timeouts(connect_s=1.0, select_s=1.5, answer_s=4.0, majority_s=3.0, ping_s=1.0)


@pytest.fixture
async def database(engines: Engines) -> AsyncIterator[Any]:
    """A database, and itself behind the store's back."""
    async with raw_database(engines, new_database()) as database:
        yield database


@pytest.fixture
async def store(engines: Engines, database: Any) -> AsyncIterator[MongoStore]:
    store = MongoStore(engines.mongo_uri, database=database.name)
    await store.start()
    yield store
    await store.stop()


@pytest.fixture
async def any_store(engines: Engines) -> AsyncIterator[MongoStore]:
    """An empty store for tests that change nothing but documents."""
    async with mongo_stores(engines, QUICK) as open_store:
        store = await open_store()
        assert isinstance(store, MongoStore)
        yield store


async def test_four_stores_may_start_over_nothing_at_once(engines: Engines, database: Any) -> None:
    """Stores that start together create each index once and all work."""
    stores = [MongoStore(engines.mongo_uri, database=database.name) for _ in range(4)]
    await asyncio.gather(*(store.start() for store in stores))
    for number, store in enumerate(stores):
        await saved(store.records, product(number))
    assert [await store.records.count() for store in stores] == [4, 4, 4, 4]
    for store in stores:
        await store.stop()


async def assert_unavailable(store: MongoStore) -> None:
    """Every kind of call says that the store does not answer, and says it soon."""
    began = time.monotonic()
    outcomes = await asyncio.gather(
        store.records.load(["a"]),
        store.records.save([product(99)]),
        store.records.matching(["t"], limit=1),
        store.bindings.scan("due", limit=1),
        store.records.page(limit=1),
        store.records.count(),
        store.ping(),
        save_in_view(store),
        store.start(),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 9
    assert time.monotonic() - began < 20


async def save_in_view(store: MongoStore) -> None:
    async with store.causal() as view:
        await view.owners.save([product(1)])


async def working_again(store: MongoStore) -> None:
    """Poll until the store answers; the server is up by now, its clients may need a moment to notice."""
    deadline = time.monotonic() + 40
    while True:
        try:
            await store.ping()
            return
        except StoreUnavailable:
            assert time.monotonic() < deadline


@pytest.mark.crash
async def test_S9_a_killed_server_is_unavailable_and_the_same_store_works_when_it_is_back(engines: Engines, any_store: MongoStore) -> None:
    """While mongod is dead every call says so; restarted, it serves the same objects and holds what was acknowledged."""
    docs = await saved(any_store.records, *(product(number) for number in range(500)))
    await asyncio.to_thread(engines.kill_mongo)
    try:
        await assert_unavailable(any_store)
    finally:
        await asyncio.to_thread(engines.start_mongo)
    await working_again(any_store)
    await any_store.start()
    assert await any_store.records.page(limit=1_000) == docs
    await saved(any_store.records, *docs)


@pytest.mark.crash
async def test_S9_a_frozen_server_is_unavailable_and_ping_does_not_wait_for_it(engines: Engines, any_store: MongoStore) -> None:
    """A mongod that accepts and never answers counts as down within the time-outs; ping keeps to its own."""
    (one,) = await saved(any_store.records, product(1))
    assert engines.mongo_pid is not None
    os.kill(engines.mongo_pid, signal.SIGSTOP)
    try:
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await any_store.ping()
            assert time.monotonic() - began < 4
        await assert_unavailable(any_store)
    finally:
        os.kill(engines.mongo_pid, signal.SIGCONT)
    await working_again(any_store)
    assert await any_store.records.load([one.id]) == {one.id: one}


@pytest.mark.crash
async def test_leaving_a_frozen_server_is_soon_over_and_holds_nothing_up(engines: Engines) -> None:
    """While mongod accepts and never answers, a store with sessions to end stops within seconds, and the event loop goes on meanwhile."""
    store = MongoStore(engines.mongo_uri, database=new_database(), timeouts=Timeouts())
    await store.start()
    await store.records.load(["a"])
    assert engines.mongo_pid is not None
    os.kill(engines.mongo_pid, signal.SIGSTOP)
    try:
        began = last = time.monotonic()
        longest_s = 0.0
        stopping = asyncio.create_task(store.stop())
        while not stopping.done():
            await asyncio.wait({stopping}, timeout=0.05)
            longest_s, last = max(longest_s, time.monotonic() - last), time.monotonic()
        await stopping
        assert last - began < 8
        assert longest_s < 2
    finally:
        os.kill(engines.mongo_pid, signal.SIGCONT)


@pytest.mark.crash
async def test_S1_what_was_acknowledged_survives_a_kill_under_load(engines: Engines, any_store: MongoStore) -> None:
    """Four savers run while mongod is killed: every batch that was acknowledged is there afterwards, whole."""
    acknowledged: list[str] = []

    async def save(who: int) -> None:
        for number in range(10_000):
            docs = [Doc(f"{who}/{number}/{part}", "x" * 2_000) for part in range(50)]
            assert await any_store.bindings.save(docs) == Saved()
            acknowledged.extend(doc.id for doc in docs)

    savers = [asyncio.ensure_future(save(who)) for who in range(4)]
    deadline = time.monotonic() + 40
    while len(acknowledged) < 2_000:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    await asyncio.to_thread(engines.kill_mongo)
    try:
        outcomes = await asyncio.gather(*savers, return_exceptions=True)
    finally:
        await asyncio.to_thread(engines.start_mongo)
    assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
    await working_again(any_store)
    assert set(await any_store.bindings.load(acknowledged)) == set(acknowledged)


async def test_what_the_promises_rest_on_is_pinned_whatever_the_URI_says(engines: Engines, database: Any) -> None:
    """A URI that asks for weak reads and writes does not get them."""
    weak = "&w=1&journal=false&readPreference=secondaryPreferred&readConcernLevel=local&retryWrites=true&socketTimeoutMS=999999"
    store = MongoStore(engines.mongo_uri + weak, database=database.name, timeouts=QUICK)
    await store.start()
    collection = store._connection.collection("records")
    assert collection.write_concern.document == {"w": "majority", "j": True, "wtimeout": 3_000}
    assert collection.read_concern.document == {"level": "majority"}
    assert collection.read_preference.mongos_mode == "primary"
    options: Any = store._connection._opened().options  # motor's annotations call this property a method
    assert (options.retry_writes, options.pool_options.socket_timeout) == (False, 4.0)
    await store.stop()


async def test_S8_every_read_of_a_view_waits_for_what_the_view_wrote(store: MongoStore, database: Any) -> None:
    """The server sees majority reads after the time of the view's write, and majority reads without a time outside of views."""
    await database.command("profile", 2)
    async with store.causal() as view:
        await saved(view.owners, product(1))
        await view.records.load(["a"])
        await view.records.matching(["t"])
        await view.records.page(limit=1)
        await view.records.count(["t"])
        await view.bindings.scan("due", limit=1)
    inside = await reads(database)
    assert len(inside) == 5
    assert {(read["level"], "afterClusterTime" in read) for read in inside} == {("majority", True)}
    await store.records.load(["a"])
    assert [("afterClusterTime" in read, read["level"]) for read in (await reads(database))[5:]] == [(False, "majority")]


async def reads(database: Any) -> list[dict[str, Any]]:
    """The read concerns of the finds and counts that the server noted."""
    noted = await database["system.profile"].find({"ns": {"$ne": f"{database.name}.system.profile"}}, sort=[("ts", 1)]).to_list()
    return [each["command"]["readConcern"] for each in noted if {"find", "aggregate"} & set(each["command"])]


async def test_every_query_is_answered_by_its_index(store: MongoStore, database: Any) -> None:
    """No query walks a collection, and none that has a limit sorts."""
    await saved(store.bindings, *(product(at, due_us=at, topic_version=1, partition=at % 2, offset=at) for at in range(200)))
    await database.command("profile", 2)
    await store.bindings.load(["a", "b"])
    await store.bindings.page(after="a", prefix="product", limit=5)
    await store.bindings.matching(["=sku/1"], after="a", limit=5)
    await store.bindings.matching(["=sku/1", "=sku/2"])
    await store.bindings.matching(["=sku/1", "=sku/2"], every=True)
    await store.bindings.scan("due", limit=5)
    await store.bindings.scan("place", (1, 1), above=5, upto=20, descending=True, limit=5)
    await store.bindings.count(["=sku/1"])
    noted = await database["system.profile"].find({"ns": f"{database.name}.bindings"}, sort=[("ts", 1)]).to_list()
    token, place = "IXSCAN { tokens: 1, _id: 1 }", "IXSCAN { n.topic_version: 1, n.partition: 1, n.offset: 1, _id: 1 }"
    plans = ["IXSCAN { _id: 1 }", "IXSCAN { _id: 1 }", token, token, token, "IXSCAN { n.due_us: 1, _id: 1 }", place, token]
    assert [each["planSummary"] for each in noted] == plans
    assert [each for each in noted if each.get("hasSortStage")] == []
    assert max(each["keysExamined"] for each in noted) <= 10


async def test_documents_lie_in_the_database_as_documented(store: MongoStore, database: Any) -> None:
    """{_id, v, body, tokens, n}, numbers as 64 bit integers whatever their size."""
    (one,) = await saved(store.bindings, product(7, due_us=7))
    await saved(store.bindings, one)
    assert await database.bindings.find().to_list() == [{"_id": one.id, "v": 2, "body": one.body, "tokens": ["=sku/7"], "n": {"due_us": 7}}]
    assert await database.bindings.count_documents({"n.due_us": {"$type": "long"}}) == 1


async def test_S2_what_the_server_refuses_is_refused_alone(store: MongoStore, database: Any) -> None:
    """What only the server can judge, new or changed, is refused with the server's code; neighbours and conflicts are as ever."""
    old = await saved(store.records, *(product(number) for number in range(4)))
    await database.command("collMod", "records", validator={"body": {"$ne": "poison"}})
    batch = [
        replace(old[0], body="poison"),
        replace(old[1], body="good"),
        replace(old[2], version=9),
        replace(product(8), body="poison"),
        product(9),
    ]
    outcome = await store.records.save(batch)
    assert outcome.conflicts == frozenset([old[2].id])
    assert set(outcome.refused) == {old[0].id, product(8).id}
    assert {"code 121" in reason for reason in outcome.refused.values()} == {True}
    assert (await store.records.load([old[0].id, old[1].id])) == {old[0].id: old[0], old[1].id: kept(replace(old[1], body="good"))}


async def test_S2_a_conflict_that_the_server_reports_in_other_words_is_still_a_conflict(any_store: MongoStore) -> None:
    """With an error code that is not known, a document of another version is a conflict and only one of this version is refused."""
    (one,) = await saved(any_store.records, product(1))
    outcome = Outcome()
    _sort({"writeErrors": [{"index": 0, "code": 99999}, {"index": 1, "code": 99999}]}, [replace(one, version=7), product(2)], outcome)
    await _look(any_store._connection.collection("records"), None, outcome)
    assert (outcome.conflicts, set(outcome.refused)) == ({one.id}, {product(2).id})


async def test_S2_the_driver_refuses_what_sift_refuses_and_only_that_document_is_lost(any_store: MongoStore) -> None:
    """Handed over unsifted, each culprit that BSON cannot hold is found among its neighbours, new and changed ones."""
    culprits = [culprit for name, culprit in CULPRITS.items() if "id-too-long" not in name and "large" not in name]
    for turn, culprit in enumerate(culprits):
        new = [replace(product(turn), id=f"{turn}/{number}") for number in range(9)]
        outcome = await write(any_store._connection.collection("records"), [*new[:5], culprit, *new[5:]], None)
        assert (list(outcome.refused), outcome.conflicts) == ([culprit.id], set())
        changed = [kept(doc) for doc in new]
        outcome = await write(any_store._connection.collection("records"), [*changed[:3], replace(culprit, version=1), *changed[3:]], None)
        assert (list(outcome.refused), outcome.conflicts) == ([culprit.id], set())
