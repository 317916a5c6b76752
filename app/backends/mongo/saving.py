"""save() on MongoDB: compare-and-set of a whole batch in one command.

Owns: the write operations, what each write error means for its document. Does not own: reads (documents.py), what can be stored at all
(app/backends/documents.py). Next stop: app/backends/mongo/errors.py.

A new document is an insert: a duplicate key says that it exists. A changed one is an update whose filter is the id alone and whose
pipeline replaces the document if the version is the expected one, and otherwise by that version, a number, which the server refuses
(40228). It is an upsert so that a document that does not exist fails in the same way (nothing is inserted). So each conflict comes back
with its index in the same round trip. The usual filter on id and version takes the server's general query planner instead of its short
path for ids and is a third slower (measured: 9,600 to 10,900 documents a second; this 15,200 to 16,600; unguarded upserts 17,500 to
19,800), and it would answer only how many did not match.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bson.int64 import Int64
from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from app.backends.documents import slices
from app.backends.mongo.connection import Collection, Document, Session
from app.backends.mongo.errors import CANNOT_ENCODE, OF_THE_SERVER, answering
from app.errors import StoreUnavailable
from app.ports import Doc

_DUPLICATE_KEY = 11000
_NOT_A_DOCUMENT = 40228
# One bulk write must be one message (the server takes 48 MB and 100,000 operations), or else a part of it would be written already when
# encoding a later document fails. Four bytes is the longest character of UTF-8.
_MAX_BYTES = 40_000_000
_MAX_DOCS = 20_000
_BYTES_PER_CHARACTER = 4
_BYTES_BESIDE = 1_000

Operation = InsertOne[Document] | UpdateOne


def stored(doc: Doc) -> Document:
    """The document as it lies in MongoDB after this save. Field names are short, since they are in every document."""
    return {
        "_id": doc.id,
        "v": doc.version + 1,
        "body": doc.body,
        "tokens": list(doc.tokens),
        "n": {name: Int64(number) for name, number in doc.numbers.items()},
    }


@dataclass(slots=True)
class Outcome:
    """What came of the documents so far. `unclear`: id -> the expected version and the server's error code."""

    conflicts: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    unclear: dict[str, tuple[int, int]] = field(default_factory=dict)


async def write(collection: Collection, docs: Sequence[Doc], session: Session | None) -> Outcome:
    """Writes documents that passed sift().

    Failure policy: StoreUnavailable when the server or the majority did not answer; what was written is unknown then, read again.
    """
    outcome = Outcome()
    for wanted_new in (True, False):
        for part in _messages([doc for doc in docs if (doc.version == 0) is wanted_new]):
            await _write(collection, part, session, outcome)
    if outcome.unclear:
        await _look(collection, session, outcome)
    return outcome


def _messages(docs: Sequence[Doc]) -> Iterator[Sequence[Doc]]:
    """Runs of documents that surely fit into one message each."""
    start = size = 0
    for index, doc in enumerate(docs):
        characters = 2 * len(doc.id) + len(doc.body) + sum(map(len, doc.tokens)) + sum(map(len, doc.numbers))
        own = characters * _BYTES_PER_CHARACTER + _BYTES_BESIDE + 32 * (len(doc.tokens) + len(doc.numbers))
        if index > start and (size + own > _MAX_BYTES or index - start >= _MAX_DOCS):
            yield docs[start:index]
            start, size = index, 0
        size += own
    if start < len(docs):
        yield docs[start:]


def _operation(doc: Doc) -> Operation:
    if doc.version == 0:
        return InsertOne(stored(doc))
    guarded = {"$cond": [{"$eq": ["$v", doc.version]}, {"$literal": stored(doc)}, "$v"]}
    return UpdateOne({"_id": doc.id}, [{"$replaceWith": guarded}], upsert=True)


async def _write(collection: Collection, docs: Sequence[Doc], session: Session | None, outcome: Outcome) -> None:
    try:
        with answering():
            await collection.bulk_write([_operation(doc) for doc in docs], ordered=False, session=session)
    except BulkWriteError as error:
        _sort(error.details or {}, docs, outcome)
    except CANNOT_ENCODE as error:
        # sift() found nothing wrong, the driver did. Nothing was sent yet: halve until the culprit is alone.
        if len(docs) == 1:
            outcome.refused[docs[0].id] = f"the driver cannot encode it ({type(error).__name__})"
            return
        middle = len(docs) // 2
        await _write(collection, docs[:middle], session, outcome)
        await _write(collection, docs[middle:], session, outcome)


def _sort(details: Mapping[str, Any], docs: Sequence[Doc], outcome: Outcome) -> None:
    if details.get("writeConcernErrors"):
        raise StoreUnavailable("The majority of MongoDB's replica set did not confirm a write in time: look at its members.")
    for error in details["writeErrors"]:
        doc, code = docs[error["index"]], error["code"]
        if code in OF_THE_SERVER:
            raise StoreUnavailable(f"MongoDB stopped in the middle of a batch (code {code}): look at its log.")
        if code == (_NOT_A_DOCUMENT if doc.version else _DUPLICATE_KEY):
            outcome.conflicts.add(doc.id)
        else:
            outcome.unclear[doc.id] = (doc.version, code)


async def _look(collection: Collection, session: Session | None, outcome: Outcome) -> None:
    """An error code that is not expected: a conflict where the version is another one, else the server refuses the document.

    So a server that changes the code of a conflict costs one more read, and never makes a letter of a healthy document.
    """
    versions: dict[str, int] = {}
    with answering():
        for part in slices(list(outcome.unclear)):
            found = await collection.find({"_id": {"$in": part}}, projection={"v": 1}, session=session).to_list(None)
            versions.update((each["_id"], each["v"]) for each in found)
    for key, (version, code) in outcome.unclear.items():
        if versions.get(key, 0) != version:
            outcome.conflicts.add(key)
        else:
            outcome.refused[key] = f"MongoDB refuses it with error code {code}"
