"""The vendors' pages: every preset has notes and a page, and no page is older than its preset.

Owns: the drift check of docs/sources/. Does not own: the pages' text. Next stop: docs/sources/generate.py.
"""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from app.configuration import load

FOLDER = Path(__file__).parents[2] / "docs" / "sources"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/sources/generate.py, which is no package."""
    spec = importlib.util.spec_from_file_location("generate_pages", FOLDER / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_are_what_the_presets_say(generate: ModuleType) -> None:
    """Every page equals what `make docs` would write now, and there is no page too many."""
    made = generate.pages()
    kept = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")}
    assert kept == made, "run `make docs`"


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "README"))
def test_a_page_can_be_copied_into_bindery_yaml(name: str, tmp_path: Path) -> None:
    """The first example of a page is a whole list of sources that the check accepts; the further ones are at least YAML."""
    blocks = re.findall(r"```yaml\n(.*?)```", (FOLDER / f"{name}.md").read_text("utf-8"), re.DOTALL)
    assert all(isinstance(yaml.safe_load(block), dict) for block in blocks)
    file = tmp_path / "bindery.yaml"
    file.write_text(f"version: 1\n{blocks[0]}", "utf-8")
    (source,) = load(file, environ={}).sources.values()
    assert source.preset == name


def test_every_preset_begins_with_its_facts(generate: ModuleType) -> None:
    """The first lines say how sure the facts are, what is full or delta, and what is not sent."""
    for file in sorted(generate.PRESETS.glob("*.yaml")):
        text = " ".join(generate.about(file)).lower()
        for word in ("how sure", "full", "delta", "inherit", "not sent"):
            assert word in text, f"{file.name} does not say {word!r} in its first lines"


def test_notes_without_a_heading_are_noticed(generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notes file that leaves something out is refused by name."""
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "x.md").write_text("## At the vendor\n\nclick\n")
    with pytest.raises(ValueError, match=r"notes/x\.md"):
        generate.notes_of("x")
