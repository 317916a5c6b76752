"""Finding letters: a filter, pages of the newest first, groups by fingerprint.

Owns: Filter, newest(), groups(). Does not own: the form of an answer (app/api/dead_letters.py). Next stop: app/letters/desk.py.
"""

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

import orjson

from app.domain.letter_states import LetterState
from app.ports import Doc, Documents

LAST = "last_failed_us"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters. What is None matches any; state "waiting" is open or acknowledged. ids: only these, the other fields apply as well."""

    state: LetterState | str | None = None
    source: str | None = None
    fingerprint: str | None = None
    disposition: str | None = None
    stage: str | None = None
    type: str | None = None
    record: str | None = None
    ids: tuple[str, ...] = ()

    def tokens(self) -> list[str]:
        """The tokens that every such letter holds."""
        held = ["letter"]
        if self.state:
            held.append("waiting" if self.state == "waiting" else f"state:{self.state}")
        named = {"source": self.source, "fp": self.fingerprint, "disposition": self.disposition}
        named |= {"stage": self.stage, "type": self.type, "record": self.record}
        return held + [f"{name}:{value}" for name, value in named.items() if value is not None]

    def told(self) -> dict[str, Any]:
        """The fields that are set, for people and for storage."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if name == "ids" else value for name, value in held.items() if value}


async def newest(
    documents: Documents, every: Collection[str], after: tuple[int, str] | None, limit: int, number: str = LAST
) -> tuple[list[Doc], tuple[int, str] | None]:
    """A page in the order of the last failure (the index's `number`), newest first, and what to continue after (None: no more).

    Letters of one batch share an instant, and a page may end between them: the next one begins within that instant and leaves out what was
    shown, asking for more where the instant holds more than a page. Failure policy: StoreUnavailable passes through.
    """
    size = limit + 1
    while True:
        docs = await documents.scan("newest", upto=after[0] if after else None, limit=size, descending=True, every=every)
        fresh = [doc for doc in docs if after is None or (doc.numbers[number], doc.id) < after]
        if len(fresh) > limit or len(docs) < size:
            page = fresh[:limit]
            return page, (page[-1].numbers[number], page[-1].id) if len(fresh) > limit else None
        size *= 2


async def chosen_page(letters: Documents, wanted: Filter, after: str, limit: int) -> list[Doc]:
    """A page of the letters of a filter in the order of their ids. Failure policy: StoreUnavailable passes through."""
    if not wanted.ids:
        return await letters.matching(wanted.tokens(), every=True, after=after, limit=limit)
    ids = sorted(id_ for id_ in set(wanted.ids) if id_ > after)[:limit]
    held, tokens = await letters.load(ids), set(wanted.tokens())
    return [held[id_] for id_ in ids if id_ in held and tokens <= set(held[id_].tokens)]


async def groups(
    letters: Documents, wanted: Filter, after: tuple[int, str] | None, limit: int
) -> tuple[list[dict[str, Any]], tuple[int, str] | None]:
    """A page of fingerprints with how many letters of the filter each has (up to 10,000), latest failure first; empty ones are left out.

    Failure policy: StoreUnavailable passes through.
    """
    every = ["group", *([f"source:{wanted.source}"] if wanted.source else [])]
    found: list[dict[str, Any]] = []
    while len(found) < limit:
        docs, after = await newest(letters, every, after, limit - len(found))
        for doc in docs:
            body = orjson.loads(doc.body)
            count = await letters.count([*wanted.tokens(), f"fp:{body['fingerprint']}"])
            if count:
                found.append({**body, "count": count, **doc.numbers})
        if after is None:
            break
    return found, after
