"""What changed since a cursor, without a gap.

Owns: the cursor of places, the page. Does not own: places (consumers/binder.py writes them). Next stop: app/api/shown.py.

A cursor holds one offset of the topic of bind requests per partition. Each partition is read up to the last batch that its owner has
finished, no further: within a batch, and between owners, writes come out of order, so a time or one counter would skip some.
"""

from app.api import cursors
from app.api.deps import Api
from app.api.problems import Problem
from app.api.shown import shown
from app.ports import Doc
from schemas import topics

KIND = "changes"


async def changes_page(api: Api, cursor: str, limit: int) -> bytes:
    """A page as JSON. Raises Problem: bad-cursor, cursor-expired. Failure policy: EngineDown passes through (503)."""
    partitions = await api.log.partitions(topics.BIND_REQUESTS)
    first, offsets = _read(cursor)
    offsets += [-1] * (partitions - len(offsets))
    owners = await api.store.owners.load([f"{topics.BIND_REQUESTS}/{partition}" for partition in range(partitions)])
    docs: list[Doc] = []
    for partition in ((first + step) % partitions for step in range(partitions)):
        owner = owners.get(f"{topics.BIND_REQUESTS}/{partition}")
        if owner is None or owner.numbers["finished"] <= offsets[partition]:
            continue
        upto = owner.numbers["finished"]
        equal = (topics.BIND_REQUESTS_VERSION, partition)
        found, above = await cursors.scanned(
            api.store.bindings, "place", "offset", equal, above=offsets[partition], upto=upto, limit=limit - len(docs)
        )
        docs += found
        offsets[partition] = upto if above is None else above
        if len(docs) >= limit:
            # The next page begins behind the partition that filled this one, so that a busy one does not keep the others waiting.
            first = (partition + 1) % partitions
            break
    now_us = api.clock.now_us()
    following = cursors.encode(KIND, topics.BIND_REQUESTS_VERSION, first, offsets)
    return b'{"items":[%b],"next":"%b"}' % (b",".join(shown(doc, now_us) for doc in docs), following.encode())


def _read(cursor: str) -> tuple[int, list[int]]:
    if not cursor:
        return 0, []
    version, first, offsets = cursors.decode(KIND, cursor, int, int, list)
    if version != topics.BIND_REQUESTS_VERSION:
        raise Problem("cursor-expired", "The service was repartitioned since this cursor was given. Start again without changed_since.")
    return first, offsets
