"""Answers that would be too large to publish: what is cut first, what stays, and that it always fits.

Owns: app/domain/fitting.py. Does not own: the decision itself (tests/domain/test_bind.py), whole services
(tests/functional/test_hostile_input.py). Next stop: app/domain/fitting.py.
"""

from __future__ import annotations

import pytest

from app.domain.bind import bind
from app.domain.family import LISTED
from app.domain.fitting import CUT, ENTRIES, TEXT_CHARS, fits, fitted
from app.domain.policy import Policy
from tests.domain.building import AT_US, SKU, a_product, an_asset, inputs, links

LIMIT = 100_000
CLAIM = {"claims.sku": [[SKU, SKU]]}
LONG = "長い" * 30_000


def test_what_fits_is_left_alone() -> None:
    """An answer below the limit is bind()'s own, to the byte."""
    made = inputs(a_product(), an_asset("a", CLAIM))
    assert fitted(made, Policy(), AT_US, LIMIT).text == bind(made, Policy(), AT_US).text


def test_one_long_text_hides_no_asset() -> None:
    """A text of a megabyte is cut, with a flag, and every asset stays with its URL."""
    made = inputs(a_product(), *(an_asset(f"a{n}", CLAIM) for n in range(10)), an_asset("z", {**CLAIM, "texts.alt.ja": LONG}))
    answer = fitted(made, Policy(), AT_US, LIMIT).content
    assert [one["state"] for one in answer["bindings"]] == ["live"] * 11
    assert answer["bindings"][-1]["texts"] == {"alt": {"ja": LONG[:TEXT_CHARS]}}
    assert answer["flags"] == [CUT]
    assert "overflow" not in answer


def test_a_long_name_and_long_lists_are_cut() -> None:
    """A product's name, its GTINs and the products of a flag cannot keep an answer from being published."""
    gtins = [[str(n), f"{n:014d}"] for n in range(20_000)]
    product = a_product("p1", {"name": LONG, "keys.gtin": gtins})
    holders = {gtins[0][1]: [f"product/pim/p{n}" for n in range(20_000)]}
    answer = fitted(inputs(product, holders=holders), Policy(), AT_US, LIMIT).content
    assert answer["product"]["name"] == LONG[:TEXT_CHARS]
    assert len(answer["product"]["gtins"]) == ENTRIES
    assert [flag["code"] for flag in answer["flags"]] == ["shortened", "gtin-shared"]
    assert len(answer["flags"][1]["products"]) == LISTED


def test_a_dummy_on_a_whole_catalogue_is_not_told_to_each_of_its_products() -> None:
    """A GTIN or a SKU that thousands of products share names the first few of them, so that a catalogue's answers do not grow squared."""
    product = a_product("p0", {"keys.gtin": [["9521101530476", "09521101530476"]]})
    holders = {"09521101530476": [f"product/pim/p{n:05d}" for n in range(5_000)]}
    twins = [a_product(f"p{n:05d}") for n in range(5_000)]
    gtin = bind(inputs(product, holders=holders), Policy(), AT_US)
    sku = bind(inputs(product, *twins), Policy(), AT_US)
    assert [len(flag["products"]) for flag in gtin.content["flags"]] == [LISTED]
    assert [len(flag["products"]) for flag in sku.content["flags"]] == [LISTED + 1]
    assert len(gtin.text) + len(sku.text) < 3_000


def test_too_many_bindings_are_fewer_then_and_say_so() -> None:
    """Where cutting words is not enough, the first bindings of each role stay and `overflow` counts the others."""
    answer = fitted(inputs(a_product(), *(an_asset(f"a{n:03d}", CLAIM) for n in range(400))), Policy(), AT_US, LIMIT).content
    kept = len(answer["bindings"])
    assert answer["overflow"] == {"kept": kept, "dropped": 400 - kept}
    assert [one["asset"]["id"] for one in answer["bindings"]] == [f"a{n:03d}" for n in range(kept)]
    assert kept > 50


@pytest.mark.parametrize(
    "leaves", [{"url": f"https://dam.example/{'x' * LIMIT}"}, {"url": "https://dam.example/a", "checksum": "c" * LIMIT}]
)
def test_what_cannot_be_cut_is_left_out(leaves: dict[str, str]) -> None:
    """A URL is never cut; an answer that it alone makes too large shows nothing rather than something wrong."""
    product = a_product("p1", {"links.front.*.*": links("a")})
    answer = fitted(inputs(product, an_asset("a", leaves)), Policy(), AT_US, LIMIT)
    assert answer.content["bindings"] == []
    assert answer.content["overflow"] == {"kept": 0, "dropped": 1}
    assert answer.content["flags"] == [CUT]
    assert answer.next_change_us is None
    assert answer.asset_keys == ()


def test_bytes_count_not_characters() -> None:
    """The limit is one of bytes: a text of three bytes a character is measured as such."""
    assert fits("x" * 30, 30)
    assert not fits("長" * 11, 30)
    assert fits("長" * 10, 30)
