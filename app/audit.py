"""The audit: who did what, when, to what, and why.

Owns: its documents. Does not own: who may do it (app/api/access.py). Next stop: app/letters/desk.py.
"""

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any

import orjson

from app.ports import Doc, StoreView


async def note(
    store: StoreView, *, who: str, what: str, why: str, at_us: int, about: Collection[str], detail: Mapping[str, Any] | None = None
) -> None:
    """Adds one entry. about: names of things ("letter/<id>", "job/<id>", a record key), by which the entry is found again.

    Noted after the action, which is safe to repeat: should this fail, the person sees it, repeats the action and with it the entry.
    Failure policy: StoreUnavailable passes through. The same entry twice is one entry.
    """
    body = orjson.dumps(
        {"who": who, "what": what, "why": why, "about": sorted(about)[:50], "detail": dict(detail or {})}, option=orjson.OPT_SORT_KEYS
    )
    id_ = f"{at_us:020d}-{blake2b(body, digest_size=8).hexdigest()}"
    tokens = tuple(sorted({f"about:{thing}" for thing in about} | {f"who:{who}", f"what:{what}"}))
    await store.audit.save([Doc(id_, body.decode(), 0, tokens, {"at_us": at_us})])


async def entries(store: StoreView, about: str, *, limit: int = 100) -> list[dict[str, Any]]:
    """What was done to one thing, newest first: {at_us, who, what, why, detail}. Failure policy: StoreUnavailable passes through."""
    docs = await store.audit.scan("newest", limit=limit, descending=True, every=[f"about:{about}"])
    found = []
    for doc in docs:
        body = orjson.loads(doc.body)
        found.append({"at_us": doc.numbers["at_us"], **{name: body[name] for name in ("who", "what", "why", "detail")}})
    return found
