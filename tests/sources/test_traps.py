"""The tables of traps name tests that exist.

Owns: reading tests/sources/README.md. Does not own: the tests it names. Next stop: tests/sources/README.md.
"""

import re
from pathlib import Path

HERE = Path(__file__).parent
NAMED = re.compile(r"`((?:\w+/|\.\./)*test_\w+\.py)::(test_\w+)`")


def test_every_trap_has_its_test() -> None:
    """A renamed test takes its line in the table with it; every line names a test."""
    rows = [line for line in (HERE / "README.md").read_text().splitlines() if line.startswith("|")]
    lines = [line for line in rows if not line.startswith("|--") and not line.endswith("| test |")]
    named = [NAMED.findall(line) for line in lines]
    assert [line for line, tests in zip(lines, named, strict=True) if not tests] == []
    gone = [f"{file}::{test}" for tests in named for file, test in tests if f"def {test}(" not in (HERE / file).read_text()]
    assert gone == []
    assert len(lines) > 30
