"""The dry run: what a replay would do, said before it is done, with nothing written.

Owns: tests of app/letters/rehearsal.py. Does not own: the replay itself (test_replays.py). Next stop: test_http.py.
"""

from app.letters import jobs
from app.letters.rehearsal import Forecast, rehearse
from app.letters.search import Filter
from schemas import topics
from tests.letters.replaying import ONE, TWO, unread
from tests.letters.world import NOW_US, SECOND_US, World, event

ALL = Filter()


async def forecasts(world: World, wanted: Filter = ALL) -> dict[str, Forecast]:
    """Letter id -> forecast."""
    found, more = await rehearse(world.store, world.sources, wanted, version=world.version, limit=50)
    assert not more
    return {one.letter: one for one in found}


async def test_each_letter_is_told_apart(world: World) -> None:
    """What changes something names record and SKU; what still fails says why; what is known already says so."""
    (mends,) = await world.fail("a")
    (hopeless,) = await world.fail("b", sku="S", hopeless=True)
    before = [await world.store.letters.page(limit=50), await world.store.records.page(limit=50), await world.log.ends(topics.EVENTS_SLOW)]
    assert (await forecasts(world))[mends].verdict == "still-failing"
    world.mapping.mended = True
    told = await forecasts(world)
    assert (told[mends].verdict, told[mends].records, told[mends].skus) == ("changes", ("asset/dam/a",), ("MENDED",))
    assert told[hopeless].verdict == "still-failing"
    assert "rights" in told[hopeless].why
    assert [
        await world.store.letters.page(limit=50),
        await world.store.records.page(limit=50),
        await world.log.ends(topics.EVENTS_SLOW),
    ] == before


async def test_the_forecast_comes_true(world: World) -> None:
    """What was forecast as a change makes exactly those records; afterwards nothing is left to change."""
    (id_,) = await world.fail("a")
    world.mapping.mended = True
    told = (await forecasts(world))[id_]
    await jobs.create_job(world.store, world.clock, ALL, rate_per_s=10, by="ann", why="x")
    await world.replay()
    await world.drain()
    assert {doc.id for doc in await world.store.records.page(limit=10)} == set(told.records)
    requests = {record.key for record in await world.on(topics.BIND_REQUESTS)}
    assert requests == {sku.encode() for sku in told.skus}
    assert (await forecasts(world))[id_].verdict == "not-replayable"


async def test_a_letter_whose_state_is_known_in_a_newer_one_is_stale(world: World) -> None:
    """A newer full state of the record makes a replay idle, even for a letter that stays open."""
    (id_,) = await world.fail("a")
    world.mapping.mended = True
    # The full state arrived before the letter's event, so it closed nothing, and tells of a later time.
    await world.send(event("a", sku="S", full=True, at_us=NOW_US, arrived_us=NOW_US - SECOND_US))
    await world.drain(world.live)
    assert (await forecasts(world))[id_].verdict == "stale"


async def test_an_event_that_was_merged_meanwhile_changes_nothing(world: World) -> None:
    """The same event, read well at its next delivery: a replay would find everything known."""
    (id_,) = await world.fail("a")
    world.mapping.mended = True
    await world.send(event("a"))
    await world.drain(world.live)
    assert (await forecasts(world))[id_].verdict == "no-change"


async def test_requests_are_rehearsed_piece_by_piece(world: World) -> None:
    """A request that reads well shows what all of its events change; one bad piece is reported."""
    one, two = await unread(world, ONE, TWO)
    assert {told.verdict for told in (await forecasts(world)).values()} == {"still-failing"}
    world.mapping.mended = True
    told = await forecasts(world)
    assert (told[one].verdict, told[one].records) == ("changes", ("asset/dam/a",))
    assert told[two].verdict == "still-failing"


async def test_assets_name_the_skus_of_products_that_point_at_them(world: World) -> None:
    """A forecast looks where the projector looks: products that link the asset are affected, too."""
    from app.domain import facets, order
    from consumers.projector import document

    product = facets.Record("product/pim/1")
    at = order.order(era=0, source=1, rank=0, event_hash="00", version=1)
    leaves = {"keys.sku": ["P-1", "P-1"], "links.main.*.*": [["dam", "id", "a"]]}
    facets.merge(product, [facets.Change(product.key, at, leaves, facets.EventRef("pim", "1", "x"))])
    await world.store.records.save([document(product)])
    (id_,) = await world.fail("a")
    world.mapping.mended = True
    assert (await forecasts(world))[id_].skus == ("MENDED", "P-1")
