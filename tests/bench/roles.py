"""The service with chosen roles on whatever engines the environment names, also where `bindery` itself offers only all of them at once.

Owns: nothing but the arguments: `python -m tests.bench.roles PORT [ROLE…]` (port 0: no HTTP). Next stop: app/process.py.
"""

from __future__ import annotations

import sys

import uvloop

from app.observability import configure_logging
from app.process import run
from app.settings import Settings


def main() -> int:
    """The process's exit code."""
    port, roles = int(sys.argv[1]), sys.argv[2:]
    settings = Settings(port=port)
    configure_logging(settings.log_format, settings.log_level)
    return uvloop.run(run(settings, roles=roles, http=bool(port)))


if __name__ == "__main__":
    sys.exit(main())
