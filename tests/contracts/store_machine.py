"""A store beside a plain dict: whatever sequence of calls is made, both give the same answers.

Owns: the state machine and its model. Does not own: which store (test_store.py). Next stop: tests/contracts/test_store.py.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from app.ports import Doc, Saved
from tests.contracts.store_suite import LEAST, MOST, AnyStore, OpenStore

IDS = st.text(st.sampled_from("ab\0é\ud800\U0010ffff/"), min_size=1, max_size=3)
TOKENS = st.sampled_from(["x", "y", "z", "\0", "ÿ", "\ud800", "xy"])
NUMBERS = st.one_of(st.integers(-2, 3), st.sampled_from([LEAST, MOST, MOST + 1]))
BESIDE = st.dictionaries(st.sampled_from(["due_us", "topic_version", "partition", "offset", "other"]), NUMBERS, max_size=5)
VERSIONS = st.sampled_from([-1, 0, 0, 0, 0, 1])
DOCS = st.builds(
    Doc,
    id=IDS,
    body=st.text(max_size=5),
    version=VERSIONS,
    tokens=st.lists(TOKENS, max_size=4).map(tuple),
    numbers=BESIDE,
)
BOUNDS = st.one_of(st.none(), st.integers(-2, 3))
LIMITS = st.integers(0, 5)
Stores = Callable[[], AbstractAsyncContextManager[OpenStore]]


def storable(doc: Doc) -> bool:
    """The model's own rule."""
    no_surrogates = all("\ud800" not in text for text in (doc.id, doc.body, *doc.tokens))
    return no_surrogates and all(LEAST <= number <= MOST for number in doc.numbers.values())


class StoreBesideDict(RuleBasedStateMachine):
    stores: ClassVar[Stores]

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[str, Doc] = {}
        self.runner = asyncio.Runner()
        self.open = AsyncExitStack()

    @initialize()
    def start(self) -> None:
        async def start() -> AnyStore:
            return await (await self.open.enter_async_context(type(self).stores()))()

        self.documents = self.runner.run(start()).bindings

    def teardown(self) -> None:
        self.runner.run(self.open.aclose())
        self.runner.close()

    def ordered(self) -> list[Doc]:
        return [self.model[key] for key in sorted(self.model)]

    # `version` of a drawn document is the distance from the version that would be right, so that most saves succeed.
    @rule(docs=st.lists(DOCS, max_size=6, unique_by=lambda doc: doc.id), again=st.booleans())
    def save(self, docs: list[Doc], again: bool) -> None:
        known = self.ordered()
        if again and known:
            docs = [replace(doc, id=known[place % len(known)].id) for place, doc in enumerate(docs[: len(known)])]
        stored = {doc.id: self.model[doc.id].version if doc.id in self.model else 0 for doc in docs}
        docs = [replace(doc, version=max(0, stored[doc.id] + doc.version)) for doc in docs]
        refused = {doc.id for doc in docs if not storable(doc)}
        conflicts = {doc.id for doc in docs if doc.version != stored[doc.id]} - refused
        outcome = self.runner.run(self.documents.save(docs))
        assert outcome == Saved(frozenset(conflicts), outcome.refused)
        assert set(outcome.refused) == refused
        self.model.update((doc.id, replace(doc, version=doc.version + 1)) for doc in docs if doc.id not in conflicts | refused)

    @rule(wanted=st.lists(IDS, max_size=5))
    def load(self, wanted: list[str]) -> None:
        everything = [*wanted, *self.model]
        assert self.runner.run(self.documents.load(everything)) == self.model

    @rule(tokens=st.lists(TOKENS, max_size=3), every=st.booleans(), after=st.sampled_from(["", "a", "b\0"]), limit=st.none() | LIMITS)
    def matching(self, tokens: list[str], every: bool, after: str, limit: int | None) -> None:
        test = set.issubset if every else (lambda wanted, held: bool(wanted & held))
        expected = [doc for doc in self.ordered() if tokens and test(set(tokens), set(doc.tokens)) and doc.id > after]
        assert self.runner.run(self.documents.matching(tokens, every=every, after=after, limit=limit)) == expected[:limit]

    @rule(
        place=st.none() | st.tuples(st.integers(-1, 1), st.integers(-1, 1)),
        above=BOUNDS,
        upto=BOUNDS,
        limit=LIMITS,
        descending=st.booleans(),
        every=st.lists(TOKENS, max_size=2),
    )
    def scan(
        self, place: tuple[int, int] | None, above: int | None, upto: int | None, limit: int, descending: bool, every: list[str]
    ) -> None:
        last, leading = ("due_us", {}) if place is None else ("offset", dict(zip(("topic_version", "partition"), place, strict=True)))
        expected = [
            doc
            for doc in self.model.values()
            if last in doc.numbers
            and all(doc.numbers.get(name) == number for name, number in leading.items())
            and (above is None or doc.numbers[last] > above)
            and (upto is None or doc.numbers[last] <= upto)
            and set(every) <= set(doc.tokens)
        ]
        expected.sort(key=lambda doc: (doc.numbers[last], doc.id), reverse=descending)
        index = "due" if place is None else "place"
        call = self.documents.scan(index, place or (), above=above, upto=upto, limit=limit, descending=descending, every=every)
        assert self.runner.run(call) == expected[:limit]

    @rule(after=st.sampled_from(["", "a", "b", "é"]), prefix=st.sampled_from(["", "a", "\U0010ffff", "a/"]), limit=LIMITS)
    def page(self, after: str, prefix: str, limit: int) -> None:
        expected = [doc for doc in self.ordered() if doc.id > after and doc.id.startswith(prefix)]
        assert self.runner.run(self.documents.page(after=after, limit=limit, prefix=prefix)) == expected[:limit]

    @rule(tokens=st.lists(TOKENS, max_size=2), at_most=st.integers(0, 4))
    def count(self, tokens: list[str], at_most: int) -> None:
        held = sum(set(tokens) <= set(doc.tokens) for doc in self.model.values())
        assert self.runner.run(self.documents.count(tokens, at_most=at_most)) == min(held, at_most)


def machine(stores: Stores) -> type[RuleBasedStateMachine]:
    """The state machine; `stores` gives an empty backend for each run."""
    return type("StoreBesideDict", (StoreBesideDict,), {"stores": staticmethod(stores)})
