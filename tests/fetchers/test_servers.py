"""The local vendors notice what they should: without that, no other test here could fail by a broken limit."""

import asyncio
from typing import Any

import httpx

from tests.vendors.akeneo import Akeneo, product_uuid
from tests.vendors.cloudinary import Cloudinary
from tests.vendors.command import running
from tests.vendors.contentful import Contentful

SEARCH = "/api/rest/v1/products-uuid/search"
ASKED: dict[str, Any] = {"search": {"uuid": [{"operator": "IN", "value": [product_uuid(0)]}]}}


async def broken(calls: list[dict[str, Any]], *, delay_s: float = 0.0) -> tuple[list[int], list[str]]:
    """Statuses of these requests, all at once, and what Akeneo holds against them."""
    async with Akeneo(products=1, delay_s=delay_s) as server:
        server.permanent.add("token")
        async with httpx.AsyncClient(base_url=server.url, limits=httpx.Limits(max_connections=200)) as client:
            answers = await asyncio.gather(*(client.request(**{"headers": {"Authorization": "Bearer token"}, **call}) for call in calls))
        return [answer.status_code for answer in answers], server.violations


async def test_a_fifth_call_at_once_is_noticed() -> None:
    """Four pass, the fifth is answered with 429 and remembered."""
    statuses, violations = await broken([{"method": "POST", "url": SEARCH, "json": ASKED}] * 5, delay_s=0.5)
    assert sorted(statuses) == [200, 200, 200, 200, 429]
    assert "5 requests at once" in violations[0]


async def test_more_than_a_hundred_a_second_are_noticed() -> None:
    """One after the other, within one instant of the server's clock."""
    async with Akeneo(products=1) as server, httpx.AsyncClient(base_url=server.url) as client:
        server.permanent.add("token")
        server.monotonic_s = float
        statuses = [
            (await client.get("/api/rest/v1/product-models/x", headers={"Authorization": "Bearer token"})).status_code for _ in range(110)
        ]
        assert statuses[:100] == [404] * 100
        assert 429 in statuses
        assert any("requests in 1.0 s" in what for what in server.violations)


async def test_pages_tokens_methods_and_words_are_watched() -> None:
    """What the documentation does not know is refused and remembered."""
    cases: list[tuple[dict[str, Any], str]] = [
        ({"method": "POST", "url": f"{SEARCH}?limit=101", "json": ASKED}, "a page of 101"),
        ({"method": "POST", "url": SEARCH, "json": ASKED, "headers": {}}, "no token"),
        ({"method": "GET", "url": SEARCH}, "wrong method"),
        ({"method": "GET", "url": "/api/rest/v1/products?with_magic=true"}, "unknown query with_magic"),
        ({"method": "POST", "url": SEARCH, "json": {"search": {}, "magic": 1}}, "unknown ['magic']"),
        (
            {"method": "POST", "url": SEARCH, "json": {"search": {"uuid": [{"operator": "IN", "value": [product_uuid(0)] * 801}]}}},
            "800 values",
        ),
        ({"method": "GET", "url": f"/api/rest/v1/products?search={'%22' * 9000}"}, "8,000 characters"),
    ]
    for call, expected in cases:
        _, violations = await broken([call])
        assert any(expected in what for what in violations), (call["url"][:60], violations)


async def test_other_vendors_watch_their_own_limits() -> None:
    """A list of more ids than Cloudinary allows; an eighth request to Contentful in a second."""
    async with Cloudinary() as server, httpx.AsyncClient(base_url=server.url, auth=("key", "s3cr3t")) as client:
        await client.get("/v1_1/demo/resources/by_asset_ids", params={"asset_ids[]": ["0" * 32] * 101})
        assert server.violations == ["101 asset ids in a call"]
    async with Contentful() as contentful, httpx.AsyncClient(base_url=contentful.url, headers={"Authorization": "Bearer token"}) as client:
        contentful.monotonic_s = float
        for _ in range(8):
            await client.get("/spaces/space/environments/master/assets", params={"sys.id[in]": "a"})
        assert any("8 requests in 1.0 s" in what for what in contentful.violations)


def test_a_server_runs_as_a_process_and_can_be_told() -> None:
    """It answers, misbehaves, changes its catalogue and reports on request, and is gone afterwards."""
    with running("akeneo", "--products", "3", "--token", "token") as server:
        headers = {"Authorization": "Bearer token"}
        one = f"{server.url}/api/rest/v1/products-uuid/{product_uuid(0)}"
        assert httpx.get(one, headers=headers).json()["uuid"] == product_uuid(0)
        server.tell("put", {"kind": "product", "id": product_uuid(0), "state": {"uuid": "new"}})
        assert httpx.get(one, headers=headers).json() == {"uuid": "new"}
        server.tell("set", {"stale": 1})
        assert httpx.get(one, headers=headers).json()["uuid"] == product_uuid(0)
        server.tell("faults", [{"kind": "status", "status": 503, "times": 1}])
        assert httpx.get(one, headers=headers).status_code == 503
        server.tell("remove", {"kind": "product", "id": product_uuid(0)})
        assert httpx.get(one, headers=headers).status_code == 404
        assert server.report()["calls"] == 5
        server.tell("reset", None)
        assert server.report() == {"violations": [], "calls": 0, "peak_open": 0, "counts": {}}
