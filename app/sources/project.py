"""From an event of the log to changes of records and wishes to fetch.

Owns: views, modes, orders, of what was sent and of what was fetched. Does not own: leaves of a field (mapping.py), records inside a thing
(embedded.py), merging (app/domain/facets.py), fetching. Next stop: app/domain/facets.py.

A pure function of the event, the configuration and nothing else: the same event gives the same changes wherever and whenever it is read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from app.domain.facets import ROOT, Change, EventRef
from app.domain.keys import record_key, split_key
from app.domain.order import CHANGE, DELETION, FETCHED, LENGTH, event_hash, is_from_the_future, order, parts
from app.errors import Unmappable
from app.sources import fetching
from app.sources.embedded import ACTIVE, STATUS, Carrier
from app.sources.events import OWN, EventPlan, Mode, Router
from app.sources.mapping import FieldMap
from app.sources.ordering import absent_at, state_order
from app.sources.payload import BODY, parse
from app.sources.rows import Leaves
from app.sources.source import FetchTask, Projected
from app.sources.transforms import found, identifier, whole_number
from schemas.event import Event

DELETED = "deleted"
WHOLE = frozenset({"full", "created"})


@dataclass(frozen=True, slots=True)
class Fetching:
    """When to fetch, in microseconds after arrival. late_us: after a deletion, None where the source has nothing to fetch with. variants:
    a changed model asks for its variants as well, since they hold what they inherit."""

    delay_us: int
    late_us: int | None
    variants: bool = False


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What the orders of all changes of one event share."""

    event: Event
    digest: str
    version: int

    def text(self, source: int, rank: int, tie: int = 0) -> str:
        event = self.event
        return order(
            era=event.era,
            source=source,
            rank=rank,
            event_hash=self.digest,
            version=self.version,
            tie=tie,
            fetched_us=event.fetched_us,
        )


@dataclass(frozen=True, slots=True)
class _Piece:
    """One thing that an event speaks about. order: its source order; rank, tie: the rest of what orders its changes."""

    plan: EventPlan
    mode: Mode
    scope: Any
    kind: str
    thing: str
    order: int
    rank: int
    tie: int


class EventProjector:
    """The projector of one source."""

    def __init__(
        self, name: str, system: str, preset: str, *, router: Router, maps: Mapping[str, FieldMap], fetching: Fetching | None
    ) -> None:
        self._name, self._system, self._preset = name, system, preset
        self._router, self._maps, self._fetching = router, maps, fetching

    def project(self, event: Event, version: int) -> Projected:
        """Reads every piece of the event (a replayed request may hold several). Raises Malformed, Unmappable."""
        body = parse(event.value)
        several = None if event.type else self._router.several(body)
        if several is not None:
            return self._each(several, event, version)
        type_ = event.type or self._router.type_of(body, {})
        projected = Projected()
        try:
            stamp = _Stamp(event, event_hash(event.value), version)
            if type_.startswith(OWN):
                self._own(projected, type_, body, stamp)
                return projected
            plan = self._router.plan(type_)
            if plan is None:
                return projected
            for scope in [body] if plan.split is None else plan.split.scopes(body):
                self._piece(projected, plan, scope, stamp)
        except (Unmappable, ValueError) as wrong:
            raise Unmappable(f"preset {self._preset}{f', event {type_[:80]}' if type_ else ''}: {wrong}") from None
        return projected

    def settling(self, change: Change, event: Event) -> FetchTask | None:
        """The wish to read the record of a change that ties with another one, where its vendor can be asked for such a record."""
        kind, system, thing = split_key(change.record)
        when = self._fetching
        if when is None or when.late_us is None or system != self._system or not self._router.reads(kind):
            return None
        return FetchTask(
            key=fetching.task_key(kind, system, thing),
            system=system,
            source=self._name,
            kind=kind,
            thing=thing,
            reason="two events of one time say different things, and nobody knows which is the later one",
            due_us=event.arrived_us + when.delay_us,
            trigger_us=parts(change.order).source,
            trigger_order=change.order,
            tie=True,
        )

    def _each(self, several: list[Any], event: Event, version: int) -> Projected:
        """A request that became a letter before it was split: what each of its events says, as if it had come alone."""
        projected = Projected()
        for each in several:
            alone = self.project(replace(event, value=orjson.dumps(each), type=self._router.type_of(each, {})), version)
            projected.changes.extend(alone.changes)
            projected.tasks.extend(alone.tasks)
            projected.orders.extend(alone.orders)
        return projected

    def _piece(self, projected: Projected, plan: EventPlan, scope: Any, stamp: _Stamp) -> None:
        kind, thing, mode, event = plan.kind(scope), plan.thing(scope), plan.mode(scope), stamp.event
        source_order, ordered = self._source_order(plan, mode, scope, event)
        deletion = mode.name == "deletion"
        piece = _Piece(plan, mode, scope, kind, thing, source_order, DELETION if deletion else CHANGE, plan.tie(scope, event.time))
        text = stamp.text(source_order, piece.rank, piece.tie)
        if deletion:
            projected.changes.append(_deleted(record_key(kind, self._system, thing), text, event))
        elif ordered:
            self._changes(projected, piece, text, stamp)
        if ordered or deletion:
            projected.orders.append(text)
        if self._fetching is not None:
            # The arrival orders a deletion without a time of its own; of anything else it says nothing to compare a fetched state with.
            trigger_us = source_order if ordered or deletion else 0
            projected.tasks.extend(self._tasks(self._fetching, piece, event, text, trigger_us))

    def _own(self, projected: Projected, type_: str, held: Any, stamp: _Stamp) -> None:
        """What Bindery itself appended: a wish to fetch that is asked for again, or what a fetch brought."""
        if not isinstance(held, dict):
            raise ValueError(f"expected an object, found {found(held)}")
        event = stamp.event
        if type_ == fetching.FETCH:
            projected.tasks.append(self._asked_again(held, event))
            return
        if not event.fetched_us or not type_.startswith(fetching.FETCHED):
            raise Unmappable("an event of a type that is Bindery's own, and nothing that it appends looks like this")
        kind, state = type_.removeprefix(fetching.FETCHED), held.get("state")
        plan, thing, at_least = self._router.state(kind), identifier(held.get("thing")), whole_number(held.get("at_least") or 0)
        if state is None:
            text = stamp.text(absent_at(plan.order, event.fetched_us, at_least), FETCHED)
            projected.changes.append(_deleted(record_key(kind, self._system, thing), text, event))
            return
        if plan.key is not None:
            thing = plan.thing(state)
        source_order = max(state_order(plan.order, state, event.fetched_us, event.arrived_us), at_least)
        piece = _Piece(plan, plan.mode(state), state, kind, thing, source_order, FETCHED, plan.tie(state, ""))
        text = stamp.text(source_order, FETCHED, piece.tie)
        if piece.mode.name == "deletion":
            projected.changes.append(_deleted(record_key(kind, self._system, thing), text, event))
        else:
            self._changes(projected, piece, text, stamp)

    def _asked_again(self, held: dict[str, Any], event: Event) -> FetchTask:
        """The task that the event describes, about a thing of this source's system, whatever else the event may say."""
        kind, thing = identifier(held.get("kind")), identifier(held.get("thing"))
        return FetchTask(
            key=fetching.task_key(kind, self._system, thing),
            system=self._system,
            source=self._name,
            kind=kind,
            thing=thing,
            reason=str(held.get("reason") or "a person asked for it again")[:500],
            due_us=event.arrived_us,
            trigger_us=whole_number(held.get("trigger_us") or 0),
            trigger_order=_order_or_none(held.get("trigger_order")),
            deletion=held.get("deletion") is True,
            tie=held.get("tie") is True,
            letter=event.letter,
            attempt=event.attempt,
        )

    def _source_order(self, plan: EventPlan, mode: Mode, scope: Any, event: Event) -> tuple[int, bool]:
        """µs in UTC or a sequence number, and whether it orders anything: an event without a readable order may only ask for a fetch."""
        if plan.order is None or (plan.order.header and not event.time and mode.name == "deletion"):
            # A deletion whose sender tells no time, or told none in its header, counts as of its arrival.
            return event.arrived_us, mode.name == "deletion"
        try:
            source = plan.order.of(scope, event.time)
        except ValueError:
            if mode.name != "thin":
                raise
            return event.arrived_us, False
        if plan.order.is_time and is_from_the_future(source, event.arrived_us):
            raise ValueError(f"order at {plan.order.label}: a time more than a day after the arrival; it would freeze the record")
        return source, True

    def _changes(self, projected: Projected, piece: _Piece, text: str, stamp: _Stamp) -> None:
        """The change of the piece itself, then those of the records that it carries."""
        plan, event, scope = piece.plan, stamp.event, piece.scope
        view = plan.seen(plan.view, scope)
        leaves, full = self._leaves(piece, view)
        ref = EventRef(event.source, event.id, event.type)
        if leaves or full:
            projected.changes.append(Change(record_key(piece.kind, self._system, piece.thing), text, leaves, ref, full))
        if plan.embedded:
            carrier = Carrier(
                scope=scope,
                view=view,
                body=scope.get(BODY, scope) if isinstance(scope, dict) else scope,
                whole=piece.mode.name in WHOLE,
                order=piece.order,
                stamp=lambda source: stamp.text(source, piece.rank, piece.tie),
                time=event.time,
                arrived_us=event.arrived_us,
                event=ref,
            )
            for embedded in plan.embedded:
                projected.changes.extend(embedded.changes(carrier))

    def _leaves(self, piece: _Piece, view: Any) -> tuple[Leaves, tuple[str, ...]]:
        fields, plan, mode = self._maps[piece.kind], piece.plan, piece.mode
        # An empty view mentions nothing, whatever an expression makes of nothing (a list of nulls is an empty list).
        leaves = fields.leaves(view, mode.name != "full") if view or mode.name == "full" else {}
        if plan.previous is not None:
            gone = fields.traces(plan.seen(plan.previous, piece.scope))
            leaves.update((leaf, None) for leaf in gone if leaf not in leaves)
        if mode.name in WHOLE:
            leaves[STATUS] = ACTIVE
        full = (ROOT,) if mode.name == "full" else tuple(subtree for subtree in mode.full if fields.mentioned(view, subtree))
        return leaves, full

    def _tasks(self, when: Fetching, piece: _Piece, event: Event, text: str, trigger_us: int) -> list[FetchTask]:
        """The state of the thing, where the event does not bring it; of a model with inheriting variants, theirs."""
        deletion = piece.mode.name == "deletion"
        delay_us = when.late_us if deletion else when.delay_us
        if delay_us is None:
            return []
        asks = self._router.reads(piece.kind) if deletion else piece.mode.name == "thin" or piece.plan.fetch(piece.scope)
        wanted = [piece.kind] if asks else []
        if when.variants and piece.kind == "model" and not deletion:
            wanted.append(fetching.VARIANTS)
        return [
            FetchTask(
                key=fetching.task_key(kind, self._system, piece.thing),
                system=self._system,
                source=self._name,
                kind=kind,
                thing=piece.thing,
                reason=f"{event.type} says {'that it is gone' if deletion else 'that it changed'}",
                due_us=event.arrived_us + delay_us,
                trigger_us=trigger_us,
                trigger_order=text,
                deletion=deletion,
            )
            for kind in wanted
        ]


def _order_or_none(held: Any) -> str:
    """An order as this service writes them, "" for anything else: a person may have edited the letter that it comes from."""
    return held if isinstance(held, str) and re.fullmatch(rf"[0-9a-f]{{{LENGTH}}}", held) else ""


def _deleted(record: str, text: str, event: Event) -> Change:
    return Change(record, text, {STATUS: DELETED}, EventRef(event.source, event.id, event.type), (ROOT,))
