"""Acquia DAM (Widen) beyond its samples: every event, the day of release and expiry, what is never handed on.

Owns: what its events and states mean. Does not own: HMAC itself (tests/sources/test_verify.py).
Next stop: tests/sources/vendors/test_brandfolder.py.
"""

import hashlib
import hmac
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.errors import Unmappable
from app.sources.source import Source
from tests.sources.builders import ARRIVED_US, NOW_S, one, sample
from tests.sources.expectations import source as configured
from tests.sources.vendors.sending import body_of, fetched, sent, verdict

ID = "f2b6a3d4-17c5-4b0e-8c9f-5a1d2e3f4a5b"
DAM = "\n  a:\n    preset: acquia\n    secrets: [env:PRIMARY]\n    when_rights_unknown: hide\n    timezone: Europe/Stockholm\n"


@pytest.fixture
def acquia() -> Source:
    return configured("acquia")


def event(type_: str) -> dict[str, Any]:
    return dict(body_of("acquia-asset_created", event_type=type_))


def asset(**more: Any) -> dict[str, Any]:
    return dict(body_of("acquia-asset-get", **more))


@pytest.mark.parametrize(
    "name",
    [
        *("created", "version_added", "metadata_value_updated", "categories_updated", "tags_updated", "asset_groups_updated"),
        *("release_date_updated", "expiration_date_updated"),
    ],
)
def test_every_event_asks_for_the_asset(acquia: Source, name: str) -> None:
    """Ids are the deliveries', and nothing is claimed of the asset."""
    outcome = sent(acquia, event(f"asset_{name}"))
    assert outcome.changes == []
    assert outcome.ids == ["b7f9b2e0-4825-4d3f-8a11-0f2c6e5d7a90"]
    assert [task.thing for task in outcome.tasks] == [ID]


def test_a_ping_is_acknowledged(acquia: Source) -> None:
    """It names no asset, becomes no event and no letter."""
    ping = {"webhook_configuration_id": "c", "webhook_delivery_id": "d", "event_type": "ping"}
    assert sent(acquia, ping) == ([], [], [], [])


def test_who_did_it_is_hashed(acquia: Source) -> None:
    """Neither name nor id of a person reaches the log."""
    (kept,) = acquia.receive(sample("acquia-asset_created")[1], ARRIVED_US, {}).events
    assert b"msund" not in kept.value
    assert b"mila" not in kept.value


def test_the_header_can_be_the_one_that_a_real_request_shows(tmp_path: Path) -> None:
    """The vendor's header is not known; another one, with another encoding, is two words."""
    source = one(tmp_path, DAM + "    overrides: {verify: {headers: [x-widen-hmac], encoding: base64}}\n")
    body = sample("acquia-asset_created")[1]
    assert source.verify(source.sign(body, NOW_S), body, NOW_S) == ""
    assert "x-widen-hmac" in source.verify({"x-acquia-signature": hmac.new(b"s3cr3t", body, hashlib.sha256).hexdigest()}, body, NOW_S)


def test_days_are_days_of_the_customer(tmp_path: Path) -> None:
    """A bare date begins at midnight in the source's zone, on either side of summer time; "expired on that date" has no last day more."""
    source = one(tmp_path, DAM)
    change = fetched(source, ID, asset(security={"release_date": "2026-03-29", "expiration_date": "2026-10-25"}))
    # 00:00+01:00 on the day when clocks go forward, 00:00+02:00 on the day when they go back.
    assert (change.leaves["rights.from"], change.leaves["rights.until"]) == (1774738800000000, 1792879200000000)


def test_the_last_day_can_count(tmp_path: Path) -> None:
    """With `end: inclusive` the day itself is covered: 25 hours on the day when clocks go back."""
    source = one(tmp_path, DAM + "    overrides: {rights: {until: {path: security.expiration_date, end: inclusive}}}\n")
    change = fetched(source, ID, asset(security={"expiration_date": "2026-10-25"}))
    assert change.leaves["rights.until"] == 1792879200000000 + 25 * 3_600_000_000


def test_an_asset_that_had_expired_before_anybody_heard_of_it(acquia: Source) -> None:
    """Its state is what the dates say, and there is no address."""
    found = verdict(fetched(acquia, ID, asset(security={"release_date": None, "expiration_date": "2026-01-01T00:00:00Z"})))
    assert (found.state, found.url) == ("expired", None)


def test_a_flag_that_lags_does_not_outlive_the_dates(acquia: Source) -> None:
    """Before the release date the flag is false; when the date passes nobody says so, and the asset is live by itself."""
    change = fetched(acquia, ID, asset(released_and_not_expired=False))
    assert verdict(change).state == "embargoed"
    assert verdict(change, at_us=1793491200000000).state == "live"


@pytest.mark.parametrize("flag", [False, 0, "false"])
def test_a_flag_without_dates_counts(acquia: Source, flag: Any) -> None:
    """Something else than a date keeps it from being released."""
    change = fetched(acquia, ID, asset(released_and_not_expired=flag, security={"asset_groups": []}))
    assert verdict(change, show_unknown=True).state == "pending-review"
    assert verdict(fetched(acquia, ID, asset(security={})), show_unknown=True).state == "live"


def test_thumbnails_that_end_are_not_handed_on(acquia: Source) -> None:
    """Only embeds are, all of them."""
    more = {"original": {"url": "https://embed.widencdn.net/o.jpg"}, "web": {"url": "https://embed.widencdn.net/w.jpg", "html": "<img>"}}
    change = fetched(acquia, ID, asset(embeds=more))
    written = orjson.dumps(dict(change.leaves))
    assert b"previews" not in written
    assert b"orders-bb" not in written
    assert change.leaves["renditions.web"] == {"url": "https://embed.widencdn.net/w.jpg"}
    assert verdict(fetched(acquia, ID, asset(embeds={})), at_us=1793491200000000).state == "no-public-url"


def test_the_api_still_knows_what_was_deleted(acquia: Source) -> None:
    """A state with deleted_date is a deletion at that time."""
    gone = fetched(acquia, ID, asset(deleted_date="2026-10-14T09:00:00Z"))
    assert dict(gone.leaves) == {"status": "deleted"}
    assert verdict(gone, fetched(acquia, ID, asset())).code == "deleted"


def test_a_deletion_without_a_time(acquia: Source) -> None:
    """Arrival orders it; a state with the old time of its last change does not revive it, a later one does."""
    gone = sent(acquia, event("asset_deleted"))
    assert verdict(*gone.changes, fetched(acquia, ID, asset())).code == "deleted"
    assert gone.tasks[0].deletion


@pytest.mark.parametrize("dates", [{"expiration_date": "next year"}, {"release_date": 7.5e30}])
def test_a_date_that_cannot_be_read_is_a_letter(acquia: Source, dates: dict[str, Any]) -> None:
    """A right that is not understood is not a right."""
    with pytest.raises(Unmappable, match=r"rights\.(until|from) at security"):
        fetched(acquia, ID, asset(security=dates))


@pytest.mark.parametrize(
    ("territory", "allowed"),
    [(["DEU", "UK", "EL"], ["DE", "GB", "GR"]), (["EFTA"], ["CH", "IS", "LI", "NO"]), ([], []), (["XK"], ["XK"]), (None, None)],
)
def test_territories_in_every_spelling(acquia: Source, territory: Any, allowed: Any) -> None:
    """Three letters, EL and UK, groups; an empty list is nowhere, a missing one says nothing."""
    state = asset()
    state["metadata"]["fields"]["territory"] = territory
    assert fetched(acquia, ID, state).leaves.get("rights.territories.allow") == allowed


def test_a_territory_that_is_none_is_a_letter(acquia: Source) -> None:
    """An unknown word is no right."""
    state = asset()
    state["metadata"]["fields"]["territory"] = ["Atlantis"]
    with pytest.raises(Unmappable, match=r"rights\.territories\.allow at metadata\.fields\.territory"):
        fetched(acquia, ID, state)


def test_an_unknown_event_is_a_letter(acquia: Source) -> None:
    """Types that are no asset's are not guessed at."""
    assert "of a type that it does not know" in sent(acquia, event("portal_created")).unread[0]
