"""Why each asset is shown for a SKU or not, what decided it, and when it changes by itself (promise P7).

Owns: the explanation as plain data, which never holds a URL (promise P6). Does not own: the decision that it explains (app/domain/case.py).
Next stop: app/api/explain.py.
"""

from collections.abc import Iterable, Iterator

from app.domain import reasons
from app.domain.case import Case
from app.domain.facets import Json, path
from app.domain.family import Family, contenders
from app.domain.inputs import Inputs
from app.domain.instants import optional, rfc3339
from app.domain.keys import split_key
from app.domain.placements import Board, Placement
from app.domain.policy import Policy
from app.domain.ranking import Ranked, cut
from app.domain.rights import ALLOW, DENY
from app.domain.variants import gone_by
from app.domain.view import View

ASSET_LEAVES = (
    *("status", "claims.product", "claims.model", "claims.sku", "claims.gtin", "role", "locale", "channel", "position", "approval"),
    *("rights.from", "rights.until", "rights.access", ALLOW, DENY, "rights.territories.table", "checksum", "content_version"),
)
PRODUCT_LEAVES = ("status", "keys.sku", "keys.gtin", "parent", "enabled", "family")
DECISION_LEAVES = ("verdict", "pin", "place", "role", "by", "why")
NOBODY = "Nothing that is known puts it on this SKU."

Facts = list[dict[str, Json]]


def explain(inputs: Inputs, policy: Policy, at_us: int, asset_key: str | None = None) -> dict[str, Json]:
    """Explains the decision at an instant (µs, UTC) for all assets, or for the one with this record key.

    {sku, at, flags, next_change_at, products: [{system, id, speaks, why, decided_by}], assets: [{asset, shown, bindings, not_bound,
    decided_by, changes_at}]}. why: the sentence on why a product is gone or does not count, null where it does. bindings: as bind() gives
    them, without URLs. not_bound: sentences. decided_by: [{record, path, value, order, event}].
    """
    refused: dict[str, list[str]] = {}
    for key, sentence in _refusals(inputs, policy):
        refused.setdefault(key, []).append(sentence)
    case = Case(inputs, policy, at_us)
    _, instants = case.bindings()
    ranked: dict[str, list[Ranked]] = {}
    for position, placement in cut(case.everything, policy.max_bindings_per_sku):
        ranked.setdefault(placement.key, []).append((position, placement))
    for key, sentence in _behind_the_cut(case, ranked):
        refused.setdefault(key, []).append(sentence)
    keys = sorted(ranked.keys() | refused.keys() | case.assets.keys()) if asset_key is None else [asset_key]
    return {
        "sku": inputs.sku,
        "at": rfc3339(at_us),
        "flags": case.family.flags,
        "next_change_at": optional(min(instants, default=None)),
        "products": _products(inputs, case),
        "assets": [_asset(case, key, ranked.get(key, []), refused.get(key, [])) for key in keys],
    }


def _asset(case: Case, key: str, ranked: list[Ranked], refused: list[str]) -> dict[str, Json]:
    bindings, instants, facts = [], [], []
    for position, placement in ranked:
        verdict, rendered = case.binding(position, placement)
        bindings.append({name: value for name, value in rendered.items() if name not in {"url", "renditions"}})
        if verdict.changes_us is not None:
            instants.append(verdict.changes_us)
        facts += _links(case.family, placement)
    asset = case.assets.get(key)
    if asset:
        aliases = sorted(leaf for leaf in asset.leaves if leaf.startswith("aliases.") and leaf != "aliases.url")
        facts += _facts(asset, [*ASSET_LEAVES, *aliases])
    decision = case.decisions.get(key)
    if decision:
        facts += _facts(decision, DECISION_LEAVES)
    return {
        "asset": _name(key, [placement for _, placement in ranked]),
        "shown": any(binding["state"] == "live" for binding in bindings),
        "bindings": bindings,
        "not_bound": refused or ([] if bindings else [NOBODY]),
        "decided_by": facts,
        "changes_at": optional(min(instants, default=None)),
    }


def _name(key: str, placements: list[Placement]) -> dict[str, Json]:
    kind, system, thing = split_key(key)
    if kind == "asset":
        return {"system": system, "id": thing}
    by, _, value = thing.partition("/")
    for placement in placements:
        if placement.unresolved:
            system, by, value = placement.unresolved
    return {"system": system, "id": value, "by": by}


def _links(family: Family, placement: Placement) -> Facts:
    """The PIM's links behind a placement."""
    leaf = path("links", *placement.spot)
    records = {origin["record"] for origin in placement.origins if origin["side"] == "pim"}
    facts = [fact for member in family.members if member.key in records for fact in _facts(member, [leaf])]
    return [{**fact, "value": [link for link in fact["value"] if link[1] != "url"]} for fact in facts]


def _products(inputs: Inputs, case: Case) -> list[dict[str, Json]]:
    """Those that contend for the SKU, the winner first, then those that their models do not have any more."""
    told = [_product(view, case) for view in contenders(inputs, case.policy)]
    for view in sorted(inputs.products, key=lambda view: view.key):
        model = None if view.deleted else gone_by(view, inputs.ancestors, case.policy)
        if model is not None:
            _, system, code = split_key(model.key)
            one = _product(view, case)
            facts = one["decided_by"] + _facts(model, ("status", "variants"))
            told.append({**one, "why": reasons.variant_gone(system, code, model.deleted), "decided_by": facts})
    return told


def _product(view: View, case: Case) -> dict[str, Json]:
    _, system, thing = split_key(view.key)
    speaks, include = view is case.family.product, case.policy.include.get(system)
    why = case.family.excluded if speaks else ""
    named = sorted(leaf for leaf in view.leaves if leaf.startswith(("categories.", "completeness."))) if include else []
    return {"system": system, "id": thing, "speaks": speaks, "why": why or None, "decided_by": _facts(view, [*PRODUCT_LEAVES, *named])}


def _facts(view: View, leaves: Iterable[str]) -> Facts:
    """What a record says at these paths, since when in the order of changes, and by which event."""
    found: Facts = []
    for leaf in leaves:
        if leaf in view.leaves:
            event = view.held[leaf][2] if leaf in view.held else None
            told = {"source": event.source, "id": event.id, "type": event.type} if event else None
            found.append({"record": view.key, "path": leaf, "value": view.leaves[leaf], "order": view.orders[leaf], "event": told})
    return found


def _refusals(inputs: Inputs, policy: Policy) -> Iterator[tuple[str, str]]:
    """(asset key, sentence) for what configuration keeps off the SKU, and for what a product says that yields to another one."""
    refused: list[tuple[str, str]] = []
    case = Case(inputs, policy, 0, refused)
    yield from refused
    held = {placement.key for _, placement in case.everything}
    contending = contenders(inputs, policy)
    for loser in contending[1:]:
        alone = Family(loser, [loser], [norm for _, norm in loser.leaves.get("keys.gtin") or ()], [])
        for placement in Board(alone, case.assets, policy).placements("", {}):
            if placement.key not in held:
                yield (
                    placement.key,
                    f"The product {loser.key} puts it on this SKU, but {contending[0].key} has the SKU by now and speaks for it.",
                )


def _behind_the_cut(case: Case, kept: dict[str, list[Ranked]]) -> Iterator[tuple[str, str]]:
    for position, placement in case.everything:
        if all(placement is not other for _, other in kept.get(placement.key, ())):
            most = case.policy.max_bindings_per_sku
            yield placement.key, f"As {placement.spot[0]} it stands at place {position}, behind the {most} bindings that a SKU may have."
