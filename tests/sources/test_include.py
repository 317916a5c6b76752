"""`include` in bindery.yaml: where it may stand, what it needs, and the policy that it becomes.

Owns: the words. Does not own: the rule (tests/domain/test_include.py). Next stop: tests/sources/test_arrival.py.
"""

from pathlib import Path

import pytest

from app.domain.policy import Include
from tests.sources.builders import CLOUDINARY, changes, configure, mistakes, one

PIM = """
  erp:
    preset: generic-pim
    secrets: [env:PRIMARY]
    overrides:
      family: type
      categories: {path: groups}
      completeness: {path: complete, channel: channel, locale: locale, percent: percent}
"""
INCLUDE = "    include: {family: [shoes], category: [sale, new], completeness: {at_least: 80, channels: [web]}}\n"


def test_it_becomes_a_policy_of_the_system(tmp_path: Path) -> None:
    """Products belong to systems, so the words do as well."""
    policy = configure(tmp_path, PIM + "    system: sap\n" + INCLUDE).policy
    assert policy.include == {"sap": Include(frozenset({"shoes"}), frozenset({"sale", "new"}), 80, ("web",), ())}


def test_completeness_alone_means_all_of_it(tmp_path: Path) -> None:
    """100 percent, unless another number is named."""
    policy = configure(tmp_path, PIM + "    include: {completeness: {}}\n").policy
    assert policy.include["erp"].at_least == 100
    assert configure(tmp_path, PIM + "    include: {family: [a]}\n").policy.include["erp"].at_least is None


def test_its_fields_are_mapped(tmp_path: Path) -> None:
    """Family, categories and completeness are leaves of products and models."""
    product = {"id": "p", "type": "shoes", "groups": "sale;new.x", "complete": [{"channel": "web", "locale": "en_GB", "percent": 80}]}
    body = {"id": "e", "type": "product.saved", "time": "2026-10-14T08:12:31Z", "products": [product]}
    (change,) = changes(one(tmp_path, PIM), body)
    assert dict(change.leaves) == {
        "family": "shoes",
        "categories.sale": True,
        "categories.new~1x": True,
        "completeness.web.en_GB": 80,
        "status": "active",
    }


def test_a_sender_that_only_names_what_is_complete(tmp_path: Path) -> None:
    """`value` stands in for the number, a missing channel for every one."""
    words = PIM.replace("percent: percent}", "value: 100}")
    product = {"id": "p", "complete": [{"locale": "en_GB"}]}
    body = {"id": "e", "type": "product.saved", "time": "2026-10-14T08:12:31Z", "products": [product]}
    (change,) = changes(one(tmp_path, words), body)
    assert change.leaves["completeness.*.en_GB"] == 100


@pytest.mark.parametrize(
    ("sources", "path", "words"),
    [
        (CLOUDINARY + "    include: {family: [a]}\n", "sources.cloudinary-eu.include", "write this at a PIM"),
        (PIM.replace("family: type", "family: null") + INCLUDE, "sources.erp.include.family", "name it under `overrides: {family: …}`"),
        (
            PIM.replace("categories: {path: groups}", "categories: null") + INCLUDE,
            "sources.erp.include.category",
            "`overrides: {categories: …}`",
        ),
        (PIM + "    include: {completeness: {at_least: 101}}\n", "sources.erp.include.completeness.at_least", "less than or equal to 100"),
        (PIM + "    include: {families: [a]}\n", "sources.erp.include.families", "did you mean family?"),
    ],
)
def test_a_mistake(tmp_path: Path, sources: str, path: str, words: str) -> None:
    """What could never match, or nobody reads, is told with its path."""
    (found,) = mistakes(tmp_path, sources)
    assert found.startswith(f"{path}: ")
    assert words in found


def test_the_sources_of_a_system_agree(tmp_path: Path) -> None:
    """Two that say different things leave it open which products count."""
    other = (PIM + "    system: erp\n    include: {family: [boots]}\n").replace("erp:", "more:")
    (found,) = mistakes(tmp_path, PIM + INCLUDE + other)
    assert found.startswith("sources.more.include: the sources of the system erp must agree (erp, more)")
    assert configure(tmp_path, PIM + INCLUDE + other.replace("    include: {family: [boots]}\n", "")).policy.include.keys() == {"erp"}
