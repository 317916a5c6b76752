"""The promises S1 to S4, S8 and S9 of app/ports.py as tests; a backend's test class inherits them all.

Owns: what every store must do with a save, and the pieces that all store tests use. Does not own: the queries (store_queries.py), which
stores there are (test_store.py), how each engine fails in its own ways. Next stop: tests/contracts/store_queries.py.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from app.backends.documents import MAX_DOC_BYTES, MAX_ID_CHARS
from app.backends.mongo.store import MongoStore
from app.backends.sqlite.store import SqliteStore
from app.errors import StoreUnavailable
from app.ports import COLLECTIONS, Doc, Documents, Name, Saved
from tests.contracts.store_races import NAMES, PRIZE, assert_one_winner_each, race

AnyStore = SqliteStore | MongoStore
OpenStore = Callable[[], Awaitable[AnyStore]]

LEAST, MOST = -(2**63), 2**63 - 1
CULPRITS = {
    "surrogate-in-body": Doc("bad", '"\ud800"'),
    "surrogate-in-id": Doc("bad\udfff", "{}"),
    "surrogate-in-token": Doc("bad", "{}", tokens=("=sku/\ud800",)),
    "number-beyond-64-bit": Doc("bad", "{}", numbers={"due_us": MOST + 1}),
    "number-below-64-bit": Doc("bad", "{}", numbers={"anything": LEAST - 1}),
    "number-name-with-NUL": Doc("bad", "{}", numbers={"a\0b": 1}),
    "id-too-long": Doc("x" * (MAX_ID_CHARS + 1), "{}"),
    "too-large": Doc("bad", "x" * MAX_DOC_BYTES),
    "too-large-in-bytes-only": Doc("bad", "€" * (MAX_DOC_BYTES // 3)),
}
TEXTS = [
    "NH-1",
    "\0",
    "a\0b",
    "ÿþ\xff",
    "é",
    "e\u0301",
    "\ufeff",
    "\ufffe\uffff",
    "\U0010ffff",
    "😀",
    "$v",
    "a.b",
    "$",
    "'\"\\;--",
    " ",
    "\n\t",
]


def product(number: int, *, tokens: tuple[str, ...] = (), **numbers: int) -> Doc:
    return Doc(f"product/pim/{number:05}", f'{{"n":{number}}}', tokens=tokens or (f"=sku/{number}",), numbers=numbers)


def kept(doc: Doc) -> Doc:
    """The document as it lies in the store after one save."""
    return replace(doc, version=doc.version + 1)


def ids(docs: list[Doc]) -> list[str]:
    return [doc.id for doc in docs]


async def saved(documents: Documents, *docs: Doc) -> list[Doc]:
    assert await documents.save(docs) == Saved()
    return [kept(doc) for doc in docs]


class StoreContract:
    """Promises by number. `open_store` gives one more store over the same data."""

    @pytest.fixture
    async def store(self, open_store: OpenStore) -> AnyStore:
        return await open_store()

    @pytest.mark.parametrize("name", COLLECTIONS)
    async def test_S1_every_collection_keeps_its_own_documents(self, store: AnyStore, name: Name) -> None:
        """Each collection of app/ports.py is there, and what is saved in it is in no other one."""
        documents: Documents = getattr(store, name)
        (one,) = await saved(documents, Doc("a", name, tokens=("t",), numbers={"at_us": 1}))
        assert await documents.matching(["t"]) == [one]
        others = [getattr(store, other) for other in COLLECTIONS if other != name]
        assert [await other.load(["a"]) for other in others] == [{}] * len(others)

    async def test_S1_save_writes_what_has_the_expected_version_and_raises_it(self, store: AnyStore) -> None:
        """A document is written from version 0 on, each time one higher, and all of it is replaced."""
        first = Doc("a", "one", tokens=("t", "u"), numbers={"due_us": 1, "other": 2})
        (second,) = await saved(store.bindings, first)
        assert await store.bindings.load(["a"]) == {"a": replace(first, version=1)}
        changed = replace(second, body="two", tokens=("w",), numbers={"other": 3})
        await saved(store.bindings, changed)
        assert await store.bindings.load(["a"]) == {"a": replace(changed, version=2)}

    @pytest.mark.parametrize("wrong", [0, 1, 3, 7])
    async def test_S1_another_version_conflicts_and_changes_nothing(self, store: AnyStore, wrong: int) -> None:
        """A save with any version but the stored one is a conflict."""
        (one,) = await saved(store.records, product(1))
        (two,) = await saved(store.records, one)
        assert await store.records.save([replace(two, version=wrong, body="other")]) == Saved(conflicts=frozenset([two.id]))
        assert await store.records.load([two.id]) == {two.id: two}

    async def test_S1_a_version_of_a_document_that_does_not_exist_conflicts(self, store: AnyStore) -> None:
        """Nothing comes to be from a save that expects a document to exist."""
        assert await store.records.save([replace(product(1), version=1)]) == Saved(conflicts=frozenset([product(1).id]))
        assert await store.records.page(limit=10) == []
        assert await store.records.count() == 0

    async def test_S1_a_conflict_touches_no_neighbour(self, store: AnyStore) -> None:
        """Of a batch of new, changed and outdated documents the outdated ones alone are left out."""
        old = [product(number) for number in range(20)]
        current = await saved(store.records, *old)
        new = [product(number) for number in range(100, 120)]
        batch = [replace(doc, body="next") for pair in zip(current[:10], old[10:], new[:10], strict=True) for doc in pair]
        assert await store.records.save(batch) == Saved(conflicts=frozenset(doc.id for doc in old[10:]))
        everything = await store.records.load([doc.id for doc in (*old, *new)])
        assert everything == {
            **{doc.id: kept(replace(doc, body="next")) for doc in (*current[:10], *new[:10])},
            **{doc.id: doc for doc in current[10:]},
        }

    async def test_S1_two_documents_of_one_id_in_a_batch_are_a_defect_of_the_caller(self, store: AnyStore) -> None:
        """The store cannot say which of two documents of one id a conflict is about, so it takes neither."""
        with pytest.raises(ValueError, match="one id"):
            await store.records.save([product(1), product(1)])
        assert await store.records.count() == 0

    async def test_S1_nothing_to_save_is_fine(self, store: AnyStore) -> None:
        """An empty batch is saved at once."""
        assert await store.records.save([]) == Saved()

    @pytest.mark.parametrize("culprit", CULPRITS.values(), ids=CULPRITS)
    async def test_S2_what_cannot_be_stored_is_refused_alone(self, store: AnyStore, culprit: Doc) -> None:
        """One document that no engine can hold is refused with a reason, the hundred around it are written."""
        good = [product(number) for number in range(100)]
        outcome = await store.records.save([*good[:50], culprit, *good[50:]])
        assert outcome.conflicts == frozenset()
        assert list(outcome.refused) == [culprit.id]
        assert len(outcome.refused[culprit.id]) > 20
        assert await store.records.load([*ids(good), culprit.id]) == {doc.id: kept(doc) for doc in good}

    async def test_S2_the_largest_documents_fit(self, store: AnyStore) -> None:
        """Three documents of nearly 16 MB go in with one save and come back."""
        large = [replace(product(number), body="x" * (MAX_DOC_BYTES - 1_000)) for number in range(3)]
        for doc in await saved(store.records, *large):
            assert await store.records.load([doc.id]) == {doc.id: doc}
        await saved(store.records, *(replace(kept(doc), body="y" * (MAX_DOC_BYTES - 1_000)) for doc in large))

    async def test_S3_every_read_sees_what_another_store_saved(self, open_store: OpenStore) -> None:
        """Each of twenty saves is in all five reads of a second store as soon as it returned."""
        writer, reader = await open_store(), await open_store()
        doc = Doc("sku", "{}", tokens=("t",))
        for at in range(1, 21):
            doc = replace(doc, body=str(at), tokens=("t", f"t{at}"), numbers={"due_us": at})
            (doc,) = await saved(writer.bindings, doc)
            assert await reader.bindings.load(["sku"]) == {"sku": doc}
            assert await reader.bindings.matching([f"t{at}"]) == [doc]
            assert await reader.bindings.scan("due", above=at - 1, upto=at, limit=9) == [doc]
            assert await reader.bindings.page(limit=9) == [doc]
            assert await reader.bindings.count([f"t{at}"]) == 1

    async def test_S4_text_comes_back_as_it_went_in(self, store: AnyStore) -> None:
        """Ids, bodies, tokens and names of numbers with NUL, emoji, non-characters and operators of the engines are text like any other."""
        docs = [
            Doc(text, text * 3, tokens=(text, text + "x"), numbers={text.replace("\0", "0"): number, "": 1})
            for number, text in enumerate(TEXTS)
        ]
        after = await saved(store.records, *docs)
        assert await store.records.load(TEXTS) == {doc.id: doc for doc in after}
        for doc in after:
            assert await store.records.matching([doc.id]) == [doc]
            assert doc in await store.records.page(prefix=doc.id, limit=99)
        again = await saved(store.records, *after)
        assert await store.records.page(limit=99) == sorted(again, key=lambda doc: doc.id)

    async def test_S4_integers_of_64_bit_come_back(self, store: AnyStore) -> None:
        """The least and the greatest number are kept and scanned, and come back as plain integers."""
        edge = [LEAST, LEAST + 1, -1, 0, 1, MOST - 1, MOST]
        docs = [Doc(f"at{number}", "", numbers={"due_us": number, "other": number}) for number in edge]
        after = await saved(store.bindings, *docs)
        found = await store.bindings.scan("due", limit=99)
        assert found == after
        assert {type(number) for doc in found for number in doc.numbers.values()} == {int}
        assert await store.bindings.scan("due", above=LEAST, upto=MOST - 1, limit=99) == after[1:-1]

    async def test_S4_nothing_can_be_found_by_text_that_cannot_be_stored(self, store: AnyStore) -> None:
        """Asking for a lone surrogate finds nothing, and what stands beside it in the question is found."""
        (one,) = await saved(store.records, product(1))
        assert await store.records.load(["\ud800", one.id]) == {one.id: one}
        assert await store.records.matching(["\ud800", "=sku/1"]) == [one]
        assert await store.records.matching(["\ud800", "=sku/1"], every=True) == []
        assert await store.records.count(["\ud800"]) == 0
        assert await store.records.page(prefix="\ud800", limit=9) == []
        assert await store.letters.scan("newest", limit=9, every=["\ud800"]) == []

    async def test_S8_a_causal_view_reads_its_own_writes(self, store: AnyStore, open_store: OpenStore) -> None:
        """What a view wrote, and what others had written before, is in every later read of the view, calls made at once included."""
        other = await open_store()
        (owner,) = await saved(store.owners, Doc("bind-requests.v1/0", "", numbers={"epoch": 1}))
        (input_,) = await saved(other.records, product(1))
        async with store.causal() as view:
            assert await view.owners.save([replace(owner, numbers={"epoch": 2})]) == Saved()
            held, inputs, matched = await asyncio.gather(
                view.owners.load([owner.id]), view.records.load([input_.id]), view.records.matching(["=sku/1"])
            )
            assert held[owner.id].numbers == {"epoch": 2}
            assert inputs == {input_.id: input_}
            assert matched == [input_]
            assert await view.owners.save([owner]) == Saved(conflicts=frozenset([owner.id]))
            assert await view.bindings.count() == 0
            assert await view.bindings.page(limit=1) == await view.bindings.scan("due", limit=1) == []

    async def test_S1_of_racing_stores_exactly_one_wins_each_version(self, open_store: OpenStore) -> None:
        """Three stores race for forty versions of one document: each version has one winner, who finds its name in the document."""
        stores = [await open_store() for _ in NAMES]
        wins = await asyncio.gather(*(race(store.owners, name, 40) for store, name in zip(stores, NAMES, strict=True)))
        assert_one_winner_each(wins, NAMES, (await stores[0].owners.load([PRIZE]))[PRIZE])

    async def test_S9_before_start_and_after_stop_the_store_is_unavailable(self, open_store: OpenStore) -> None:
        """A store that was stopped says so, and start() opens it again."""
        store = await open_store()
        (one,) = await saved(store.records, product(1))
        await store.stop()
        await store.stop()
        for call in (store.records.load([one.id]), store.records.save([one]), store.ping()):
            with pytest.raises(StoreUnavailable, match="start"):
                await call
        await store.start()
        assert await store.records.load([one.id]) == {one.id: one}

    async def test_start_may_be_called_by_many_at_once(self, open_store: OpenStore) -> None:
        """Four stores that start together over nothing all work."""
        stores = await asyncio.gather(*(open_store() for _ in range(4)))
        for number, store in enumerate(stores):
            await store.start()
            await saved(store.records, product(number))
            await store.ping()
        assert [await store.records.count() for store in stores] == [4, 4, 4, 4]
