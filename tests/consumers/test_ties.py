"""Two events of one time contradict each other: where somebody can be asked, the vendor's state decides.

Owns: asking for that state. Does not own: what contradicts (tests/domain/test_ties.py), what a fetched state counts for
(test_fetching.py, beside this file). Next stop: tests/domain/test_ties.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain.order import parts
from app.errors import StoreUnavailable
from app.sources.fetching import Found
from app.sources.source import Source
from app.tasks.documents import read
from schemas.event import Event
from tests.consumers.disturbances import Failing
from tests.consumers.world import NOW_US, SECOND_US, World
from tests.sources.builders import CLOUDINARY, configure

API = "    api: {cloud: demo, key: env:OTHER, secret: env:OTHER}\n"
ID = "7d1f0c2e9b8a4d5f8e3c6b7a90112233"
KEY = f"asset/cloudinary-eu/{ID}"
TASK = f"fetch asset cloudinary-eu {ID}"


def cloudinary(folder: Path, more: str = API) -> Source:
    return configure(folder, CLOUDINARY + more).sources["cloudinary-eu"]


def titled(source: Source, title: str, at: str = "2026-02-28T23:00:00+00:00", type_: str = "resource_display_name_changed") -> Event:
    """A notification of this second."""
    said: dict[str, Any] = {
        "notification_type": type_,
        "timestamp": at,
        "resources": [{"asset_id": ID, "public_id": "a", "new_display_name": title, "resource_type": "image", "type": "upload"}],
    }
    (event,) = source.receive(orjson.dumps(said), NOW_US, {}).events
    return event


async def told(world: World, source: Source, *batches: list[Event]) -> None:
    for batch in batches:
        await world.send(*batch)
        await world.drain(world.projector(sources={source.name: source}))


async def wished(world: World) -> list[str]:
    return [doc.id for doc in await world.store.tasks.page(limit=10)]


@pytest.mark.parametrize("apart", [False, True], ids=["in one batch", "in two"])
async def test_what_contradicts_within_one_time_is_asked_for(world: World, tmp_path: Path, apart: bool) -> None:
    """Once, in whatever batches the two come, and the vendor's answer counts for more than both."""
    source = cloudinary(tmp_path)
    one, other = titled(source, "one"), titled(source, "other")
    await told(world, source, *([[one], [other]] if apart else [[one, other]]))
    assert await wished(world) == [TASK]
    task = read((await world.store.tasks.load([TASK]))[TASK])
    assert task.at_least == parts(task.body["trigger_order"]).source == NOW_US - 3600 * SECOND_US
    assert "one time" in task.body["reason"]
    began_us = NOW_US - 1800 * SECOND_US
    found = Found("asset", ID, {"asset_id": ID, "public_id": "a", "display_name": "decided", "type": "upload"})
    state = source.fetched(found, began_us=began_us, at_least=task.at_least, arrived_us=NOW_US)
    await told(world, source, [state])
    assert (await world.leaves(KEY))["texts.title.*"] == "decided"


async def test_what_does_not_contradict_is_not(world: World, tmp_path: Path) -> None:
    """The same again, the same said by another event, another time; and nothing at all where nobody could be asked."""
    source = cloudinary(tmp_path)
    again, said_twice = titled(source, "one"), titled(source, "one", at="2026-02-28T23:00:00Z")
    assert again.value != said_twice.value
    await told(world, source, [again, again, said_twice], [again], [titled(source, "other", at="2026-02-28T23:00:01Z")])
    assert await wished(world) == []
    deaf = cloudinary(tmp_path, "")
    await told(world, deaf, [titled(deaf, "another", at="2026-02-28T23:00:01Z")])
    assert await wished(world) == []


async def test_it_is_asked_for_although_the_process_dies_before_its_write(world: World, tmp_path: Path) -> None:
    """After the write nobody could tell any more that there were two, so the wish comes first: once the batch is through, it is there."""
    source = cloudinary(tmp_path)
    # The later one wins, so the record does not hold what it contradicted once it is written.
    loser, winner = sorted((titled(source, "one"), titled(source, "other")), key=lambda event: source.project(event, 1).changes[0].order)
    await told(world, source, [loser])
    await world.send(winner)
    sound = world.store.records
    world.store.records = Failing(world.store, "records", after=True)
    with pytest.raises(StoreUnavailable):
        await world.drain(world.projector(sources={source.name: source}))
    world.store.records = sound
    await world.drain(world.projector(sources={source.name: source}))
    assert await wished(world) == [TASK]
