"""Variants that their model lists no more: every SKU whose answer changes by that is asked for, also those that only share a GTIN.

Owns: the way from the model's change to the answers. Does not own: the rule (tests/domain/test_variants.py), sweeps as such (test_sweeps.py
beside this file). Next stop: tests/consumers/test_pipeline.py.
"""

import pytest

from app.domain.facets import Change
from app.domain.policy import Policy
from consumers.binder import GROUP
from consumers.sweeps import Sweeper
from tests.consumers.world import World, asset, deleted, product, whole

G = "04012345678901"
LISTED = Policy(variants_listed={"pim"})


async def settled(world: World) -> None:
    """All sweeps are worked off and all requests answered."""
    sweeper = Sweeper(world.log, world.store, world.clock, binder_group=GROUP, variants_listed={"pim"}, page=2)
    binder = world.binder(LISTED)
    await world.drain(binder)
    for _ in range(20):
        if not await world.store.sweeps.count(["active"]):
            return
        await sweeper.run_once()
        await world.drain(binder)
    raise AssertionError("sweeps are still active")


ENDS = {"not listed": whole("model/pim/M", 2, {"variants": ["p", "r"]}), "deleted": deleted("model/pim/M", 2)}


@pytest.mark.parametrize(
    "end", [whole("model/pim/M", 2, {"variants": ["p", "r"]}), deleted("model/pim/M", 2)], ids=["not listed", "deleted"]
)
async def test_a_variant_that_is_gone_leaves_its_sku_and_its_gtin(world: World, end: Change) -> None:
    """Its SKU has no product any more, and the product that shared its GTIN shares it no more."""
    await world.project(
        whole("model/pim/M", 1, {"variants": ["p", "q", "r"]}),
        *(product(name, 1, f"S-{name}", parent="M") for name in "pr"),
        product("q", 1, "S-q", G, parent="M"),
        product("other", 1, "S-other", G),
        asset("a", 1, "S-q"),
    )
    await world.ask("S-q", "S-other")
    await settled(world)
    assert (await world.content("S-q"))["product"] is not None
    assert [flag["code"] for flag in (await world.content("S-other"))["flags"]] == ["gtin-shared"]
    await world.project(end)
    await settled(world)
    assert (await world.content("S-q"))["product"] is None
    assert [one["state"] for one in (await world.content("S-q"))["bindings"]] == ["pending-product"]
    assert (await world.content("S-other"))["flags"] == []


async def test_a_variant_that_comes_back_has_its_sku_again(world: World) -> None:
    """A later list with it, which tells its state anew, is enough."""
    await world.project(whole("model/pim/M", 2, {"variants": []}), product("q", 1, "S-q", parent="M"))
    await settled(world)
    assert (await world.content("S-q"))["product"] is None
    await world.project(whole("model/pim/M", 3, {"variants": ["q"]}), product("q", 3, "S-q", parent="M"))
    await settled(world)
    assert (await world.content("S-q"))["product"] is not None
