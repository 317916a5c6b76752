"""An answer that is small enough to be published, whatever its senders wrote.

Owns: what is cut, and in which order. Does not own: the decision (app/domain/bind.py), the limit (consumers/binder.py, from the topic).
Next stop: consumers/binder.py.

Nothing that was decided is ever unpublishable: one product name of a megabyte would otherwise stop the decisions of every other SKU. First
long texts and lists are cut, so that every asset stays; then there are fewer bindings; at last there is no binding at all, and fewer of
the words around them. Each cut is visible, as a flag or as `overflow`, and shows less, never more.
"""

from dataclasses import replace

import orjson

from app.domain.bind import bind
from app.domain.facets import Json
from app.domain.inputs import Bound, Inputs
from app.domain.policy import Policy

TEXT_CHARS = 1_000
ENTRIES = 50
CUT: dict[str, Json] = {
    "code": "shortened",
    "text": "The whole answer would be too large to publish, so long texts and lists in it are cut.",
}


def fitted(inputs: Inputs, policy: Policy, at_us: int, limit_bytes: int) -> Bound:
    """The decision about one SKU (µs, UTC), at most `limit_bytes` of UTF-8, which must be at least 10,000."""
    bound = bind(inputs, policy, at_us)
    if fits(bound.text, limit_bytes):
        return bound
    bound = _written(bound, _shortened(bound.content))
    while not fits(bound.text, limit_bytes) and policy.max_bindings_per_sku > 1:
        policy = replace(policy, max_bindings_per_sku=policy.max_bindings_per_sku // 2)
        bound = bind(inputs, policy, at_us)
        bound = _written(bound, _shortened(bound.content))
    return bound if fits(bound.text, limit_bytes) else _emptied(bound)


def fits(text: str, limit_bytes: int) -> bool:
    """Whether the text has at most so many bytes; encoded only where that is in doubt."""
    if len(text) > limit_bytes:
        return False
    return text.isascii() or len(text) * 4 <= limit_bytes or len(text.encode()) <= limit_bytes


def _written(bound: Bound, content: dict[str, Json]) -> Bound:
    return replace(bound, content=content, text=orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode())


def _shortened(content: dict[str, Json]) -> dict[str, Json]:
    """Texts for people and lists cut, a flag put in front. What names something (ids, SKUs, URLs) is never cut, only left out."""
    product = content["product"]
    if product is not None:
        product = {**product, "name": _words(product["name"]), "gtins": product["gtins"][:ENTRIES], "parents": product["parents"][:ENTRIES]}
    flags = [{**flag, "text": flag["text"][:TEXT_CHARS], **_first(flag, "products")} for flag in content["flags"][:ENTRIES]]
    bindings = [
        {
            **one,
            "texts": {kind: _words(by_locale) for kind, by_locale in one["texts"].items()},
            "renditions": dict(list(one["renditions"].items())[:ENTRIES]),
            "origins": one["origins"][:ENTRIES],
        }
        for one in content["bindings"]
    ]
    return {**content, "product": product, "flags": [CUT, *flags], "bindings": bindings}


def _words(said: Json) -> Json:
    if isinstance(said, str):
        return said[:TEXT_CHARS]
    return {locale: text[:TEXT_CHARS] for locale, text in sorted(said.items())[:ENTRIES]} if isinstance(said, dict) else said


def _first(flag: dict[str, Json], name: str) -> dict[str, Json]:
    return {name: flag[name][:ENTRIES]} if name in flag else {}


def _emptied(bound: Bound) -> Bound:
    """No binding and no words but the flag: not even one binding fits."""
    content = bound.content
    product = {**content["product"], "name": None, "gtins": [], "parents": []} if content["product"] else None
    overflow = content.get("overflow") or {"kept": 0, "dropped": 0}
    dropped = overflow["dropped"] + len(content["bindings"])
    emptied = {"sku": content["sku"], "product": product, "bindings": [], "next_change_at": None, "flags": [CUT]}
    if dropped:
        emptied["overflow"] = {"kept": 0, "dropped": dropped}
    return replace(_written(bound, emptied), next_change_us=None, asset_keys=())
