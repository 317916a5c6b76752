"""The benchmarks run, check what they measured, and print their tables; their figures are nobody's promise.

Owns: one run of the smallest sizes. Next stop: tests/bench/__main__.py.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.report import Row, markdown, update

# Ingest needs a load generator that is no Python package. Scale is bind's own code over a fuller store, which takes its time to fill.
NAMES = ["micro", "presets", *(["ingest"] if shutil.which("wrk") else []), "bind", "fetch", "latency"]


@pytest.mark.engines
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_every_benchmark_runs_and_finds_what_it_sent(tmp_path: Path) -> None:
    """The command ends with 0 and every benchmark writes a table; its own checks of counts and contents have held then."""
    tables = tmp_path / "tables.md"
    command = [sys.executable, "-m", "tests.bench", *NAMES, "--smoke", "--update", str(tables)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=230, env={**os.environ, "COLUMNS": "150"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert tables.read_text().count("### ") == len(NAMES)


@pytest.mark.parametrize(
    ("figure", "at_least", "verdict"), [(4.0, True, "met"), (3.9, True, "missed"), (4.0, False, "met"), (4.1, False, "missed")]
)
def test_an_aim_is_a_bound_of_the_ratio_to_the_baseline(figure: float, at_least: bool, verdict: str) -> None:
    """A figure on its bound meets it; beyond it, on the worse side, it is missed."""
    assert Row("x", figure, "/s", 10.0, "y", 0.4, at_least=at_least).verdict == verdict


def test_a_run_of_some_keeps_the_tables_of_the_others(tmp_path: Path) -> None:
    """Only the tables that were measured anew are replaced, whatever their titles say beside their topic."""
    file = tmp_path / "tables.md"
    update(file, [markdown("Bind: old", [Row("x", 1, "s")], "two cores"), markdown("Fetch: old", [Row("y", 2, "s")], "two cores")])
    update(file, [markdown("Fetch: new", [Row("y", 3, "s")], "four cores"), markdown("Scale: new", [Row("z", 4, "s")], "four cores")])
    text = file.read_text()
    assert [line for line in text.splitlines() if line.startswith("###")] == ["### Bind: old", "### Fetch: new", "### Scale: new"]
    assert "2 s" not in text
    assert text.count("two cores") == 1
