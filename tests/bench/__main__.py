"""`python -m tests.bench [NAME…] [--quick]`, what `make bench` calls: each benchmark prints a table; nothing passes or fails.

Owns: the command line, the order, the scratch directory. Does not own: measuring. Next stop: tests/bench/ingest.py.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from rich.console import Console

from deploy.engines import Engines
from tests.bench.load import Missing
from tests.bench.report import markdown, show, update
from tests.bench.site import Bench
from tests.bench.sizes import FULL, QUICK, SMOKE, Sizes
from tests.functional.deployment import SECRET

NAMES = ("micro", "presets", "ingest", "bind", "fetch", "latency", "scale")


def main() -> int:
    """The exit code: 0, also where aims are missed; 1 where something that is needed is absent; 2 for wrong arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Speed, latency and memory beside baselines, on real engines."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which (default: all): {', '.join(NAMES)}")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small sizes: two minutes, and figures that prove little")
    size.add_argument("--smoke", action="store_true", help="tiny sizes: shows only that the benchmarks run")
    parser.add_argument("--update", type=Path, metavar="FILE", help="put the tables between the marks of this file (docs/performance.md)")
    given = parser.parse_args()
    if unknown := sorted(set(given.names) - set(NAMES)):
        parser.error(f"there is no benchmark called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if absent := Engines.missing():
        print("\n".join(absent), file=sys.stderr)
        return 1
    sizes = QUICK if given.quick else SMOKE if given.smoke else FULL
    return _measure([name for name in NAMES if name in (given.names or NAMES)], sizes, given.update)


def _measure(names: list[str], sizes: Sizes, file: Path | None) -> int:
    # What the configuration of the benchmarks names as its secret; this process reads that configuration too.
    os.environ["TEST_SECRET"] = SECRET
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    console, tables = Console(width=150), []
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    machine += f"; load of the machine before the run: {os.getloadavg()[0]:.1f}"
    console.print(machine)
    with tempfile.TemporaryDirectory(prefix="bindery-bench-") as folder, Engines.start(Path(folder) / "engines") as engines:
        bench = Bench(Path(folder), sizes, engines)
        for name in names:
            benchmark = import_module(f"tests.bench.{name}")
            began_s = time.monotonic()
            try:
                rows = benchmark.run(bench)
            except Missing as missing:
                print(missing, file=sys.stderr)
                return 1
            show(console, f"{benchmark.TITLE}  ({time.monotonic() - began_s:.0f} s)", rows)
            tables.append(markdown(benchmark.TITLE, rows, machine))
            if file:
                update(file, tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
