"""The projection of the control topic: requests that are kept apart, confirmations and notices, from their topic into the store.

Owns: reading the topic, who gets what. Does not own: the documents and their bounds (app/kept/), confirming (consumers/confirmations.py).
Next stop: app/kept/rings.py.
"""

from collections.abc import Collection, Sequence

import structlog

from app.kept import notices, recordings, rings
from app.kept import topics as sns_topics
from app.ports import LogRecord, StoreView, TopicPartition
from schemas import topics
from schemas.control import Kept, Kind

log_line = structlog.get_logger(__name__)

GROUP = "bindery.control"


class ControlProjection:
    """The stage for the control topic.

    Failure policy: EngineDown passes through and the batch is repeated, which changes nothing. A record that cannot be read is reported and
    passed over: it must not block those behind it.
    """

    topics: Collection[str] = (topics.CONTROL,)
    group = GROUP

    def __init__(self, store: StoreView) -> None:
        self._requests = store.requests

    async def abandoned(self, partitions: Collection[TopicPartition] | None) -> None:
        """Nothing to let go: no state outlives a batch."""

    async def process(self, records: Sequence[LogRecord]) -> None:
        found: dict[tuple[Kind, str], list[Kept]] = {}
        for record in records:
            kept = _read(record)
            if kept is not None:
                found.setdefault((kept.kind, kept.source), []).append(kept)
        for (kind, source), told in found.items():
            if kind == "confirmation":
                for homeless in await sns_topics.note(self._requests, source, told):
                    log_line.warning("control.no_room_for_topic", source=source, topic=homeless)
            elif kind == "notice":
                await notices.note(self._requests, max(told, key=lambda one: one.arrived_us))
            else:
                await rings.keep(self._requests, kind, source, told)
                if kind == "recorded":
                    await self._end_full(source)

    async def _end_full(self, source: str) -> None:
        recording, goes_on = await recordings.of_source(self._requests, source)
        if recording and goes_on and await rings.count(self._requests, "recorded", source, group=recording.id) >= recording.count:
            await recordings.end(self._requests, source, recording.id)


def _read(record: LogRecord) -> Kept | None:
    try:
        return Kept.read(record.key, record.value, record.headers)
    except ValueError as error:
        log_line.error("control.unreadable", topic=record.topic, partition=record.partition, offset=record.offset, error=str(error))
        return None
