"""Types of events, compiled: which record a piece is about, how it reads, what orders it.

Owns: EventPlan, Router. Does not own: requests (receive.py), leaves (mapping.py). Next stop: app/sources/receive.py.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from fnmatch import translate
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from app.domain.keys import record_key
from app.errors import Unmappable
from app.sources.expressions import Expression, Getter, compile_expression, plain_names
from app.sources.payload import Splitter
from app.sources.preset import EventWords, Order, Preset, Switch, Taken, Tie
from app.sources.transforms import found, identifier, instants, whole_number

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
Headers = Mapping[str, str]


class Mode(NamedTuple):
    """name: full, delta, deletion, created, thin. full: subtrees of a delta that are whole where they are mentioned."""

    name: str
    full: tuple[str, ...] = ()


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
        value = self.get(scope) if self.get else time or None
        if value is None:
            raise ValueError(f"order at {self.label}: expected a {'time' if self.is_time else 'number'}, found nothing")
        try:
            return self.read(value)
        except ValueError as wrong:
            raise ValueError(f"order at {self.label}: {wrong}") from None


@dataclass(frozen=True, slots=True)
class EventPlan:
    """One type of event. Everything reads the scope of one piece and raises ValueError naming path and type."""

    kind: Callable[[Any], str]
    mode: Callable[[Any], Mode]
    key: Expression
    split: Splitter | None
    view: Expression | None
    previous: Expression | None
    order: Ordering | None
    tie: Callable[[Any], int]
    fetch: bool

    def thing(self, scope: Any) -> str:
        """The id of the thing at its vendor."""
        try:
            return identifier(self.key.get(scope))
        except ValueError as wrong:
            raise ValueError(f"key at {self.key.text}: {wrong}") from None

    def record(self, scope: Any, system: str) -> str:
        """The key of the record that this piece is about."""
        return record_key(self.kind(scope), system, self.thing(scope))

    def time(self, scope: Any, headers: Headers) -> str:
        """The sender's time as RFC 3339, "" where there is none or it cannot be read (the order says so later, with the path)."""
        order = self.order
        if order is None or not order.is_time:
            return ""
        try:
            value = order.get(scope) if order.get else headers.get(order.header)
            if isinstance(value, str) and _RFC3339.fullmatch(value):
                return value
            return datetime.fromtimestamp(order.read(value) / 1e6, UTC).isoformat() if value is not None else ""
        except (ValueError, OverflowError, OSError):
            return ""

    def seen(self, expression: Expression | None, scope: Any) -> Any:
        """What the fields read: the scope itself, or the view's object without its nulls."""
        if expression is None:
            return scope
        view = expression.get(scope)
        if not isinstance(view, dict):
            raise ValueError(f"view {expression.text[:40]}: expected an object, found {found(view)}")
        return {name: value for name, value in view.items() if value is not None}


IGNORED = "ignored"


class Router:
    """From a body's type to its plan."""

    def __init__(self, preset: Preset, zone: tzinfo) -> None:
        self._type = _taken(preset.type)
        self._id = _taken(preset.id) if preset.id else None
        plans = {name: compile_plan(preset.words(name), zone) for name in preset.events}
        self._exact: dict[str, EventPlan | str] = {name: IGNORED for name in preset.ignore if "*" not in name}
        self._exact.update((name, plan) for name, plan in plans.items() if "*" not in name)
        patterns: list[tuple[str, EventPlan | str]] = [(name, plan) for name, plan in plans.items() if "*" in name]
        patterns += [(name, IGNORED) for name in preset.ignore if "*" in name]
        # Longer patterns say more, so they are asked first.
        patterns.sort(key=lambda pattern: -len(pattern[0]))
        self._patterns = [(re.compile(translate(name)), plan) for name, plan in patterns]

    def type_of(self, body: Any, headers: Headers) -> str:
        """The sender's word for what happened, "" where there is none."""
        try:
            return identifier(self._type(body, headers))
        except ValueError:
            return ""

    def id_of(self, body: Any, headers: Headers) -> str:
        """The sender's id of the request, "" where there is none."""
        if self._id is None:
            return ""
        try:
            return identifier(self._id(body, headers))
        except ValueError:
            return ""

    def plan(self, type_: str) -> EventPlan | None:
        """The plan of a type, None for one that is ignored. Raises Unmappable for one that is not known."""
        plan = self._exact.get(type_) or next((plan for pattern, plan in self._patterns if pattern.match(type_)), None)
        if plan is None:
            what = "of a type that it does not know" if type_ else "without a type"
            raise Unmappable(f"an event {what}; name the type under `events` or `ignore`")
        return plan if isinstance(plan, EventPlan) else None


def _taken(taken: Taken) -> Callable[[Any, Headers], Any]:
    otherwise = taken.otherwise
    if taken.const is not None:
        const = taken.const
        return lambda _body, _headers: const
    if taken.header is not None:
        header = taken.header.lower()
        return lambda _body, headers: headers.get(header, otherwise)
    get = compile_expression(taken.path or "").get
    if otherwise is None:
        return lambda body, _headers: get(body)

    def read(body: Any, _headers: Headers) -> Any:
        value = get(body)
        return otherwise if value is None else value

    return read


def compile_plan(words: EventWords, zone: tzinfo) -> EventPlan:
    """The plan of one type. Raises ValueError for what is missing."""
    if words.kind is None or words.mode is None or words.key is None:
        raise ValueError("kind, mode and key are needed, here or for all events of the preset")
    return EventPlan(
        kind=_choice(words.kind, "kind"),
        mode=_mode(words.mode),
        key=compile_expression(words.key),
        split=None if words.split is None else Splitter(plain_names(words.split) or [] if words.split else []),
        view=compile_expression(words.view) if words.view else None,
        previous=compile_expression(words.previous) if words.previous else None,
        order=_ordering(words.order, zone) if words.order else None,
        tie=_tie(words.tie),
        fetch=bool(words.fetch),
    )


def _choice(choice: str | Switch, what: str) -> Callable[[Any], str]:
    if isinstance(choice, str):
        return lambda _scope: choice
    get, lookup, otherwise, path = compile_expression(choice.path).get, dict(choice.lookup), choice.otherwise, choice.path

    def choose(scope: Any) -> str:
        value = get(scope)
        word = str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, str | int) else ""
        meaning = lookup.get(word, otherwise)
        if meaning is None:
            raise ValueError(f"{what} at {path}: expected one of {', '.join(sorted(lookup))}, found {found(value)} that is none of them")
        return meaning

    return choose


def _mode(mode: str | list[str] | Switch) -> Callable[[Any], Mode]:
    if isinstance(mode, list):
        whole = Mode("delta", tuple(mode))
        return lambda _scope: whole
    choose = _choice(mode, "mode")
    return lambda scope: Mode(choose(scope))


def _ordering(order: Order, zone: tzinfo) -> Ordering:
    if order.sequence:
        return Ordering(order.sequence, compile_expression(order.sequence).get, whole_number, False)
    read = instants(ZoneInfo(order.zone) if order.zone else zone)
    if order.time:
        return Ordering(order.time, compile_expression(order.time).get, read, True)
    return Ordering(f"header {order.header}", None, read, True, (order.header or "").lower())


def _tie(tie: Tie | None) -> Callable[[Any], int]:
    """A reader of the hint; what cannot be read hints at nothing."""
    if tie is None:
        return lambda _scope: 0
    get = compile_expression(tie.time or tie.uuid7 or tie.number or "").get
    read: Callable[[Any], int] = instants(UTC) if tie.time else _uuid7_ms if tie.uuid7 else whole_number

    def hint(scope: Any) -> int:
        try:
            value = get(scope)
            return 0 if value is None else read(value)
        except ValueError:
            return 0

    return hint


def _uuid7_ms(value: Any) -> int:
    uuid = UUID(value) if isinstance(value, str) else None
    if uuid is None or uuid.version != 7:
        raise ValueError("expected a UUIDv7")
    return uuid.int >> 80
