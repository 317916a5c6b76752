"""Akeneo: batches, pages, what is not there, older versions, tokens."""

import asyncio

import pytest
from pydantic import SecretStr

from app.errors import VendorDown
from app.fetchers.akeneo import Akeneo as Fetcher
from app.sources.access import AkeneoApi
from app.sources.fetching import VARIANTS
from tests.fetchers.vendors import akeneo_access as access
from tests.fetchers.world import Brought, World, collect, fetched
from tests.vendors.akeneo import Akeneo, product_state, product_uuid
from tests.vendors.messages import Fault, Reply, Request


def model(code: str, parent: str | None = None) -> dict:
    return {"code": code, "parent": parent, "values": {}, "updated": "2026-08-24T09:20:03+00:00"}


async def test_a_hundred_products_are_one_call(world: World) -> None:
    """What was asked for comes whole, in one search, with the instant of its last save."""
    server = await world.serve(Akeneo(products=150))
    fetcher = Fetcher(world.vendor(), access(server))
    wish = [product_uuid(number) for number in range(100)]
    brought = await fetched(fetcher, "product", wish)
    assert brought.states == {("product", product_uuid(number)): product_state(number) for number in range(100)}
    assert sorted(brought.done) == sorted(wish)
    assert {found.updated_us for page in brought.pages for found in page.found} == {1_787_562_940_000_000}
    assert server.counts == {"POST /api/oauth/v1/token": 1, "grant password": 1, "POST /api/rest/v1/products-uuid/search": 1}


async def test_what_is_missing_in_the_answer_does_not_exist(world: World) -> None:
    """An id that the vendor does not know is found absent, its neighbours are found; capitals in a uuid do not matter."""
    server = await world.serve(Akeneo(products=2))
    server.put("product", "abcdef00-0000-4000-8000-000000000000", {"uuid": "abcdef00-0000-4000-8000-000000000000"})
    fetcher = Fetcher(world.vendor(), access(server))
    brought = await fetched(fetcher, "product", [product_uuid(1), product_uuid(7), "ABCDEF00-0000-4000-8000-000000000000"])
    assert brought.absent == {product_uuid(7)}
    assert set(brought.states) == {("product", product_uuid(1)), ("product", "ABCDEF00-0000-4000-8000-000000000000")}


async def test_small_pages_are_followed_to_the_end(world: World) -> None:
    """With `batch: 10` ten things are a wish and a page; the page that is full and complete ends it without a further call."""
    server = await world.serve(Akeneo(products=30))
    fetcher = Fetcher(world.vendor(), access(server, batch=10))
    assert fetcher.per_call["product"] == 10
    brought = await fetched(fetcher, "product", [product_uuid(number) for number in range(10)])
    assert len(brought.states) == 10
    assert server.counts["POST /api/rest/v1/products-uuid/search"] == 1


async def test_the_start_of_a_call_is_told_on_the_vendors_clock(world: World) -> None:
    """A vendor whose clock is an hour ahead gives pages that began an hour ahead of here."""
    server = await world.serve(Akeneo(products=1))
    server.date_offset_s = 3600.0
    brought = await fetched(Fetcher(world.vendor(), access(server)), "product", [product_uuid(0)])
    assert 3_590 < brought.pages[0].began_us / 1e6 - world.clock.now_us() / 1e6 < 3_601


async def test_products_of_old_versions_are_read_by_identifier(world: World) -> None:
    """A key that is no uuid is an identifier; one that holds an odd character is still one thing."""
    server = await world.serve(Akeneo())
    for number, identifier in enumerate(["LMP-1", "a/b ü&?", "LMP-3"]):
        server.put("product", product_uuid(number), {"uuid": product_uuid(number), "identifier": identifier, "updated": None})
    brought = await fetched(Fetcher(world.vendor(), access(server)), "product", ["LMP-1", "a/b ü&?", "LMP-9"])
    assert set(brought.states) == {("product", "LMP-1"), ("product", "a/b ü&?")}
    assert brought.absent == {"LMP-9"}
    assert server.counts["GET /api/rest/v1/products"] == 1


async def test_without_the_search_by_post_the_list_is_used(world: World) -> None:
    """Akeneo 7.0 has no search by POST: it is tried once, then never again."""
    server = await world.serve(Akeneo(products=120, without=frozenset({"search"})))
    fetcher = Fetcher(world.vendor(), access(server))
    for start in (0, 100):
        brought = await fetched(fetcher, "product", [product_uuid(number) for number in range(start, start + 100)])
        assert len(brought.states) + len(brought.absent) == 100
    assert server.counts["POST /api/rest/v1/products-uuid/search"] == 1
    assert server.counts["GET /api/rest/v1/products-uuid"] == 2


@pytest.mark.parametrize("without", [set(), {"models.code"}, {"models.code", "models.identifier"}])
async def test_models_come_by_whatever_filter_the_version_knows(world: World, without: set[str]) -> None:
    """By code, by identifier, or one by one; what does not work is not tried with every wish."""
    server = await world.serve(Akeneo(without=frozenset(without)))
    for code in ("LMP-1", "LMP-2"):
        server.put("model", code, model(code))
    fetcher = Fetcher(world.vendor(), access(server))
    for _ in range(2):
        brought = await fetched(fetcher, "model", ["LMP-1", "LMP-2", "LMP-3"])
        assert set(brought.states) == {("model", "LMP-1"), ("model", "LMP-2")}
        assert brought.absent == {"LMP-3"}
    assert server.counts["GET /api/rest/v1/product-models"] <= 2 + 2 * len(without)


async def test_one_bad_code_is_rejected_alone(world: World) -> None:
    """A code that the vendor refuses is found by halves; the others come."""
    server = await world.serve(Akeneo())
    codes = [f"LMP-{number}" for number in range(16)]
    for code in codes:
        server.put("model", code, model(code))
    fetcher = Fetcher(world.vendor(), access(server))
    await fetched(fetcher, "model", codes[:1])
    server.poison.add("LMP-11")
    brought = await fetched(fetcher, "model", codes)
    assert set(brought.rejected) == {"LMP-11"}
    assert "422" in brought.rejected["LMP-11"]
    assert sorted(brought.done) == sorted(set(codes) - {"LMP-11"})
    assert len(brought.states) == 15


@pytest.mark.parametrize("underscore", [True, False])
@pytest.mark.parametrize("without", [set(), {"assets.code"}])
async def test_assets_are_listed_per_family(world: World, without: set[str], underscore: bool) -> None:
    """Two families, both spellings of the list, a version without the filter, and a key that is none."""
    server = await world.serve(Akeneo(without=frozenset(without)))
    server.underscore = underscore
    for family, code in (("packshots", "a"), ("packshots", "b"), ("moods", "a")):
        server.put("asset", f"{family}/{code}", {"code": code, "asset_family_code": family, "values": {}})
    brought = await fetched(
        Fetcher(world.vendor(), access(server)), "asset", ["packshots/a", "moods/a", "packshots/z", "packshots/b", "odd"]
    )
    assert set(brought.states) == {("asset", "packshots/a"), ("asset", "packshots/b"), ("asset", "moods/a")}
    assert brought.states["asset", "moods/a"]["asset_family_code"] == "moods"
    assert brought.absent == {"packshots/z"}
    assert set(brought.rejected) == {"odd"}


async def test_a_deleted_family_takes_its_assets_with_it(world: World) -> None:
    """Where the family is gone, so are its assets; where there are no families at all, the address is wrong and nothing is gone."""
    server = await world.serve(Akeneo())
    server.families.add("moods")
    fetcher = Fetcher(world.vendor(), access(server))
    assert (await fetched(fetcher, "asset", ["packshots/a", "packshots/b"])).absent == {"packshots/a", "packshots/b"}
    server.families_gone = True
    with pytest.raises(VendorDown, match="no asset-families"):
        await fetched(fetcher, "asset", ["packshots/a"])


async def test_all_variants_of_a_model_come_page_by_page(world: World) -> None:
    """230 variants below two sub-models are three pages; only the last one finishes the wish."""
    server = await world.serve(Akeneo())
    for code, parent in (("TOP", None), ("SUB-1", "TOP"), ("SUB-2", "TOP"), ("OTHER", None)):
        server.put("model", code, model(code, parent))
    for number in range(230):
        server.put("product", product_uuid(number), product_state(number, parent=f"SUB-{number % 2 + 1}"))
    server.put("product", product_uuid(999), product_state(999, parent="OTHER"))
    brought = await fetched(Fetcher(world.vendor(), access(server)), VARIANTS, ["TOP"])
    expected = {("product", product_uuid(number)) for number in range(230)}
    assert set(brought.states) == expected | {("model", "SUB-1"), ("model", "SUB-2")}
    assert [list(page.done) for page in brought.pages if page.done] == [["TOP"]]
    assert brought.pages[-1].done
    assert server.counts["POST /api/rest/v1/products-uuid/search"] == 3


async def test_a_model_that_is_gone_has_no_variants(world: World) -> None:
    """A filter that names no model may be refused; that ends the wish, it is nobody's fault."""
    server = await world.serve(Akeneo())
    server.poison.add("GONE")
    brought = await fetched(Fetcher(world.vendor(), access(server)), VARIANTS, ["GONE"])
    assert brought.done == ["GONE"]
    assert not brought.states
    server.put("model", "GONE", model("GONE"))
    assert set((await fetched(Fetcher(world.vendor(), access(server)), VARIANTS, ["GONE"])).rejected) == {"GONE"}


async def test_the_limits_hold_with_forty_wishes_at_once(world: World) -> None:
    """Whoever calls: never more than four at once, never more than a hundred a second, one token for all of them."""
    server = await world.serve(Akeneo(products=400, delay_s=0.02))
    fetcher = Fetcher(world.vendor(), access(server))
    wishes = [[product_uuid(number) for number in range(start, start + 10)] for start in range(0, 400, 10)]
    brought = await asyncio.gather(*(fetched(fetcher, "product", wish) for wish in wishes))
    assert sum(len(one.states) for one in brought) == 400
    assert server.peak_open == 4
    assert server.counts["grant password"] == 1


async def test_systems_at_one_host_share_its_limits(world: World) -> None:
    """Two systems with one connection have two of its four calls each."""
    server = await world.serve(Akeneo(products=100, delay_s=0.005))
    fetchers = [Fetcher(world.vendor(shared_by=2), access(server)) for _ in range(2)]
    assert [fetcher.concurrency for fetcher in fetchers] == [2, 2]
    await asyncio.gather(*(fetched(fetchers[number % 2], "product", [product_uuid(number)]) for number in range(40)))
    assert server.peak_open <= 4


async def test_no_page_is_fetched_from_another_host(world: World) -> None:
    """A link that leads elsewhere would take the token along: it is not followed, and what came before stays."""
    server = await world.serve(Akeneo())
    server.put("model", "TOP", model("TOP"))
    for number in range(120):
        server.put("product", product_uuid(number), product_state(number, parent="TOP"))
    elsewhere = await world.serve(Akeneo())
    server.next_host = elsewhere.url
    brought = Brought()
    with pytest.raises(VendorDown, match=r"api\.url"):
        await collect(Fetcher(world.vendor(), access(server)), VARIANTS, ["TOP"], brought)
    assert len(brought.states) == 100
    assert not brought.done
    assert not elsewhere.counts


async def test_a_wrong_address_deletes_nothing(world: World) -> None:
    """A path that leads nowhere answers 404 to everything: the vendor is down, its things are not gone."""
    server = await world.serve(Akeneo(products=1))
    server.faults = [Fault("status", 404, times=None, only="/api/rest/")]
    fetcher = Fetcher(world.vendor(), access(server))
    for kind, thing in (("product", product_uuid(0)), ("product", "SKU-1"), ("model", "LMP"), ("asset", "packshots/a"), (VARIANTS, "LMP")):
        with pytest.raises(VendorDown):
            await fetched(fetcher, kind, [thing])


async def test_an_old_state_is_passed_on_with_its_age(world: World) -> None:
    """A replica that lags gives the state before: it comes with its own instant, by which it loses against a newer one."""
    server = await world.serve(Akeneo(products=1))
    server.put("product", product_uuid(0), product_state(0, updated="2026-08-24T10:00:00+00:00"))
    server.stale = 1
    fetcher = Fetcher(world.vendor(), AkeneoApi(url=server.url, token=SecretStr("t")))
    server.permanent.add("t")
    ages = [(await fetched(fetcher, "product", [product_uuid(0)])).pages[0].found[0].updated_us for _ in range(2)]
    assert ages == [1_787_562_940_000_000, 1_787_565_600_000_000]


async def test_disabled_assets_are_left_out_where_that_is_asked_for(world: World) -> None:
    """`enabled_assets_only` goes along with every way of reading products and models; without it nothing unknown is asked."""
    server = await world.serve(Akeneo(products=1))
    server.put("model", "LMP", model("LMP"))
    asked: list[str] = []
    answer = server.answer

    def seen(request: Request) -> Reply:
        asked.append(f"{request.query} {request.body.decode()}")
        return answer(request)

    server.answer = seen  # type: ignore[method-assign]  # Looks at the requests on their way.
    for wanted in (True, False):
        asked.clear()
        fetcher = Fetcher(world.vendor(), access(server, enabled_assets_only=wanted))
        await fetched(fetcher, "product", [product_uuid(0), "SKU-1"])
        await fetched(fetcher, "model", ["LMP"])
        assert [("with_enabled_assets_only" in one) is wanted for one in asked[1:]] == [True, True, True]


async def test_a_family_that_cannot_be_asked_for_is_rejected_with_its_assets(world: World) -> None:
    """A list that is missing and a family that is refused: each asset is refused with the reason, none is absent."""
    server = await world.serve(Akeneo())
    server.faults = [
        Fault("status", 422, times=None, only="/odd/assets/"),
        Fault("status", 404, times=None, only="/odd/assets"),
        Fault("status", 422, times=None, only="/asset-families/odd"),
    ]
    fetcher = Fetcher(world.vendor(), access(server))
    brought = await fetched(fetcher, "asset", ["odd/a", "odd/b"])
    assert set(brought.rejected) == {"odd/a", "odd/b"}
    assert not brought.absent
