"""The functions that read Akeneo's values, by themselves: shapes that no sample has.

Owns: those functions. Does not own: what presets make of them (tests/sources/vendors/test_akeneo_products.py).
Next stop: tests/sources/test_expressions.py.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sources import akeneo
from app.sources.arguments import WrongArgument
from app.sources.expressions import compile_expression

JUNK: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([None, True, 0, 1.5, "", "x", "pim_catalog_image", "media_link", "eikona_catalog_tessa"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                [
                    "data",
                    "attribute_type",
                    "type",
                    "_links",
                    "linked_data",
                    "download",
                    "href",
                    "share_link",
                    "new",
                    "previous",
                    "share_links",
                    "prefix",
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=16,
)


@pytest.mark.parametrize("name", sorted(set(akeneo.FUNCTIONS) - {"day"}))
@given(values=st.one_of(JUNK, st.dictionaries(st.sampled_from(["a", "sku"]), st.lists(JUNK, max_size=2), max_size=2)))
def test_whatever_stands_there(name: str, values: Any) -> None:
    """No shape is too odd: a result, or a word about the argument's type."""
    function, more = akeneo.FUNCTIONS[name], ["new"] if name in {"side_of", "main_identifier", "changed"} else []
    try:
        function(values, *more)
        if name == "changed":
            function({"changes": values, "identifier": values}, *more)
            function({"changes": {"values": values, "categories": values, "parent": values}}, "previous")
    except WrongArgument as wrong:
        assert "expects" in str(wrong) or "identifiers" in str(wrong)  # noqa: PT017  # Both outcomes are fine; only a third one is not.


@pytest.mark.parametrize(
    "expression", ["typed(values)", "product_media(values)", "side_of(values, 'new')", "day(values.a[0].data)", "changed(@, 'new')"]
)
def test_closures_and_the_interpreter_agree(expression: str) -> None:
    """A function is the same one in a compiled expression and in one that needs the interpreter."""
    body = {"values": {"a": [{"data": "2027-03-01T00:00:00Z", "new": "x", "type": "pim_catalog_image"}]}}
    compiled, interpreted = compile_expression(expression), compile_expression(f"[{expression}] | [0]")
    assert compiled.get(body) == interpreted.get(body)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2027-03-01T00:00:00+00:00", "2027-03-01"),
        ("2027-03-01T00:00:00.000000Z", "2027-03-01"),
        ("2027-03-01T00:00:00+0000", "2027-03-01"),
        ("2027-03-01", "2027-03-01"),
        ("2027-03-01T12:00:00+00:00", "2027-03-01T12:00:00+00:00"),
        ("02/03/2021", "02/03/2021"),
        (None, None),
        (7, 7),
    ],
)
def test_a_midnight_is_a_day(written: Any, read: Any) -> None:
    """Only a midnight is a date; everything else is left to who reads it."""
    assert akeneo.day(written) == read


def test_values_without_types_hold_the_identifier_in_sku() -> None:
    """Older answers name no types at all; where types are named and none is an identifier, there is none."""
    assert akeneo.only_identifier({"sku": [{"data": "A"}]}) == "A"
    assert akeneo.only_identifier({"sku": [{"data": "A", "attribute_type": "pim_catalog_text"}]}) is None
    assert akeneo.only_identifier([]) is None


def test_media_that_are_told_by_their_links_only() -> None:
    """A download link makes a medium, a list of links TESSA's reference; what has a type keeps it."""
    values = {
        "picture": [{"data": "k", "_links": {"download": {"href": "https://x/y"}}}],
        "images": [{"data": "1,2", "_links": ["https://x/1", "https://x/2"]}],
        "name": [{"data": "x"}],
        "file": [{"data": "k", "attribute_type": "pim_catalog_file", "_links": {"download": {"href": "https://x/y"}}}],
    }
    types = {name: entries[0].get("attribute_type") for name, entries in akeneo.typed(values).items()}
    assert types == {"picture": "pim_catalog_image", "images": "eikona_catalog_tessa", "name": None, "file": "pim_catalog_file"}


def test_a_medium_that_stands_twice_is_one() -> None:
    """The same file in two attributes is one asset."""
    entry = {"data": "1/2/hash_a.jpg", "attribute_type": "pim_catalog_image"}
    assert akeneo.product_media({"a": [entry], "b": [entry]}) == [{"id": "1/2/hash_a.jpg", "name": "a.jpg"}]
