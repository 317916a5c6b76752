"""The promises S5 to S7 of app/ports.py as tests; a backend's test class inherits them all.

Owns: what every store must answer. Does not own: what it must do with a save (store_suite.py). Next stop: tests/contracts/test_store.py.
"""

from dataclasses import replace

import pytest

from app.ports import Doc
from tests.contracts.store_suite import AnyStore, ids, product, saved


class QueriesContract:
    """Promises by number."""

    async def test_S5_matching_gives_holders_of_any_or_of_all_tokens_by_id(self, store: AnyStore) -> None:
        """Each holder comes once however many of the tokens it holds, in the order of ids."""
        docs = [Doc("a", "", tokens=("x", "y")), Doc("c", "", tokens=("y",)), Doc("b", "", tokens=("z", "x", "x"))]
        a, c, b = await saved(store.records, *docs)
        assert await store.records.matching(["x", "y", "nobody"]) == [a, b, c]
        assert await store.records.matching(["x", "y", "x"], every=True) == [a]
        assert await store.records.matching(["x"], every=True) == [a, b]
        assert await store.records.matching([]) == await store.records.matching([], every=True) == []
        assert await store.records.matching(["X"]) == await store.records.matching(["x "]) == []

    async def test_S5_a_token_that_was_taken_away_matches_no_more(self, store: AnyStore) -> None:
        """Only the tokens of the last save count; equal tokens of another collection do not."""
        (one,) = await saved(store.records, Doc("a", "", tokens=("x", "y")))
        await saved(store.tasks, Doc("a", "", tokens=("x",)))
        (two,) = await saved(store.records, replace(one, tokens=("y", "z")))
        assert await store.records.matching(["x"]) == []
        assert await store.records.matching(["y", "z"], every=True) == [two]
        await saved(store.records, replace(two, tokens=()))
        assert await store.records.matching(["x", "y", "z"]) == []

    async def test_S5_thousands_of_tokens_and_ids_are_one_question(self, store: AnyStore) -> None:
        """Five thousand tokens, and five thousand ids, find their two thousand holders."""
        docs = await saved(store.records, *(product(number, tokens=(f"=sku/{number}", f">p/{number % 7}")) for number in range(2_000)))
        assert await store.records.matching([f"=sku/{number}" for number in range(5_000)]) == docs
        assert await store.records.matching([f">p/{number}" for number in range(5_000)], after=docs[99].id, limit=500) == docs[100:600]
        assert await store.records.load([f"product/pim/{number:05}" for number in range(5_000)]) == {doc.id: doc for doc in docs}

    async def test_S5_S3_more_tokens_and_ids_than_one_question_holds(self, store: AnyStore) -> None:
        """Over 20 MB of tokens, and of ids, find what they should: each once, in order, cut at the limit."""
        tokens = [f"=text/{number:05}" + "x" * 10_000 for number in range(2_100)]
        keys = [f"{number:05}" + "😀" * 990 for number in range(5_300)]
        holds = {0: [0, 2_099], 1: [1_500], 2: [700, 701], 3: [3], 4: [2_098]}
        docs = await saved(
            store.records, *(Doc(keys[at * 1_300], "", tokens=tuple(tokens[one] for one in has)) for at, has in holds.items())
        )
        assert await store.records.matching(tokens) == docs
        assert await store.records.matching(tokens, limit=3) == docs[:3]
        assert await store.records.matching(tokens, after=docs[0].id, limit=3) == docs[1:4]
        assert await store.records.load(keys) == {doc.id: doc for doc in docs}

    async def test_S5_all_of_absurdly_many_tokens_is_a_defect_of_the_caller(self, store: AnyStore) -> None:
        """A hundred tokens that all must be held are one question, more of them or more bytes are refused in words."""
        tokens = [f"t{number}" for number in range(101)]
        (one,) = await saved(store.letters, Doc("a", "", tokens=tuple(tokens), numbers={"last_failed_us": 1}))
        assert (
            await store.letters.matching(tokens[1:], every=True) == await store.letters.scan("newest", limit=1, every=tokens[1:]) == [one]
        )
        assert await store.letters.count(tokens[1:]) == 1
        for absurd in (tokens, ["x" * 3_000_000, "y" * 3_000_000]):
            for question in (
                store.letters.matching(absurd, every=True),
                store.letters.scan("newest", limit=1, every=absurd),
                store.letters.count(absurd),
            ):
                with pytest.raises(ValueError, match="too much"):
                    await question

    async def test_S5_a_look_leaves_the_bodies_where_they_are(self, store: AnyStore) -> None:
        """Without bodies all else comes as it is, for any and for all of the tokens, cut at the limit."""
        docs = await saved(store.records, *(Doc(key, f'"{key}"', tokens=("x", key), numbers={"n": 1}) for key in "abc"))
        bare = [replace(doc, body="") for doc in docs]
        assert await store.records.matching(["x", "a"], bodies=False) == bare
        assert await store.records.matching(["x"], bodies=False, limit=2) == bare[:2]
        assert await store.records.matching(["x", "b"], every=True, bodies=False) == bare[1:2]
        assert await store.records.matching(["x"]) == docs

    async def test_S6_scan_goes_by_leading_numbers_and_bounds(self, store: AnyStore) -> None:
        """`above` is left out, `upto` is in, other partitions and documents without the numbers are not there."""
        docs = [
            product(offset, topic_version=1, partition=partition, offset=offset)
            for partition, offset in [(0, 5), (1, 3), (1, 4), (1, 9), (1, 10), (2, 7)]
        ]
        others = [product(100, topic_version=2, partition=1, offset=4), product(101, topic_version=1, partition=1), product(102, offset=4)]
        after = {doc.id: doc for doc in await saved(store.bindings, *docs, *others)}
        here = [after[docs[place].id] for place in (1, 2, 3, 4)]
        assert await store.bindings.scan("place", (1, 1), limit=9) == here
        assert await store.bindings.scan("place", (1, 1), above=3, limit=9) == here[1:]
        assert await store.bindings.scan("place", (1, 1), upto=9, limit=9) == here[:3]
        assert await store.bindings.scan("place", (1, 1), above=3, upto=9, limit=1) == here[1:2]
        assert await store.bindings.scan("place", (1, 1), above=3, upto=9, limit=9, descending=True) == [here[2], here[1]]
        assert await store.bindings.scan("place", (9, 9), limit=9) == []
        assert await store.bindings.scan("due", limit=9) == []

    async def test_S6_equal_numbers_come_by_id(self, store: AnyStore) -> None:
        """Documents of one instant come in the order of their ids, descending in the reverse; a number that is gone leaves the index."""
        docs = await saved(store.tasks, *(Doc(key, "", numbers={"due_us": 7}) for key in "cab"))
        c, a, b = docs
        assert await store.tasks.scan("due", limit=9) == [a, b, c]
        assert await store.tasks.scan("due", limit=2, descending=True) == [c, b]
        await saved(store.tasks, replace(b, numbers={}), replace(c, numbers={"due_us": 6}))
        assert ids(await store.tasks.scan("due", limit=9)) == ["c", "a"]

    async def test_S6_scan_may_ask_for_tokens_too(self, store: AnyStore) -> None:
        """With `every` only holders of all those tokens are given, in the order of the index."""
        docs = [Doc(f"l{at}", "", tokens=("open", "even" if at % 2 == 0 else "odd"), numbers={"last_failed_us": at}) for at in range(6)]
        after = await saved(store.letters, *docs)
        assert await store.letters.scan("newest", limit=2, descending=True, every=["even", "open"]) == [after[4], after[2]]
        assert await store.letters.scan("newest", above=1, limit=9, every=["odd"]) == [after[3], after[5]]
        assert await store.letters.scan("newest", limit=9, every=["even", "odd"]) == []

    async def test_S6_a_scan_that_the_collection_has_no_index_for_is_a_defect_of_the_caller(self, store: AnyStore) -> None:
        """An unknown index and a wrong count of leading numbers are told apart from an empty answer."""
        with pytest.raises(ValueError, match="no index"):
            await store.records.scan("due", limit=1)
        with pytest.raises(ValueError, match="leading numbers"):
            await store.bindings.scan("place", (1,), limit=1)

    async def test_S7_pages_neither_skip_nor_repeat(self, store: AnyStore) -> None:
        """Paging by `after`, through all, a prefix or a token, gives each document once although others come to be meanwhile."""
        docs = await saved(store.records, *(product(number, tokens=("all",)) for number in range(0, 60, 2)))
        await saved(store.records, Doc("product/pin/1", ""), Doc("product/pi", ""), Doc("asset/dam/1", ""))
        found: list[Doc] = []
        by_token: list[Doc] = []
        for turn in range(10):
            found += await store.records.page(prefix="product/pim/", after=found[-1].id if found else "", limit=4)
            by_token += await store.records.matching(["all"], after=by_token[-1].id if by_token else "", limit=4)
            await saved(store.records, product(turn * 2 + 1, tokens=("all",)))
        assert [doc for doc in found if doc in docs] == docs
        assert [doc for doc in by_token if doc in docs] == docs
        assert len(set(ids(found))) == len(found)
        assert ids(await store.records.page(limit=2)) == ["asset/dam/1", "product/pi"]

    async def test_count_stops_where_it_is_told_to(self, store: AnyStore) -> None:
        """All documents or the holders of all given tokens are counted, up to at_most."""
        await saved(store.records, *(product(number, tokens=("all", f"m{number % 3}")) for number in range(30)))
        assert await store.records.count() == await store.records.count(["all"]) == 30
        assert await store.records.count(["all", "m1"]) == 10
        assert await store.records.count(at_most=7) == await store.records.count(["all"], at_most=7) == 7
        assert await store.records.count(["m0", "m1"]) == await store.records.count(at_most=0) == 0

    async def test_no_room_is_no_documents(self, store: AnyStore) -> None:
        """A limit below one gives nothing rather than everything."""
        await saved(store.tasks, Doc("a", "", tokens=("t",), numbers={"due_us": 1}))
        assert await store.tasks.page(limit=0) == await store.tasks.matching(["t"], limit=0) == await store.tasks.scan("due", limit=0) == []
