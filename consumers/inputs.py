"""Loads all that bind() needs about many SKUs at once, in a fixed number of queries.

Owns: which records belong to a SKU's decision. Does not own: the decision (app/domain/bind.py). Next stop: app/domain/inputs.py.

The store finds records by tokens (app/domain/keys.py): first the products that hold the SKUs, then everything their tokens lead to (assets,
decisions, models, holders of the same GTIN), then what the models' tokens lead to, level by level.
"""

import asyncio
from collections.abc import Collection, Iterable

from app.domain import facets, keys
from app.domain.inputs import Inputs
from app.domain.policy import Policy
from app.domain.variants import gone_by
from app.domain.view import View, view
from app.ports import Doc, StoreView

LEVELS = 5
# Documents, or SKUs, between two chances for other work in this process: a thousand SKUs have ten thousand assets, which last long.
YIELD_EVERY = 100


class Found:
    """Views by the tokens they hold now; each record once, however often a query returns it."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._by_token: dict[str, list[View]] = {}
        self._tokens: dict[str, tuple[str, ...]] = {}

    async def add(self, docs: Iterable[Doc]) -> list[View]:
        """Takes documents in and returns the views of the new ones."""
        new = []
        for number, doc in enumerate(docs, start=1):
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
            if doc.id in self._ids:
                continue
            self._ids.add(doc.id)
            one = view(facets.load(doc.id, doc.body, doc.version))
            self._tokens[doc.id] = doc.tokens
            for token in doc.tokens:
                self._by_token.setdefault(token, []).append(one)
            new.append(one)
        return new

    def tokens(self, one: View) -> tuple[str, ...]:
        return self._tokens[one.key]

    def holding(self, token: str) -> list[View]:
        return self._by_token.get(token, [])


async def load_inputs(store: StoreView, skus: Collection[str], policy: Policy) -> dict[str, Inputs]:
    """SKU -> all that is known about it. Failure policy: StoreUnavailable passes through."""
    found = Found()
    fresh = await found.add(await store.records.matching([f"=sku/{sku}" for sku in skus]))
    asked: set[str] = set()
    frontier = {f">sku/{sku}" for sku in skus}
    for _ in range(LEVELS + 2):
        for one in fresh:
            if not one.key.startswith(("asset/", "decision/")):
                frontier.update(_leads(one, found.tokens(one), policy))
        frontier -= asked
        if not frontier:
            break
        fresh = await found.add(await store.records.matching(frontier))
        asked |= frontier
        frontier = set()
        # A holder of the same GTIN is counted, not followed: its own assets belong to its own SKU. Only its model may say that it is gone.
        for one in fresh if policy.variants_listed else ():
            if one.key.startswith("product/") and _system(one) in policy.variants_listed:
                frontier.update(f"=m/{token[3:]}" for token in found.tokens(one) if token[0] == "^")
        fresh = [one for one in fresh if one.key.startswith("model/")]
    inputs: dict[str, Inputs] = {}
    for number, sku in enumerate(skus, start=1):
        if number % YIELD_EVERY == 0:
            await asyncio.sleep(0)
        inputs[sku] = _inputs_of(sku, found, policy)
    return inputs


def _leads(one: View, tokens: Iterable[str], policy: Policy) -> list[str]:
    system = _system(one)
    climbs = policy.climbs(system)
    if not climbs and one.key.startswith("model/"):
        return []
    leads = [f">d/{one.key}"]
    for token in tokens:
        if token[0] == "^" and not climbs and system not in policy.variants_listed:
            continue
        leads += keys.partners(token)
        if token.startswith("=gtin/"):
            leads.append(token)
    return leads


def _system(one: View) -> str:
    return keys.split_key(one.key)[1]


def _holds(one: View, found: Found, policy: Policy) -> bool:
    """Whether a holder of a GTIN counts: a product that is not gone."""
    if not one.key.startswith("product/") or one.deleted:
        return False
    if not policy.variants_listed:
        return True
    models = {model.key: model for token in found.tokens(one) if token[0] == "^" for model in found.holding(f"=m/{token[3:]}")}
    return gone_by(one, models, policy) is None


def _inputs_of(sku: str, found: Found, policy: Policy) -> Inputs:
    products = [one for one in found.holding(f"=sku/{sku}") if one.key.startswith("product/")]
    ancestors: dict[str, View] = {}
    level = products
    for depth in range(LEVELS):
        parents = [
            parent
            for one in level
            if policy.climbs(_system(one)) or (depth == 0 and _system(one) in policy.variants_listed)
            for token in found.tokens(one)
            if token[0] == "^"
            for parent in found.holding("=" + token[1:])
            if parent.key not in ancestors
        ]
        ancestors.update((parent.key, parent) for parent in parents)
        level = parents
    assets: dict[str, View] = {}
    gtin_holders: dict[str, list[str]] = {}
    leads = [f">sku/{sku}"]
    for one in [*products, *(model for model in ancestors.values() if policy.climbs(_system(model)))]:
        for token in found.tokens(one):
            if token[0] != "^":
                leads += keys.partners(token)
            if token.startswith("=gtin/"):
                gtin_holders[token[6:]] = sorted({other.key for other in found.holding(token) if _holds(other, found, policy)})
    for lead in leads:
        assets.update((one.key, one) for one in found.holding(lead) if one.key.startswith("asset/"))
    decisions = [one for product in products for one in found.holding(f">d/{product.key}")]
    return Inputs(sku, products, ancestors, list(assets.values()), gtin_holders, decisions)
