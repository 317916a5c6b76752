"""Both pairs of engines, each test with a name space, database and directory of its own.

Owns: the fixture `deployment`. Does not own: the engines (tests/conftest.py), the processes (deployment.py).
Next stop: tests/functional/test_life_of_one_event.py.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from app.bootstrap import apply_topics
from tests.functional.deployment import Deployment, on_engines


@pytest.fixture(params=["embedded", pytest.param("production", marks=pytest.mark.engines)])
def environment(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """The variables that choose the engines."""
    if request.param == "embedded":
        return {}
    engines = request.getfixturevalue("engines")
    return on_engines(engines.kafka_bootstrap, engines.mongo_uri, BINDERY_KAFKA_SESSION_TIMEOUT_S="6")


@pytest.fixture
def deployment(environment: Mapping[str, str], tmp_path: Path) -> Iterator[Deployment]:
    """A deployment that is configured, its topics made, not running yet."""
    made = Deployment(tmp_path, environment)
    if environment:
        asyncio.run(apply_topics(made.settings(), dry_run=False))
    try:
        yield made
    finally:
        try:
            made.down()
        except subprocess.TimeoutExpired:
            for process in made.processes:
                process.kill()
            raise
