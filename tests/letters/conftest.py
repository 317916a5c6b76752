"""The fixture `world`: a small service for letters, one for each test.

Owns: its life. Does not own: what it is made of (tests/letters/world.py). Next stop: tests/letters/test_replays.py.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.letters.world import World


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world on files of this test."""
    async with World(tmp_path / "data") as made:
        yield made
