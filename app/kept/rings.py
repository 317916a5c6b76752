"""A bounded number of requests per source and kind: a ring of slots, the oldest gives way.

Owns: the slots, their bounds, taking requests out. Does not own: which requests come in (consumers/control.py), what is done with them
(app/api/quarantine.py, app/api/sources.py). Next stop: consumers/control.py.

The store deletes nothing, so a ring is a fixed number of documents, used again and again: `<kind>/<source>/<slot>`. A slot that was emptied
remembers the id of what it held, so that a batch that is read twice brings nothing back.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import orjson

from app.ports import Doc, Documents
from schemas.control import Kept, Kind

MIB = 1 << 20
PAGE = 50


class Bounds(NamedTuple):
    """How much of one kind is kept for one source."""

    most: int
    bytes: int


BOUNDS: Mapping[Kind, Bounds] = {"quarantined": Bounds(500, 32 * MIB), "recorded": Bounds(100, 16 * MIB)}


async def keep(requests: Documents, kind: Kind, source: str, incoming: Sequence[Kept]) -> None:
    """Puts requests into their ring; those that are in it, were taken out lately or are older than all in a full ring are passed over.

    Failure policy: a lost race reads again; StoreUnavailable passes through, and doing it again changes nothing.
    """
    while True:
        slots = await requests.matching([_ring(kind, source)], bodies=False)
        changed = placed(slots, kind, source, incoming)
        if not changed or not (await requests.save(changed)).conflicts:
            return


def placed(slots: Sequence[Doc], kind: Kind, source: str, incoming: Iterable[Kept]) -> list[Doc]:
    """The slots that change when these requests come in."""
    bounds = BOUNDS[kind]
    known = {token for slot in slots for token in slot.tokens}
    held = sorted((slot for slot in slots if _is_held(slot)), key=_age)
    free = sorted((slot for slot in slots if not _is_held(slot)), key=_age)
    taken = {slot.id for slot in slots}
    fresh = (Doc(f"{kind}/{source}/{number:04}", "") for number in range(bounds.most))
    free = [slot for slot in fresh if slot.id not in taken] + free
    size = sum(slot.numbers["bytes"] for slot in held)
    changed: dict[str, Doc] = {}
    for kept in sorted(incoming, key=lambda one: one.arrived_us):
        own = len(kept.body)
        if f"id:{kept.id}" in known or own > bounds.bytes or not _worth(kept, held, size + own, bounds):
            continue
        while held and (len(held) >= bounds.most or size + own > bounds.bytes):
            oldest = held.pop(0)
            size -= oldest.numbers["bytes"]
            changed[oldest.id] = emptied(oldest)
            free.append(changed[oldest.id])
        slot = _filled(free.pop(0), kind, source, kept)
        changed[slot.id] = slot
        held.append(slot)
        known.add(f"id:{kept.id}")
        size += own
    return list(changed.values())


def _worth(kept: Kept, held: Sequence[Doc], size: int, bounds: Bounds) -> bool:
    full = len(held) >= bounds.most or size > bounds.bytes
    return not (full and held and kept.arrived_us < held[0].numbers["at_us"])


async def page(requests: Documents, kind: Kind, source: str, *, after: str = "", group: str = "") -> list[tuple[Doc, Kept]]:
    """Up to PAGE requests behind this slot, in the order of slots; `group`: only those of one recording. Failure policy: passes through."""
    tokens = [_held(kind, source), *([f"group:{group}"] if group else [])]
    docs = await requests.matching(tokens, every=True, after=after, limit=PAGE)
    return [(doc, _read(doc, kind, source)) for doc in docs]


async def count(requests: Documents, kind: Kind, source: str, *, group: str = "") -> int:
    """How many are kept. Failure policy: passes through."""
    return await requests.count([_held(kind, source), *([f"group:{group}"] if group else [])])


async def take_out(requests: Documents, docs: Sequence[Doc]) -> int:
    """Empties these slots, unless another request is in them by now; how many were emptied. Failure policy: passes through."""
    saved = await requests.save([emptied(doc) for doc in docs])
    return len(docs) - len(saved.conflicts)


def emptied(slot: Doc) -> Doc:
    """The slot without what it held, but for the id."""
    tokens = tuple(token for token in slot.tokens if token.startswith(("ring:", "id:")))
    return replace(slot, body="", tokens=tokens, numbers={"at_us": slot.numbers["at_us"], "bytes": 0})


def _filled(slot: Doc, kind: Kind, source: str, kept: Kept) -> Doc:
    told = {"id": kept.id, "method": kept.method, "path": kept.path, "headers": dict(kept.headers), "about": dict(kept.about)}
    body = orjson.dumps({**told, "body": b64encode(kept.body).decode()}).decode()
    group = kept.about.get("recording", "")
    tokens = (_ring(kind, source), _held(kind, source), f"id:{kept.id}", *([f"group:{group}"] if group else []))
    return replace(slot, body=body, tokens=tokens, numbers={"at_us": kept.arrived_us, "bytes": len(kept.body)})


def _read(doc: Doc, kind: Kind, source: str) -> Kept:
    told = orjson.loads(doc.body)
    return Kept(kind, source, doc.numbers["at_us"], **{**told, "body": b64decode(told["body"])})


def _ring(kind: Kind, source: str) -> str:
    return f"ring:{kind}/{source}"


def _held(kind: Kind, source: str) -> str:
    return f"held:{kind}/{source}"


def _is_held(slot: Doc) -> bool:
    return any(token.startswith("held:") for token in slot.tokens)


def _age(slot: Doc) -> tuple[int, str]:
    return slot.numbers["at_us"], slot.id
