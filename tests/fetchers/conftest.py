"""Fixtures of the fetchers' tests: a world whose vendors must have seen no limit broken."""

from collections.abc import AsyncIterator

import pytest

from tests.fetchers.world import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Fails the test when one of its servers saw a violation, whatever else the test looks at."""
    made = World()
    yield made
    await made.stop()
    assert not made.violations(), f"broke what the vendor documents: {made.violations()}"
