"""Worlds on files of each test.

Owns: their life, the template that they are copied from. Does not own: what they are made of (tests/consumers/world.py).
Next stop: tests/consumers/world.py.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.backends.kafka.log import KafkaLog
from app.backends.kafka.namespace import Namespaced
from app.backends.mongo.store import MongoStore
from app.backends.sqlite.store import SqliteStore
from app.bootstrap import apply_topics
from app.settings import Settings
from tests.consumers.disturbances import RoughLog
from tests.consumers.fetching_world import Fetches, StepClock, Vendor
from tests.consumers.world import World
from tests.functional.deployment import on_engines


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


@pytest_asyncio.fixture
async def fetches(tmp_path: Path, template: Path) -> AsyncIterator[Fetches]:
    """A vendor and the loop that fetches from it, on the embedded engines; the log can be told to fail."""
    clock = StepClock()
    async with World(tmp_path / "data", clock, template, RoughLog) as world:
        yield Fetches(world.log, world.store, clock, Vendor(clock))


@pytest_asyncio.fixture(params=["embedded", pytest.param("production", marks=pytest.mark.engines)])
async def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Fetches]:
    """The same on either pair of engines."""
    clock = StepClock()
    if request.param == "embedded":
        async with World(tmp_path / "data", clock) as world:
            yield Fetches(world.log, world.store, clock, Vendor(clock))
        return
    engines = request.getfixturevalue("engines")
    named = on_engines(engines.kafka_bootstrap, engines.mongo_uri)
    settings = Settings(**{name.removeprefix("BINDERY_").lower(): value for name, value in named.items()})  # type: ignore[arg-type]
    await apply_topics(settings, dry_run=False)
    log = Namespaced(KafkaLog(engines.kafka_bootstrap), settings.kafka_namespace)
    store = MongoStore(engines.mongo_uri, database=settings.mongodb_database)
    await store.start()
    await log.start()
    try:
        yield Fetches(log, store, clock, Vendor(clock))
    finally:
        await log.stop()
        await store.stop()


@pytest.fixture(autouse=True)
def _lease_of_the_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short where systems are paused, so that time passes in small steps there."""
    if request.path.name == "test_fetching_pauses.py":
        monkeypatch.setattr(Fetches, "lease_s", 30.0)
