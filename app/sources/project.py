"""From an event of the log to changes of records and wishes to fetch.

Owns: views, modes, orders. Does not own: leaves of a field (mapping.py), merging (app/domain/facets.py), fetching.
Next stop: app/domain/facets.py.

A pure function of the event, the configuration and nothing else: the same event gives the same changes wherever and whenever it is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.facets import ROOT, Change, EventRef
from app.domain.keys import record_key
from app.domain.order import CHANGE, DELETION, FETCHED, event_hash, is_from_the_future, order
from app.errors import Unmappable
from app.sources.events import EventPlan, Mode, Router
from app.sources.mapping import FieldMap
from app.sources.payload import parse
from app.sources.rows import Leaves
from app.sources.source import FetchTask, Projected
from schemas.event import Event

STATUS, ACTIVE, DELETED = "status", "active", "deleted"


@dataclass(frozen=True, slots=True)
class Fetching:
    """When to fetch, in microseconds after arrival. late_us: after a deletion, None where the source has nothing to fetch with."""

    delay_us: int
    late_us: int | None


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
        type_ = event.type or self._router.type_of(body, {})
        projected = Projected()
        try:
            plan = self._router.plan(type_)
            if plan is None:
                return projected
            digest = event_hash(event.value)
            for scope in [body] if plan.split is None else plan.split.scopes(body):
                self._piece(projected, plan, scope, event, version, digest)
        except (Unmappable, ValueError) as wrong:
            raise Unmappable(f"preset {self._preset}{f', event {type_[:80]}' if type_ else ''}: {wrong}") from None
        return projected

    def _piece(self, projected: Projected, plan: EventPlan, scope: Any, event: Event, version: int, digest: str) -> None:
        kind, thing, mode = plan.kind(scope), plan.thing(scope), plan.mode(scope)
        source_order = self._source_order(plan, scope, event)
        text = order(
            era=event.era,
            source=source_order,
            rank=FETCHED if event.fetched_us else DELETION if mode.name == "deletion" else CHANGE,
            event_hash=digest,
            version=version,
            tie=plan.tie(scope),
            fetched_us=event.fetched_us,
        )
        leaves, full = self._leaves(plan, mode, kind, scope)
        if leaves or full:
            ref = EventRef(event.source, event.id, event.type)
            projected.changes.append(Change(record_key(kind, self._system, thing), text, leaves, ref, full))
        if self._fetching is not None and not event.fetched_us:
            task = self._task(plan, mode, kind, thing, event, source_order, text)
            if task is not None:
                projected.tasks.append(task)

    def _source_order(self, plan: EventPlan, scope: Any, event: Event) -> int:
        """µs in UTC or a sequence number; an event without any only asks for a fetch, and its arrival orders nothing."""
        if plan.order is None:
            return event.arrived_us
        found = plan.order.of(scope, event.time)
        if plan.order.is_time and is_from_the_future(found, event.arrived_us):
            raise ValueError(f"order at {plan.order.label}: a time more than a day after the arrival; it would freeze the record")
        return found

    def _leaves(self, plan: EventPlan, mode: Mode, kind: str, scope: Any) -> tuple[Leaves, tuple[str, ...]]:
        if mode.name == "deletion":
            return {STATUS: DELETED}, (ROOT,)
        if plan.order is None:
            return {}, ()
        fields = self._maps[kind]
        view = plan.seen(plan.view, scope)
        leaves = fields.leaves(view, mode.name != "full")
        if plan.previous is not None:
            gone = fields.traces(plan.seen(plan.previous, scope))
            leaves.update((leaf, None) for leaf in gone if leaf not in leaves)
        if mode.name in {"full", "created"}:
            leaves[STATUS] = ACTIVE
        full = (ROOT,) if mode.name == "full" else tuple(subtree for subtree in mode.full if fields.mentioned(view, subtree))
        return leaves, full

    def _task(self, plan: EventPlan, mode: Mode, kind: str, thing: str, event: Event, source_order: int, text: str) -> FetchTask | None:
        assert self._fetching is not None
        deletion = mode.name == "deletion"
        delay_us = self._fetching.late_us if deletion else self._fetching.delay_us
        if delay_us is None or not (deletion or plan.fetch or mode.name == "thin"):
            return None
        return FetchTask(
            key=f"fetch {kind} {self._system} {thing}",
            system=self._system,
            source=self._name,
            kind=kind,
            thing=thing,
            reason=f"{event.type} says {'that it is gone' if deletion else 'that it changed'}",
            due_us=event.arrived_us + delay_us,
            trigger_us=source_order,
            trigger_order=text,
            deletion=deletion,
        )
