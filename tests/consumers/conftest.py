"""Worlds on files of each test.

Owns: their life, the template that they are copied from. Does not own: what they are made of (tests/consumers/world.py).
Next stop: tests/consumers/world.py.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.backends.sqlite.store import SqliteStore
from tests.consumers.disturbances import RoughLog
from tests.consumers.world import World


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with empty engines in it."""
    folder = tmp_path_factory.mktemp("engines") / "template"

    async def make() -> None:
        async with World(folder):
            pass

    asyncio.run(make())
    return folder


@pytest_asyncio.fixture
async def world(tmp_path: Path, template: Path) -> AsyncIterator[World]:
    """A world whose log can be told to fail."""
    async with World(tmp_path / "data", template=template, log_type=RoughLog) as made:
        yield made


@pytest_asyncio.fixture
async def elsewhere(world: World) -> AsyncIterator[SqliteStore]:
    """The same data, opened by another process."""
    store = SqliteStore(world.folder / "store.db")
    await store.start()
    yield store
    await store.stop()
