"""What one asset's record says about showing it: texts, URL, renditions, roles, bytes.

Owns: reading these leaves, once per asset and decision. Does not own: whether it may be shown (app/domain/rights.py).
Next stop: app/domain/rights.py.
"""

from app.domain.facets import Json, segments
from app.domain.family import Texts
from app.domain.urls import expand
from app.domain.view import View


def texts_of(asset: View) -> Texts:
    """Kind -> locale -> text, from `texts.<kind>.<locale>`."""
    texts: Texts = {}
    for leaf, value in asset.leaves.items():
        if leaf[0] == "t" and leaf.startswith("texts."):
            _, kind, locale = (*(segments(leaf) if "~" in leaf else leaf.split(".")), "", "")[:3]
            texts.setdefault(kind, {})[locale] = value
    return texts


def roles_of(asset: View, tag_prefix: str) -> list[str]:
    """The roles that the asset's own record names: the leaf `role`, else one for each tag with the prefix, sorted; [] for none."""
    role = asset.leaves.get("role")
    if role:
        return [role]
    if not tag_prefix:
        return []
    start = len(tag_prefix)
    tags = [segments(leaf)[1] for leaf in asset.leaves if leaf[0] == "t" and leaf.startswith("tags.")]
    return sorted({tag[start:] for tag in tags if tag.startswith(tag_prefix) and len(tag) > start})


def renditions_of(asset: View) -> dict[str, Json]:
    """Name -> {url, width, height, format}; a rendition whose URL needs an unknown part is left out."""
    found: dict[str, Json] = {}
    leaves = asset.leaves
    for leaf, value in leaves.items():
        if leaf[0] == "r" and leaf.startswith("renditions."):
            url = expand(value.get("url") or "", leaves).url
            if url:
                found[segments(leaf)[1]] = {**value, "url": url}
    return found
