"""What both stores agree on: the collections by attribute, what can be stored at all, where a prefix ends.

Owns: `Collections`, `sift()` and the small pieces of arithmetic that the store backends share, so that a deployment that starts on the
embedded store can move to MongoDB: what one refuses, the other refuses for the same reason.
Does not own: any engine. Next stop: app/backends/sqlite/store.py, app/backends/mongo/store.py.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from app.ports import COLLECTIONS, Doc, Documents, Name

MAX_ID_CHARS = 1_000
# MongoDB takes documents of 16 MiB; the rest is room for field names, array positions and the update that carries the document.
MAX_DOC_BYTES = 16 * 1024 * 1024 - 64 * 1024
_BYTES_BESIDE_A_TEXT = 16
# What one question may hold of texts to look for. MongoDB takes 16 MB a message; all of several tokens is one condition each in SQL.
QUESTION_BYTES = 4_000_000
MOST_TOGETHER = 100
_LEAST, _BEYOND = -(2**63), 2**63
_SURROGATES = range(0xD800, 0xE000)
_LAST_CHARACTER = 0x10FFFF


class Collections:
    """One Documents per collection of app/ports.py; the base of both stores and of their views."""

    records: Documents
    bindings: Documents
    owners: Documents
    letters: Documents
    jobs: Documents
    tasks: Documents
    sweeps: Documents
    configuration: Documents
    audit: Documents
    requests: Documents

    def __init__(self, documents: Callable[[Name], Documents]) -> None:
        for name in COLLECTIONS:
            setattr(self, name, documents(name))


def unstorable(doc: Doc) -> str:
    """Why no store can hold this document ("": it can). Names no values: the reason may end in a letter."""
    if len(doc.id) > MAX_ID_CHARS:
        return f"its id has {len(doc.id)} characters, at most {MAX_ID_CHARS} are possible"
    size = 0
    for text in (doc.id, doc.body, *doc.tokens):
        if text.isascii():
            size += len(text) + _BYTES_BESIDE_A_TEXT
            continue
        try:
            size += len(text.encode()) + _BYTES_BESIDE_A_TEXT
        except UnicodeEncodeError:
            return "its text holds a lone surrogate (U+D800 to U+DFFF), which UTF-8 cannot express"
    for name, number in doc.numbers.items():
        if not _LEAST <= number < _BEYOND:
            return f"its number {name!a} is beyond 64 bit"
        if "\0" in name or any(ord(character) in _SURROGATES for character in name):
            return "the name of a number holds NUL or a lone surrogate"
        size += len(name) + _BYTES_BESIDE_A_TEXT
    if size > MAX_DOC_BYTES:
        return f"it has {size} bytes, at most {MAX_DOC_BYTES} are possible"
    return ""


def sift(docs: Sequence[Doc]) -> tuple[list[Doc], dict[str, str]]:
    """The documents that can be stored, and id -> reason for the others. Raises ValueError when two of them have one id."""
    refused = {doc.id: reason for doc in docs if (reason := unstorable(doc))}
    storable = [doc for doc in docs if doc.id not in refused] if refused else list(docs)
    if len({doc.id for doc in storable}) != len(storable):
        raise ValueError("save() was given two documents with one id; only one of them could have the version that is stored.")
    return storable, refused


def findable(texts: Iterable[str]) -> list[str]:
    """Each text once, without those that no stored document can hold (lone surrogates): looking for them would fail to encode."""
    return [text for text in dict.fromkeys(texts) if text.isascii() or _encodes(text)]


def slices(texts: Sequence[str], most_bytes: int = QUESTION_BYTES) -> Iterator[Sequence[str]]:
    """Findable texts in runs of about so many bytes, each text at least alone."""
    start = size = 0
    for index, text in enumerate(texts):
        own = (len(text) if text.isascii() else len(text.encode())) + _BYTES_BESIDE_A_TEXT
        if index > start and size + own > most_bytes:
            yield texts[start:index]
            start, size = index, 0
        size += own
    if start < len(texts):
        yield texts[start:]


def together(texts: Iterable[str]) -> list[str] | None:
    """Tokens that a document must hold all at once, each once; None where no stored document can. Raises ValueError for too many."""
    asked = dict.fromkeys(texts)
    found = findable(asked)
    if len(found) > MOST_TOGETHER or len(list(slices(found))) > 1:
        raise ValueError(f"{len(found)} tokens at once are too much: at most {MOST_TOGETHER}, of {QUESTION_BYTES} bytes together.")
    return found if len(found) == len(asked) else None


def merged(parts: Iterable[Iterable[Doc]], limit: int | None) -> list[Doc]:
    """The answers to several questions as one: each document once, in the order of ids, no more than the limit."""
    found = {doc.id: doc for part in parts for doc in part}
    return sorted(found.values(), key=lambda doc: doc.id)[:limit]


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def prefix_end(prefix: str) -> str | None:
    """The least text greater than all that begin with this prefix, in the order of code points; None when there is no such text."""
    while prefix:
        following = ord(prefix[-1]) + 1
        if following in _SURROGATES:
            following = _SURROGATES.stop
        if following <= _LAST_CHARACTER:
            return prefix[:-1] + chr(following)
        prefix = prefix[:-1]
    return None


def scanned(collection: Name, index: str, equal: Sequence[int]) -> tuple[str, ...]:
    """The names of the numbers that scan() goes by. Raises ValueError for an unknown index or a wrong count of leading numbers."""
    fields = COLLECTIONS[collection].get(index)
    if fields is None:
        raise ValueError(f"The collection {collection!r} has no index {index!r}; app/ports.py names {sorted(COLLECTIONS[collection])}.")
    if len(equal) != len(fields) - 1:
        raise ValueError(
            f"The index {index!r} of {collection!r} goes by {fields}: give {len(fields) - 1} leading numbers, not {len(equal)}."
        )
    return fields


def in_scan_order(docs: Iterable[Doc], field: str, *, descending: bool) -> list[Doc]:
    """Documents in the order of one number, then of their ids."""
    return sorted(docs, key=lambda doc: (doc.numbers[field], doc.id), reverse=descending)
