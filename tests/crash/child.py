"""`bindery`, able to die or freeze at a named point: the real process with a checkpoint that acts at its n-th passing.

Owns: reading BINDERY_TEST_POINT (name), BINDERY_TEST_COUNT (which passing, from 1), BINDERY_TEST_ACT (kill or stop).
Does not own: the points (consumers/projector.py, consumers/binder.py, app/process.py pass them on). Next stop: tests/crash/test_crash.py.

Run as `python -m tests.crash.child ROLE… [--http]`; settings come from the environment as always.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter

import uvloop

from app.bootstrap import ROLES
from app.observability import configure_logging
from app.process import run
from app.settings import Settings


class Checkpoint:
    """Counts passings and acts at the one it was told. What it did is written to standard error first, so that a test can see it."""

    def __init__(self, point: str, count: int, act: str) -> None:
        self._point, self._count, self._act = point, count, act
        self._passed: Counter[str] = Counter()

    def __call__(self, name: str) -> None:
        self._passed[name] += 1
        if name == self._point and self._passed[name] == self._count:
            os.write(2, f'{{"event":"test.{self._act}","point":"{name}"}}\n'.encode())
            os.kill(os.getpid(), signal.SIGKILL if self._act == "kill" else signal.SIGSTOP)


def main() -> None:
    """Runs the roles given as arguments (all of them and HTTP by default)."""
    arguments = sys.argv[1:]
    named = [argument for argument in arguments if not argument.startswith("-")]
    roles = [name for name in named if name != "none"] if named else list(ROLES)
    settings = Settings()
    configure_logging(settings.log_format, settings.log_level)
    checkpoint = Checkpoint(
        os.environ.get("BINDERY_TEST_POINT", ""), int(os.environ.get("BINDERY_TEST_COUNT", "1")), os.environ.get("BINDERY_TEST_ACT", "kill")
    )
    sys.exit(uvloop.run(run(settings, roles=roles, http=not arguments or "--http" in arguments, checkpoint=checkpoint)))


if __name__ == "__main__":
    main()
