"""Everything that lies on topics, for a look behind a service's back.

Owns: when all has been read. Does not own: opening the log (hostile.py, deployment.py), what is made of the records.
Next stop: tests/functional/hostile.py.
"""

from __future__ import annotations

from app.ports import EventLog, LogRecord
from schemas import topics

# What Kafka puts behind the last record of a partition that fenced writers alone write: the mark of a transaction that was committed.
MARKS = {topics.SKU_BINDINGS: 1}
POLL_S, IDLE, IDLE_AT_MARKS = 0.5, 8, 2


async def everything(log: EventLog, *names: str) -> list[LogRecord]:
    """All records of these topics, each partition in its order, read by a group of its own.

    Where a partition's end is not reached, because of transactions that were given up, nothing new in four seconds counts as the end.
    """
    ends = {(name, partition): end for name in names for partition, end in (await log.ends(name)).items()}
    upto = dict.fromkeys(ends, 0)
    consumer = log.consumer("look", names)
    await consumer.start()
    read: list[LogRecord] = []
    idle = 0
    try:
        while any(ends[place] > upto[place] for place in ends):
            at_marks = all(ends[place] - upto[place] <= MARKS.get(place[0], 0) for place in ends)
            if idle == (IDLE_AT_MARKS if at_marks else IDLE):
                break
            got = await consumer.poll(5000, POLL_S)
            idle = 0 if got else idle + 1
            read += got
            for record in got:
                # A deployment's name space stands before the topic's name on Kafka.
                name = next(name for name in names if record.topic.endswith(name))
                upto[name, record.partition] = record.offset + 1
    finally:
        await consumer.stop()
    return read
