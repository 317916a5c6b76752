"""The projection of the control topic, and the confirmations: what cannot be read blocks nobody, an engine that is away costs a pause.

Owns: ControlProjection and Confirmations as loops. Does not own: what people see of them (tests/api/test_handshakes.py), rings
(tests/kept/test_rings.py). Next stop: consumers/control.py.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.errors import StoreUnavailable
from app.kept import notices, recordings, rings, topics
from app.kept.recordings import Recording
from app.ports import Answer, Doc, Entry
from consumers.confirmations import MOST_ATTEMPTS, Confirmations
from consumers.control import ControlProjection
from schemas.control import Kept
from schemas.topics import CONTROL
from tests.consumers.world import NOW_US, SECOND_US, World

ARN = "arn:aws:sns:eu-west-1:1:a"
URL = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"


class Answering:
    """The Outbound port: always the same status; how often it was asked."""

    def __init__(self, status: int) -> None:
        self.status, self.calls = status, 0

    async def call(self, method: str, url: str, **more: object) -> Answer:
        self.calls += 1
        return Answer(self.status, {}, b"", 0)

    async def stop(self) -> None:
        """Nothing is open."""


async def project(world: World, kept: Sequence[Kept], *raw: Entry) -> None:
    """Appends these and works the whole topic off."""
    await world.log.append(CONTROL, [*(Entry(*one.entry()) for one in kept), *raw])
    await ControlProjection(world.store).process(await world.on(CONTROL))


def confirmation(at_us: int = NOW_US) -> Kept:
    about = {"type": "SubscriptionConfirmation", "topic": ARN, "url": URL, "accepted_by": "topic_arn"}
    return Kept("confirmation", "bynder-main", at_us, about=about)


async def test_what_cannot_be_read_blocks_nobody(world: World) -> None:
    """Foreign records, unknown kinds and torn headers are passed over; those behind them are kept."""
    good = Kept("quarantined", "pim-1", NOW_US, b"{}")
    key, value, headers = good.entry()
    torn = [Entry(key, value, headers[1:]), Entry(key, value, [("bindery-kind", b"new"), *headers[1:]]), Entry(b"x", b"y")]
    other = {
        "bindery-id": [b"\xff"],
        "bindery-arrived-us": [b"\xff", b"-1", b"9" * 30],
        "bindery-request": [b"[]", b'{"method":"POST","path":"","headers":[1]}', b'{"method":"POST","path":"","headers":{"x":1}}'],
        "bindery-about": [b"1", b'{"topic":null}'],
    }
    for name, values in other.items():
        torn += [Entry(key, value, [(each, wrong if each == name else held) for each, held in headers]) for wrong in values]
    await project(world, [], *torn, Entry(key, value, headers))
    assert [one for _, one in await rings.page(world.store.requests, "quarantined", "pim-1")] == [
        Kept("quarantined", "pim-1", NOW_US, b"{}", id=good.named())
    ]


async def test_a_full_recording_is_over(world: World) -> None:
    """Once as many are kept as were wanted, whichever processes sent them."""
    await recordings.begin(world.store.requests, Recording("r1", "dam-1", 2, NOW_US, NOW_US + SECOND_US, "mila"))
    sample = [Kept("recorded", "dam-1", NOW_US + nth, b"{}", about={"recording": "r1"}) for nth in range(2)]
    await project(world, sample[:1])
    assert len(await recordings.active(world.store.requests)) == 1
    await project(world, sample[1:])
    assert await recordings.active(world.store.requests) == []


async def test_the_newest_notice_counts(world: World) -> None:
    """In whatever order they are read."""
    about = [{"notice": word, "type": word} for word in ("suspended", "resumed")]
    await project(world, [Kept("notice", "a", NOW_US + 1, about=about[1]), Kept("notice", "a", NOW_US, about=about[0])])
    assert (await notices.load(world.store.requests, {"a": None}))["a"].notice == "resumed"


async def test_a_topic_is_visited_by_one_process_and_given_up_in_the_end(world: World) -> None:
    """Two loops at one instant make one visit; a vendor that never answers well ends as failed, with the last reason."""
    await project(world, [confirmation()])
    amazon = Answering(500)
    one, two = (Confirmations(world.store, amazon, world.clock) for _ in range(2))
    assert sorted(await asyncio.gather(one.run_once(), two.run_once())) == [0, 1]
    assert amazon.calls == 1
    for _ in range(MOST_ATTEMPTS):
        world.clock.at_us += 6 * 3_600 * SECOND_US
        await one.run_once()
    ((_, topic),) = await topics.of_source(world.store.requests, "bynder-main")
    assert (amazon.calls, topic.state, "500" in topic.last_error) == (MOST_ATTEMPTS, "failed", True)


async def test_a_process_that_dies_is_replaced(world: World) -> None:
    """What it had taken is due again a while later."""
    await project(world, [confirmation()])
    ((doc, topic),) = await topics.of_source(world.store.requests, "bynder-main")
    await topics.change(world.store.requests, doc, replace(topic, due_us=NOW_US + 30 * SECOND_US, attempts=1))
    amazon = Answering(200)
    confirmations = Confirmations(world.store, amazon, world.clock)
    assert await confirmations.run_once() == 0
    world.clock.at_us += 31 * SECOND_US
    assert await confirmations.run_once() == 1


async def test_a_store_that_is_away_costs_a_pause(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop says so, goes on by itself, and ends when it is asked to."""
    await project(world, [confirmation()])
    amazon = Answering(200)
    confirmations = Confirmations(world.store, amazon, world.clock)
    real, failures = world.store.requests.matching, [1, 1]

    async def sometimes(*given: object, **more: object) -> list[Doc]:
        if failures:
            failures.pop()
            raise StoreUnavailable("taken down by the test")
        return await real(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(world.store.requests, "matching", sometimes)
    running = asyncio.create_task(confirmations.run())
    async with asyncio.timeout(10):
        while not amazon.calls:
            await asyncio.sleep(0.01)
    confirmations.stop()
    await running
    assert confirmations.health.trouble == ""
