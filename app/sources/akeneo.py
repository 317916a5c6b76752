"""What Akeneo's values say: functions for presets that read Akeneo's products and assets, whoever sends them.

Owns: the shapes of Akeneo's values in events, deltas and REST answers, and of TESSA's attributes in them. Does not own: the other functions
(functions.py), what presets make of them (app/sources/presets/). Next stop: app/sources/functions.py.

In: attribute -> [{data, locale, scope or channel, attribute_type or type, _links, linked_data}]. PHP writes an empty object as `[]`.
Sources: akeneo/pim-api-docs (concepts/products.md, concepts/asset-manager.md, available-events.md); for TESSA the public connector of
Akeneo 5 (ProductValueNormalizer.php, LinkGenerator.php, LinkParser.php).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.sources.arguments import WrongArgument
from app.sources.transforms import gtin14

IDENTIFIER, IMAGE, TESSA = "pim_catalog_identifier", "pim_catalog_image", "eikona_catalog_tessa"
MEDIA = frozenset({IMAGE, "pim_catalog_file"})
_NAME_IT = 'name the main one in overrides, sku: "values.<its code>[0].data"'
_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)T00:00(?::00(?:\.0+)?)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII)


def _values(values: Any, name: str) -> dict[str, Any]:
    if values is None or values == [] or isinstance(values, dict):
        return values or {}
    raise WrongArgument(f"{name}() expects an object or null, found {type(values).__name__}")


def _entries(values: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(attribute, entry) of all values."""
    for attribute, entries in _values(values, name).items():
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                yield attribute, entry


def _type(entry: Mapping[str, Any]) -> str | None:
    kind = entry.get("attribute_type") or entry.get("type")
    return kind if isinstance(kind, str) else None


def _href(holder: Any, *names: str) -> str | None:
    """The text at a path of names, None for anything else."""
    for name in names:
        holder = holder.get(name) if isinstance(holder, dict) else None
    return holder if isinstance(holder, str) and holder else None


def side_of(values: Any, side: Any) -> dict[str, Any]:
    """One side ("new" or "previous") of an Akeneo delta's values, in the shape of Akeneo's product values.

    In: attribute -> [{previous, new, type, locale, scope or channel}]. Out: attribute -> [{data, type, locale, scope}], without those
    whose side is null. Identifiers, which a delta wraps into {data, is_main_identifier}, and media, {file_name, key}, are unwrapped.
    """
    sides: dict[str, list[dict[str, Any]]] = {}
    for attribute, change in _entries(values, "side_of"):
        value = change.get(side)
        if isinstance(value, dict) and "is_main_identifier" in value:
            value = value.get("data")
        elif isinstance(value, dict) and "file_name" in value:
            value = value.get("key")
        if value is not None:
            scope = change.get("scope")
            sides.setdefault(attribute, []).append(
                {
                    "data": value,
                    "type": change.get("type"),
                    "locale": change.get("locale"),
                    "scope": change.get("channel") if scope is None else scope,
                }
            )
    return sides


def main_identifier(values: Any, side: Any) -> Any:
    """The value of the main identifier in an Akeneo delta's values, on one side; null where it did not change."""
    for _, change in _entries(values, "main_identifier"):
        value = change.get(side)
        if isinstance(value, dict) and value.get("is_main_identifier") is True:
            return value.get("data")
    return None


def changed(thing: Any, side: Any) -> dict[str, Any] | None:
    """One side ("new" or "previous") of a delta about a product or a model, in the shape of a state of it; what did not change is null.

    In: {identifier?, changes: {enabled, family, parent: {previous, new}, categories: {added, removed}, values}}, every member of `changes`
    may be missing. Out: {identifier, parent, enabled, family, categories, values}, values as side_of() gives them. A delta that does not
    change the main identifier may state it beside. Null for null.
    """
    if thing is not None and not isinstance(thing, dict):
        raise WrongArgument(f"changed() expects an object or null, found {type(thing).__name__}")
    changes = _values(thing.get("changes"), "changed") if thing else {}
    held = {name: change.get(side) for name in ("parent", "enabled", "family") if isinstance(change := changes.get(name), dict)}
    categories, values = changes.get("categories"), changes.get("values")
    current = thing.get("identifier") if thing and side == "new" else None
    return thing and {
        **held,
        "identifier": main_identifier(values, side) or current,
        "categories": categories.get("added" if side == "new" else "removed") if isinstance(categories, dict) else None,
        "values": side_of(values, side),
    }


def only_identifier(values: Any) -> Any:
    """The identifier in a product's values, which do not say which one is the main one; null where the product has none.

    Values that name no types at all hold it in `sku`. Raises WrongArgument where a guess could be a wrong SKU: there are several and none
    is called `sku`, or the only one is a GTIN: the product may have no main identifier as well as have this one.
    """
    held = _values(values, "only_identifier")
    typed = [(attribute, entry) for attribute, entry in _entries(held, "only_identifier") if _type(entry) == IDENTIFIER]
    if not typed and any(_type(entry) for _, entry in _entries(held, "only_identifier")):
        return None
    found = {attribute: entry.get("data") for attribute, entry in typed or _entries({"sku": held.get("sku")}, "only_identifier")}
    if len(found) > 1 and "sku" not in found:
        raise WrongArgument(f"{len(found)} identifiers; {_NAME_IT}")
    identifier = found.get("sku", next(iter(found.values()), None))
    if isinstance(identifier, str) and "sku" not in found and gtin14(identifier):
        raise WrongArgument(f"one identifier, a GTIN, which need not be the main one; {_NAME_IT}")
    return identifier


def typed(values: Any) -> dict[str, list[Any]]:
    """The values with a type where only the shape tells it: media by their download link, TESSA's references by their list of links."""
    return {
        attribute: [_told(entry) for entry in entries]
        for attribute, entries in _values(values, "typed").items()
        if isinstance(entries, list)
    }


def _told(entry: Any) -> Any:
    if not isinstance(entry, dict) or _type(entry) or not isinstance(entry.get("data"), str | int):
        return entry
    if isinstance(entry.get("_links"), list):
        return {**entry, "attribute_type": TESSA}
    return {**entry, "attribute_type": IMAGE} if _href(entry, "_links", "download", "href") else entry


def product_media(values: Any) -> list[dict[str, Any]]:
    """Images and files that stand in a product itself: [{id: Akeneo's file key, name}]. They have no public address."""
    keys = [entry["data"] for _, entry in _entries(values, "product_media") if _type(entry) in MEDIA and isinstance(entry.get("data"), str)]
    # A key is three folders and a hash before the sender's own file name.
    return [{"id": key, "name": key.rpartition("/")[2].partition("_")[2] or key} for key in dict.fromkeys(keys) if key]


def share_links(values: Any) -> list[dict[str, Any]]:
    """The public addresses of linked assets, where a product was asked for with them: [{id: "family/code", code, url}], one for each."""
    found: dict[str, dict[str, Any]] = {}
    for _, entry in _entries(values, "share_links"):
        linked, family = entry.get("linked_data"), entry.get("reference_data_name")
        for code, asset in linked.items() if isinstance(linked, dict) and isinstance(family, str) else ():
            links = asset.get("share_links") if isinstance(asset, dict) else None
            urls = [url for link in links if (url := _href(link, "_links", "self", "href"))] if isinstance(links, list) else []
            if urls:
                found.setdefault(f"{family}/{code}", {"id": f"{family}/{code}", "code": code, "url": urls[0]})
    return list(found.values())


def asset_media(values: Any) -> list[dict[str, Any]]:
    """The public addresses in an asset's own values, the best first: [{name, url, file, size, mime_type, extension}].

    Share links come before media links (prefix + data + suffix, where the answer does not spell them out); download links ask for a token
    and are none. name: the attribute, with locale and channel where it has them. file: Akeneo's key of the file, which changes with it.
    """
    shared, linked = [], []
    for attribute, entry in _entries(values, "asset_media"):
        data, more = entry.get("data"), entry.get("linked_data")
        where = [part for part in (entry.get("locale"), entry.get("channel")) if isinstance(part, str)]
        medium = {"name": ".".join([attribute, *where]), "file": data if isinstance(data, str) else None}
        if isinstance(more, dict):
            medium.update({name: more.get(name) for name in ("size", "mime_type", "extension")})
        if share := _href(entry, "_links", "share_link", "href"):
            shared.append({**medium, "url": share})
        elif link := _media_link(entry, data, more):
            linked.append({**medium, "url": link})
    return shared + linked


def _media_link(entry: Mapping[str, Any], data: Any, more: Any) -> str | None:
    if full := _href(more, "full_url"):
        return full
    if _type(entry) != "media_link" or not isinstance(data, str) or not data or not isinstance(more, dict):
        return None
    prefix, suffix = more.get("prefix") or "", more.get("suffix") or ""
    return f"{prefix}{data}{suffix}" if isinstance(prefix, str) and isinstance(suffix, str) and prefix else None


def tessa_assets(values: Any) -> list[dict[str, Any]]:
    """The assets of TESSA's attributes: [{id, url, scope, urls: scope -> url}], each once, in the order of their first mention.

    data is a text of ids in display order, `_links` their addresses in the same order (connectors before 1.1.0 send none; no url then).
    """
    found: dict[str, dict[str, Any]] = {}
    for _, entry in _entries(values, "tessa_assets"):
        data, links, scope = entry.get("data"), entry.get("_links"), entry.get("scope")
        if _type(entry) != TESSA or isinstance(data, bool) or not isinstance(data, str | int):
            continue
        ids = [one.strip() for one in str(data).split(",") if one.strip()]
        # Links count only where there is one for every id: a shifted list would give each asset its neighbour's address.
        addressed = links if isinstance(links, list) and len(links) == len(ids) else [None] * len(ids)
        for asset, url in zip(ids, addressed, strict=True):
            held = found.setdefault(asset, {"id": asset, "scope": scope if isinstance(scope, str) else "", "urls": {}})
            if isinstance(url, str) and url:
                held.setdefault("url", url)
                held["urls"].setdefault(scope if isinstance(scope, str) else "all", url)
    return list(found.values())


def of_tessa(values: Any, *attributes: Any) -> dict[str, Any]:
    """The values, those of these attributes with TESSA's type: connectors before 1.1.0 send neither a type nor links that would tell it."""
    marked = {
        attribute: [{**entry, "attribute_type": TESSA} if isinstance(entry, dict) else entry for entry in entries]
        for attribute, entries in _values(values, "of_tessa").items()
        if attribute in attributes and isinstance(entries, list)
    }
    return {**_values(values, "of_tessa"), **marked}


def day(date: Any) -> Any:
    """A day that is written as its midnight, as Akeneo's REST API does (`2027-03-01T00:00:00+00:00`), as a date; the rest unchanged."""
    written = _MIDNIGHT.fullmatch(date) if isinstance(date, str) else None
    return written.group(1) if written else date


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "side_of": side_of,
    "main_identifier": main_identifier,
    "changed": changed,
    "only_identifier": only_identifier,
    "typed": typed,
    "product_media": product_media,
    "share_links": share_links,
    "asset_media": asset_media,
    "tessa_assets": tessa_assets,
    "of_tessa": of_tessa,
    "day": day,
}
