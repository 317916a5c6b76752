"""The store that topics, counts and rings are kept in.

Owns: the fixture `store`. Does not own: what is kept. Next stop: tests/kept/test_rings.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from app.backends.sqlite.store import SqliteStore


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """An embedded store."""
    made = SqliteStore(tmp_path / "store.db")
    await made.start()
    yield made
    await made.stop()
