"""What all tests share: the network is off, and real engines are opt-in.

Owns: the `--engines` option, the `engines` fixture, the network guard. Does not own: how engines start (deploy/engines/), doubles and
builders of one area (they live beside its tests). Next stop: tests/README.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.architecture import network

if TYPE_CHECKING:
    from deploy.engines import Engines


# No deadline per example: it would measure what else the machine is doing. pytest's own time-out still ends what hangs.
settings.register_profile("bindery", deadline=None, print_blob=True)
settings.load_profile("bindery")


# Folders whose tests start engines themselves and run in the other half (those of deploy do so, too, but go with the shared ones: both
# halves should take equally long).
OWN_ENGINES = frozenset({"bench"})


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--engines`."""
    parser.addoption("--engines", action="store_true", help="also run the tests that need a real Kafka and MongoDB (marker `engines`)")


def pytest_configure() -> None:
    """Switch the network off before any test module is imported."""
    network.forbid()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what uses the `engines` fixture, and leave it out unless it was asked for."""
    for item in items:
        if "engines" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.engines)
        if item.get_closest_marker("engines") and item.path.parent.name in OWN_ENGINES:
            item.add_marker(pytest.mark.own_engines)
    if config.getoption("--engines"):
        return
    left_out = [item for item in items if item.get_closest_marker("engines")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("engines")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say it, where real engines were left out."""
    if not config.getoption("--engines"):
        terminalreporter.write_line("Real Kafka and MongoDB were not tested (pytest --engines does).", yellow=True)


@pytest.fixture(autouse=True)
def _no_other_machine() -> Iterator[None]:
    """Fail the test that tried to reach another machine, even where the error was swallowed."""
    network.take_refused()
    yield
    refused = network.take_refused()
    assert not refused, f"tried to reach other machines: {refused}"


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """A real Kafka and a real MongoDB for the whole run, on free ports of this machine. Tests use topics and databases of their own."""
    from deploy.engines import Engines

    running = Engines.start(tmp_path_factory.mktemp("engines"))
    try:
        yield running
    finally:
        running.stop()
