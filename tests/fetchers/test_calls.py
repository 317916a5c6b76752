"""Addresses that are called and followed, and the times that vendors name."""

import time

import pytest

from app.errors import VendorDown
from app.fetchers.calls import Calls, Fixed, Limits
from app.fetchers.pace import retry_after_s
from app.fetchers.template import template
from tests.fetchers.test_template import access
from tests.fetchers.vendors import CASES
from tests.fetchers.world import World, fetched
from tests.vendors.template import Anything


@pytest.mark.parametrize("name", ["acquia", "brandfolder", "bynder", "cloudinary", "template"])
async def test_a_thing_of_dots_is_refused_before_it_is_asked_for(world: World, name: str) -> None:
    """Its address would be that of something else, whose answer would look as if the vendor were down."""
    case = CASES[name]
    server = await world.serve(case.server())
    fetcher = case.fetching(world.vendor(), server.url)
    for thing in ("..", ".", *(["a/../b"] if name == "template" else [])):
        brought = await fetched(fetcher, "asset", [thing])
        assert set(brought.rejected) == {thing}
        assert "dots" in brought.rejected[thing]
    assert server.calls == 0


@pytest.mark.parametrize(
    "href", ["http://[::1", "https://pim.example:99999/x", "https://pim.example:port/x", "//other.example/x", "http://pim.example/x"]
)
def test_a_link_to_no_address_or_another_place_is_not_followed(world: World, href: str) -> None:
    """Whatever stands in the answer, the vendor is down and says why; a link without a host stays at its own."""
    calls = Calls(world.vendor(), "https://pim.example/api", Fixed({}), Limits(1, 1.0, 1))
    with pytest.raises(VendorDown, match="the-system links to"):
        calls.link(href)
    assert calls.link("https://pim.example:443/api/x") == "https://pim.example:443/api/x"
    assert calls.link("/api/y?page=2") == "https://pim.example/api/y?page=2"


async def test_an_expression_that_fails_on_an_answer_is_the_vendors_fault(world: World) -> None:
    """`item` on another shape means that the vendor is down, `updated` that the state has no time of its own."""
    server = await world.serve(Anything())
    server.put("asset", "a", {"id": "a", "changed": [1]})
    with pytest.raises(VendorDown, match="another shape"):
        await fetched(template(world.vendor(), access(server, item="merge(result, 'x')"), "asset"), "asset", ["a"])
    timed = template(world.vendor(), access(server, updated="last_part(changed, 'x')"), "asset")
    assert (await fetched(timed, "asset", ["a"])).pages[0].found[0].updated_us == 0


def test_a_date_without_a_zone_is_utc_wherever_this_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest of HTTP's three forms of a date names none."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        now_us = 784_111_777_000_000 - 60_000_000
        assert retry_after_s({"retry-after": "Sun Nov  6 08:49:37 1994"}, now_us) == 60.0
        assert retry_after_s({"retry-after": "120", "date": "Sun Nov  6 08:49:37 1994"}, now_us) == 120.0
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("said", "expected_s"), [("60", 60.0), ("1787562900", 60.0), ("1787562000", 0.0), ("9" * 400, 21_600.0), ("", 0.0), ("²", 0.0)]
)
def test_a_number_is_a_time_to_wait_or_an_instant(said: str, expected_s: float) -> None:
    """Some vendors name the second since 1970 from which on calls are welcome again."""
    assert retry_after_s({"x-reset": said}, 1_787_562_840_000_000, also="x-reset") == expected_s
