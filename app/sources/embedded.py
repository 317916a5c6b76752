"""Records that a thing carries inside: images of a product, variants of a model.

Owns: finding the entries, their keys, orders and leaves. Does not own: the words (preset.py), the piece that carries them (project.py).
Next stop: app/sources/project.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from app.domain.facets import ROOT, Change, EventRef
from app.domain.keys import record_key
from app.sources.collectors import entries
from app.sources.expressions import Expression, compile_expression
from app.sources.mapping import FieldMap, compile_fields
from app.sources.ordering import Ordering, ordering_of
from app.sources.payload import BODY
from app.sources.preset import Embedded
from app.sources.rows import Context
from app.sources.transforms import identifier

PIECE, VIEW = "_piece", "_view"
STATUS, ACTIVE = "status", "active"


@dataclass(frozen=True, slots=True)
class Carrier:
    """The piece that embeds. whole: it is a full state or a creation. order: its own. stamp: source order -> order of a change of it."""

    scope: Any
    view: Any
    body: Any
    whole: bool
    order: int
    stamp: Callable[[int], str]
    time: str
    arrived_us: int
    event: EventRef


@dataclass(frozen=True, slots=True)
class EmbeddedPlan:
    """One kind of records inside. mode: full, delta or None for the carrier's."""

    kind: str
    system: str
    path: Expression
    key: Expression
    when: tuple[tuple[str, Any], ...]
    order: Ordering | None
    mode: str | None
    fields: FieldMap

    def changes(self, carrier: Carrier) -> Iterator[Change]:
        """A change for each entry that counts. Raises ValueError naming path and types."""
        held = self.path.get(carrier.view)
        if held is None or held == "":
            return
        try:
            for entry in entries(held):
                if all(entry.get(name) == wanted for name, wanted in self.when):
                    yield self._change({**entry, BODY: carrier.body, PIECE: carrier.scope, VIEW: carrier.view}, carrier)
        except ValueError as wrong:
            raise ValueError(f"embedded {self.kind} at {self.path.text[:40]}: {wrong}") from None

    def _change(self, scope: dict[str, Any], carrier: Carrier) -> Change:
        try:
            thing = identifier(self.key.get(scope))
        except ValueError as wrong:
            raise ValueError(f"key at {self.key.text[:40]}: {wrong}") from None
        source_order = self.order.within(scope, carrier.time, carrier.arrived_us) if self.order else carrier.order
        full = self.mode == "full" or (self.mode is None and carrier.whole)
        leaves = self.fields.leaves(scope, not full)
        if full:
            leaves[STATUS] = ACTIVE
        return Change(
            record_key(self.kind, self.system, thing), carrier.stamp(source_order), leaves, carrier.event, (ROOT,) if full else ()
        )


def embedded_of(words: Embedded, context: Context) -> EmbeddedPlan:
    """The words, compiled. Raises ValueError for what cannot be."""
    own = replace(context, system=words.system) if words.system else context
    return EmbeddedPlan(
        kind=words.kind,
        system=own.system,
        path=compile_expression(words.path),
        key=compile_expression(words.key),
        when=tuple(words.when.items()),
        order=ordering_of(words.order, context.zone) if words.order else None,
        mode=words.mode,
        fields=compile_fields(words.fields, words.kind, own),
    )
