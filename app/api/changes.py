"""What changed since a cursor, without a gap.

Owns: the cursor of places, the page. Does not own: places (consumers/binder.py writes them). Next stop: app/api/shown.py.

A cursor holds one offset of the topic of bind requests per partition. Each partition is read up to the last batch that its owner has
finished, no further: within a batch, and between owners, writes come out of order, so a time or one counter would skip some.

What a partition has finished only moves forward. A cursor beyond it was given out by data that is gone (the data directory was deleted,
the topic made anew); it would wait in silence until the new offsets have passed the old ones, and miss all up to there.
"""

from app.api import cursors
from app.api.deps import Api
from app.api.problems import Problem
from app.api.shown import shown
from app.ports import Doc
from schemas import topics

KIND = "changes"


async def changes_page(api: Api, cursor: str, limit: int) -> bytes:
    """A page as JSON. Raises Problem: bad-cursor, cursor-expired (of data that is gone).

    Failure policy: EngineDown passes through (503).
    """
    partitions = await api.log.partitions(topics.BIND_REQUESTS)
    first, offsets = _read(cursor)
    finished = await _finished(api, partitions)
    offsets += [-1] * (partitions - len(offsets))
    if len(offsets) > partitions or any(offset > done for offset, done in zip(offsets, finished, strict=True)):
        raise Problem(
            "cursor-expired",
            "The service holds less than this cursor has seen: its data was deleted or restored since. Start again without changed_since.",
        )
    docs: list[Doc] = []
    for partition in ((first + step) % partitions for step in range(partitions)):
        upto = finished[partition]
        if upto <= offsets[partition]:
            continue
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


async def _finished(api: Api, partitions: int) -> list[int]:
    """Partition -> offset of the last request that its owner has finished, -1 where there is none yet."""
    ids = [f"{topics.BIND_REQUESTS}/{partition}" for partition in range(partitions)]
    owners = await api.store.owners.load(ids)
    return [owners[id_].numbers["finished"] if id_ in owners else -1 for id_ in ids]


def _read(cursor: str) -> tuple[int, list[int]]:
    if not cursor:
        return 0, []
    version, first, offsets = cursors.decode(KIND, cursor, int, int, list)
    if version != topics.BIND_REQUESTS_VERSION:
        raise Problem("cursor-expired", "The service was repartitioned since this cursor was given. Start again without changed_since.")
    return first, offsets
