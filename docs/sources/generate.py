"""Writes docs/sources/: one page per preset, and the list of them.

Owns: reading presets and notes, writing pages, telling which differ. Does not own: what a page says (app/sources/pages.py).
Next stop: docs/sources/README.md. `make docs` writes; tests/sources/test_pages.py checks for drift.
"""

import re
from pathlib import Path

from app.configuration import PRESETS
from app.sources.pages import HEADINGS, overview, page
from app.sources.preset import Preset
from app.sources.yaml_file import read_object

FOLDER = Path(__file__).parent


def notes_of(name: str) -> dict[str, str]:
    """Heading -> text of a notes file. Raises ValueError where a heading is missing, empty, or not one of HEADINGS."""
    text = (FOLDER / "notes" / f"{name}.md").read_text("utf-8")
    _, *sections = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    found = {heading.strip(): body.strip() for heading, body in zip(sections[::2], sections[1::2], strict=True)}
    if tuple(found) != HEADINGS or not all(found.values()):
        raise ValueError(f"docs/sources/notes/{name}.md: expected the headings {', '.join(HEADINGS)}, each with a text")
    return found


def about(file: Path) -> list[str]:
    """The comment that a preset begins with."""
    lines = []
    for line in file.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" "))
    return lines


def pages() -> dict[str, str]:
    """File name -> text of every page."""
    files = sorted(PRESETS.glob("*.yaml"))
    presets = [Preset.model_validate(read_object(file)) for file in files]
    made = {f"{preset.preset}.md": page(preset, about(file), notes_of(preset.preset)) for preset, file in zip(presets, files, strict=True)}
    return made | {"README.md": overview(presets)}


def main() -> None:
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
