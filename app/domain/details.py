"""What one asset's record says about showing it: texts, roles, renditions.

Owns: reading the leaves whose paths hold a name (`texts.…`, `tags.…`, `renditions.…`), in one pass over the record.
Does not own: whether it may be shown (app/domain/rights.py). Next stop: app/domain/rights.py.
"""

from dataclasses import dataclass, field
from functools import lru_cache

from app.domain.facets import Json, segments
from app.domain.family import Texts
from app.domain.urls import expand
from app.domain.view import View


@dataclass(slots=True)
class Details:
    """texts: kind -> locale -> text. tags: as the DAM spells them. renditions: name -> {url template, width, height, format}."""

    texts: Texts = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    renditions: dict[str, dict[str, Json]] = field(default_factory=dict)


def details_of(asset: View) -> Details:
    """The named leaves of an asset."""
    found = Details()
    texts = found.texts
    for leaf, value in asset.leaves.items():
        if leaf[0] not in "rt" or (named := _named(leaf)) is None:
            continue
        what, name, locale = named
        if what == "texts":
            if name in texts:
                texts[name][locale] = value
            else:
                texts[name] = {locale: value}
        elif what == "tags":
            found.tags.append(name)
        else:
            found.renditions[name] = value
    return found


@lru_cache(maxsize=4096)
def _named(leaf: str) -> tuple[str, str, str] | None:
    """What a path names: (texts, kind, locale), (tags, tag, "") or (renditions, name, ""); None for all other paths."""
    what, name, locale = (*segments(leaf), "", "")[:3]
    return (what, name, locale) if what in {"texts", "tags", "renditions"} else None


def roles_of(asset: View, details: Details, tag_prefix: str) -> list[str]:
    """The roles that the asset's own record names: the leaf `role`, else one for each tag with the prefix, sorted; [] for none."""
    role = asset.leaves.get("role")
    if role:
        return [role]
    if not tag_prefix or not details.tags:
        return []
    start = len(tag_prefix)
    return sorted({tag[start:] for tag in details.tags if tag.startswith(tag_prefix) and len(tag) > start})


def renditions_of(asset: View, details: Details) -> dict[str, Json]:
    """Name -> {url, width, height, format}; a rendition whose URL needs an unknown part is left out."""
    found: dict[str, Json] = {}
    for name, rendition in details.renditions.items():
        url = expand(rendition.get("url") or "", asset.leaves)
        if url:
            found[name] = {**rendition, "url": url}
    return found
