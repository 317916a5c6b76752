"""Whom a written record may concern: exactly the SKUs and models whose answer it could change, those of former keys included.

Owns: the bind requests and sweeps that records lead to. Does not own: that the answers come out right (tests/functional/).
Next stop: tests/consumers/test_binder.py.
"""

import pytest

from app.domain.facets import Change
from schemas import topics
from schemas.event import Event
from tests.consumers.world import NOW_US, World, asset, deleted, event, partial, product, whole

G1, G2 = "04012345678901", "04012345678918"


async def ask(world: World, *changes: Change) -> list[str]:
    """Projects the changes, a batch each; the SKUs asked for by the last of them."""
    asked: list[str] = []
    for change in changes:
        await world.project(change)
        asked = await world.asked()
    return asked


async def sweeps(world: World) -> list[str]:
    return [doc.id for doc in await world.store.sweeps.matching(["active"])]


async def test_a_rename_asks_both_skus(world: World) -> None:
    """The SKU that a product leaves is decided again, and so is every one that it ever had."""
    assert await ask(world, product("p", 1, "S-1"), product("p", 2, "S-2")) == ["S-1", "S-2"]
    assert await ask(world, product("p", 3, "S-3")) == ["S-1", "S-2", "S-3"]


async def test_what_lost_is_asked_for_too(world: World) -> None:
    """A late event that changes nothing visible asks for the SKU it names: the crash of a batch may have come before its requests."""
    assert await ask(world, product("p", 5, "S-2"), product("p", 1, "S-1")) == ["S-1", "S-2"]


async def test_a_deleted_product_asks_its_skus(world: World) -> None:
    """What is visible no more is asked for all the same."""
    assert await ask(world, product("p", 1, "S-1"), deleted("product/pim/p", 2)) == ["S-1"]


async def test_a_shared_gtin_asks_both_products(world: World) -> None:
    """A product that takes on or gives up a GTIN concerns the others that hold it."""
    await ask(world, product("p", 1, "S-1", G1))
    assert await ask(world, product("q", 1, "S-2", G1)) == ["S-1", "S-2"]
    assert await ask(world, product("q", 2, "S-2", G2)) == ["S-1", "S-2"]
    assert await ask(world, deleted("product/pim/p", 3)) == ["S-1"]


@pytest.mark.parametrize(
    "claim",
    [{"claims__gtin": [[G1, G1]]}, {"claims__product": [["pim", "p"]]}, {"aliases__public_id": ["x"]}],
    ids=["gtin", "product", "alias"],
)
async def test_an_asset_asks_the_products_it_leads_to(world: World, claim: dict[str, object]) -> None:
    """By GTIN, by the product's id, by an alias; whoever comes second asks, and who gives the claim up asks again."""
    assert await ask(world, asset("a", 1, **claim)) == []
    assert await ask(world, product("p", 1, "S-1", G1, links=["public_id:x"])) == ["S-1"]
    assert await ask(world, asset("b", 2, **claim)) == ["S-1"]
    assert await ask(world, asset("b", 3)) == ["S-1"]
    assert await ask(world, asset("c", 3)) == []


async def test_an_asset_linked_by_its_id_asks_the_product(world: World) -> None:
    """A link needs no claim on the other side, and a deletion of the asset asks as well."""
    assert await ask(world, product("p", 1, "S-1", links=["id:a"]), asset("a", 1)) == ["S-1"]
    assert await ask(world, deleted("asset/dam/a", 2)) == ["S-1"]


async def test_an_asset_asks_the_skus_it_ever_claimed(world: World) -> None:
    """Whether or not a product is known."""
    assert await ask(world, asset("a", 1, "S-1", "S-2"), asset("a", 2, "S-2")) == ["S-1", "S-2"]


async def test_an_alias_that_moves_asks_the_products_of_both(world: World) -> None:
    """The asset that gives the alias up and the one that takes it over both lead to who links it, and to their own claims."""
    await ask(world, asset("old", 1, "S-1", aliases__public_id=["x"]), product("p", 1, "S-2", links=["public_id:x"]))
    assert await ask(world, asset("new", 2, "S-3", aliases__public_id=["x"])) == ["S-2", "S-3"]
    assert await ask(world, asset("old", 3, "S-1", aliases__public_id=["y"])) == ["S-1", "S-2"]


async def test_a_model_asks_for_a_sweep(world: World) -> None:
    """A model has no SKU of its own; its variants are swept, not asked for at once."""
    assert await ask(world, product("p", 1, "S-1", parent="M"), whole("model/pim/M", 1, {"name": "chair"})) == []
    assert await sweeps(world) == ["variants/model/pim/M"]


async def test_an_asset_of_a_model_asks_for_its_sweep(world: World) -> None:
    """By a link of the model or a claim of the asset; former ones count."""
    await ask(world, whole("model/pim/M", 1, {"links.hero.*.*": [["dam", "id", "a"]]}), whole("model/pim/N", 1))
    for doc in await world.store.sweeps.matching(["active"]):
        await world.store.sweeps.save([type(doc)(doc.id, doc.body, doc.version, (), {**doc.numbers, "done": 1})])
    assert await sweeps(world) == []
    assert await ask(world, asset("a", 1)) == []
    assert await sweeps(world) == ["variants/model/pim/M"]
    assert await ask(world, asset("b", 1, claims__model=[["pim", "N"]]), asset("b", 2)) == []
    assert await sweeps(world) == ["variants/model/pim/M", "variants/model/pim/N"]


async def test_a_decision_asks_every_sku_of_its_product(world: World) -> None:
    """The decision names a product; all SKUs that it ever had are decided again, and nobody else's."""
    await ask(world, product("p", 1, "S-1"), product("p", 2, "S-2"), product("q", 1, "S-3"))

    async def decide(number: int, about: str) -> list[str]:
        value = b'{"about":["%s","asset/dam/a"],"verdict":"approve","at_us":%d}' % (about.encode(), NOW_US + number)
        made = Event(f"d{number}", "people", "decision.set", f"decision/people/{about[-1]}", value, NOW_US)
        await world.send(made, topic=topics.EVENTS_DECISIONS)
        await world.drain(world.projector())
        return await world.asked()

    assert await decide(1, "product/pim/p") == ["S-1", "S-2"]
    assert await decide(2, "product/pim/unknown") == []
    assert (await world.leaves("decision/people/p"))["verdict"] == "approve"


async def test_a_batch_asks_for_each_sku_once(world: World) -> None:
    """However many of its events concern it."""
    changes = [partial("product/pim/p", second, {"name": str(second)}) for second in range(2, 30)]
    await world.send(event(product("p", 1, "S-1")), *(event(change, id=change.order) for change in changes), event(asset("a", 1, "S-1")))
    await world.drain(world.projector())
    assert await world.asked() == ["S-1"]
