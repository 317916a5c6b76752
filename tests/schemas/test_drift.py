"""The generated files are those that the code makes now.

Owns: the drift check and its violations. Does not own: rendering (schemas/generate.py). Next stop: tests/schemas/test_asyncapi.py.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas import generate
from tests.schemas.contract import ROOT


def test_the_files_are_up_to_date() -> None:
    """`python -m schemas.generate --check` finds no difference, in a process with another hash seed."""
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-m", "schemas.generate", "--check"]
    done = subprocess.run(command, cwd=ROOT.parent, env=environment, capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the generated files."""
    shutil.copytree(ROOT / "json", tmp_path / "json")
    shutil.copy(ROOT / "asyncapi.yaml", tmp_path)
    return tmp_path


VIOLATIONS: list[tuple[Callable[[Path], Any], str]] = [
    (lambda root: (root / "json/decision.v1.schema.json").unlink(), "+++ json/decision.v1.schema.json made"),
    (lambda root: (root / "json/left-over.v1.schema.json").write_text("{}"), "--- json/left-over.v1.schema.json on disk"),
    (lambda root: _replace(root / "asyncapi.yaml", "cleanup.policy", "cleanup.polity"), "-          cleanup.polity:"),
    (lambda root: _replace(root / "asyncapi.yaml", "\n", "\r\n"), "asyncapi.yaml: only the ends of lines differ"),
]


def _replace(path: Path, old: str, new: str) -> None:
    path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))


@pytest.mark.parametrize(("violate", "told"), VIOLATIONS, ids=[told for _, told in VIOLATIONS])
def test_a_difference_is_shown_and_mended(copied: Path, violate: Callable[[Path], Any], told: str) -> None:
    """A missing, left-over or edited file fails the check with a readable difference; writing mends it."""
    assert generate.main(["--check"], copied) is None
    violate(copied)
    found = generate.main(["--check"], copied)
    assert found is not None
    assert told in found
    assert "Run `make schemas`" in found
    assert generate.main([], copied) is None
    assert generate.main(["--check"], copied) is None
