"""Servers for the tests of the doors.

Owns: the fixtures `server` (one for each test) and `serve` (one made as the test wants it). Does not own: what they are made of
(serving.py). Next stop: tests/api/test_webhooks.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.api.serving import Running

Serve = Callable[..., Running]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server with these fields of Running; it ends with the test."""
    with ExitStack() as running:

        def started(**fields: Any) -> Running:
            return running.enter_context(Running(tmp_path, **fields))

        yield started


@pytest.fixture
def server(serve: Serve) -> Running:
    """A server with the defaults."""
    return serve()
