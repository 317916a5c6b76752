"""What is peculiar to one DAM's API each."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from app.errors import VendorDenied, VendorDown
from app.fetchers.bynder import bynder
from app.sources.access import BynderApi
from tests.fetchers.vendors import CASES
from tests.fetchers.world import World, fetched
from tests.vendors.bynder import Bynder
from tests.vendors.cloudinary import Cloudinary
from tests.vendors.contentful import Contentful
from tests.vendors.frontify import Frontify
from tests.vendors.messages import Fault, Reply, Request, reply
from tests.vendors.serving import VendorServer


async def test_bynder_gets_its_token_by_client_credentials(world: World) -> None:
    """One token for several assets; a wrong secret is denied without being told."""
    server = await world.serve(Bynder())
    server.put("asset", "thing-0", CASES["bynder"].state(0))
    api = BynderApi(url=server.url, client_id=SecretStr("client"), client_secret=SecretStr("s3cr3t"))
    fetcher = bynder(world.vendor(), api)
    assert (await fetched(fetcher, "asset", ["thing-0"])).states
    assert (await fetched(fetcher, "asset", ["b"])).absent == {"b"}
    assert server.counts["grant"] == 1
    wrong = api.model_copy(update={"client_secret": SecretStr("wr0ng")})
    with pytest.raises(VendorDenied) as denied:
        await fetched(bynder(world.vendor(), wrong), "asset", ["thing-0"])
    assert "wr0ng" not in str(denied.value)


async def test_cloudinary_lists_first_and_reads_what_is_left(world: World) -> None:
    """A hundred deleted assets are one call; those that exist come with their access windows, which no list shows."""
    case = CASES["cloudinary"]
    server = await world.serve(Cloudinary())
    for number in range(3):
        server.put("asset", case.thing(number), case.state(number))
    brought = await fetched(case.fetching(world.vendor(), server.url), "asset", [case.thing(number) for number in range(100)])
    assert len(brought.absent) == 97
    assert {state["access_control"][0]["access_type"] for state in brought.states.values()} == {"token"}
    assert server.calls == 4


async def test_cloudinary_finds_assets_by_public_id(world: World) -> None:
    """A notification without asset_id names resource type, delivery type and public id, which has slashes of its own."""
    case = CASES["cloudinary"]
    server = await world.serve(Cloudinary())
    server.put("asset", case.thing(1), case.state(1))
    brought = await fetched(case.fetching(world.vendor(), server.url), "asset", ["image/upload/nordhag/a1", "image/upload/nordhag/a2"])
    assert brought.states["asset", "image/upload/nordhag/a1"]["asset_id"] == case.thing(1)
    assert brought.absent == {"image/upload/nordhag/a2"}


async def test_cloudinary_ids_that_are_none_are_rejected_alone(world: World) -> None:
    """An id of another shape spoils the list it is in; halves find it."""
    case = CASES["cloudinary"]
    server = await world.serve(Cloudinary())
    server.put("asset", case.thing(1), case.state(1))
    brought = await fetched(case.fetching(world.vendor(), server.url), "asset", [case.thing(1), case.thing(2), "odd"])
    assert set(brought.rejected) == {"odd"}
    assert set(brought.states) == {("asset", case.thing(1))}
    assert brought.absent == {case.thing(2)}


async def test_frontify_reads_several_assets_with_all_their_fields(world: World) -> None:
    """One query for 25, valid against the vendor's schema; several values of a property stand where one would."""
    case = CASES["frontify"]
    server = await world.serve(Frontify())
    several = {"property": {"id": "p", "name": "SKU"}, "values": ["A", "B"]}
    for number in range(25):
        server.put("asset", case.thing(number), {**case.state(number), "customMetadata": [several]})
    server.put("asset", "video", {**case.state(1), "id": "video", "__typename": "Video", "width": None})
    fetcher = case.fetching(world.vendor(), server.url)
    brought = await fetched(fetcher, "asset", [case.thing(number) for number in range(24)] + ["video"])
    assert len(brought.states) == 25
    assert brought.states["asset", case.thing(3)]["customMetadata"][0]["value"] == ["A", "B"]
    assert brought.states["asset", "video"]["__typename"] == "Video"
    assert brought.states["asset", case.thing(3)]["downloadUrl"].startswith("https://")
    assert server.calls == 1


async def test_frontify_errors_are_no_absences(world: World) -> None:
    """A partial answer is none: what failed is found by halves and rejected, what is null without an error does not exist."""
    case = CASES["frontify"]
    server = await world.serve(Frontify())
    server.put("asset", case.thing(0), case.state(0))
    server.poison = frozenset({"bad"})
    brought = await fetched(case.fetching(world.vendor(), server.url), "asset", [case.thing(0), "bad", "gone"])
    assert set(brought.rejected) == {"bad"}
    assert brought.absent == {"gone"}
    assert set(brought.states) == {("asset", case.thing(0))}
    with pytest.raises(VendorDenied, match="scopes"):
        await fetched(case.fetching(world.vendor(), server.url, token="another"), "asset", [case.thing(0)])


async def test_frontify_is_asked_for_one_asset_by_its_own_query(world: World) -> None:
    """As in the vendor's samples. What answers about no asset at all, or about another one, tells nothing."""
    case = CASES["frontify"]
    for answered, wanted in (({"asset": case.state(0)}, 1), ({"asset": None}, 0), ({}, None), ({"asset": case.state(1)}, None)):
        server = await world.serve(FrontifyThatSays(answered))
        fetching = fetched(case.fetching(world.vendor(), server.url), "asset", [case.thing(0)])
        if wanted is None:
            with pytest.raises(VendorDown):
                await fetching
        else:
            brought = await fetching
            assert (len(brought.states), len(brought.absent)) == (wanted, 1 - wanted)
        assert server.calls == 1


@pytest.mark.parametrize("delivery", [False, True])
async def test_contentful_has_two_apis(world: World, delivery: bool) -> None:
    """The Delivery API shows what is published and wants every locale asked for; the Management API shows drafts, too."""
    case = CASES["contentful"]
    server = await world.serve(Contentful(delivery=delivery))
    for number in range(100):
        server.put("asset", case.thing(number), case.state(number))
    draft = case.state(0)
    draft["sys"].pop("publishedVersion")
    server.put("asset", case.thing(0), draft)
    fetcher = case.fetching(world.vendor(), server.url, delivery=delivery)
    brought = await fetched(fetcher, "asset", [case.thing(number) for number in range(100)])
    assert brought.absent == ({case.thing(0)} if delivery else set())
    assert len(brought.states) == (99 if delivery else 100)
    assert server.calls == 1


class PartOfContentful(Contentful):
    """Shows half of what it says that there is."""

    def answer(self, request: Request) -> Reply:
        told = orjson.loads(super().answer(request).body)
        return reply({**told, "items": told["items"][: len(told["items"]) // 2]})


class PartOfCloudinary(Cloudinary):
    """Shows half of the list, and where the rest begins."""

    def answer(self, request: Request) -> Reply:
        whole = super().answer(request)
        told = orjson.loads(whole.body)
        if "resources" not in told:
            return whole
        return reply({"resources": told["resources"][: len(told["resources"]) // 2], "next_cursor": "more"})


@pytest.mark.parametrize(("name", "server"), [("contentful", PartOfContentful), ("cloudinary", PartOfCloudinary)])
async def test_a_part_of_a_list_is_no_list(world: World, name: str, server: Callable[[], VendorServer]) -> None:
    """What a list leaves out and says so may exist: nothing of it is absent."""
    case, served = CASES[name], await world.serve(server())
    things = [case.thing(number) for number in range(4)]
    for number, thing in enumerate(things):
        served.put("asset", thing, case.state(number))
    with pytest.raises(VendorDown, match="part of its list"):
        await fetched(case.fetching(world.vendor(), served.url), "asset", things)


async def test_what_is_wrong_for_all_is_no_assets_fault(world: World) -> None:
    """A space that does not exist, a query that is refused: one call, the tasks wait, no asset is absent or rejected."""
    contentful = await world.serve(Contentful())
    contentful.faults = [Fault("status", 404, times=None)]
    with pytest.raises(VendorDenied, match="space"):
        await fetched(CASES["contentful"].fetching(world.vendor(), contentful.url), "asset", ["a", "b", "c"])
    frontify = await world.serve(Frontify())
    frontify.faults = [Fault("status", 400, times=None)]
    with pytest.raises(VendorDown, match="query"):
        await fetched(CASES["frontify"].fetching(world.vendor(), frontify.url), "asset", ["a", "b", "c"])
    assert (contentful.calls, frontify.calls) == (1, 1)


class FrontifyThatSays(Frontify):
    """Answers `asset(id:)` with this, whatever is asked for, and knows no list of assets."""

    def __init__(self, data: dict[str, Any]) -> None:
        super().__init__()
        self._data = data

    def answer(self, request: Request) -> Reply:
        one = set(request.json()["variables"]) == {"id"}
        return reply({"data": self._data} if one else {"errors": [{"message": "Cannot query field assets"}]})
