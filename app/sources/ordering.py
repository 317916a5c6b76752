"""What orders changes, compiled: a time or a sequence number in the payload, and a finer hint where two are equal.

Owns: Ordering, ordering_of(), tie_of(), the order of what was fetched. Does not own: the text that orders compare by
(app/domain/order.py), types of events (events.py).
Next stop: app/sources/events.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from app.domain.order import is_from_the_future
from app.sources.expressions import Getter, compile_expression
from app.sources.preset import Order, Tie
from app.sources.transforms import instants, whole_number


@dataclass(frozen=True, slots=True)
class Ordering:
    """Reads the source order: microseconds in UTC or a sequence number."""

    label: str
    get: Getter | None
    read: Callable[[Any], int]
    is_time: bool
    header: str = ""

    def of(self, scope: Any, time: str) -> int:
        """`time`: the event's own, for orders that stand in a header. Raises ValueError."""
        value = self.get(scope) if self.get else None
        if value is None and self.header:
            value = time or None
        if value is None:
            raise ValueError(f"order at {self.label}: expected a {'time' if self.is_time else 'number'}, found nothing")
        try:
            return self.read(value)
        except ValueError as wrong:
            raise ValueError(f"order at {self.label}: {wrong}") from None

    def within(self, scope: Any, time: str, arrived_us: int) -> int:
        """The same, refusing a time from the future. Raises ValueError."""
        found = self.of(scope, time)
        if self.is_time and is_from_the_future(found, arrived_us):
            raise ValueError(f"order at {self.label}: a time more than a day after the arrival; it would freeze the record")
        return found


def ordering_of(order: Order, zone: tzinfo) -> Ordering:
    """The reader of a source order; `zone` of times without one."""
    if order.sequence:
        return Ordering(order.sequence, compile_expression(order.sequence).get, whole_number, False)
    read = instants(ZoneInfo(order.zone) if order.zone else zone)
    get = compile_expression(order.time).get if order.time else None
    return Ordering(order.time or f"header {order.header}", get, read, True, (order.header or "").lower())


def state_order(ordering: Ordering | None, state: Any, fetched_us: int, arrived_us: int) -> int:
    """A fetched state's own order; a state without one is ordered by the start of its fetch. Raises ValueError."""
    if ordering is None or (ordering.is_time and ordering.get is not None and ordering.get(state) is None):
        return fetched_us
    return ordering.within(state, "", arrived_us)


def absent_at(ordering: Ordering | None, fetched_us: int, at_least: int) -> int:
    """When a thing was absent at its vendor. A sequence number cannot be told from a clock: the trigger's has to do. Raises ValueError."""
    if ordering is None or ordering.is_time:
        return max(fetched_us, at_least)
    if not at_least:
        raise ValueError("it is absent at the vendor, and no event has told the sequence number from which on")
    return at_least


def tie_of(tie: Tie | None) -> Callable[[Any, str], int]:
    """A reader of the hint: (scope, the event's own time) -> number; what cannot be read hints at nothing."""
    if tie is None:
        return lambda _scope, _time: 0
    get = compile_expression(tie.time or tie.uuid7 or tie.number or "").get if not tie.header else None
    read: Callable[[Any], int] = instants(UTC) if tie.time or tie.header else _uuid7_ms if tie.uuid7 else whole_number

    def hint(scope: Any, time: str) -> int:
        try:
            value = get(scope) if get else time or None
            return 0 if value is None else read(value)
        except ValueError:
            return 0

    return hint


def _uuid7_ms(value: Any) -> int:
    uuid = UUID(value) if isinstance(value, str) else None
    if uuid is None or uuid.version != 7:
        raise ValueError("expected a UUIDv7")
    return uuid.int >> 80
