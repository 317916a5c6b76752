"""Territories as senders write them: codes, groups, the words of a customer; absent, empty, taken away.

Owns: the table and its mapping. Does not own: what territories mean for a binding (tests/domain/test_territories.py).
Next stop: tests/domain/test_territories.py.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from app.domain.territories import ALPHA_3, VERSION, territories
from tests.sources.builders import leaves, one

ACTIVO = """
  activo:
    preset: generic-dam
    secrets: [env:PRIMARY]
    when_rights_unknown: hide
    overrides: {rights: {territories: {allow: {path: zones, lookup: {DACH: [DE, AT, CH], home: SE}}, deny: not_in}}}
"""


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (["de", "AT", "DEU"], "AT DE"),
        (["EL", "UK", "XK"], "GB GR XK"),
        (["http://cvx.iptc.org/iso3166-1a3/DEU", "https://x.example/countries#SE", "https://x.example/FRA/"], "DE FR SE"),
        (["iso3166:CN", "iso3166:FRA", "urn:iso:std:iso:3166:NO"], "CN FR NO"),
        (["EFTA"], "CH IS LI NO"),
        (["BG", "EZ"], "AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK"),
        ([], ""),
    ],
)
def test_territories(words: list[str], codes: str) -> None:
    """Codes of two and three letters, those of EU institutions, URIs and groups; sorted, each once."""
    assert territories(words) == codes.split()


def test_groups_are_what_they_are_in_the_version_of_the_table() -> None:
    """27 members, none of them Greek by EL or British; the EEA is the EU and three more; worldwide is every code."""
    union, area, world = territories(["EU"]), territories(["eea"]), territories(["WORLDWIDE"])
    assert len(union) == 27
    assert {"GR", "HR"} <= set(union)
    assert not {"GB", "CH", "NO", "EL"} & set(union)
    assert set(area) - set(union) == {"IS", "LI", "NO"}
    assert len(world) == 250
    assert set(ALPHA_3.values()) == set(world)
    assert re.fullmatch(r"iso-3166-1 20\d\d-\d\d", VERSION)


@pytest.mark.parametrize("word", ["Europe", "DACH", "XX", "", "d", "EUR", "DE/AT", "SE:NO", "SE#NO", "zone 3/SE", "ß", "ﬁ"])
def test_an_unknown_territory_is_refused(word: str) -> None:
    """By a message that says what may stand there, and not what stood there."""
    with pytest.raises(ValueError, match="expected territories") as refused:
        territories([word])
    assert not word or f" {word} " not in str(refused.value)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"zones": "DACH, home"}, {"allow": ["AT", "CH", "DE", "SE"], "table": VERSION}),
        ({"zones": ["DE"], "not_in": "GBR;IRL"}, {"allow": ["DE"], "deny": ["GB", "IE"], "table": VERSION}),
        ({"zones": []}, {"allow": [], "table": VERSION}),
        ({"zones": None}, {}),
        ({"zones": ""}, {}),
        ({}, {}),
    ],
)
def test_territories_are_mapped(tmp_path: Path, members: dict[str, Any], expected: dict[str, Any]) -> None:
    """Absent is everywhere, an empty list is nowhere; beside each list stands the version of the table."""
    source = one(tmp_path, ACTIVO)
    body = {"id": "e", "type": "asset.saved", "time": "2026-10-14T08:12:31Z", "assets": [{"id": "a", **members}]}
    found = leaves(source, body)
    assert {leaf[19:]: value for leaf, value in found.items() if leaf.startswith("rights.")} == expected


def test_a_delta_takes_territories_away(tmp_path: Path) -> None:
    """A null lifts the restriction, silence leaves it."""
    source = one(tmp_path, ACTIVO)
    body = {"id": "e", "type": "asset.changed", "time": "2026-10-14T08:12:31Z", "assets": [{"id": "a", "zones": None}]}
    assert leaves(source, body) == {"rights.territories.allow": None}
