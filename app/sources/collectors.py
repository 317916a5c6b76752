"""Fields of many leaves: tags, categories, completeness, texts, renditions, links, Akeneo's collections, texts for assets.

Owns: their leaves' paths and shapes (app/domain/keys.py and the binding read them). Does not own: fields of one leaf (mapping.py).
Next stop: app/sources/mapping.py.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from app.domain.facets import Json, path
from app.domain.keys import ANY
from app.sources.expressions import Getter, compile_expression
from app.sources.fields import AssetTexts, Collections, Link, Listed, Percents, Renditions, Spec, Url
from app.sources.rows import Context, Join, Leaves, Row, spread_row
from app.sources.transforms import found, identifier, strings, text, url, whole_number

# Cloudinary's signature of a delivery URL: 8 characters, or 32 where it is a long one.
_SIGNED = re.compile(r"/s--[A-Za-z0-9_-]+--/")
_VERSION = re.compile(r"/v[0-9]+/")
VALUE, NAME = "_value", "_name"


def _nothing(_: Any) -> None:
    return None


def entries(value: Any) -> Iterator[dict[str, Any]]:
    """The entries of a list or map as objects; a map's key is `_name`, what is no object is `_value`. Raises ValueError for other types."""
    if value == "":
        return
    if isinstance(value, dict):
        for name, entry in value.items():
            yield {**entry, NAME: name} if isinstance(entry, dict) else {VALUE: entry, NAME: name}
    elif isinstance(value, list):
        for entry in value:
            yield entry if isinstance(entry, dict) else {VALUE: entry}
    else:
        raise ValueError(f"expected a list or an object, found {found(value)}")


def marks(root: str, spec: Listed) -> Row:
    """tags.<tag> = true, categories.<code> = true."""

    split = spec.split

    def produce(value: Any, leaves: Leaves) -> None:
        for mark in strings(value, split):
            leaves[path(root, mark) if "." in mark or "~" in mark else f"{root}.{mark}"] = True

    return spread_row(root, spec.path, produce)


def completeness(spec: Percents) -> Row:
    """completeness.<channel>.<locale> = 0 to 100."""
    get_channel, get_locale = compile_expression(spec.channel).get, compile_expression(spec.locale).get
    get_percent, fixed = compile_expression(spec.percent).get, spec.value

    def produce(value: Any, leaves: Leaves) -> None:
        for entry in entries(value):
            percent = get_percent(entry) if fixed is None else fixed
            leaf = path("completeness", _where(get_channel(entry)), _where(get_locale(entry)))
            leaves[leaf] = whole_number(percent) if percent is not None else None

    return spread_row("completeness", spec.path, produce)


def texts(kind: str, spec: Spec, locale: str = ANY) -> Row:
    """texts.<kind>.<locale>, from a text, a map by locale, or Akeneo's localised values."""
    root, leaf = path("texts", kind), path("texts", kind, locale)

    def produce(value: Any, leaves: Leaves) -> None:
        if isinstance(value, str):
            leaves[leaf] = value or None
        else:
            leaves.update((path("texts", kind, where), said) for where, said in by_locale(value, locale))

    return spread_row(root, spec.path, produce)


def name(spec: Spec) -> Row:
    """name = a text, or name.<locale> where it is localised."""

    def produce(value: Any, leaves: Leaves) -> None:
        for locale, said in by_locale(value, ANY):
            leaves["name" if locale == ANY else path("name", locale)] = said

    return spread_row("name", spec.path, produce)


def by_locale(value: Any, default: str) -> Iterator[tuple[str, str | None]]:
    """(locale, text) of a text, a map by locale, or a list of {locale, data}; an empty text is None."""
    if isinstance(value, dict):
        yield from ((locale, text(said) or None if said is not None else None) for locale, said in value.items())
    elif isinstance(value, list):
        for entry in entries(value):
            said = entry.get("data", entry.get(VALUE))
            locale = entry.get("locale")
            yield (locale if isinstance(locale, str) else default), (text(said) or None if said is not None else None)
    else:
        yield default, text(value) or None


def address(style: str, public_id: Getter, format_: Getter) -> Callable[[Any, Any], str | None]:
    """A reader (value, view) -> URL template. Style `cloudinary`: version, public id and a known format are placeholders; None for a signed
    URL, which fits this one public id and may open what the public may not see."""

    def plain(value: Any, _view: Any) -> str:
        return url(value).replace("{", "%7B").replace("}", "%7D")

    def cloudinary(value: Any, view: Any) -> str | None:
        written = plain(value, view)
        if _SIGNED.search(written):
            return None
        known = public_id(view)
        for version in _VERSION.finditer(written) if isinstance(known, str) and known else ():
            tail = written[version.end() :]
            name = unquote(tail) if "%" in tail else tail
            rest = name[len(known) :]
            if name.startswith(known) and (not rest or (rest[0] == "." and "/" not in rest and tail.endswith(rest))):
                extension = ".{format}" if rest and rest[1:] == format_(view) else rest
                return f"{written[: version.start()]}/v{{version}}/{{public_id}}{extension}"
        return written

    return cloudinary if style == "cloudinary" else plain


def renditions(spec: Renditions, closed: Callable[[Any], bool]) -> Row:
    """renditions.<name> = {url, width, height, format}, None for those whose URL the public cannot open (all, where `closed` says so)."""
    get_name, get_url = compile_expression(spec.name).get, compile_expression(spec.url).get
    numbers = [("width", compile_expression(spec.width).get), ("height", compile_expression(spec.height).get)]
    get_format = compile_expression(spec.format).get
    read_url = address(spec.style, compile_expression(spec.public_id).get, _nothing)
    get_all = compile_expression(spec.path).get

    def produce(view: Any, leaves: Leaves) -> None:
        for entry in entries(get_all(view)):
            given = get_url(entry)
            if given is None or given == "":
                continue
            leaf, address_ = path("renditions", identifier(get_name(entry))), read_url(given, view)
            if address_ is None or closed(view):
                leaves[leaf] = None
                continue
            rendition: dict[str, Json] = {"url": address_}
            rendition.update((key, whole_number(value)) for key, get in numbers if (value := get(entry)) not in (None, ""))
            if (format_ := get_format(entry)) not in (None, ""):
                rendition["format"] = text(format_)
            leaves[leaf] = rendition

    row = spread_row("renditions", spec.path, lambda _value, _leaves: None)

    def write(view: Any, leaves: Leaves, _delta: bool) -> None:
        if get_all(view) not in (None, ""):
            produce(view, leaves)

    def traces(view: Any) -> set[str]:
        listed = get_all(view)
        names = [get_name(entry) for entry in entries(listed)] if isinstance(listed, list | dict) else []
        return {path("renditions", known.strip()) for known in names if isinstance(known, str)}

    return Row(f"renditions at {spec.path}", "renditions", write, traces, row.mentioned)


def links(label: str, spec: Link, context: Context) -> Row:
    """links.<role>.<locale>.<channel> = [[system, by, id], …] from a list of objects that may name role, locale, channel and position."""
    join = context.join(label, spec.system, spec.by)
    spelled = context.spelling(join)
    get_asset = compile_expression(spec.asset or VALUE).get
    optional = [compile_expression(e).get if e else _nothing for e in (spec.role, spec.locale, spec.channel, spec.position)]
    get_role, get_locale, get_channel, get_position = optional
    role = context.roles.get(label, label)

    def produce(value: Any, leaves: Leaves) -> None:
        placed: dict[str, list[tuple[int, list[str]]]] = {}
        for entry in entries(value):
            where = path(
                "links",
                identifier(get_role(entry) or role),
                identifier(get_locale(entry) or ANY),
                identifier(get_channel(entry) or ANY),
            )
            position = get_position(entry)
            thing = [join.system, join.by, spelled(identifier(get_asset(entry)))]
            placed.setdefault(where, []).append((whole_number(position) if position is not None else 0, thing))
        for where, things in placed.items():
            leaves[where] = [thing for _, thing in sorted(things, key=lambda placed_: placed_[0])]

    return spread_row(path("links", role) if not spec.role else "links", spec.path, produce)


def collections(spec: Collections, context: Context) -> Row:
    """links.<role>.<locale>.<channel> from Akeneo-style values; an attribute that is mentioned and empty is taken away."""
    types = {kind: Join(words.system or context.system, words.by) for kind, words in spec.types.items()}
    named = {*context.joins, *context.roles}

    def produce(values: Any, leaves: Leaves) -> None:
        if values == "":
            return
        if not isinstance(values, dict):
            raise ValueError(f"expected an object of attributes, found {found(values)}")
        for attribute, held in values.items():
            for entry in entries(held) if isinstance(held, list) else ():
                kind = entry.get("type") or entry.get("attribute_type")
                typed = types.get(kind) if isinstance(kind, str) else None
                if typed is None and attribute not in named:
                    continue
                role = context.roles.get(attribute, attribute)
                join = context.joins.get(attribute) or typed or context.join(attribute)
                where = path("links", role, _where(entry.get("locale")), _where(entry.get("scope") or entry.get("channel")))
                spelled = context.spelling(join)
                leaves[where] = [[join.system, join.by, spelled(code)] for code in strings(entry.get("data"))] or None

    return spread_row("links", spec.path, produce)


def _where(value: Any) -> str:
    return ANY if value is None else identifier(value)


def asset_texts(spec: AssetTexts, context: Context) -> Row:
    """asset_texts.<system>.<id>.<kind>.<locale> = a text."""
    join = context.join(spec.link, spec.system)
    system, spelled = join.system, context.spelling(join)
    get_asset = compile_expression(spec.asset).get
    kinds = [(kind, compile_expression(expression).get) for kind, expression in spec.texts.items()]

    def produce(value: Any, leaves: Leaves) -> None:
        for entry in entries(value):
            thing = spelled(identifier(get_asset(entry)))
            for kind, get in kinds:
                if (said := get(entry)) is not None:
                    leaves.update((path("asset_texts", system, thing, kind, locale), words) for locale, words in by_locale(said, ANY))

    return spread_row("asset_texts", spec.path, produce)


def url_row(spec: Url, closed: Callable[[Any], bool]) -> Row:
    """url = an address or a template; None where the public cannot open it. closed(view): whether the view says so of all of its URLs."""
    get = compile_expression(spec.path).get
    read = address(spec.style, compile_expression(spec.public_id).get, compile_expression("format").get)
    row = spread_row("url", spec.path, lambda _value, _leaves: None)

    def write(view: Any, leaves: Leaves, delta: bool) -> None:
        value = get(view)
        if closed(view):
            leaves["url"] = None
        elif value is not None and value != "":
            leaves["url"] = read(value, view)
        elif delta and row.mentioned(view):
            leaves["url"] = None

    return Row(f"url at {spec.path}", "url", write, lambda view: ("url",) if get(view) is not None else (), row.mentioned)
