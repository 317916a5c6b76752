"""Who speaks for a SKU on the PIM's side: the winning product, its models, and what they say together.

Owns: the choice among products, the climb, inheritance of links and texts, the flags about products.
Does not own: what a link leads to (app/domain/placements.py). Next stop: app/domain/placements.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.facets import Json, segments
from app.domain.include import exclusion
from app.domain.inputs import Inputs
from app.domain.keys import record_key, split_key
from app.domain.policy import Policy
from app.domain.variants import gone_by
from app.domain.view import View

DEPTH = 5
# Products that a flag names. A dummy GTIN may stand on a whole catalogue, and each product's answer would name every other one.
LISTED = 20

Texts = dict[str, dict[str, str]]  # kind -> locale -> text


@dataclass(slots=True)
class Family:
    """product: the winner, None where no product is known. members: the winner, then its models upwards. gtins: the winner's, 14 digits.
    excluded: why the winner does not count, "" where it does."""

    product: View | None
    members: list[View]
    gtins: list[str]
    flags: list[dict[str, Json]]
    excluded: str = ""

    @property
    def disabled(self) -> View | None:
        """The product, or a model above it, that the PIM has switched off; one that says nothing is on."""
        return next((member for member in self.members if member.leaves.get("enabled") is False), None)

    def links(self) -> Iterator[tuple[View, str, list[list[str]]]]:
        """(who says so, path, links): every path once, the nearest member's; an empty list is a word too."""
        seen: set[str] = set()
        for member in self.members:
            for leaf, value in member.leaves.items():
                if leaf[0] == "l" and leaf.startswith("links.") and leaf not in seen:
                    seen.add(leaf)
                    yield member, leaf, value

    def texts(self) -> dict[tuple[str, str], Texts]:
        """(asset system, asset id) -> the PIM's texts for it."""
        found: dict[tuple[str, str], Texts] = {}
        for member in self.members:
            for leaf, value in member.leaves.items():
                if leaf[0] == "a" and leaf.startswith("asset_texts."):
                    _, system, thing, kind, locale = (*segments(leaf), "", "", "", "")[:5]
                    found.setdefault((system, thing), {}).setdefault(kind, {}).setdefault(locale, value)
        return found

    def name(self) -> Json:
        """The nearest name: a text, a map by locale where it is localised (leaves `name.<locale>`), None where nobody has one."""
        for member in self.members:
            if "name" in member.leaves:
                return member.leaves["name"]
            localised = {segments(leaf)[1]: value for leaf, value in member.leaves.items() if leaf.startswith("name.")}
            if localised:
                return localised
        return None


def family_of(inputs: Inputs, policy: Policy) -> Family:
    """The winner, its models and the flags that people should see."""
    candidates = contenders(inputs, policy)
    if not candidates:
        return Family(None, [], [], [])
    product = candidates[0]
    flags: list[dict[str, Json]] = []
    if len(candidates) > 1:
        flags.append(_sku_conflict(candidates))
    gtins = [norm for _, norm in product.leaves.get("keys.gtin") or ()]
    for gtin in sorted(set(gtins)):
        holders = sorted({product.key, *inputs.gtin_holders.get(gtin, ())})
        if len(holders) > 1:
            flags.append(_gtin_shared(gtin, holders))
    members = [product]
    if "parent" in product.leaves and policy.climbs(split_key(product.key)[1]):
        flags += _climb(members, inputs)
    include = policy.include.get(split_key(product.key)[1])
    why = exclusion(members, include) if include else ""
    if why:
        # A product without any binding has no other place to say so.
        flags.append(_flag("product-excluded", why))
    return Family(product, members, gtins, flags, why)


def contenders(inputs: Inputs, policy: Policy) -> list[View]:
    """The products that hold the SKU and are not gone, the winner first: the greatest order of its SKU, then the smallest key."""
    holding = {one.key: one for one in inputs.products if not one.deleted and (one.leaves.get("keys.sku") or ("", ""))[1] == inputs.sku}
    if policy.variants_listed:
        holding = {key: one for key, one in holding.items() if gone_by(one, inputs.ancestors, policy) is None}
    if len(holding) < 2:
        return list(holding.values())
    by_key = [holding[key] for key in sorted(holding)]
    return sorted(by_key, key=lambda one: one.orders["keys.sku"], reverse=True)


def _climb(members: list[View], inputs: Inputs) -> list[dict[str, Json]]:
    """Appends the models above members[-1], nearest first; returns a flag where the climb ended before the top."""
    system = split_key(members[0].key)[1]
    while code := members[-1].leaves.get("parent"):
        key = record_key("model", system, code)
        if any(member.key == key for member in members):
            return [
                _flag("parent-cycle", f"The PIM ({system}) names {code} as a parent of itself, so the inheritance ends there.", model=key)
            ]
        if len(members) > DEPTH:
            text = f"The PIM ({system}) nests models more than {DEPTH} levels deep, so {code} and what lies above it is not inherited."
            return [_flag("parent-too-deep", text, model=key)]
        parent = inputs.ancestors.get(key)
        if parent is None or parent.deleted:
            what = "has deleted it" if parent else "has not told anything else about it"
            return [_flag("parent-missing", f"The PIM ({system}) names the parent {code} and {what}.", model=key)]
        members.append(parent)
    return []


def _sku_conflict(candidates: list[View]) -> dict[str, Json]:
    winner = candidates[0].key
    others = sorted(one.key for one in candidates[1:])
    named = ", ".join(others[:LISTED]) + (" and more" if len(others) > LISTED else "")
    text = f"Several products have this SKU; {winner}, whose SKU was set last, wins over {named}."
    return _flag("sku-conflict", text, products=[winner, *others[:LISTED]])


def _gtin_shared(gtin: str, holders: list[str]) -> dict[str, Json]:
    text = f"Several products have the GTIN {gtin}, so its assets appear on all of them."
    return _flag("gtin-shared", text, gtin=gtin, products=holders[:LISTED])


def _flag(code: str, text: str, **more: Json) -> dict[str, Json]:
    return {"code": code, "text": text, **more}
