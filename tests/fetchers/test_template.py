"""The generic GET: addresses, kinds, where the state stands, what is no state."""

import pytest

from app.errors import VendorDown
from app.fetchers.template import template
from app.sources.access import TemplateApi
from tests.fetchers.world import World, fetched
from tests.vendors.template import Anything


def access(server: Anything, **more: object) -> TemplateApi:
    return TemplateApi.model_validate(
        {"url": f"{server.url}/api/asset/{{id}}", "headers": {"X-Api-Key": "s3cr3t"}, "item": "result", "open_at_once": 2, **more}
    )


async def test_ids_are_escaped_and_keep_their_slashes(world: World) -> None:
    """Every id reaches the one address that is its own, whatever stands in it; none reaches another."""
    server = await world.serve(Anything())
    ids = ["plain", "image/k2v", "a b?c#d", "ü/%2F", "x&y=z"]
    for one in ids:
        server.put("asset", one, {"id": one})
    fetcher = template(world.vendor(), access(server), "asset")
    assert fetcher.per_call == {"asset": 1}
    assert {one: (await fetched(fetcher, "asset", [one])).states["asset", one]["id"] for one in ids} == {one: one for one in ids}
    climbing = await fetched(fetcher, "asset", ["../product/p"])
    assert set(climbing.rejected) == {"../product/p"}


async def test_kinds_have_addresses_of_their_own(world: World) -> None:
    """A kind may be found at another address, in a query, and with its state elsewhere."""
    server = await world.serve(Anything())
    server.put("product", "P/1&2", {"sku": "S-1"})
    kinds = {
        "product": {"url": f"{server.url}/api/product?id={{id}}"},
        "model": {"url": f"{server.url}/api/model/{{id}}", "item": "result.deep"},
    }
    server.put("model", "M", {"deep": {"code": "M"}})
    fetcher = template(world.vendor(), access(server, url=None, kinds=kinds, updated="changed"), "product")
    assert set(fetcher.per_call) == {"product", "model"}
    assert (await fetched(fetcher, "product", ["P/1&2"])).states == {("product", "P/1&2"): {"sku": "S-1"}}
    assert (await fetched(fetcher, "model", ["M"])).states == {("model", "M"): {"code": "M"}}


async def test_the_states_own_time_is_read(world: World) -> None:
    """`updated` names it; what is no time counts as none."""
    server = await world.serve(Anything())
    server.put("asset", "a", {"changed": "2026-08-24T11:15:40+02:00"})
    server.put("asset", "b", {"changed": "yesterday"})
    fetcher = template(world.vendor(), access(server, updated="changed"), "asset")
    ages = [(await fetched(fetcher, "asset", [one])).pages[0].found[0].updated_us for one in "ab"]
    assert ages == [1_787_562_940_000_000, 0]


async def test_only_a_null_that_stands_there_is_an_absence(world: World) -> None:
    """200 with null where the state belongs: absent. 200 without the member, with a list or a text: the vendor is down."""
    server = await world.serve(Anything())
    fetcher = template(world.vendor(), access(server), "asset")
    server.put("asset", "null", b"null")
    assert (await fetched(fetcher, "asset", ["null"])).absent == {"null"}
    for body in (b"[]", b'"text"', b"{}", b"7"):
        server.put("asset", "odd", body)
        with pytest.raises(VendorDown, match="without the state"):
            await fetched(fetcher, "asset", ["odd"])
    elsewhere = template(world.vendor(), access(server, item="data"), "asset")
    server.put("asset", "there", {"id": "there"})
    with pytest.raises(VendorDown, match="without the state"):
        await fetched(elsewhere, "asset", ["there"])
