"""The Store port: every promise on SQLite and on MongoDB.

Owns: which backends there are. Does not own: the promises' tests (store_suite.py, store_queries.py), the model (store_machine.py), how each
engine fails and comes back (test_store_sqlite.py, test_store_mongo.py). Next stop: tests/contracts/store_suite.py.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from deploy.engines import Engines
from tests.contracts.store_backends import mongo_stores, sqlite_stores
from tests.contracts.store_machine import machine
from tests.contracts.store_queries import QueriesContract
from tests.contracts.store_suite import OpenStore, StoreContract


def model_settings(examples: int, steps: int) -> settings:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=examples, stateful_step_count=steps, deadline=None, database=None, suppress_health_check=slow)


class TestSqliteStore(StoreContract, QueriesContract):
    @pytest.fixture
    async def open_store(self, tmp_path: Path) -> AsyncIterator[OpenStore]:
        async with sqlite_stores(tmp_path) as open_store:
            yield open_store

    def test_any_sequence_of_calls_answers_like_a_dict(self, tmp_path: Path) -> None:
        """Hypothesis finds no sequence of calls for which the store and a plain dict differ."""
        run_state_machine_as_test(machine(lambda: sqlite_stores(tmp_path)), settings=model_settings(60, 30))


class TestMongoStore(StoreContract, QueriesContract):
    @pytest.fixture
    async def open_store(self, engines: Engines) -> AsyncIterator[OpenStore]:
        async with mongo_stores(engines) as open_store:
            yield open_store

    def test_any_sequence_of_calls_answers_like_a_dict(self, engines: Engines) -> None:
        """Hypothesis finds no sequence of calls for which the store and a plain dict differ."""
        run_state_machine_as_test(machine(lambda: mongo_stores(engines)), settings=model_settings(12, 30))
