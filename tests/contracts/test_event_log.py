"""The contract of the event log (L1-L11 of app/ports.py) on every backend.

Owns: which backends there are. Does not own: the promises' tests (event_log_appends.py, event_log_groups.py), how an engine is made or
taken away (event_log_worlds.py), what one backend does beyond it (test_event_log_sqlite.py, test_event_log_kafka.py).
Next stop: tests/contracts/event_log_appends.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contracts.event_log_appends import AppendContract
from tests.contracts.event_log_groups import GroupContract
from tests.contracts.event_log_worlds import KafkaWorld, SqliteWorld

if TYPE_CHECKING:
    from deploy.engines import Engines


class TestSqliteLog(AppendContract, GroupContract):
    """The embedded log."""

    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[SqliteWorld]:
        world = SqliteWorld(tmp_path)
        yield world
        await world.close()


class TestKafkaLog(AppendContract, GroupContract):
    """Apache Kafka."""

    @pytest.fixture
    async def world(self, engines: Engines) -> AsyncIterator[KafkaWorld]:
        world = KafkaWorld(engines)
        await world.prepare()
        yield world
        await world.close()
