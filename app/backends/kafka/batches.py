"""What waits for its acknowledgement: requests, and the line of one partition that batches are cut from.

Owns: order within a partition, positions of a request, batch sizes, bisection. Does not own: sending (appender.py).
Next stop: app/backends/kafka/appender.py.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from aiokafka.structs import TopicPartition as KafkaPartition

from app.backends.kafka.connection import BATCH_BYTES
from app.errors import EntryRefused
from app.ports import Entry, Position

SMALLEST_LIMIT = 1024
# Varints, offsets and time stamps of one record in format v2, and a little more.
RECORD_OVERHEAD = 32


def size_of(topic: str, entry: Entry, limit: int) -> int:
    """Bytes of one entry in a batch, at most. Raises EntryRefused where it exceeds the limit or a header name is no text."""
    size = RECORD_OVERHEAD + len(entry.key) + len(entry.value)
    try:
        for name, value in entry.headers:
            size += 8 + len(name.encode()) + len(value)
    except UnicodeEncodeError as error:
        raise EntryRefused(f"An entry for {topic} has a header name that is no text: {error.reason}.") from error
    if size > limit:
        raise EntryRefused(f"An entry for {topic} has {size} bytes; the log takes {limit}.")
    return size


class Request:
    """One append(): its entries, and the future that is answered when all of them are acknowledged."""

    __slots__ = ("_left", "_positions", "entries", "future", "size", "sizes", "topic")

    def __init__(self, topic: str, entries: Sequence[Entry], sizes: Sequence[int], future: asyncio.Future[Sequence[Position]]) -> None:
        self.topic, self.entries, self.sizes, self.future = topic, entries, sizes, future
        self.size = sum(sizes)
        self._left = len(entries)
        self._positions: list[Any] = [None] * self._left

    def acknowledge(self, index: int, position: Position) -> None:
        self._positions[index] = position
        self._left -= 1
        if not self._left and not self.future.done():
            self.future.set_result(self._positions)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def forget(self) -> None:
        """Lets the entries go: nobody waits for them any more, and what was not sent is not sent."""
        self.entries = ()


class Item(NamedTuple):
    """One entry of a request."""

    request: Request
    nth: int


class Batch(NamedTuple):
    """Items that were sent together, in this order."""

    line: "Line"
    items: list[Item]
    builder: Any
    size: int


class Line:
    """The entries of one partition that wait to be sent, at most one batch being under way."""

    __slots__ = ("_again", "_items", "busy", "limit", "place")

    def __init__(self, place: KafkaPartition) -> None:
        self.place = place
        self.busy = False
        self.limit = BATCH_BYTES
        self._items: deque[Item] = deque()
        self._again: deque[list[Item]] = deque()

    def add(self, item: Item) -> None:
        # While brokers are away, requests expire here; those at the head are dropped before others come.
        while self._items and self._items[0].request.future.done():
            self._items.popleft()
        self._items.append(item)

    def __bool__(self) -> bool:
        return bool(self._items or self._again)

    def cut(self, create: Callable[[], Any]) -> Batch | None:
        """Fills a batch with what comes next: a part that must be repeated alone, or as much as fits. None when nobody waits."""
        while self._again:
            batch = self._fill(create, deque(self._again.popleft()), again=True)
            if batch is not None:
                return batch
        return self._fill(create, self._items, again=False)

    def repeat(self, items: list[Item]) -> None:
        """Puts a batch back, ahead of everything."""
        self._again.appendleft(items)

    def bisect(self, items: list[Item]) -> None:
        """Puts a refused batch back in two halves, to find the culprit."""
        middle = len(items) // 2
        self.repeat(items[middle:])
        self.repeat(items[:middle])

    def shrink(self, size: int) -> None:
        """The topic takes smaller batches than we thought."""
        self.limit = max(SMALLEST_LIMIT, min(self.limit, size // 2))

    def drain(self) -> list[Item]:
        """Takes everything out."""
        everything = [item for part in self._again for item in part] + list(self._items)
        self._again.clear()
        self._items.clear()
        return everything

    def _fill(self, create: Callable[[], Any], source: deque[Item], *, again: bool) -> Batch | None:
        builder = create()
        items: list[Item] = []
        size = 0
        while source:
            item = source[0]
            request, nth = item
            if request.future.done():
                source.popleft()
                continue
            weight = request.sizes[nth]
            if items and not again and size + weight > self.limit:
                break
            entry = request.entries[nth]
            try:
                fits = builder.append(timestamp=None, key=entry.key, value=entry.value, headers=list(entry.headers)) is not None
            except (TypeError, ValueError) as error:
                # Not bytes: a defect of the caller, who hears of it. What the builder holds by now is unknown, so it starts again.
                request.fail(error)
                source.extendleft(reversed(items))
                builder, items, size = create(), [], 0
                continue
            if not fits:
                break
            source.popleft()
            items.append(item)
            size += weight
        if again and source:
            self.repeat(list(source))
        return Batch(self, items, builder, size) if items else None
