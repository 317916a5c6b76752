"""The tables of tests/sources/README.md name tests that exist.

Owns: that check. Does not own: the tables' themes, which come from the vendors' facts. Next stop: tests/sources/README.md.
"""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def missing(text: str) -> list[str]:
    """What a text names that no file of tests defines."""
    found = []
    for file, name in NAMED.findall(text):
        path = ROOT / file
        if not path.exists() or name not in {getattr(node, "name", "") for node in ast.parse(path.read_text()).body}:
            found.append(f"{file}::{name}")
    return found


def themes(text: str) -> list[str]:
    """The lines of the tables without their headings."""
    lines = text.splitlines()
    return [line for line, after in zip(lines, [*lines[1:], ""], strict=True) if line.startswith("| ") and not after.startswith("|--")]


def test_every_test_that_is_named_exists() -> None:
    """A trap whose test was renamed or dropped is noticed, and so is one without a test."""
    text = Path(__file__).with_name("README.md").read_text()
    assert len(themes(text)) > 50
    assert [line for line in themes(text) if not NAMED.search(line)] == []
    assert missing(text) == []


def test_a_missing_test_is_noticed() -> None:
    """One that is not in its file, and one whose file is not there."""
    gone = ["tests/sources/test_readme.py::test_gone", "tests/sources/test_gone.py::test_it"]
    assert missing(" ".join(f"`{name}`" for name in gone)) == gone
