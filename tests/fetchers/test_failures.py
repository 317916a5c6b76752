"""What vendors do wrong, for every fetcher: nothing is taken for an absence, nothing secret is told, the vendor is left alone."""

import asyncio
import logging
from dataclasses import replace

import pytest

from app.errors import VendorBusy, VendorFailed
from app.fetchers.calls import Vendor
from tests.fetchers.failing import FAULTS
from tests.fetchers.vendors import CASES, SECRET, Case
from tests.fetchers.world import Brought, World, collect, fetched
from tests.vendors.akeneo import Akeneo
from tests.vendors.brandfolder import Brandfolder
from tests.vendors.messages import Fault
from tests.vendors.serving import VendorServer


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


async def serving(world: World, case: Case, things: int = 3) -> VendorServer:
    """The vendor of a case, with a few things."""
    server = await world.serve(case.server())
    for number in range(things):
        server.put(case.kind, case.thing(number), case.state(number))
    if isinstance(server, Akeneo):
        server.permanent.add(SECRET)
    return server


@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_what_a_vendor_does_wrong_is_no_absence(
    world: World, case: Case, fault: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each misbehaviour raises what it asks for; no state and no absence comes of it, and no secret is told or logged."""
    caplog.set_level(logging.DEBUG)
    server = await serving(world, case)
    made, expected = FAULTS[fault]
    server.faults = [replace(made)]
    brought = Brought()
    fetcher = case.fetching(world.vendor(), server.url, timeout_s=0.3 if made.kind in {"nothing", "endless"} else 20)
    with pytest.raises(expected) as raised:
        await collect(fetcher, case.kind, [case.thing(number) for number in range(3)], brought)
    assert not brought.states
    assert not brought.absent
    assert not brought.done
    told = str(raised.value) + caplog.text + "".join(capsys.readouterr())
    assert not any(secret in told for secret in (SECRET, "s3cr3t", "Bearer", "Basic a"))
    assert "the-system" in str(raised.value) or "127.0.0.1" in str(raised.value)


async def test_everything_comes_once_the_vendor_is_well_again(world: World, case: Case) -> None:
    """After a failure the same fetcher brings everything, what exists and what does not."""
    server = await serving(world, case)
    fetcher = case.fetching(world.vendor(), server.url)
    server.faults = [Fault("status", 500)]
    wish = [case.thing(0), case.thing(1), case.thing(9)]
    with pytest.raises(VendorFailed):
        await fetched(fetcher, case.kind, wish)
    done: list[str] = []
    states: dict = {}
    absent: set[str] = set()
    size = fetcher.per_call[case.kind]
    for start in range(0, len(wish), size):
        brought = await fetched(fetcher, case.kind, wish[start : start + size])
        done, states, absent = done + brought.done, states | brought.states, absent | brought.absent
    assert set(states) == {(case.kind, case.thing(0)), (case.kind, case.thing(1))}
    assert absent == {case.thing(9)}
    assert sorted(done) == sorted(wish)


async def test_a_vendor_that_is_busy_is_left_alone(world: World, case: Case) -> None:
    """Until the time that a 429 names, no further call leaves the process, however many wishes there are."""
    server = await serving(world, case)
    fetcher = case.fetching(world.vendor(), server.url)
    server.faults = [Fault("status", 429, "30")]
    with pytest.raises(VendorBusy) as busy:
        await fetched(fetcher, case.kind, [case.thing(0)])
    assert busy.value.retry_after_s == 30.0
    calls = server.calls
    later = await asyncio.gather(*(fetched(fetcher, case.kind, [case.thing(0)]) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(one, VendorBusy) and 15 < one.retry_after_s <= 30 for one in later)
    assert server.calls == calls


async def test_a_time_may_be_a_date(world: World) -> None:
    """Retry-After as an HTTP date counts from the vendor's own Date, whatever the time is here."""
    case = CASES["bynder"]
    server = await serving(world, case)
    server.date_offset_s = 7_200.0
    fetcher = case.fetching(world.vendor(), server.url)
    server.date_offset_s += 120.0
    later = server.date()
    server.date_offset_s -= 120.0
    server.faults = [Fault("status", 429, later)]
    with pytest.raises(VendorBusy) as busy:
        await fetched(fetcher, "asset", [case.thing(0)])
    assert 100.0 <= busy.value.retry_after_s <= 121.0


@pytest.mark.parametrize(
    ("name", "header", "value", "expected_s"),
    [
        ("contentful", "X-Contentful-RateLimit-Reset", "3", 3.0),
        ("cloudinary", "X-FeatureRateLimit-Reset", "Fri, 01 Jan 2100 00:00:00 GMT", 21_600.0),
        ("acquia", "X-Ratelimit-Reset", "2100-01-01T00:00:00Z", 21_600.0),
        ("bynder", "X-Nothing", "", 300.0),
        ("brandfolder", "Retry-After", "soon", 60.0),
    ],
)
async def test_vendors_name_the_time_in_their_own_ways(world: World, name: str, header: str, value: str, expected_s: float) -> None:
    """Headers of their own, no header at all, nonsense; never more than six hours."""
    case = CASES[name]
    server = await serving(world, case)
    server.faults = [Fault("status", 420 if name == "cloudinary" else 429, headers={header: value} if value else {})]
    with pytest.raises(VendorBusy) as busy:
        await fetched(case.fetching(world.vendor(), server.url), "asset", [case.thing(0)])
    assert busy.value.retry_after_s == expected_s


async def test_many_wishes_keep_to_the_limits(world: World, case: Case) -> None:
    """Twenty wishes at once: the vendor sees no limit broken (the world asks), and everything comes."""
    server = await serving(world, case, 20)
    server.delay_s = 0.002
    fetcher = case.fetching(world.vendor(), server.url)
    wishes = 8 if case.name in ("contentful", "brandfolder", "frontify") else 20
    came = await asyncio.gather(*(fetched(fetcher, case.kind, [case.thing(number)]) for number in range(wishes)))
    assert sum(len(one.states) for one in came) == wishes
    assert server.peak_open <= fetcher.concurrency


async def test_a_brandfolder_key_without_rights_deletes_nothing(world: World) -> None:
    """403 means deleted where the key still lists organizations, and denied where it does not."""
    case = CASES["brandfolder"]
    server = await serving(world, case)
    assert isinstance(server, Brandfolder)
    server.remove("asset", case.thing(0))
    fetcher = case.fetching(world.vendor(), server.url)
    assert (await fetched(fetcher, "asset", [case.thing(0)])).absent == {case.thing(0)}
    server.key = "another"
    with pytest.raises(VendorFailed, match="check the key"):
        await fetched(fetcher, "asset", [case.thing(1)])


async def test_nobody_needs_the_network_to_be_told_a_vendor_is_down(world: World) -> None:
    """A port where nobody listens is a vendor that is down."""
    case = CASES["acquia"]
    server = await serving(world, case)
    url = server.url
    await server.stop()
    vendor = Vendor("the-system", world.outbound, world.clock)
    with pytest.raises(VendorFailed):
        await fetched(case.fetching(vendor, url), "asset", [case.thing(0)])
