"""Any DAM by configuration: Activo as the worked example, rights in the words of two standards, GTINs, embargoes.

Owns: what the generic preset makes of bodies of others. Does not own: its own contract (tests/sources/test_generic.py).
Next stop: docs/sources/notes/generic-dam.md.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from app.errors import Unmappable
from app.sources.source import Source
from tests.sources.builders import NOW_S, one
from tests.sources.expectations import source as configured
from tests.sources.vendors.sending import body_of, known, sent, verdict

NOTES = Path(__file__).parents[3] / "docs" / "sources" / "notes" / "generic-dam.md"
AT = {"x-changed-at": "2026-10-14T08:12:31Z"}


def activo(tmp_path: Path) -> tuple[Source, dict[str, Any]]:
    """The source and the body that the notes show."""
    blocks = NOTES.read_text().split("```")
    words = next(yaml.safe_load(block.removeprefix("yaml")) for block in blocks if block.startswith("yaml"))
    body = next(orjson.loads(block.removeprefix("json")) for block in blocks if block.startswith("json"))
    words["sources"]["activo"]["secrets"] = ["env:PRIMARY"]
    text = yaml.safe_dump(words["sources"]).replace("\n", "\n  ")
    return one(tmp_path, f"\n  {text}\n"), body


def test_the_worked_example(tmp_path: Path) -> None:
    """What the notes show for Activo is a source that works: signed, split, keyed, with its rights."""
    source, body = activo(tmp_path)
    raw = orjson.dumps(body)
    assert source.verify(source.sign(raw, NOW_S), raw, NOW_S) == ""
    outcome = sent(source, raw)
    assert [change.record for change in outcome.changes] == ["asset/activo/77120", "asset/activo/77121"]
    first, second = (dict(change.leaves) for change in outcome.changes)
    assert first == {
        "status": "active",
        "claims.sku": [["NH-4711-OLV-M", "NH-4711-OLV-M"], ["NH-4711-OLV-L", "NH-4711-OLV-L"]],
        "claims.gtin": [["9521101530476", "09521101530476"]],
        "role": "packshots",
        "texts.alt.de_DE": "Regenjacke oliv, vorne",
        "approval": "approved",
        "url": "https://media.nordhag.example/77120/front.jpg",
        "checksum": "ba659939746da029068abb29074bae4a",
        # From 1 November (UTC+1) through the last of February, in Berlin.
        "rights.from": 1793487600000000,
        "rights.until": 1803855600000000,
        "rights.territories.allow": ["AT", "CH", "DE"],
        "rights.territories.table": "iso-3166-1 2026-01",
    }
    assert second["approval"] == "rejected"


def test_a_deletion_of_the_worked_example(tmp_path: Path) -> None:
    """By the same words."""
    source, body = activo(tmp_path)
    (change,) = sent(source, {**body, "event": "medium.removed", "media": [{"id": 77120}]}).changes
    assert (change.record, dict(change.leaves)) == ("asset/activo/77120", {"status": "deleted"})


def agreement(*constraints: tuple[str, str, Any], prohibited: Any = None) -> dict[str, Any]:
    rules = [{"leftOperand": left, "operator": operator, "rightOperand": right} for left, operator, right in constraints]
    denied = [{"constraint": [{"leftOperand": "spatial", "operator": "isAnyOf", "rightOperand": prohibited}]}] if prohibited else []
    return {"uid": "u", "target": "t", "permission": [{"action": "distribute", "constraint": rules}], "prohibition": denied}


URI = "http://cvx.iptc.org/iso3166-1a3/"


@pytest.mark.parametrize(
    ("body", "leaves"),
    [
        (agreement(("spatial", "isAnyOf", [f"{URI}FRA", f"{URI}GBR"])), {"allow": ["FR", "GB"]}),
        (agreement(("http://www.w3.org/ns/odrl/2/spatial", "http://www.w3.org/ns/odrl/2/isAnyOf", [])), {"allow": []}),
        (agreement(prohibited=[f"{URI}CHE"]), {"deny": ["CH"]}),
        (agreement(("dateTime", "lteq", {"@value": "2027-03-01T00:00:00Z"})), {"until": 1803859200000000}),
        (agreement(("http://www.w3.org/ns/odrl/2/dateTime", "gt", {"@value": "2026-11-01"})), {"from": 1793491200000000}),
    ],
)
def test_rightsml(body: dict[str, Any], leaves: dict[str, Any]) -> None:
    """Countries of three letters in addresses, short and long names of operators, an empty list of places."""
    found = sent(configured("rightsml"), body, AT).leaves
    names = {"allow": "territories.allow", "deny": "territories.deny"}
    assert {name: found.get(f"rights.{names.get(name, name)}") for name in leaves} == leaves


@pytest.mark.parametrize(
    ("more", "leaf", "expected"),
    [
        ({"ineligibleRegion": ["CH", "GB"]}, "rights.territories.deny", ["CH", "GB"]),
        ({"ineligibleRegion": "EFTA"}, "rights.territories.deny", ["CH", "IS", "LI", "NO"]),
        ({"regionsAllowed": {"@type": "Place", "name": "DEU"}}, "rights.territories.allow", ["DE"]),
        ({"regionsAllowed": []}, "rights.territories.allow", []),
        ({}, "rights.territories.allow", None),
        # A date that ends a licence still counts itself; an instant is what it says.
        ({"expires": "2027-03-01"}, "rights.until", 1803945600000000),
        ({"expires": "2027-03-01T00:00:00Z"}, "rights.until", 1803859200000000),
    ],
)
def test_schema_org(more: dict[str, Any], leaf: str, expected: Any) -> None:
    """Where an image may be shown and until when; what is absent restricts nothing, what is empty everything."""
    assert sent(configured("schema-org"), body_of("standard-schema_org-imageobject", **more), AT).leaves.get(leaf) == expected


@pytest.mark.parametrize("more", [{"ineligibleRegion": "Mordor"}, {"expires": "some day"}, {"expires": {"value": 1}}])
def test_rights_that_cannot_be_read_are_letters(more: dict[str, Any]) -> None:
    """A right that is not understood is not a right."""
    with pytest.raises(Unmappable, match=r"rights\."):
        sent(configured("schema-org"), body_of("standard-schema_org-imageobject", **more), AT)


DAM = "\n  dam:\n    preset: generic-dam\n    secrets: [env:PRIMARY]\n    when_rights_unknown: hide\n    timezone: Europe/Berlin\n"


def saved(**asset: Any) -> dict[str, Any]:
    return {"id": "e", "type": "asset.saved", "time": "2026-10-14T08:12:31Z", "assets": [{"id": "a1", "url": "https://x/a.jpg", **asset}]}


@pytest.mark.parametrize(
    ("gtin", "claims"),
    [
        ("9521101530476", ["09521101530476"]),
        ("09521101530476", ["09521101530476"]),
        (9521101530476, ["09521101530476"]),
        # The consumer unit and its case are two things: the packaging digit and with it the check digit differ.
        ("19521101530473", ["19521101530473"]),
        ("9521101530477", None),
        (["9521101530477", "9521101530476"], ["09521101530476"]),
        ("952110153047", None),
        ("NH-4711", None),
    ],
)
def test_gtins(tmp_path: Path, gtin: Any, claims: Any) -> None:
    """13 and 14 digits meet, a wrong check digit claims nothing, a case is not its content."""
    found = sent(one(tmp_path, DAM), saved(gtin=gtin)).leaves.get("claims.gtin")
    assert (found and [key for _, key in found]) == claims


def test_an_event_before_an_embargo_starts(tmp_path: Path) -> None:
    """The asset waits for its hour by itself, without another event."""
    change = sent(one(tmp_path, DAM), saved(rights={"from": "2026-11-01", "until": "2026-12-31"})).changes[0]
    waiting = verdict(change)
    assert (waiting.state, waiting.url, waiting.changes_us) == ("embargoed", None, 1793487600000000)
    assert verdict(change, at_us=1793487600000000).state == "live"


def test_an_event_for_an_asset_that_has_expired_already(tmp_path: Path) -> None:
    """No address, not even for a moment; a longer licence brings it back."""
    source = one(tmp_path, DAM)
    gone = sent(source, saved(rights={"until": "2026-09-30"})).changes[0]
    assert (verdict(gone).state, verdict(gone).url) == ("expired", None)
    longer = {**saved(rights={"until": "2026-12-31"}), "time": "2026-10-14T09:00:00Z"}
    assert verdict(gone, *sent(source, longer).changes).state == "live"


@pytest.mark.parametrize(
    ("day", "until_us"),
    [
        ("2026-10-24", 1792879200000000),
        ("2026-10-25", 1792969200000000),
        ("2027-03-27", 1806188400000000),
        ("2027-03-28", 1806271200000000),
    ],
)
def test_last_days_around_the_change_of_clocks(tmp_path: Path, day: str, until_us: int) -> None:
    """The day after begins at midnight in Berlin, 25 or 23 hours later where clocks change."""
    assert sent(one(tmp_path, DAM), saved(rights={"until": day})).leaves["rights.until"] == until_us


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        ("EL; UK", ["GB", "GR"]),
        (["DEU", "at"], ["AT", "DE"]),
        ("EEA", None),
        ("XK", ["XK"]),
        ([], []),
    ],
)
def test_territories_by_override(tmp_path: Path, words: Any, allowed: Any) -> None:
    """EL, UK, XK and three letters are ISO codes of two; a group is its members; none at all is nowhere."""
    source = one(tmp_path, DAM + "    overrides: {rights: {territories: {allow: regions}}}\n")
    found = known(*sent(source, saved(regions=words)).changes)["rights.territories.allow"]
    assert found == allowed or (allowed is None and {"IS", "LI", "NO", "DE"} <= set(found) and "CH" not in found and len(found) == 30)
