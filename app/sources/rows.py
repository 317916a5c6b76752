"""One mapped field as functions: write its leaves, name the leaves it had before, say whether it is mentioned at all.

Owns: Row, Context and the two builders of rows. Does not own: which fields exist (mapping.py, collectors.py).
Next stop: app/sources/mapping.py.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from app.domain.facets import Json
from app.sources.expressions import Expression, compile_expression

Leaves = dict[str, Json]
Convert = Callable[[Any], Json]


@dataclass(frozen=True, slots=True)
class Join:
    """Whose assets a reference names, and by which alias (`id`: their own)."""

    system: str
    by: str = "id"


# (asset system, alias) -> how spellings of that alias are compared.
Spellings = Mapping[tuple[str, str], Callable[[str], str]]


@dataclass(frozen=True, slots=True)
class Context:
    """What a mapping takes from its source. zone: of times without one. joins, roles: by link name or attribute code. spellings: of all
    joins of the deployment."""

    system: str
    normalise: Callable[[str], str]
    zone: tzinfo = UTC
    joins: Mapping[str, Join] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    spellings: Spellings = field(default_factory=dict)

    def spelling(self, join: Join) -> Callable[[str], str]:
        """An asset's reference as sent -> as compared."""
        return self.spellings.get((join.system, join.by), _as_sent)

    def join(self, name: str, system: str | None = None, by: str | None = None) -> Join:
        """The join of a link: what the field itself says, else `joins`, else the own system by id."""
        configured = self.joins.get(name, Join(self.system))
        return Join(system or configured.system, by or configured.by)


def _as_sent(reference: str) -> str:
    return reference


@dataclass(frozen=True, slots=True)
class Row:
    """One field, compiled.

    label: name and path, for messages. root: the subtree of its leaves. write(view, leaves, delta): adds its leaves; in a delta, a field
    that is mentioned and empty is taken away (None). Raises ValueError. traces(view): the leaves it would write. mentioned(view): whether
    the view speaks of it.
    """

    label: str
    root: str
    write: Callable[[Any, Leaves, bool], None]
    traces: Callable[[Any], Iterable[str]]
    mentioned: Callable[[Any], bool]


def mentions(expression: Expression) -> Callable[[Any], bool]:
    """Whether a view speaks of this expression; a null of an expression that is no plain path counts as silence."""
    if expression.mentions is not None:
        return expression.mentions
    get = expression.get
    return lambda view: get(view) is not None


def leaf_row(leaf: str, path: str, convert: Convert) -> Row:
    """A field of one leaf. convert: value (neither null nor "") -> the leaf's value, None for none."""
    expression = compile_expression(path)
    get, mentioned = expression.get, mentions(expression)

    def write(view: Any, leaves: Leaves, delta: bool) -> None:
        value = get(view)
        if value is not None and value != "":
            value = convert(value)
            if value is not None:
                leaves[leaf] = value
                return
        if delta and mentioned(view):
            leaves[leaf] = None

    def traces(view: Any) -> Iterable[str]:
        return (leaf,) if get(view) is not None else ()

    return Row(f"{leaf} at {path}", leaf, write, traces, mentioned)


def spread_row(root: str, path: str, produce: Callable[[Any, Leaves], None]) -> Row:
    """A field of many leaves. produce(value, leaves): adds them; None as a leaf's value takes it away (kept in deltas only). "" is what a
    delta makes of an explicit null."""
    expression = compile_expression(path)
    get, mentioned = expression.get, mentions(expression)

    def write(view: Any, leaves: Leaves, delta: bool) -> None:
        value = get(view)
        if delta:
            if value is not None or mentioned(view):
                produce("" if value is None else value, leaves)
        elif value is not None and value != "":
            found: Leaves = {}
            produce(value, found)
            for leaf, said in found.items():
                if said is not None:
                    leaves[leaf] = said

    def traces(view: Any) -> Iterable[str]:
        found: Leaves = {}
        if get(view) is None:
            return found
        # What the state before cannot say properly was not readable then either: it left no leaf that could be taken away.
        with suppress(ValueError):
            write(view, found, True)
        return found

    return Row(f"{root} at {path}", root, write, traces, mentioned)
