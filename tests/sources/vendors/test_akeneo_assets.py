"""Akeneo's Asset Manager: addresses, rights, deltas, what is fetched.

Owns: what events and states of assets mean, as a DAM of their own and beside products. Does not own: products (test_akeneo_products.py
beside it). Next stop: tests/sources/vendors/test_akeneo_events_api.py.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain.facets import Change, Record, merge, visible
from app.errors import Unmappable
from app.sources.fetching import Found
from app.sources.source import Source
from tests.sources.builders import AKENEO, ARRIVED_US, VERSION, changes, configure, events, leaves, one, sample, unread

ASSETS = """
  assets:
    preset: akeneo-assets
    secrets: [env:PRIMARY]
    when_rights_unknown: hide
    timezone: Europe/Stockholm
"""
KEY = "asset/assets/packshots/front"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return one(tmp_path, ASSETS)


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def value(data: Any, type_: str = "text", **more: Any) -> dict[str, Any]:
    return {"locale": None, "channel": None, "data": data, "attribute_type": type_, **more}


def fetched(source: Source, values: Any, **more: Any) -> list[Change]:
    """What the state of one asset changes."""
    state = {"code": "front", "asset_family_code": "packshots", "values": values, "updated": "2026-08-24T11:30:07+00:00", **more}
    event = source.fetched(Found("asset", "packshots/front", state), began_us=ARRIVED_US, at_least=0, arrived_us=ARRIVED_US)
    return source.project(event, VERSION).changes


def found(source: Source, values: Any, **more: Any) -> dict[str, Any]:
    (change,) = fetched(source, values, **more)
    return dict(change.leaves)


def delta(values: Any, **more: Any) -> dict[str, Any]:
    """A delta of the same asset, half an hour after the state."""
    asset = {"asset_family": {"code": "packshots"}, "code": "front", "changes": {"values": values, **more}}
    type_ = "com.akeneo.pim.v1.asset.updated.delta"
    return {"id": "019a1c00-aaaa-7000-8000-000000000003", "type": type_, "time": "2026-08-24T12:00:00Z", "data": {"asset": asset}}


def change(previous: Any, new: Any, type_: str, **more: Any) -> dict[str, Any]:
    return {"previous": previous, "new": new, "type": type_, "locale": None, "channel": None, **more}


LINK = {"full_url": "https://dam.example.com/m/x.jpg", "prefix": "https://dam.example.com/", "suffix": None}
DOWNLOAD = {"download": {"href": "https://pim.example.com/api/rest/v1/asset-media-files/x.jpg"}}


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({"a": [value("m/x.jpg", "media_link", linked_data=LINK)]}, "https://dam.example.com/m/x.jpg"),
        (
            {"a": [value("m/x", "media_link", linked_data={"prefix": "https://d.example/", "suffix": ".jpg"})]},
            "https://d.example/m/x.jpg",
        ),
        ({"a": [value("k/x.jpg", "media_file", _links=DOWNLOAD)]}, None),
        ({"a": [value("m/x.jpg", "media_link")]}, None),
        (
            {
                "a": [value("m/x.jpg", "media_link", linked_data=LINK)],
                "b": [value("k/x.jpg", "media_file", _links={**DOWNLOAD, "share_link": {"href": "https://share.example/x.jpg"}})],
            },
            "https://share.example/x.jpg",
        ),
    ],
)
def test_which_address_is_public(source: Source, values: dict[str, Any], url: str | None) -> None:
    """A share link, else a media link in full or as prefix + data + suffix; a download link asks for a token and is none."""
    assert found(source, values).get("url") == url


def test_every_address_is_a_rendition(source: Source) -> None:
    """By its attribute, with locale and channel where it has them; size and type stand beside the file."""
    share = {"share_link": {"href": "https://share.example/x.jpg"}}
    more = {"size": 4183, "mime_type": "image/jpeg", "extension": "jpg", "updated_at": "2026-08-24T11:30:07+0000"}
    values = {
        "media": [value("k/x.jpg", "media_file", _links=share, linked_data=more)],
        "web": [value("m/x.jpg", "media_link", linked_data=LINK) | {"locale": "en_GB", "channel": "ecommerce"}],
    }
    leaves_ = found(source, values)
    assert leaves_["media"] == {"bytes": 4183, "type": "image/jpeg", "format": "jpg"}
    assert leaves_["renditions.media"] == {"url": "https://share.example/x.jpg", "format": "jpg"}
    assert leaves_["renditions.web~1en_GB~1ecommerce"] == {"url": "https://dam.example.com/m/x.jpg"}
    assert leaves_["content_version"] == "k/x.jpg"


def test_a_date_that_can_be_read_in_two_ways_is_refused(source: Source) -> None:
    """02/03/2021 is February or March: a right that is not understood is not a right, and the message holds no value."""
    with pytest.raises(Unmappable, match=r"rights\.until") as error:
        fetched(source, {"end_of_use_date": [value("02/03/2021")]})
    assert "02/03" not in str(error.value)
    with pytest.raises(Unmappable, match=r"rights\.until"):
        changes(source, delta({"end_of_use_date": [change(None, "02/03/2021", "text")]}))


@pytest.mark.parametrize("written", ["2027-03-01", "2027-03-01T00:00:00+00:00", "2027-03-01T00:00:00+01:00"])
def test_a_date_is_the_same_in_a_delta_and_in_a_state(source: Source, written: str) -> None:
    """REST writes a date as its midnight in some zone, a delta writes the date: the day it names, in the source's zone."""
    until = us("2027-03-01T00:00:00+01:00")
    assert found(source, {"rights_end_date": [value(written, "date")]})["rights.until"] == until
    assert leaves(source, delta({"rights_end_date": [change(None, written, "date")]}))["rights.until"] == until


def test_an_end_for_each_channel(source: Source) -> None:
    """Of several ends the earliest counts, in whatever order they come."""
    days = (("web", "2027-03-01"), ("print", "2026-12-01"), ("app", "2027-01-01"))
    ends = [{**value(f"{day}T00:00:00+00:00", "date"), "channel": channel} for channel, day in days]
    assert found(source, {"end_of_use": ends})["rights.until"] == us("2026-12-01T00:00:00+01:00")


@pytest.mark.parametrize(
    ("name", "letters"), [("product.updated.delta", 0), ("attribute-option.created", 0), ("asset.archived", 1), ("asset-family.updated", 1)]
)
def test_only_known_events_are_passed_over(source: Source, name: str, letters: int) -> None:
    """Products, attributes and the rest are; what may be about assets and is not known is a letter."""
    received = source.receive(orjson.dumps({"type": f"com.akeneo.pim.v1.{name}", "id": "e", "data": {}}), ARRIVED_US, {})
    assert (received.events, len(received.unread)) == ([], letters)


def test_a_date_in_summer_time(source: Source) -> None:
    """Midnight moves with the zone."""
    assert found(source, {"rights_end_date": [value("2027-07-01", "date")]})["rights.until"] == us("2027-06-30T22:00:00+00:00")
    assert datetime.fromtimestamp(us("2027-06-30T22:00:00+00:00") / 1e6, UTC).hour == 22


def test_territories_in_their_many_spellings(source: Source) -> None:
    """EL and UK, alpha-3 and groups are read; an empty list is nowhere, a missing one everywhere, an unknown word a letter."""

    def allowed(*words: str) -> Any:
        return found(source, {"rights_territories": [value(list(words), "multiple_options")]}).get("rights.territories.allow")

    assert allowed("EL", "uk", "DEU") == ["DE", "GB", "GR"]
    assert len(allowed("eea")) == 30
    assert allowed() == []
    assert "rights.territories.allow" not in found(source, {})
    with pytest.raises(Unmappable, match=r"rights\.territories"):
        allowed("bavaria")


def test_an_asset_that_is_switched_off_is_not_shown(source: Source) -> None:
    """Where the answer says whether an asset is enabled, a disabled one is archived; without a word it stands as it did."""
    assert found(source, {}, enabled=False)["approval"] == "archived"
    assert found(source, {}, enabled=True)["approval"] == "approved"
    assert "approval" not in found(source, {})
    assert leaves(source, delta({}, enabled={"previous": True, "new": False}))["approval"] == "archived"


def test_a_delta_says_channel_and_paths(source: Source) -> None:
    """The old value goes, the new one counts; a file's path alone is no address, so that only the fetch changes the URL."""
    body = delta(
        {
            "media": [change("3/6/old.jpg", "8/1/new.jpg", "media_file")],
            "alt": [change("Front", None, "text", locale="en_GB"), change(None, "Vorn", "text", locale="de_DE", channel="print")],
            "rights_end_date": [change("2026-08-31", None, "date")],
        }
    )
    (event,) = events(source, body)
    projected = source.project(event, VERSION)
    assert dict(projected.changes[0].leaves) == {
        "aliases.code": ["front"],
        "texts.alt.de_DE": "Vorn",
        "texts.alt.en_GB": None,
        "rights.until": None,
    }
    assert [task.thing for task in projected.tasks] == ["packshots/front"]


def test_a_late_delta_does_not_undo_a_state(source: Source) -> None:
    """A state that is younger than the delta holds, in any order of arrival."""
    state = fetched(source, {"rights_end_date": [value("2027-02-28", "date")]}, updated="2026-08-24T12:30:00+00:00")
    late = changes(source, delta({"rights_end_date": [change(None, "2030-01-01", "date")]}))
    for first, second in ((state, late), (late, state)):
        record = Record(KEY)
        merge(record, first)
        merge(record, second)
        assert visible(record)["rights.until"] == us("2027-02-28T00:00:00+01:00")


def test_codes_of_two_families_are_two_assets(source: Source) -> None:
    """A code is unique within its family only."""
    keys = set()
    for family in ("packshots", "moods"):
        body = orjson.loads(sample("akeneo-asset.created")[1])
        body["data"]["asset"]["asset_family"]["code"] = family
        keys.add(changes(source, body)[0].record)
    assert keys == {"asset/assets/packshots/nh_4711_olive_front", "asset/assets/moods/nh_4711_olive_front"}


def test_an_asset_without_family_is_a_letter(source: Source) -> None:
    """Half a key is none."""
    body = orjson.loads(sample("akeneo-asset.updated")[1])
    del body["data"]["asset"]["asset_family"]
    assert "key" in unread(source, body)


def test_products_reach_assets_by_their_code(tmp_path: Path) -> None:
    """The code in a collection is the alias of the asset, whether both come through one source or through two."""
    joined = AKENEO + "    joins: {packshots: {system: assets, by: code}}\n"
    both = configure(tmp_path, ASSETS + joined).sources
    product = changes(both["akeneo-main"], sample("akeneo-eventplatform-product-updated-delta")[1])[0]
    (asset,) = fetched(both["assets"], {})
    assert product.leaves["links.packshots.*.*"][0] == ["assets", "code", "lmp_2041_blk_front"]
    assert asset.leaves["aliases.code"] == ["front"]


def test_the_same_state_through_the_platforms_preset(tmp_path: Path) -> None:
    """Assets beside products have the same leaves as assets alone, but for the SKU: there the product's own links decide."""
    alone, beside = one(tmp_path, ASSETS.replace("Europe/Stockholm", "UTC")), one(tmp_path, AKENEO)
    for name in ("akeneo-rest-asset", "akeneo-asset-get"):
        state = orjson.loads(sample_body(name))
        each = []
        for source in (alone, beside):
            event = source.fetched(Found("asset", "f/c", state), began_us=ARRIVED_US, at_least=0, arrived_us=ARRIVED_US)
            (change_,) = source.project(event, VERSION).changes
            each.append(dict(change_.leaves))
        assert each[0].pop("claims.sku")
        assert each[0] == each[1]


def sample_body(name: str) -> bytes:
    return (Path(__file__).parents[1] / "samples" / f"{name}.json").read_bytes()
