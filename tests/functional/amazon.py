"""`bindery`, with an outside that is a file: the real process whose calls are written down instead of made.

Owns: the command line with another Outbound port. Does not own: the stories (tests/functional/test_handshakes.py). Next stop:
tests/functional/test_handshakes.py.

Run as `python -m tests.functional.amazon …`; BINDERY_TEST_CALLS names the file, one call a line. The SNS host serves the certificate that
BINDERY_TEST_PEM names, and says 200 to everything else.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from app import bootstrap
from app.cli import main
from app.ports import Answer, Clock
from tests.doubles import Call, Outside


class Amazon(Outside):
    """Writes down what it is asked."""

    def __init__(self, clock: Clock, private: Collection[str] = ()) -> None:
        self._calls, self._pem = Path(os.environ["BINDERY_TEST_CALLS"]), Path(os.environ["BINDERY_TEST_PEM"])

    async def answered(self, call: Call) -> Answer:
        with self._calls.open("a") as calls:
            calls.write(f"{call.method} {call.url}\n")
        return Answer(200, {}, self._pem.read_bytes() if call.url.endswith(".pem") else b"<ConfirmSubscriptionResponse/>", 0)


if __name__ == "__main__":
    vars(bootstrap)["HttpOutbound"] = Amazon
    main()
