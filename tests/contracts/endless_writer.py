"""A process that appends to an embedded log for ever and prints each value once it is acknowledged; made to be killed.

Owns: the loop. Does not own: the killing (tests/contracts/event_log_worlds.py). Next stop: app/backends/sqlite/log.py.
"""

import asyncio
import sys
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parents[2]


async def main(path: Path, topic: str) -> None:
    """Appends values one after the other."""
    from app.backends.sqlite.log import SqliteLog
    from app.backends.system_clock import SystemClock
    from app.ports import Entry

    log = SqliteLog(path, {"one": 1, "two": 2, "four": 4, "small": 2}, SystemClock())
    await log.start()
    for number in count():
        value = b"value %d" % number
        await log.append(topic, [Entry(b"key", value)])
        sys.stdout.buffer.write(value + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
