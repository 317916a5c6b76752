"""What load_inputs() finds by tokens is what a look at every leaf of every record finds, and it asks the store a bounded number of times.

Owns: the slow look. Does not own: what is decided from it (tests/domain/). Next stop: tests/consumers/test_pipeline.py.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.backends.sqlite.store import SqliteStore
from app.domain.facets import Change, Record
from app.domain.family import DEPTH
from app.domain.inputs import Inputs
from app.domain.policy import Policy
from app.domain.variants import gone_by
from app.domain.view import View, view
from consumers.inputs import load_inputs
from consumers.projector import document
from tests.consumers.disturbances import Counted
from tests.consumers.world import World, asset, deleted, partial, product, whole
from tests.domain.histories import SKUS, histories, stored

G = "04012345678901"
POLICIES = (
    Policy(),
    Policy(inheritance={"pim": "flattened"}),
    Policy(variants_listed={"pim"}),
    Policy(variants_listed={"pim"}, inheritance={"pim": "flattened"}),
)


def slow_look(records: Mapping[str, Record], sku: str, policy: Policy) -> Inputs:
    """The inputs of a SKU, from the leaves of all records, as app/domain/inputs.py describes them."""
    views = {key: view(record) for key, record in records.items()}
    products = [one for one in views.values() if _kind(one) == "product" and (one.leaves.get("keys.sku") or [0, 0])[1] == sku]
    ancestors = {model.key: model for one in products for model in _above(one, views, policy)}
    family = [*products, *(ancestors.values() if policy.climbs("pim") else ())]
    gtins = {norm for member in family for _, norm in member.leaves.get("keys.gtin") or ()}
    return Inputs(
        sku,
        products,
        ancestors,
        [one for one in views.values() if _kind(one) == "asset" and _belongs(one, sku, family, gtins)],
        {gtin: sorted(one.key for one in views.values() if _kind(one) == "product" and _has(one, gtin, views, policy)) for gtin in gtins},
        [one for one in views.values() if _kind(one) == "decision" and one.leaves["about"][0] in {p.key for p in products}],
    )


def _kind(one: View) -> str:
    return one.key.split("/")[0]


def _has(product: View, gtin: str, views: Mapping[str, View], policy: Policy) -> bool:
    gone = product.deleted or gone_by(product, views, policy) is not None
    return not gone and gtin in {norm for _, norm in product.leaves.get("keys.gtin") or ()}


def _above(product: View, views: Mapping[str, View], policy: Policy) -> list[View]:
    system = product.key.split("/")[1]
    found: list[View] = []
    levels = DEPTH if policy.climbs(system) else 1 if system in policy.variants_listed else 0
    current: View | None = product
    while current is not None and len(found) < levels:
        current = views.get(f"model/{system}/{current.leaves.get('parent')}")
        if current is None or current in found:
            break
        found.append(current)
    return found


def _belongs(asset: View, sku: str, family: list[View], gtins: set[str]) -> bool:
    def said(leaf: str) -> Any:
        return asset.leaves.get(leaf) or ()

    _, system, thing = asset.key.split("/")
    keys = {one.key for one in family}
    links = [link for one in family for leaf, value in one.leaves.items() if leaf.startswith("links.") for link in value]
    return (
        any(norm == sku for _, norm in said("claims.sku"))
        or any(norm in gtins for _, norm in said("claims.gtin"))
        or any(f"{kind}/{other}/{name}" in keys for kind in ("product", "model") for other, name in said(f"claims.{kind}"))
        or any(other == system and (value == thing if by == "id" else value in said(f"aliases.{by}")) for other, by, value in links)
    )


def comparable(inputs: Inputs) -> Any:
    """The same whatever the order of what was found."""
    lists = [sorted(each, key=lambda one: one.key) for each in (inputs.products, inputs.assets, inputs.decisions)]
    return inputs.sku, lists, dict(inputs.ancestors), dict(inputs.gtin_holders)


async def loaded(folder: Path, records: Mapping[str, Record], policy: Policy) -> dict[str, Inputs]:
    store = SqliteStore(folder / "store.db")
    await store.start()
    try:
        await store.records.save([document(Record(r.key, r.leaves, r.floors, r.ever)) for r in records.values()])
        return await load_inputs(store, SKUS, policy)
    finally:
        await store.stop()


@settings(max_examples=60)
@given(history=histories, policy=st.sampled_from(POLICIES))
def test_it_finds_what_a_look_at_everything_finds(template: Path, history: list[Change], policy: Policy) -> None:
    """For every SKU, loaded together with the others: products, models, assets, holders of GTINs, decisions."""
    records = stored([[change] for change in history])
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(template, folder, dirs_exist_ok=True)
        found = asyncio.run(loaded(Path(folder), records, policy))
    assert found.keys() == set(SKUS)
    for sku in SKUS:
        assert comparable(found[sku]) == comparable(slow_look(records, sku, policy))


async def test_it_climbs_five_models_and_no_further(world: World) -> None:
    """The assets of the fifth model above a product are found, those of the sixth are not."""
    for depth in range(1, 8):
        links = {"links.hero.*.*": [["dam", "id", f"a{depth}"]]}
        await world.project(whole(f"model/pim/M{depth}", 1, {"parent": f"M{depth + 1}", **links}), asset(f"a{depth}", 1))
    await world.project(product("p", 1, "S-1", parent="M1"))
    inputs = (await load_inputs(world.store, ["S-1"], Policy()))["S-1"]
    assert set(inputs.ancestors) == {f"model/pim/M{depth}" for depth in range(1, DEPTH + 1)}
    assert {one.key for one in inputs.assets} == {f"asset/dam/a{depth}" for depth in range(1, DEPTH + 1)}


async def test_a_deleted_product_holds_no_gtin(world: World) -> None:
    """Nor where a later partial state, which revives nothing, names one."""
    await world.project(product("p", 1, "S-1", G), product("q", 1, "S-2", G), product("r", 1, "S-3", G))
    await world.project(deleted("product/pim/q", 2), partial("product/pim/q", 3, {"keys.gtin": [[G, G]]}))
    inputs = (await load_inputs(world.store, ["S-1"], Policy()))["S-1"]
    assert inputs.gtin_holders == {G: ["product/pim/p", "product/pim/r"]}


async def test_it_asks_a_bounded_number_of_times(world: World) -> None:
    """Hundreds of SKUs cost no more questions than one, and a chain of models at most one a level."""
    await world.project(*(whole(f"model/pim/M{depth}", 1, {"parent": f"M{depth + 1}"}) for depth in range(1, 20)))
    skus = [f"S-{number}" for number in range(300)]
    changes = [product(sku, 1, sku, G, parent=f"M{number % 7 + 1}", links=[f"id:{sku}"]) for number, sku in enumerate(skus)]
    await world.project(*changes, *(asset(sku, 1, sku) for sku in skus))
    for some in (skus[:1], skus):
        counted = world.store.records = Counted(world.store, "records")
        assert len(await load_inputs(world.store, some, Policy())) == len(some)
        assert counted.questions <= DEPTH + 3
    assert await load_inputs(world.store, [], Policy()) == {}
