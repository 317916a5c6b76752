"""Rights as leaves: ends, periods of access, territories.

Owns: leaves below `rights`. Does not own: how single dates are read (transforms.py), the table of territories
(app/domain/territories.py), what may be shown (app/domain/rights.py). Next stop: app/sources/mapping.py.
"""

from collections.abc import Callable
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.facets import Json
from app.domain.territories import VERSION, territories
from app.sources import collectors
from app.sources.expressions import compile_expression, plain_names
from app.sources.fields import Instant, Intervals, Rights, Territory
from app.sources.rows import Context, Convert, Leaves, Row, leaf_row
from app.sources.transforms import found, instants, strings

TABLE = "rights.territories.table"


def rights_rows(rights: Rights, context: Context) -> list[Row]:
    """The rows of rights.from, rights.until, rights.access and rights.territories."""
    rows = []
    if rights.from_:
        rows.append(_closed_row("rights.from", rights.from_.path, _edge(rights.from_, context, max)))
    if rights.until:
        rows.append(_closed_row("rights.until", rights.until.path, _edge(rights.until, context, min)))
    if rights.access:
        rows.append(_closed_row("rights.access", rights.access.path, _intervals(rights.access, context)))
    if rights.territories:
        named = (("allow", rights.territories.allow), ("deny", rights.territories.deny))
        rows += [_territories(f"rights.territories.{name}", spec) for name, spec in named if spec]
    return rows


def _closed_row(leaf: str, path: str, convert: Convert) -> Row:
    """A field of one leaf that fails closed: where a plain path leads through something that is no object (`rights: "2027"` instead of
    `rights: {until: …}`), there may be a right that is not understood. Null, "" and `[]`, PHP's empty object, hold none."""
    row, above = leaf_row(leaf, path, convert), (plain_names(path) or [])[:-1]

    def write(view: Any, leaves: Leaves, delta: bool) -> None:
        held = view
        for name in above:
            held = held.get(name) if isinstance(held, dict) else None
            if held is None or held in ("", []):
                break
            if not isinstance(held, dict):
                raise ValueError(f"expected an object at {name}, found {found(held)}")
        row.write(view, leaves, delta)

    return Row(row.label, leaf, write, row.traces, row.mentioned) if above else row


def _zone_of(spec: Instant | Intervals, context: Context) -> tzinfo:
    return ZoneInfo(spec.zone) if spec.zone else context.zone


def _edge(spec: Instant, context: Context, strictest: Callable[[list[int]], int]) -> Convert:
    """A reader of an end of the period. Of several dates the strictest counts: senders keep dates in bags, and two ends may both hold.
    Raises ValueError for an empty list: it may be what is left of dates that could not be told."""
    read = instants(_zone_of(spec, context), spec.end == "inclusive")

    def convert(value: Any) -> Json:
        if not isinstance(value, list) or not value:
            return read(value)
        said = [read(one) for one in value if one is not None and one != ""]
        return strictest(said) if said else None

    return convert


def _intervals(spec: Intervals, context: Context) -> Convert:
    """[[from, until], …] of the entries that count; an empty list of entries restricts nothing."""
    zone = _zone_of(spec, context)
    read_from, read_until = instants(zone), instants(zone, spec.end == "inclusive")
    get_from = compile_expression(spec.from_).get if spec.from_ else None
    get_until = compile_expression(spec.until).get if spec.until else None
    when = list(spec.when.items())

    def edge(entry: Any, get: Callable[[Any], Any] | None, read: Callable[[Any], int]) -> int | None:
        value = get(entry) if get else None
        return read(value) if value is not None and value != "" else None

    def period(entry: Any) -> Json:
        ends: Json = [edge(entry, get_from, read_from), edge(entry, get_until, read_until)]
        if ends == [None, None] and collectors.VALUE in entry and not when:
            # Something that is no period at all must not stand for one without ends.
            raise ValueError(f"expected a period, found {found(entry[collectors.VALUE])}")
        return ends

    def convert(value: Any) -> Json:
        listed = list(collectors.entries(value))
        if not listed:
            return None
        counting = [entry for entry in listed if all(entry.get(name) == wanted for name, wanted in when)]
        return [period(entry) for entry in counting]

    return convert


def _territories(leaf: str, spec: Territory) -> Row:
    """A sorted list of codes, and beside it the version of the table that they were looked up in. An empty list is nowhere."""
    lookup = {word: [meaning] if isinstance(meaning, str) else meaning for word, meaning in spec.lookup.items()}

    def convert(value: Any) -> Json:
        return territories([meant for word in strings(value, spec.split) for meant in lookup.get(word, [word])])

    row = _closed_row(leaf, spec.path, convert)

    def write(view: Any, leaves: Leaves, delta: bool) -> None:
        row.write(view, leaves, delta)
        if leaves.get(leaf) is not None:
            leaves[TABLE] = VERSION

    return Row(row.label, leaf, write, row.traces, row.mentioned)
