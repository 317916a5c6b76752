"""Files of the configuration that cannot be read, and a preset's file that is mistaken.

Owns: what is said of a file as a whole. Does not own: mistakes of single words (tests/sources/test_mistakes.py). Next stop:
app/sources/yaml_file.py.
"""

from pathlib import Path

import pytest

from app.configuration import load
from app.errors import Misconfigured
from tests.sources.builders import CLOUDINARY, mistakes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: [", "is not YAML"),
        ("- 1", "must hold an object"),
        ("version: 1\nversion: 2", "stands twice"),
        ("\x00", "is not YAML"),
        ("version: 1\nsince: 2026-13-01", "put it in quotes.*line 2"),
        ("version: !!timestamp x", "put it in quotes"),
        ("sources: !!map [x]", "cannot be read"),
        ("sources: {x: {api: &api {headers: *api}}}", "recursive"),
        ("[" * 1_000, "nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, text: str, words: str) -> None:
    """A file that is no configuration at all says why."""
    (tmp_path / "bindery.yaml").write_text(text)
    with pytest.raises(Misconfigured, match=words):
        load(tmp_path / "bindery.yaml")
    with pytest.raises(Misconfigured, match="cannot be read"):
        load(tmp_path / "nothing.yaml")


def test_a_preset_of_ones_own_hides_no_other_mistake(tmp_path: Path) -> None:
    """Each is told with its file and path, also where that file cannot be parsed; a word of a list is told once."""
    (tmp_path / "torn.yaml").write_text("verify: [")
    (tmp_path / "mine.yaml").write_text("preset: mine\nabout: x\nfacts: yours\nside: dam\nverify: {scheme: none}\nmode: dleta\n")
    more = "\n  a: {preset: torn.yaml}\n  b: {preset: mine.yaml, when_rights_unknown: hide}\n  c: {preset: gone.yaml}\n"
    found = mistakes(tmp_path, more + CLOUDINARY.lstrip("\n") + "    era: -1\n")
    assert any(line.startswith("sources.a.preset: ") and "torn.yaml is not YAML" in line and "at line 1" in line for line in found)
    assert any(line.startswith("sources.c.preset: ") and line.endswith("relative to this file") for line in found)
    assert [line for line in found if line.startswith("sources.b (preset mine.yaml with overrides).mode")] == [
        "sources.b (preset mine.yaml with overrides).mode: input should be 'full', 'delta', 'deletion', 'created' or 'thin'"
    ]
    assert any(line.startswith("sources.cloudinary-eu.era: ") for line in found)
