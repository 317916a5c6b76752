"""Steps that tests of replays share: starting a job, looking at the slow lane, letters of requests, an append that is not acknowledged.

Owns: these. Does not own: the world they happen in (tests/letters/world.py). Next stop: tests/letters/test_replays.py.
"""

from collections.abc import Sequence

from app.domain import facets
from app.domain.letters import letter_of_unread
from app.errors import LogUnavailable
from app.letters import jobs
from app.letters.jobs import Job
from app.letters.search import Filter
from app.ports import Entry, Position
from schemas import topics
from schemas.event import Event
from tests.letters.world import NOW_US, SOURCE, World

WAITING = Filter("waiting")


async def started(world: World, wanted: Filter = WAITING, rate: float = 100.0) -> Job:
    """A job over these letters."""
    return await jobs.create_job(world.store, world.clock, wanted, rate_per_s=rate, by="ann", why="mended")


async def body_of(world: World, key: str) -> str:
    """A record's content, without the store's own counters."""
    doc = (await world.store.records.load([key]))[key]
    return facets.dump(facets.load(key, doc.body, 0))


async def replayed(world: World) -> list[Event]:
    """The events on the slow lane."""
    return [Event.read(record.key, record.value, record.headers) for record in await world.on(topics.EVENTS_SLOW)]


async def unread(world: World, *bodies: bytes) -> list[str]:
    """Letters of requests that the source could not read, as the ingress writes them; their ids."""
    letters = []
    for body in bodies:
        (piece,) = world.mapping.receive(body, NOW_US, {}).unread
        letters.append(letter_of_unread(SOURCE, piece, arrived_us=NOW_US, era=3, now_us=NOW_US, code_version="test", config_version=1))
    await world.log.append(topics.DEAD_LETTERS, [Entry(*letter.entry()) for letter in letters])
    await world.drain(world.letters)
    return [letter.id for letter in letters]


ONE = b'{"odd":true,"things":[{"id":"a","sku":"S","at_us":1772323100000000}]}'
TWO = b'{"odd":true,"things":[{"id":"b","sku":"S","at_us":1772323100000000},{"id":"c","at_us":1772323100000000,"hopeless":true}]}'


class DownOnce:
    """A log whose next append to one topic is durable, and whose caller is told that it is not."""

    def __init__(self, world: World, topic: str) -> None:
        self._append, self._topic, self._due = world.log.append, topic, True
        world.log.append = self.append  # type: ignore[method-assign]

    async def append(self, topic: str, entries: Sequence[Entry], *, deadline_s: float = 10.0) -> Sequence[Position]:
        done = await self._append(topic, entries, deadline_s=deadline_s)
        if topic == self._topic and self._due:
            self._due = False
            raise LogUnavailable("taken down by the test")
        return done
