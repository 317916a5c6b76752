"""Opaque cursors of lists, and pages of scans.

Owns: their text form, paging through documents that share a number. Does not own: what each list counts by (the routes).
Next stop: app/api/changes.py.
"""

import base64
import binascii
from collections.abc import Collection, Sequence
from typing import Any

import orjson

from app.api.problems import Problem
from app.ports import Doc, Documents

LARGEST = (1 << 63) - 1


def encode(kind: str, *parts: Any) -> str:
    """The cursor of this kind of list. The text is opaque to clients and may change with every version."""
    return base64.urlsafe_b64encode(orjson.dumps([kind, *parts])).decode().rstrip("=")


def decode(kind: str, text: str, *types: type) -> list[Any]:
    """The parts of a cursor. Raises Problem (bad-cursor) for anything that encode() did not make for this kind of list."""
    try:
        found = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        found = None
    if isinstance(found, list) and len(found) == len(types) + 1 and found[0] == kind:
        parts = found[1:]
        if all(type(part) is wanted and _fits(part) for part, wanted in zip(parts, types, strict=True)):
            return parts
    raise Problem(
        "bad-cursor", f"The cursor {text[:60]!r} is not one of this list's. Use `next` of a page unchanged, or start without one."
    )


def _fits(part: Any) -> bool:
    if isinstance(part, list):
        return all(type(each) is int and _fits(each) for each in part)
    return not isinstance(part, int) or -1 <= part <= LARGEST


async def scanned(
    documents: Documents,
    index: str,
    number: str,
    equal: Sequence[int] = (),
    *,
    above: int | None,
    upto: int | None = None,
    limit: int,
    every: Collection[str] = (),
) -> tuple[list[Doc], int | None]:
    """About `limit` documents in the order of the index's last number, called `number`, and the `above` of the next page (None: no more).

    A page never ends between documents of one number, since the next one begins above it; where more share a number than fit on a page, the
    page grows. Failure policy: StoreUnavailable passes through.
    """
    while True:
        docs = await documents.scan(index, equal, above=above, upto=upto, limit=limit + 1, every=every)
        if len(docs) <= limit:
            return docs, None
        last = docs[-1].numbers[number]
        whole = [doc for doc in docs if doc.numbers[number] != last]
        if whole:
            return whole, whole[-1].numbers[number]
        limit *= 2
