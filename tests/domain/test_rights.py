"""When an asset may be shown: approval, half-open periods, access intervals, unknown rights, URLs.

Owns: states and the instants at which they change. Does not own: who binds what (tests/domain/test_bind.py).
Next stop: tests/domain/test_explain.py.
"""

from typing import Any

import pytest

from app.domain.instants import rfc3339
from app.domain.policy import Policy
from app.domain.rights import BEGINNING, END, open_periods
from app.domain.urls import expand, missing
from tests.domain.building import SHOWN, a_decision, a_product, an_asset, bound, links

PRODUCT = a_product("p1", {"links.packshots.*.*": links("a")})
SHOW = Policy(when_rights_unknown={"dam": "show"})
BARE = {"status": "active", "url": "https://dam.example/a.jpg"}


def state(
    leaves: dict[str, Any], at_us: int = 50, *others: Any, policy: Policy | None = None, whole: bool = True
) -> tuple[str, int | None]:
    """State of an asset with these leaves alone, and the next change."""
    answer = bound(PRODUCT, an_asset("a", leaves, bare=True, whole=whole), *others, at_us=at_us, policy=policy)
    return answer.content["bindings"][0]["state"], answer.next_change_us


@pytest.mark.parametrize(
    ("rights", "at_us", "expected"),
    [
        ({"rights.from": 50}, 49, ("embargoed", 50)),
        ({"rights.from": 50}, 50, ("live", None)),
        ({"rights.until": 50}, 49, ("live", 50)),
        ({"rights.until": 50}, 50, ("expired", None)),
        ({"rights.from": 10, "rights.until": 60}, 5, ("embargoed", 10)),
        ({"rights.from": 10, "rights.until": 60}, 59, ("live", 60)),
        ({"rights.from": 60, "rights.until": 60}, 60, ("expired", None)),
        ({"rights.from": 60, "rights.until": 10}, 30, ("expired", None)),
        ({"rights.access": [[None, 20], [40, 60]]}, 30, ("embargoed", 40)),
        ({"rights.access": [[None, 20], [40, 60]]}, 60, ("expired", None)),
        ({"rights.access": [[10, 30], [30, 60]]}, 20, ("live", 60)),
        ({"rights.access": [[10, 55], [20, 40]]}, 30, ("live", 55)),
        ({"rights.access": [[None, None]]}, 30, ("live", None)),
        ({"rights.access": [[0, 100]], "rights.until": 60}, 30, ("live", 60)),
        ({"rights.access": [[0, 40]], "rights.from": 40}, 30, ("expired", None)),
        ({"rights.access": []}, 30, ("no-public-url", None)),
        ({"rights.until": "2026-01-01"}, 30, ("suspect", None)),
        ({"rights.from": True}, 30, ("suspect", None)),
        ({"rights.access": [[0]]}, 30, ("suspect", None)),
    ],
)
def test_periods_are_half_open(rights: dict[str, Any], at_us: int, expected: tuple[str, int | None]) -> None:
    """From is included, until is not; access intervals narrow the period; what cannot be read is no right."""
    assert state({**BARE, **rights}, at_us) == expected


def test_the_states_that_no_time_changes() -> None:
    """The DAM's word and a person's go before all periods, and carry no instant."""
    times = {"rights.from": 10, "rights.until": 60}
    assert state({**BARE, **times, "status": "deleted"}) == ("withdrawn", None)
    assert state({**BARE, **times, "approval": "rejected"}) == ("withdrawn", None)
    assert state({**BARE, **times, "approval": "archived"}) == ("withdrawn", None)
    assert state({**BARE, **times, "approval": "pending"}) == ("pending-review", None)
    assert state({**BARE, **times, "approval": "of a new kind"}) == ("pending-review", None)
    assert state({**BARE, **times}, 50, a_decision("p1", "a", verdict="reject")) == ("rejected", None)


def test_an_approval_lifts_the_review_alone() -> None:
    """A person's approval does not lift what the DAM withdrew, nor a period, nor unknown rights."""
    approved = a_decision("p1", "a", verdict="approve")
    assert state({**BARE, "rights.from": 0, "approval": "pending"}, 50, approved) == ("live", None)
    assert state({**BARE, "rights.from": 0, "approval": "rejected"}, 50, approved) == ("withdrawn", None)
    assert state({**BARE, "rights.from": 60, "approval": "pending"}, 50, approved) == ("embargoed", 60)
    assert state({**BARE, "approval": "pending"}, 50, approved) == ("rights-unknown", None)


def test_unknown_rights_hide_unless_configured() -> None:
    """`show` counts for its system alone, and only once the asset is known in full."""
    assert state(BARE) == ("rights-unknown", None)
    assert state(BARE, policy=SHOW) == ("live", None)
    assert state(BARE, policy=SHOW, whole=False) == ("rights-unknown", None)
    assert state(BARE, policy=Policy(when_rights_unknown={"other": "show"})) == ("rights-unknown", None)
    assert state({**BARE, "rights.until": 10}, policy=SHOW) == ("expired", None)


def test_without_a_url_there_is_none_to_give() -> None:
    """No template, or one whose parts are not known, is a state of its own, which ends with the right."""
    template = "https://dam.example/v{version}/{public_id}.jpg"
    assert state({"status": "active", "rights.until": 60}) == ("no-public-url", 60)
    assert state({**BARE, "url": template, "rights.until": 60, "part.version": 3}) == ("no-public-url", 60)
    answer = bound(PRODUCT, an_asset("a", {"url": template, "part.version": 3}))
    assert answer.content["bindings"][0]["reason"]["text"] == "The DAM (dam) gives a URL that needs public_id, which it has not told."


def test_what_is_live_says_how_long() -> None:
    """URL, renditions and valid_until stand on a live binding; an embargoed one says when it begins, and gives no URL."""
    leaves = {
        **SHOWN,
        "rights.from": 10,
        "rights.until": 60_000_000,
        "renditions.thumb": {"url": "https://dam.example/{id}", "width": 9},
        "part.id": 7,
    }
    live = bound(PRODUCT, an_asset("a", leaves, bare=True), at_us=20).content["bindings"][0]
    assert (live["url"], live["valid_until"]) == ("https://dam.example/a.jpg", "1970-01-01T00:01:00Z")
    assert live["renditions"] == {"thumb": {"url": "https://dam.example/7", "width": 9}}
    assert live["rights"] == {"from": "1970-01-01T00:00:00.000010Z", "until": "1970-01-01T00:01:00Z", "territories": None}
    waiting = bound(PRODUCT, an_asset("a", leaves, bare=True), at_us=9).content
    assert waiting["bindings"][0]["reason"]["changes_at"] == waiting["next_change_at"] == "1970-01-01T00:00:00.000010Z"
    assert (waiting["bindings"][0]["url"], waiting["bindings"][0]["renditions"], waiting["bindings"][0]["valid_until"]) == (None, {}, None)


def test_a_rendition_that_lacks_a_part_is_left_out() -> None:
    """The others stand."""
    leaves = {"renditions.small": {"url": "https://dam.example/s"}, "renditions.large": {"url": "https://dam.example/{none}"}}
    assert bound(PRODUCT, an_asset("a", leaves)).content["bindings"][0]["renditions"] == {"small": {"url": "https://dam.example/s"}}


def test_the_earliest_change_counts() -> None:
    """The answer changes when its first binding does."""
    product = a_product("p1", {"links.packshots.*.*": links("a", "b", "c")})
    assets = (an_asset("a", {"rights.until": 90}), an_asset("b", {"rights.from": 70}), an_asset("c"))
    assert bound(product, *assets, at_us=50).next_change_us == 70


def test_periods_are_joined_where_they_touch() -> None:
    """Overlapping and touching intervals are one; empty ones are none."""
    assert open_periods(None, None, None) == [(BEGINNING, END)]
    assert open_periods(0, None, [[None, 10], [10, 20], [30, 30], [25, 40], [26, 28]]) == [(0, 20), (25, 40)]
    assert open_periods(5, 5, None) == []


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("https://x.example/a b", "https://x.example/a b"),
        ("https://x.example/{id}", "https://x.example/folder/caf%C3%A9%20%231%3F%25"),
        ("https://x.example/100%/{n}/{n}", "https://x.example/100%/3/3"),
        ("{none}", ""),
        ("{empty}", ""),
    ],
)
def test_urls_are_filled_in(template: str, url: str) -> None:
    """Parts are percent-encoded, the template is taken as it is, a missing part makes no URL."""
    assert expand(template, {"part.id": "folder/café #1?%", "part.n": 3, "part.empty": ""}) == url


def test_missing_parts_are_named() -> None:
    """Each once, sorted."""
    assert missing("{b}{a}{b}{c}", {"part.c": 0}) == ["a", "b"]


@pytest.mark.parametrize(
    ("at_us", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1_772_323_200_000_000, "2026-03-01T00:00:00Z"),
        (10**18, "9999-12-31T23:59:59.999999Z"),
        (-(10**18), "0001-01-01T00:00:00Z"),
    ],
)
def test_instants_are_rfc_3339(at_us: int, text: str) -> None:
    """UTC with a Z, microseconds where there are any, clamped to the years that can be written."""
    assert rfc3339(at_us) == text


def test_a_product_that_is_off_shows_nothing() -> None:
    """Every binding says so, whatever else is true of it, with no URL and no instant; without a word, and once on again, it is shown."""
    linked = {"links.packshots.*.*": links("a", "b", "unknown")}
    assets = (an_asset("a", {"rights.until": 60, "renditions.s": {"url": "https://dam.example/s"}}), an_asset("b", {"rights.from": 70}))
    off = bound(a_product("p1", {**linked, "enabled": False}), *assets, a_decision("p1", "a", verdict="approve"), at_us=50)
    assert off.next_change_us is None
    for binding in off.content["bindings"]:
        assert (binding["state"], binding["url"], binding["renditions"], binding["valid_until"]) == ("withdrawn", None, {}, None)
        assert binding["reason"] == {"code": "product-disabled", "text": "The PIM (pim) has switched this product off."}
    for leaves in (linked, {**linked, "enabled": True}):
        states = [one["state"] for one in bound(a_product("p1", leaves), *assets, at_us=50).content["bindings"]]
        assert states == ["live", "embargoed", "pending-asset"]
