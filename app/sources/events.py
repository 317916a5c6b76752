"""Types of events, compiled: which record a piece is about, how it reads, what orders it.

Owns: EventPlan, Router. Does not own: requests (receive.py), leaves (mapping.py). Next stop: app/sources/receive.py.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import translate
from typing import Any, NamedTuple
from urllib.parse import unquote

from app.domain.keys import record_key
from app.errors import Unmappable
from app.sources.embedded import EmbeddedPlan, embedded_of
from app.sources.expressions import Expression, compile_expression, plain_names
from app.sources.handshakes import compile_notices, compile_passes
from app.sources.ordering import Ordering, ordering_of, tie_of
from app.sources.paths import segments_below
from app.sources.payload import Splitter, several
from app.sources.preset import STATES, EventWords, Preset, Switch, Taken
from app.sources.rows import Context
from app.sources.transforms import found, identifier, instants

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
Headers = Mapping[str, str]
_IN_UTC = instants(UTC)


class Mode(NamedTuple):
    """name: full, delta, deletion, created, thin. full: subtrees of a delta that are whole where they are mentioned."""

    name: str
    full: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventPlan:
    """One type of event. Everything reads the scope of one piece and raises ValueError naming path and type. key: None for fetched states
    that are what was asked for."""

    kind: Callable[[Any], str]
    mode: Callable[[Any], Mode]
    key: Expression | None
    split: Splitter | None
    view: Expression | None
    previous: Expression | None
    order: Ordering | None
    tie: Callable[[Any, str], int]
    fetch: Callable[[Any], bool]
    embedded: tuple[EmbeddedPlan, ...] = ()
    tie_header: str = ""

    def thing(self, scope: Any) -> str:
        """The id of the thing at its vendor."""
        assert self.key is not None
        try:
            return identifier(self.key.get(scope))
        except ValueError as wrong:
            raise ValueError(f"key at {self.key.text}: {wrong}") from None

    def record(self, scope: Any, system: str) -> str:
        """The key of the record that this piece is about."""
        return record_key(self.kind(scope), system, self.thing(scope))

    def time(self, scope: Any, headers: Headers) -> str:
        """The sender's time as RFC 3339, "" where there is none or it cannot be read (the order says so later, with the path)."""
        order, read = self.order, _IN_UTC
        try:
            if self.tie_header and (order is None or not order.header):
                value = headers.get(self.tie_header)
            elif order is None or not order.is_time:
                return ""
            else:
                value, read = order.get(scope) if order.get else None, order.read
                value = headers.get(order.header) if value is None and order.header else value
            if isinstance(value, str) and _RFC3339.fullmatch(value):
                return value
            return datetime.fromtimestamp(read(value) / 1e6, UTC).isoformat() if value is not None else ""
        except (ValueError, OverflowError, OSError):
            return ""

    def seen(self, expression: Expression | None, scope: Any) -> Any:
        """What the fields read: the scope itself, or the view's object without its nulls; nothing where nothing was there before."""
        if expression is None:
            return scope
        view = expression.get(scope)
        if view is None and expression is self.previous:
            return {}
        if not isinstance(view, dict):
            raise ValueError(f"view {expression.text[:40]}: expected an object, found {found(view)}")
        return {name: value for name, value in view.items() if value is not None}


IGNORED = "ignored"
# Types of events that Bindery itself appends begin with it; no pattern of a preset matches them.
OWN = "bindery."


class Router:
    """From a body's type to its plan. passes: whether a body means nothing; notice: what a type says of the sender's own deliveries; both
    None where nothing does."""

    def __init__(self, preset: Preset, context: Context) -> None:
        self._each = None if preset.each is None else plain_names(preset.each) or [] if preset.each else []
        self._type, self.repeats = _taken(preset.type), preset.repeats
        self._id = _taken(preset.id) if preset.id else None
        self.passes, self.notice = compile_passes(preset.answers), compile_notices(preset.notices)
        plans = {name: compile_plan(preset.words(name), context) for name in preset.sent()}
        states = [name for name in preset.events if name.startswith(STATES)]
        self._states = {name.removeprefix(STATES): compile_plan(preset.words(name), context, keyed=False) for name in states}
        self._exact: dict[str, EventPlan | str] = {name: IGNORED for name in preset.ignore if "*" not in name}
        self._exact.update((name, plan) for name, plan in plans.items() if "*" not in name)
        patterns: list[tuple[str, EventPlan | str]] = [(name, plan) for name, plan in plans.items() if "*" in name]
        patterns += [(name, IGNORED) for name in preset.ignore if "*" in name]
        # Longer patterns say more, so they are asked first.
        patterns.sort(key=lambda pattern: -len(pattern[0]))
        self._patterns = [(re.compile(translate(name)), plan) for name, plan in patterns]

    def several(self, body: Any) -> list[Any] | None:
        """The events of a body that holds a list of them, None for a body that is one event itself."""
        return None if self._each is None else several(body, self._each)

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
        plan = self._exact.get(type_)
        if plan is None and not type_.startswith(OWN):
            plan = next((plan for pattern, plan in self._patterns if pattern.match(type_)), None)
        if plan is None:
            what = "of a type that it does not know" if type_ else "without a type"
            raise Unmappable(f"an event {what}; name the type under `events` or `ignore`")
        return plan if isinstance(plan, EventPlan) else None

    def reads(self, kind: str) -> bool:
        """Whether a fetched state of this kind could be read."""
        return kind in self._states

    def state(self, kind: str) -> EventPlan:
        """How a fetched state of this kind is read. Raises Unmappable where the preset does not say."""
        plan = self._states.get(kind)
        if plan is None:
            raise Unmappable(f"a fetched {kind}, which it does not read; say how under `events`: fetched.{kind}")
        return plan


def _taken(taken: Taken) -> Callable[[Any, Headers], Any]:
    otherwise = taken.otherwise
    if taken.const is not None:
        const = taken.const
        return lambda _body, _headers: const
    if taken.header is not None:
        header = taken.header.lower()
        return lambda _body, headers: headers.get(header, otherwise)
    if taken.segment is not None:
        number = taken.segment
        return lambda _body, headers: _segment(headers.get(":path", ""), number) or otherwise
    get = compile_expression(taken.path or "").get
    if otherwise is None:
        return lambda body, _headers: get(body)

    def read(body: Any, _headers: Headers) -> Any:
        value = get(body)
        return otherwise if value is None else value

    return read


def _segment(path: str, number: int) -> str | None:
    """A segment of a request's path below /webhooks/{source}: the first is 1, the last is -1."""
    below = segments_below(path)
    at = number - 1 if number > 0 else number
    return unquote(below[at]) if -len(below) <= at < len(below) else None


def compile_plan(words: EventWords, context: Context, *, keyed: bool = True) -> EventPlan:
    """The plan of one type; keyed: it must say where the id stands. Raises ValueError for what is missing."""
    if words.kind is None or words.mode is None or (keyed and words.key is None):
        raise ValueError("kind, mode and key are needed, here or for all events of the preset")
    return EventPlan(
        kind=_choice(words.kind, "kind"),
        mode=_mode(words.mode),
        key=compile_expression(words.key) if words.key else None,
        split=None if words.split is None else Splitter(plain_names(words.split) or [] if words.split else []),
        view=compile_expression(words.view) if words.view else None,
        previous=compile_expression(words.previous) if words.previous else None,
        order=ordering_of(words.order, context.zone) if words.order else None,
        tie=tie_of(words.tie),
        tie_header=((words.tie.header if words.tie else None) or "").lower(),
        fetch=_wish(words.fetch),
        embedded=tuple(embedded_of(one, context) for one in words.embedded or ()),
    )


def _wish(fetch: bool | str | None) -> Callable[[Any], bool]:
    """Whether a piece asks for a fetch; an expression asks where it finds something."""
    if not isinstance(fetch, str):
        wished = bool(fetch)
        return lambda _scope: wished
    get = compile_expression(fetch).get
    return lambda scope: bool(get(scope))


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
