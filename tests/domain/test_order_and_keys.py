"""Orders compare as their parts do; paths and record keys can be taken apart again; two records meet by their tokens.

Owns: app/domain/order.py and app/domain/keys.py. Does not own: what orders do to leaves (tests/domain/test_histories.py).
Next stop: app/domain/order.py.
"""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import keys, order
from app.domain.facets import path, segments

HASHES = st.text("0123456789abcdef", min_size=16, max_size=16)
PARTS = st.fixed_dictionaries(
    {
        "era": st.integers(0, 0xFFFF),
        "source": st.integers(-(2**63), 2**63 - 1),
        "rank": st.sampled_from([order.CHANGE, order.DELETION, order.FETCHED]),
        "fetched_us": st.integers(0, 2**64 - 1),
        "tie": st.integers(0, 2**64 - 1),
        "event_hash": HASHES,
        "version": st.integers(0, 2**32 - 1),
    }
)


@given(PARTS, PARTS)
def test_text_compares_as_the_parts_do(one: dict[str, Any], other: dict[str, Any]) -> None:
    """The parts count from era down to the configuration version, negative sources included."""
    text, other_text = order.order(**one), order.order(**other)
    assert (text < other_text) == (dataclasses.astuple(order.Parts(**one)) < dataclasses.astuple(order.Parts(**other)))
    assert len(text) == order.LENGTH


@given(PARTS)
def test_an_order_can_be_taken_apart(parts: dict[str, Any]) -> None:
    """What went in comes out."""
    assert order.parts(order.order(**parts)) == order.Parts(**parts)


@given(st.integers(), st.integers())
def test_numbers_out_of_range_keep_the_width(source: int, fetched_us: int) -> None:
    """Whatever a sender writes, the text has its length."""
    assert len(order.order(era=0, source=source, rank=0, event_hash="", version=0, fetched_us=fetched_us)) == order.LENGTH


def test_the_future_begins_a_day_after_the_arrival() -> None:
    """A source's clock may be a day ahead, not more."""
    assert not order.is_from_the_future(order.DAY_US, 0)
    assert order.is_from_the_future(order.DAY_US + 1, 0)


@given(st.lists(st.text(), min_size=1))
def test_a_path_can_be_taken_apart(names: list[str]) -> None:
    """Any text can be a segment."""
    assert segments(path(*names)) == names


@given(st.sampled_from(keys.KINDS), st.text().filter(lambda system: "/" not in system), st.text())
def test_a_record_key_can_be_taken_apart(kind: str, system: str, thing: str) -> None:
    """An id may hold slashes."""
    assert keys.split_key(keys.record_key(kind, system, thing)) == (kind, system, thing)


@pytest.mark.parametrize(
    ("asset", "product"),
    [
        ({"claims.sku": [["nh-1", "NH-1"]]}, {"keys.sku": ["NH-1", "NH-1"]}),
        ({"claims.gtin": [["17", "00000000000017"]]}, {"keys.gtin": [["017", "00000000000017"]]}),
        ({"claims.product": [["pim", "p/1"]]}, {}),
        ({}, {"links.packshots.*.*": [["dam", "id", "a/1"]]}),
        ({"aliases.public_id": ["x/y"]}, {"links.packshots.*.*": [["dam", "public_id", "x/y"]]}),
    ],
    ids=["sku", "gtin", "product", "id", "alias"],
)
def test_two_sides_meet(asset: dict[str, Any], product: dict[str, Any]) -> None:
    """What one side points at, the other holds; from either side the partner's token is found."""
    ours, theirs = keys.tokens_of("asset/dam/a/1", asset), keys.tokens_of("product/pim/p/1", product)
    assert {partner for token in ours for partner in keys.partners(token)} & theirs
    assert {partner for token in theirs for partner in keys.partners(token)} & ours


def test_what_was_taken_away_makes_no_token() -> None:
    """A leaf set to null names nothing."""
    assert keys.tokens_of("product/pim/1", {"keys.sku": None}) == {"=p/pim/1"}
