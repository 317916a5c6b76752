"""`make soak`: the crash tests with many more crashes and seeds than `make test` has time for.

Owns: the loop over seeds. Does not own: the tests. Next stop: tests/crash/test_crash.py.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from deploy.engines import Engines

CRASHES_A_SEED = 40


def main() -> int:
    """Runs until the seeds are used up or one fails; the failing seed is named, so that it can be run again."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=20, help="how many seeds")
    options.add_argument("--first", type=int, default=1, help="the first seed")
    asked = options.parse_args()
    missing = Engines.missing()
    if missing:
        print("Only the embedded engines are tested.", *missing, sep="\n", file=sys.stderr)
    for seed in range(asked.first, asked.first + asked.seeds):
        print(f"seed {seed} ({seed - asked.first + 1} of {asked.seeds})", flush=True)
        environment = {**os.environ, "BINDERY_TEST_SEED": str(seed), "BINDERY_TEST_CRASHES": str(CRASHES_A_SEED)}
        command = [sys.executable, "-m", "pytest", "-q", "-x", "tests/crash", *([] if missing else ["--engines"])]
        if subprocess.run(command, env=environment, check=False).returncode:
            print(f"seed {seed} failed; again: python -m tests.crash --seeds 1 --first {seed}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
