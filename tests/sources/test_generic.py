"""The generic presets by their own contract.

Owns: what each member of the contract means. Does not own: senders of other shapes (tests/sources/test_overrides.py).
Next stop: tests/sources/test_overrides.py.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.order import parts
from app.errors import Unmappable
from app.sources.source import Source
from tests.sources.builders import NOW_S, VERSION, changes, configure, events, leaves, one

DAM = "\n  dam:\n    preset: generic-dam\n    secrets: [env:PRIMARY]\n    when_rights_unknown: hide\n    timezone: Europe/Stockholm\n"
PIM = "\n  pim:\n    preset: generic-pim\n    secrets: [env:PRIMARY]\n    joins: {asset: {system: dam}}\n"
AT = "2026-10-14T08:12:31Z"


@pytest.fixture
def dam(tmp_path: Path) -> Source:
    return one(tmp_path, DAM)


@pytest.fixture
def pim(tmp_path: Path) -> Source:
    return configure(tmp_path, DAM + PIM).sources["pim"]


def assets(type_: str, *each: dict[str, Any]) -> dict[str, Any]:
    return {"id": "evt-1", "type": f"asset.{type_}", "time": AT, "assets": [{"id": "a1", **asset} for asset in each]}


def products(type_: str, *each: dict[str, Any]) -> dict[str, Any]:
    return {"id": "evt-1", "type": type_, "time": AT, "products": [{"id": "p1", **product} for product in each]}


def test_a_whole_asset(dam: Source) -> None:
    """Every member of the contract has its leaf."""
    body = assets(
        "saved",
        {
            "sku": ["NH-1", "NH-2", "NH-1"],
            "gtin": 9521101530476,
            "role": "packshots",
            "position": "2",
            "locale": "en_GB",
            "channel": "ecommerce",
            "tags": ["a.b", "c, d"],
            "alt": {"en_GB": "Front", "de_DE": "Vorne"},
            "title": "Jacket",
            "approval": "approved",
            "url": "//cdn.example.com/{x}.jpg",
            "checksum": "abc",
            "version": 3,
            "width": 10,
            "media_type": "image/jpeg",
            "renditions": {
                "thumb": {"url": "https://cdn.example.com/t.jpg", "width": "5"},
                "big": "https://cdn.example.com/b.jpg",
                "none": None,
            },
            "rights": {"from": "2026-11-01", "until": "2027-03-27", "territories": {"allow": ["EL", "CHE"], "deny": "UK"}},
        },
    )
    (change,) = changes(dam, body)
    assert change.full == ("",)
    assert dict(change.leaves) == {
        "status": "active",
        "claims.sku": [["NH-1", "NH-1"], ["NH-2", "NH-2"]],
        "claims.gtin": [["9521101530476", "09521101530476"]],
        "role": "packshots",
        "position": 2,
        "locale": "en_GB",
        "channel": "ecommerce",
        "tags.a~1b": True,
        "tags.c, d": True,
        "texts.alt.en_GB": "Front",
        "texts.alt.de_DE": "Vorne",
        "texts.title.*": "Jacket",
        "approval": "approved",
        "url": "https://cdn.example.com/%7Bx%7D.jpg",
        "checksum": "abc",
        "content_version": 3,
        "media": {"width": 10, "type": "image/jpeg"},
        "renditions.thumb": {"url": "https://cdn.example.com/t.jpg", "width": 5},
        "renditions.big": {"url": "https://cdn.example.com/b.jpg"},
        # Midnight in Stockholm before 1 November (UTC+1), and after 27 March (UTC+1; summer time begins on the 28th).
        "rights.from": 1793487600000000,
        "rights.until": 1806188400000000,
        "rights.territories.allow": ["CH", "GR"],
        "rights.territories.deny": ["GB"],
        "rights.territories.table": "iso-3166-1 2026-01",
    }


def test_a_delta_takes_away_what_it_mentions_as_empty(dam: Source) -> None:
    """Null, "" and [] take away; what is absent is untouched."""
    body = assets("changed", {"sku": [], "role": None, "checksum": "", "alt": None, "title": "", "rights": {"until": None}, "position": 0})
    gone = ("claims.sku", "role", "checksum", "texts.alt.*", "texts.title.*", "rights.until")
    assert leaves(dam, body) == {**dict.fromkeys(gone), "position": 0}


def test_a_deletion(dam: Source) -> None:
    """A deletion is a whole state with nothing but its status."""
    (change,) = changes(dam, assets("deleted", {"sku": "NH-1"}))
    assert (change.full, dict(change.leaves)) == (("",), {"status": "deleted"})


@pytest.mark.parametrize(
    ("member", "value", "why"),
    [
        ("sku", 1.5, "claims.sku at sku: expected an identifier (a string or a whole number), found a number"),
        ("sku", [True], "claims.sku at sku: expected an identifier (a string or a whole number), found a boolean"),
        ("sku", {"a": 1}, "claims.sku at sku: expected an identifier (a string or a whole number), found an object"),
        ("sku", "a\u0000b", "claims.sku at sku: expected an identifier, found a string with control characters"),
        ("sku", "x" * 501, "claims.sku at sku: expected an identifier of at most 500 characters, found one of 501"),
        ("position", 1 << 63, "position at position: expected a whole number within 64 bit, found a number"),
        ("position", "first", "position at position: expected a whole number, found a string that is none"),
        (
            "approval",
            "maybe",
            "approval at approval: expected one of approved, archived, pending, rejected, found a string that is none of them",
        ),
        ("rights", {"until": "02/03/2021"}, "rights.until at rights.until: expected a date or an instant"),
        ("renditions", "https://x", "renditions at renditions: expected a list or an object, found a string"),
        ("alt", {"en": [1]}, "texts.alt at alt: expected a text, found a list"),
    ],
)
def test_a_value_that_cannot_be_read_is_a_letter(dam: Source, member: str, value: Any, why: str) -> None:
    """The message names preset, field, path and type, and never the value."""
    (event,) = events(dam, assets("saved", {member: value}))
    with pytest.raises(Unmappable) as error:
        dam.project(event, VERSION)
    assert str(error.value).startswith(f"preset generic-dam, event asset.saved: {why}")


def test_numbers_beyond_64_bit_are_no_ids(dam: Source) -> None:
    """A number that JSON readers round is refused rather than joined to the wrong product."""
    (event,) = events(
        dam, b'{"type":"asset.saved","time":"2026-10-14T08:12:31Z","assets":[{"id":"a1","sku":123456789012345678901234567890}]}'
    )
    with pytest.raises(Unmappable, match="send them as strings"):
        dam.project(event, VERSION)


def test_skus_keep_their_zeros_and_join_as_configured(tmp_path: Path) -> None:
    """People see the SKU as sent; what is compared follows `normalise`."""
    body = assets("saved", {"sku": "00-ab-1"})
    assert leaves(one(tmp_path, DAM), body)["claims.sku"] == [["00-ab-1", "00-ab-1"]]
    rule = "normalise: {sku: {case: upper, hyphens: drop, leading_zeros: drop}}"
    configuration = configure(tmp_path, DAM, rule)
    assert leaves(configuration.sources["dam"], body)["claims.sku"] == [["00-ab-1", "AB1"]]
    assert configuration.normalise_sku(" 0-Ab-1 ") == "AB1"
    assert [configuration.normalise_sku(odd) for odd in ("000", "-", "0-0")] == ["0", "-", "0"]


def test_several_products_in_one_body(pim: Source) -> None:
    """Each product is an event of its own; its links are sorted by position and split by role and place."""
    body = products(
        "product.saved",
        {
            "sku": "NH-1",
            "gtin": ["9521101530476", "123"],
            "parent": "NH",
            "name": {"en_GB": "Jacket"},
            "links": [
                {"asset": "a2", "role": "packshots", "position": 2},
                {"asset": "a1", "role": "packshots", "position": 1, "alt": {"en_GB": "Front"}},
                {"asset": "a3", "locale": "de_DE", "channel": "print", "alt": "Alles"},
            ],
        },
        {"id": "p2", "sku": 42},
    )
    first, second = changes(pim, body)
    assert dict(first.leaves) == {
        "status": "active",
        "keys.sku": ["NH-1", "NH-1"],
        "keys.gtin": [["9521101530476", "09521101530476"]],
        "parent": "NH",
        "name.en_GB": "Jacket",
        "links.packshots.*.*": [["dam", "id", "a1"], ["dam", "id", "a2"]],
        "links.asset.de_DE.print": [["dam", "id", "a3"]],
        "asset_texts.dam.a1.alt.en_GB": "Front",
        "asset_texts.dam.a3.alt.*": "Alles",
    }
    assert (second.record, second.leaves["keys.sku"]) == ("product/pim/p2", ["42", "42"])


def test_a_resources_own_time_orders_it(pim: Source) -> None:
    """A product's own updated_at outranks the envelope's time."""
    first, second = changes(pim, products("product.saved", {"updated_at": 1791965551}, {"id": "p2"}))
    assert [parts(change.order).source for change in (first, second)] == [1791965551000000, 1791965551000000]
    assert events(pim, products("product.saved", {"updated_at": 1791965551}))[0].time == "2026-10-14T08:12:31+00:00"


def test_what_is_signed_verifies(dam: Source) -> None:
    """The source signs as its sender would, for demos and tests."""
    assert dam.verify(dam.sign(b"{}", NOW_S), b"{}", NOW_S) == ""
    assert dam.verify(dam.sign(b"{}", NOW_S), b"{ }", NOW_S) != ""


def test_a_replayed_request_that_was_not_split(tmp_path: Path) -> None:
    """A letter's whole body, read with a mended configuration, changes every record it speaks of."""
    source = one(tmp_path, DAM)
    body = assets("saved", {"sku": "A"}, {"id": "a2", "sku": "B"})
    first, second = events(source, body)
    whole = replace(first, value=json.dumps(body).encode(), key="", type="")
    assert [change.record for change in source.project(whole, VERSION).changes] == [first.key, second.key]


def test_a_product_that_is_off(tmp_path: Path) -> None:
    """`enabled` is read of products, also as 0 and 1, and of models."""
    source = one(tmp_path, "\n  erp: {preset: generic-pim, secrets: [env:PRIMARY]}\n")
    product: dict[str, Any] = {"id": "p"}
    body = {"id": "e", "type": "product.saved", "time": "2026-10-14T08:12:31Z", "products": [product]}
    for said, expected in ((False, False), (0, False), ("true", True)):
        product["enabled"] = said
        assert leaves(source, body)["enabled"] is expected
    assert leaves(source, {**body, "type": "model.saved"})["enabled"] is True


@pytest.mark.parametrize("listed", [lambda value: value, lambda value: [value]])
def test_senders_that_write_every_value_as_a_list(dam: Source, listed: Callable[[Any], Any]) -> None:
    """A list of one is its value; of several dates the strictest counts."""
    body = assets(
        "saved",
        {name: listed(value) for name, value in (("role", "packshots"), ("position", 2), ("locale", "en"), ("approval", "approved"))}
        | {"rights": {"from": listed("2026-11-01"), "until": listed("2027-03-27")}},
    )
    assert leaves(dam, body) == {
        "status": "active",
        "role": "packshots",
        "position": 2,
        "locale": "en",
        "approval": "approved",
        "rights.from": 1793487600000000,
        "rights.until": 1806188400000000,
    }


def test_of_several_dates_the_strictest_counts(dam: Source) -> None:
    """The latest beginning, the earliest end; one that cannot be read, and none at all, are refused."""
    several = {"from": ["2026-11-01", None, "2026-12-01"], "until": ["2027-03-27", "2027-03-26", ""]}
    read = leaves(dam, assets("saved", {"rights": several}))
    assert (read["rights.from"], read["rights.until"]) == (1796079600000000, 1806102000000000)
    for dates in (["2027-03-27", "soon"], [], [["2027-03-27"]]):
        with pytest.raises(Unmappable, match=r"rights\.until at rights\.until"):
            changes(dam, assets("saved", {"rights": {"until": dates}}))


@pytest.mark.parametrize(
    "rights", ["2027-03-01", 7, ["2027-03-01"], [{"until": "2027-03-01"}], {"territories": ["DE"]}, {"territories": "DE"}, True]
)
def test_rights_of_another_shape_are_letters(dam: Source, rights: Any) -> None:
    """Where an object is expected and something else stands, there may be a right that is not understood."""
    with pytest.raises(Unmappable, match=r"rights\..*expected an object at (rights|territories)"):
        changes(dam, assets("saved", {"url": "https://x/a.jpg", "rights": rights}))


@pytest.mark.parametrize("rights", [None, "", [], {}, {"until": None, "territories": []}])
def test_no_rights_are_said_in_many_ways(dam: Source, rights: Any) -> None:
    """PHP writes an empty object as a list."""
    assert leaves(dam, assets("saved", {"rights": rights})) == {"status": "active"}


def test_what_is_no_period_stands_for_none(tmp_path: Path) -> None:
    """A list of periods in which something else stands is refused; an object without ends is a period without ends."""
    words = DAM + "    overrides: {rights: {access: {path: periods, from: begin, until: end}}}\n"
    source = one(tmp_path, words)
    assert leaves(source, assets("saved", {"periods": [{"begin": "2026-11-01"}, {}]}))["rights.access"] == [
        [1793487600000000, None],
        [None, None],
    ]
    mistaken: list[Any] = [[5], [{"begin": "2026-11-01"}, "2027"], {"a": 1}, [[]]]
    for periods in mistaken:
        with pytest.raises(Unmappable, match=r"rights\.access at periods: expected a period"):
            changes(source, assets("saved", {"periods": periods}))
