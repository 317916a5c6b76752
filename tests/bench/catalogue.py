"""Products, assets and bindings for the store, written through its port; events for the log, as the API would have appended them.

Owns: filling. Does not own: what an upload looks like (bodies.py). Next stop: tests/bench/drain.py.

One thing of each kind is made by the code that makes it in service; the others are its text with the number replaced, since the benchmarks
need hundreds of thousands of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from app.bootstrap import Parts
from app.domain import facets, order
from app.domain.bind import bind
from app.domain.facets import Change, EventRef, Record
from app.domain.inputs import Inputs
from app.domain.keys import record_key
from app.domain.view import view
from app.ports import Doc, Documents, Entry
from consumers.projector import document
from schemas import topics
from schemas.event import Event
from tests.bench import bodies
from tests.bench.bodies import Upload

# A number that no other text of a document holds.
TEMPLATE = 7_654_321
PAGE = 2_000
T = TypeVar("T")


def pages(things: Iterable[T], size: int = PAGE) -> Iterator[list[T]]:
    """The things in lists of this size, the last one shorter."""
    iterator = iter(things)
    while page := list(islice(iterator, size)):
        yield page


async def save(documents: Documents, docs: Iterable[Doc]) -> None:
    """Writes documents that are new."""
    for page in pages(docs):
        saved = await documents.save(page)
        assert not saved.conflicts and not saved.refused, f"{len(saved.conflicts)} documents were there already"  # noqa: PT018


def product(number: int) -> Record:
    """A product of some PIM that holds a SKU and a GTIN."""
    sku, gtin = bodies.sku_of(number), bodies.gtin_of(number)
    record = Record(record_key("product", "akeneo", f"7c2d9b1e-4a53-4f0e-9d7c-2f6b1{number:07d}"))
    leaves = {"status": "active", "keys.sku": [sku, sku], "keys.gtin": [[gtin, f"0{gtin}"]], "name": {"en_GB": "Olive rain jacket"}}
    when = order.order(era=0, source=1_791_000_000_000_000, rank=0, event_hash="5ca1ab1e", version=1)
    facets.merge(record, [Change(record.key, when, leaves, EventRef("akeneo-main", "import", "product.updated"), (facets.ROOT,))])
    return record


def asset(made: Parts, number: int) -> Record:
    """An asset that claims the SKU of the same number, as its first upload makes it."""
    (event,) = received(made, Upload(number, number, 0, number))
    (change,) = made.configuration.sources[bodies.SOURCE].project(event, 1).changes
    record = Record(change.record)
    facets.merge(record, [change])
    return record


def products(numbers: Sequence[int]) -> Iterator[Doc]:
    """Product records for the store."""
    return copies(document(product(TEMPLATE)), numbers)


def assets(made: Parts, numbers: Sequence[int]) -> Iterator[Doc]:
    """One asset record a SKU."""
    return copies(document(asset(made, TEMPLATE)), numbers)


def bindings(made: Parts, numbers: Sequence[int]) -> Iterator[Doc]:
    """The decision of each SKU over its product and its asset."""
    one = asset(made, TEMPLATE)
    sku = bodies.sku_of(TEMPLATE)
    at_us = made.clock.now_us()
    bound = bind(Inputs(sku, products=[view(product(TEMPLATE))], assets=[view(one)]), made.configuration.policy, at_us)
    assert bound.asset_keys == (one.key,)
    place = {"topic_version": topics.BIND_REQUESTS_VERSION, "partition": 0, "offset": 0}
    due = {"due_us": bound.next_change_us} if bound.next_change_us is not None else {}
    numbers_of_it = {"revision": 1, "epoch": 0, "config": 1, "at_us": at_us, **place, **due}
    return copies(Doc(sku, bound.text, 0, bound.asset_keys, numbers_of_it), numbers)


def copies(doc: Doc, numbers: Sequence[int]) -> Iterator[Doc]:
    """The document with every number in place of the template's, in its id, its body and its tokens."""
    old, old_gtin = f"{TEMPLATE:07d}", bodies.gtin_of(TEMPLATE)
    for number in numbers:
        new, gtin = f"{number:07d}", bodies.gtin_of(number)

        def renamed(text: str, new: str = new, gtin: str = gtin) -> str:
            return text.replace(old_gtin, gtin).replace(old, new)

        yield replace(doc, id=renamed(doc.id), body=renamed(doc.body), tokens=tuple(map(renamed, doc.tokens)))


async def fill_store(made: Parts, numbers: Sequence[int]) -> None:
    """A store that has decided about all these SKUs already: a product, an asset and a binding each."""
    await save(made.store.records, products(numbers))
    await save(made.store.records, assets(made, numbers))
    await save(made.store.bindings, bindings(made, numbers))


def received(made: Parts, upload: Upload) -> Sequence[Event]:
    """The events of one upload, as the door reads them."""
    body = upload.body()
    headers = {"x-cld-timestamp": bodies.STAMP, "x-cld-signature": bodies.signature(body), "content-type": "application/json"}
    got = made.configuration.sources[bodies.SOURCE].receive(body, made.clock.now_us(), headers)
    assert not got.unread, got.unread
    return got.events


async def fill_log(made: Parts, uploads: Iterable[Upload]) -> int:
    """Appends the events of these uploads; how many there were."""
    count = 0
    for page in pages(uploads):
        events = [event for upload in page for event in received(made, upload)]
        entries = [Entry(event.key.encode(), event.value, event.headers()) for event in events]
        await made.log.append(topics.EVENTS_DAM, entries, deadline_s=60)
        count += len(entries)
        await asyncio.sleep(0)
    return count
