"""The generic PIM's contract: what products say beside links, for `include` and against hot data.

Owns: family, categories, completeness, prices. Does not own: keys, links and texts (tests/sources/test_generic.py).
Next stop: tests/sources/test_include.py.
"""

from pathlib import Path
from typing import Any

import pytest

from app.domain.facets import Record, merge, visible
from app.sources.source import Source
from tests.sources.builders import changes, events, one

PIM = "\n  pim:\n    preset: generic-pim\n    secrets: [env:PRIMARY]\n"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return one(tmp_path, PIM)


def told(type_: str, *, at: str = "2026-10-14T08:12:31Z", **product: Any) -> dict[str, Any]:
    return {"id": "evt-1", "type": type_, "time": at, "products": [{"id": "p1", **product}]}


def test_what_include_asks_for(source: Source) -> None:
    """Family, categories and completeness are leaves of the product."""
    (change,) = changes(
        source,
        told(
            "product.saved",
            sku="NH-1",
            family="jackets",
            categories=["outdoor", "new"],
            completeness=[{"scope": "ecommerce", "locale": "en_GB", "percent": 80}, {"percent": "100"}],
        ),
    )
    assert dict(change.leaves) == {
        "status": "active",
        "keys.sku": ["NH-1", "NH-1"],
        "family": "jackets",
        "categories.outdoor": True,
        "categories.new": True,
        "completeness.ecommerce.en_GB": 80,
        "completeness.*.*": 100,
    }


def test_categories_are_always_the_whole_list(source: Source) -> None:
    """A change that names categories replaces them, one that does not leaves them."""
    record = Record("product/pim/p1")
    merge(record, changes(source, told("product.saved", categories=["a", "b"])))
    merge(record, changes(source, told("product.changed", at="2026-10-14T09:00:00Z", categories=["c"])))
    merge(record, changes(source, told("product.changed", at="2026-10-14T10:00:00Z", family="x")))
    assert visible(record) == {"status": "active", "categories.c": True, "family": "x"}


def test_prices_reach_nothing(source: Source) -> None:
    """They go by type and by shape."""
    body = told("product.saved", sku="A", list={"type": "price", "value": 424242}, sale={"amount": "424242", "currency": "EUR"})
    (event,) = events(source, body)
    assert b"424242" not in event.value
