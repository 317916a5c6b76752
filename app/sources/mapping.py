"""Fields of a preset, compiled: a view in, leaves out.

Owns: the leaves of each field. Does not own: fields of many leaves (collectors.py), when a view is whole or a change (project.py).
Next stop: app/sources/project.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.facets import Json, path
from app.domain.keys import ANY
from app.sources import collectors
from app.sources.expressions import compile_expression
from app.sources.fields import Fields, Looked, Owned, Public, Spec
from app.sources.rights import rights_rows
from app.sources.rows import Context, Convert, Join, Leaves, Row, leaf_row, mentions
from app.sources.transforms import boolean, found, gtin14, identifier, strings, text, whole_number

# What an approval can be, the strictest last: of several words the strictest counts.
APPROVALS = ("approved", "pending", "archived", "rejected")


@dataclass(frozen=True, slots=True)
class FieldMap:
    """The fields of one kind of record."""

    rows: tuple[Row, ...]

    def leaves(self, view: Any, delta: bool) -> Leaves:
        """The leaves of a view. Raises ValueError naming field, path and types."""
        leaves: Leaves = {}
        for row in self.rows:
            try:
                row.write(view, leaves, delta)
            except ValueError as wrong:
                raise ValueError(f"{row.label}: {wrong}") from None
        return leaves

    def traces(self, view: Any) -> set[str]:
        """The leaves that this view would have."""
        return {leaf for row in self.rows for leaf in row.traces(view)}

    def mentioned(self, view: Any, subtree: str) -> bool:
        """Whether a view speaks of a subtree, or of a part of it."""
        return any(row.mentioned(view) for row in self.rows if _overlap(row.root, subtree))


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def compile_fields(fields: Fields, kind: str, context: Context) -> FieldMap:
    """The mapping of one kind of record; fields of other kinds are passed over. Raises ValueError for what cannot be compiled."""
    rows = _asset(fields, context) if kind == "asset" else _product(fields, context)
    if kind != "asset" and fields.enabled:
        rows.append(leaf_row("enabled", fields.enabled.path, _enabled(fields.enabled)))
    if kind == "model" and fields.variants:
        rows.append(leaf_row("variants", fields.variants.path, _all(fields.variants.split)))
    return FieldMap(tuple(rows))


def _asset(fields: Fields, context: Context) -> list[Row]:
    rows, closed = _claims(fields, context), _closed(fields.public)
    for name, looked in (("role", fields.role), ("locale", fields.locale), ("channel", fields.channel)):
        if looked:
            rows.append(leaf_row(name, looked.path, _only(_looked(looked))))
    rows += [leaf_row(path("part", name), spec.path, _part) for name, spec in fields.parts.items()]
    plain = (
        ("position", fields.position, _only(whole_number)),
        ("checksum", fields.checksum, _part),
        ("content_version", fields.content_version, _part),
    )
    rows += [leaf_row(name, spec.path, convert) for name, spec, convert in plain if spec]
    if fields.approval:
        rows.append(leaf_row("approval", fields.approval.path, _approval(fields.approval)))
    if fields.url:
        rows.append(collectors.url_row(fields.url, closed))
    if fields.media:
        rows.append(_media(fields.media))
    if fields.tags:
        rows.append(collectors.marks("tags", fields.tags))
    for kind, words in fields.texts.items():
        localised = {ANY: words} if isinstance(words, Spec) else words
        rows += [collectors.texts(kind, spec, locale) for locale, spec in localised.items()]
    if fields.renditions:
        rows.append(collectors.renditions(fields.renditions, closed))
    return rows + rights_rows(fields.rights, context)


def _closed(spec: Public | None) -> Callable[[Any], bool]:
    """Whether a view says that the public cannot open the asset's URLs."""
    if spec is None:
        return lambda _view: False
    get, read, where = compile_expression(spec.path).get, _looked(spec), spec.path

    def closed(view: Any) -> bool:
        value = get(view)
        try:
            return value is not None and read(value) != "yes"
        except ValueError as wrong:
            raise ValueError(f"public at {where}: {wrong}") from None

    return closed


def _claims(fields: Fields, context: Context) -> list[Row]:
    rows = []
    if fields.sku:
        rows.append(leaf_row("claims.sku", fields.sku.path, _pairs(context.normalise, fields.sku.split)))
    if fields.gtin:
        rows.append(leaf_row("claims.gtin", fields.gtin.path, _pairs(gtin14, fields.gtin.split)))
    owned = (("claims.product", fields.product), ("claims.model", fields.model))
    rows += [leaf_row(name, spec.path, _owned(spec)) for name, spec in owned if spec]
    for by, spec in fields.aliases.items():
        rows.append(leaf_row(path("aliases", by), spec.path, _aliases(spec.split, context.spelling(Join(context.system, by)))))
    return rows


def _product(fields: Fields, context: Context) -> list[Row]:
    rows = []
    if fields.sku:
        rows.append(leaf_row("keys.sku", fields.sku.path, _single(context.normalise)))
    if fields.gtin:
        rows.append(leaf_row("keys.gtin", fields.gtin.path, _pairs(gtin14, fields.gtin.split)))
    if fields.parent:
        rows.append(leaf_row("parent", fields.parent.path, identifier))
    if fields.name:
        rows.append(collectors.name(fields.name))
    if fields.family:
        rows.append(leaf_row("family", fields.family.path, identifier))
    if fields.categories:
        rows.append(collectors.marks("categories", fields.categories))
    if fields.completeness:
        rows.append(collectors.completeness(fields.completeness))
    for label, link in fields.links.items():
        if link.asset or link.role:
            rows.append(collectors.links(label, link, context))
        else:
            leaf = path("links", context.roles.get(label, label), ANY, ANY)
            join = context.join(label, link.system, link.by)
            rows.append(leaf_row(leaf, link.path, _linked(join, context.spelling(join))))
    if fields.collections:
        rows.append(collectors.collections(fields.collections, context))
    if fields.asset_texts:
        rows.append(collectors.asset_texts(fields.asset_texts, context))
    return rows


def _pairs(normalise: Callable[[str], str | None], split: bool) -> Convert:
    """[[raw, key], …]; what has no key (a GTIN with a wrong check digit) is no claim."""

    def convert(value: Any) -> Json:
        return [[raw, key] for raw in strings(value, split) if (key := normalise(raw))] or None

    return convert


def _single(normalise: Callable[[str], str]) -> Convert:
    def convert(value: Any) -> Json:
        raw = identifier(value)
        return [raw, normalise(raw)]

    return convert


def _owned(spec: Owned) -> Convert:
    return lambda value: [[spec.system, thing] for thing in strings(value, spec.split)] or None


def _aliases(split: bool, spelling: Callable[[str], str]) -> Convert:
    return lambda value: list(dict.fromkeys([spelling(alias) for alias in strings(value, split)])) or None


def _linked(join: Join, spelling: Callable[[str], str]) -> Convert:
    return lambda value: [[join.system, join.by, thing] for thing in dict.fromkeys([spelling(one) for one in strings(value)])] or None


def _all(split: bool) -> Convert:
    """A whole list, of which the empty one is a word too."""
    return lambda value: sorted(strings(value, split))


def _enabled(spec: Looked) -> Convert:
    if not spec.lookup and spec.otherwise is None:
        return boolean
    read = _looked(spec)
    return lambda value: boolean(read(value))


def _only(convert: Convert) -> Convert:
    """The same for senders that write every value as a list: a list of one is that value, an empty one is none."""

    def only(value: Any) -> Json:
        if not isinstance(value, list) or len(value) > 1:
            return convert(value)
        return convert(value[0]) if value else None

    return only


def _part(value: Any) -> Json:
    return value if isinstance(value, int) and not isinstance(value, bool) else identifier(value)


def _looked(spec: Looked) -> Convert:
    lookup, otherwise = dict(spec.lookup), spec.otherwise

    def convert(value: Any) -> Json:
        word = ("true" if boolean(value) else "false") if spec.boolean or isinstance(value, bool) else identifier(value)
        meaning = lookup.get(word, otherwise if otherwise is not None or lookup else word)
        if meaning is None:
            raise ValueError(f"expected one of {', '.join(sorted(lookup))}, found {found(value)} that is none of them; add it to `lookup`")
        return meaning

    return convert


def _approval(spec: Looked) -> Convert:
    read = _looked(spec if spec.lookup else spec.model_copy(update={"lookup": {word: word for word in APPROVALS}}))

    def convert(value: Any) -> Json:
        words = [read(word) for word in value] if isinstance(value, list) else [read(value)]
        return max(words, key=APPROVALS.index) if words else None

    return convert


_MEDIA: Mapping[str, Convert] = {"width": whole_number, "height": whole_number, "bytes": whole_number, "format": text, "type": text}


def _media(specs: Mapping[Any, Spec]) -> Row:
    """media = {width, height, bytes, format, type}, as far as they are known."""
    members = [(name, compile_expression(spec.path), _MEDIA[name]) for name, spec in specs.items()]
    speaks = [mentions(expression) for _, expression, _ in members]

    def write(view: Any, leaves: Leaves, _delta: bool) -> None:
        media = {name: convert(value) for name, expression, convert in members if (value := expression.get(view)) not in (None, "")}
        if media:
            leaves["media"] = media

    def traces(view: Any) -> tuple[str, ...]:
        return ("media",) if any(expression.get(view) is not None for _, expression, _ in members) else ()

    return Row("media", "media", write, traces, lambda view: any(speak(view) for speak in speaks))
