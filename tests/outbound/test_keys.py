"""Key downloads: asked once, bounded, patient after failures, never from a foreign address.

Owns: app/outbound/keys.py. Does not own: the client's promises (tests/contracts/test_outbound.py), how long keys count
(tests/sources/test_keyring.py). Next stop: app/outbound/keys.py.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from app.errors import KeyMissing, VendorDown
from app.outbound.keys import KeyDownloads
from app.ports import Answer
from app.sources.keyring import TTL_S, KeyRefused, KeyRing, allowed
from tests.doubles import Call, HandClock, Outside
from tests.sources.rsa_signers import CERTIFICATE, signer

SECOND = CERTIFICATE.replace("55d7", "66e8")


class KeyServer(Outside):
    """Answers from a table; what is not in it is down. gate: no answer before it is set."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.defects: set[str] = set()
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def answered(self, call: Call) -> Answer:
        assert (call.method, call.headers, call.body, tuple(call.private)) == ("GET", None, b"", ())
        assert call.timeout_s <= 10
        assert call.max_bytes <= 1 << 20
        self.asked.append(call.url)
        await self.gate.wait()
        if call.url in self.defects:
            raise ValueError("a defect")
        if call.url not in self.answers:
            raise VendorDown("nobody there")
        status, content = self.answers[call.url]
        return Answer(status, {}, content, 0)


class World:
    """A keyring, its downloads, a server and a clock."""

    def __init__(self) -> None:
        self.ring, self.server, self.clock = KeyRing(), KeyServer(), HandClock()
        self.downloads = KeyDownloads(self.server, self.ring, self.clock, allowed)

    async def until(self, met: Callable[[], bool]) -> None:
        """Gives the loop its turns until something is so."""
        async with asyncio.timeout(20):
            while not met():
                await asyncio.sleep(0)

    async def settled(self) -> None:
        """Gives the loop enough turns to do whatever it is going to do."""
        for _ in range(50):
            await asyncio.sleep(0)

    def find(self, url: str) -> str:
        """What a verifier would be told: key, missing or why it is refused."""
        try:
            self.ring.find(url, self.clock.at_s)
        except KeyMissing:
            return "missing"
        except KeyRefused as refused:
            return str(refused)
        return "key"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Running downloads that end with the test."""
    made = World()
    running = asyncio.create_task(made.downloads.run())
    yield made
    made.server.gate.set()
    made.downloads.stop()
    await asyncio.wait_for(running, 20)


async def test_a_wanted_key_is_there_soon(world: World) -> None:
    """A key that is wanted many times is downloaded once, and again only when it is past its time."""
    world.server.answers[CERTIFICATE] = (200, signer().pem)
    world.server.gate.clear()
    for _ in range(5):
        world.downloads.want(CERTIFICATE)
        await world.settled()
    world.server.gate.set()
    await world.until(lambda: world.find(CERTIFICATE) == "key")
    assert world.server.asked == [CERTIFICATE]
    world.clock.at_s += TTL_S + 1
    assert world.find(CERTIFICATE) == "key"
    world.server.answers[SECOND] = (200, signer().pem)
    world.downloads.want(SECOND)
    await world.until(lambda: world.server.asked.count(CERTIFICATE) == 2 and not world.ring.stale())


async def test_no_foreign_address_is_asked(world: World) -> None:
    """The rule about hosts holds here as well, whoever asks."""
    for url in (
        "https://evil.example/a.pem",
        "http://169.254.169.254/",
        CERTIFICATE.replace("https", "http"),
        CERTIFICATE + "@evil.example",
    ):
        world.downloads.want(url)
    await world.settled()
    assert world.server.asked == []


async def test_a_defect_of_one_download_stops_no_other(world: World) -> None:
    """Whatever a forged address sets off, the loop goes on, and leaves that address alone for a while."""
    world.server.defects.add(CERTIFICATE)
    world.server.answers[SECOND] = (200, signer().pem)
    world.downloads.want(CERTIFICATE)
    await world.until(lambda: CERTIFICATE in world.server.asked)
    await world.settled()
    world.downloads.want(CERTIFICATE)
    world.downloads.want(SECOND)
    await world.until(lambda: world.find(SECOND) == "key")
    assert world.server.asked == [CERTIFICATE, SECOND]


async def test_a_server_that_is_down_is_left_alone_for_longer_and_longer(world: World) -> None:
    """After each failure the pause doubles, up to a minute; the key stays missing, so that senders repeat."""
    pauses = []
    for _ in range(8):
        world.downloads.want(CERTIFICATE)
        asked, began_s = len(world.server.asked), world.clock.at_s
        await world.settled()
        while len(world.server.asked) == asked:
            world.clock.at_s += 1
            world.downloads.want(CERTIFICATE)
            await world.settled()
        pauses.append(world.clock.at_s - began_s)
        assert world.find(CERTIFICATE) == "missing"
    assert pauses == [0, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize(
    ("status", "content", "why"),
    [
        (404, b"", "404"),
        (410, b"", "410"),
        (302, b"", "302"),
        (200, b"<html>", "PEM"),
        (503, b"", "missing"),
        (429, b"", "missing"),
        (403, b"", "missing"),
    ],
)
async def test_what_is_there_instead_of_a_key(world: World, status: int, content: bytes, why: str) -> None:
    """No such file, a redirect or something else than a key refuses requests for a minute; whatever may pass only pauses."""
    world.server.answers[CERTIFICATE] = (status, content)
    world.downloads.want(CERTIFICATE)
    await world.until(lambda: len(world.server.asked) == 1)
    await world.settled()
    assert why in world.find(CERTIFICATE)
    world.server.answers[CERTIFICATE] = (200, signer().pem)
    world.clock.at_s += 61
    assert world.find(CERTIFICATE) == "missing"
    world.downloads.want(CERTIFICATE)
    await world.until(lambda: world.find(CERTIFICATE) == "key")


async def test_a_flood_of_forged_addresses_is_bounded(world: World) -> None:
    """A thousand addresses at once are not a thousand downloads, and the genuine key comes once the flood is over."""
    world.server.gate.clear()
    world.downloads.want(CERTIFICATE)
    await world.settled()
    for number in range(1_000):
        world.downloads.want(CERTIFICATE.replace("55d7", f"f{number}"))
    world.server.answers[SECOND] = (200, signer().pem)
    world.server.gate.set()
    await world.until(lambda: len(world.server.asked) >= 65)
    await world.settled()
    assert len(world.server.asked) == 65
    world.downloads.want(SECOND)
    await world.until(lambda: world.find(SECOND) == "key")
