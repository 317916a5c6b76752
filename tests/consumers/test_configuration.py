"""The configuration in force: who may raise it, and that every raise is followed by a sweep of all SKUs, crashes and races included.

Owns: establish(). Does not own: reading bindery.yaml (tests/sources/test_configuration.py), what stale processes do (test_projector.py and
test_binder.py beside this file). Next stop: tests/consumers/test_tasks.py.
"""

import pytest

from app.errors import ConfigurationStale, Misconfigured, StoreUnavailable
from app.ports import StoreView
from consumers.configuration import establish, in_force, refuse_if_stale
from consumers.sweeps import ALL
from tests.consumers.disturbances import Failing, Raced
from tests.consumers.world import World, product


async def start(store: StoreView, version: int, digest: str = "", *, embedded: bool = False) -> int:
    """A process starts with this file. digest: of the file, by default another one for each version."""
    return await establish(store, version, digest or f"file {version}", numbers_itself=embedded)


async def sweeps(world: World) -> int:
    """How many passes over all SKUs were asked for."""
    doc = (await world.store.sweeps.load([ALL])).get(ALL)
    return doc.numbers["requested"] if doc else 0


@pytest.mark.parametrize("embedded", [False, True])
async def test_a_first_start_needs_no_sweep(world: World, embedded: bool) -> None:
    """There is nothing that an older configuration could have decided."""
    assert await in_force(world.store) == 0
    assert await start(world.store, 3, embedded=embedded) == 3
    assert await in_force(world.store) == 3
    assert await sweeps(world) == 0


@pytest.mark.parametrize("embedded", [False, True])
async def test_the_same_file_changes_nothing(world: World, embedded: bool) -> None:
    """However often a process starts with it."""
    for _ in range(3):
        assert await start(world.store, 3, embedded=embedded) == 3
    assert await sweeps(world) == 0


async def test_a_raise_is_in_force_and_sweeps_once(world: World) -> None:
    """Processes that start with the new file later ask for no other pass; those of the old one stop."""
    await start(world.store, 3)
    for _ in range(3):
        assert await start(world.store, 4) == 4
    assert await in_force(world.store) == 4
    assert await sweeps(world) == 1
    await refuse_if_stale(world.store, 4)
    with pytest.raises(ConfigurationStale, match="version 4 is in force, this process runs version 3"):
        await refuse_if_stale(world.store, 3)


async def test_a_raise_decides_every_sku_again(world: World) -> None:
    """The sweep that it asks for leads to answers under the new version."""
    await start(world.store, 1)
    await world.project(*(product(f"p{number}", 1, f"S-{number}") for number in range(5)))
    await world.drain(world.binder())
    await start(world.store, 2)
    await world.settle(world.binder(version=2))
    assert {doc.numbers["config"] for doc in await world.store.bindings.page(limit=10)} == {2}


async def test_a_lowered_version_is_refused(world: World) -> None:
    """An old file does not come back into force by a restart."""
    await start(world.store, 4)
    with pytest.raises(ConfigurationStale, match=r"version 4 is in force, bindery\.yaml says 3"):
        await start(world.store, 3)
    assert await in_force(world.store) == 4


async def test_a_change_without_a_raise_is_refused(world: World) -> None:
    """Two files with one number could not be told apart on the decisions made with them."""
    await start(world.store, 4)
    with pytest.raises(Misconfigured, match="its `version` is still 4"):
        await start(world.store, 4, "another file")
    assert await sweeps(world) == 0
    assert await start(world.store, 4) == 4


async def test_embedded_every_change_gets_the_next_number(world: World) -> None:
    """Without a person having to count; a greater number in the file counts, a change back to an older file is a change."""
    seen = [
        await start(world.store, version, digest, embedded=True) for version, digest in [(1, "a"), (1, "b"), (1, "a"), (9, "c"), (2, "d")]
    ]
    assert seen == [1, 2, 3, 9, 10]
    assert await sweeps(world) == 4


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_before_the_sweep_omits_none(world: World, after: bool) -> None:
    """A process that dies between the raise and its sweep is made good by the next start, of whichever process."""
    await start(world.store, 3)
    world.store.sweeps = Failing(world.store, "sweeps", after=after)
    with pytest.raises(StoreUnavailable):
        await start(world.store, 4)
    assert await in_force(world.store) == 4
    assert await start(world.store, 4) == 4
    asked = await sweeps(world)
    assert asked == (2 if after else 1)
    await start(world.store, 4)
    assert await sweeps(world) == asked


async def test_a_crash_at_the_raise_itself_is_made_good(world: World) -> None:
    """The answer to the compare-and-set is lost: the next start finds it in force and not yet swept."""
    await start(world.store, 3)
    world.store.configuration = Failing(world.store, "configuration", after=True)
    with pytest.raises(StoreUnavailable):
        await start(world.store, 4)
    assert await sweeps(world) == 0
    await start(world.store, 4)
    assert await sweeps(world) == 1


async def test_a_second_raise_before_the_first_was_swept_still_sweeps(world: World) -> None:
    """The debt is not forgotten with the version that made it."""
    await start(world.store, 3)
    world.store.sweeps = Failing(world.store, "sweeps")
    with pytest.raises(StoreUnavailable):
        await start(world.store, 4)
    await start(world.store, 5)
    assert await sweeps(world) == 1


async def test_two_that_start_together_with_one_file_agree(world: World) -> None:
    """On a first start and on a raise: the one that is late finds the other's document, and a pass is asked for."""
    for version in (3, 4):

        async def rival(version: int = version) -> None:
            world.store.configuration = Raced(world.store, "configuration")
            assert await start(world.store, version) == version

        world.store.configuration = Raced(world.store, "configuration", rival)
        assert await start(world.store, version) == version
    assert await sweeps(world) == 1


async def test_of_two_raises_at_once_the_greater_wins(world: World) -> None:
    """Whoever comes late with the lower version is stale; the other way round, both raises are in force one after the other."""
    await start(world.store, 3)

    async def rival() -> None:
        world.store.configuration = Raced(world.store, "configuration")
        await start(world.store, 5)

    world.store.configuration = Raced(world.store, "configuration", rival)
    with pytest.raises(ConfigurationStale):
        await start(world.store, 4)
    world.store.configuration = Raced(world.store, "configuration", lambda: start(world.store, 6, "theirs"))
    with pytest.raises(Misconfigured):
        await start(world.store, 6, "mine")
    assert await in_force(world.store) == 6
    assert await sweeps(world) == 2
