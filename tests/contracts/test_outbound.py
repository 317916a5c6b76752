"""The promises of Outbound (app/ports.py) about what is called: a call as it is asked for, O1 (redirects), O2 (addresses).

Owns: those. Does not own: broken answers and secrets (tests/contracts/test_outbound_answers.py), the table of addresses
(tests/outbound/test_addresses.py). Next stop: tests/contracts/test_outbound_answers.py.
"""

import gzip
import socket
from collections.abc import AsyncIterator

import pytest

from app.backends.system_clock import SystemClock
from app.errors import Misconfigured, VendorDown
from app.outbound.client import HttpOutbound
from app.ports import Outbound
from tests.contracts.raw_server import answer, served

LOCAL = ("127.0.0.1",)


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    """A client that names nothing private of its own."""
    client = HttpOutbound(SystemClock())
    yield client
    await client.stop()


async def test_a_call_sends_and_brings_what_was_said(outbound: Outbound) -> None:
    """Method, path, query, headers and body arrive as given; status, lower-case headers and body come back; one connection serves both."""
    async with served(answer(b'{"a":1}', "X-One: 1", "X-One: 2", status="201 Created"), answer(b"")) as server:
        brought = await outbound.call(
            "POST", f"{server.url}/a%20b?x=1&y=%2F#no", headers={"Authorization": "Bearer t"}, body=b"ask", private=LOCAL
        )
        assert (brought.status, brought.body, brought.headers["x-one"]) == (201, b'{"a":1}', "1, 2")
        await outbound.call("GET", server.url, private=LOCAL)
        first, second = (request.lower() for request in server.requests)
        assert first.startswith(b"post /a%20b?x=1&y=%2f http/1.1\r\n")
        assert first.endswith(b"\r\n\r\nask")
        assert b"\r\nauthorization: bearer t\r\n" in first
        assert f"\r\nhost: 127.0.0.1:{server.port}\r\n".encode() in first
        assert second.startswith(b"get / http/1.1\r\n")
        assert server.connections == 1


async def test_a_packed_answer_is_unpacked(outbound: Outbound) -> None:
    """gzip is offered and understood; what is cut off or packed in another way is no answer."""
    packed = gzip.compress(b'{"a":1}')
    encoded = "Content-Encoding: gzip"
    async with served(
        answer(packed, encoded), answer(packed[:-4], encoded), answer(b"x", "Content-Encoding: br"), answer(b"no", encoded)
    ) as server:
        assert (await outbound.call("GET", server.url, private=LOCAL)).body == b'{"a":1}'
        for _ in range(3):
            with pytest.raises(VendorDown, match="encoding"):
                await outbound.call("GET", server.url, private=LOCAL)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_O1_no_redirect_is_followed(outbound: Outbound, status: str) -> None:
    """A redirect is an answer; where it points to is not called."""
    async with served(answer()) as other, served(answer(b"", f"Location: {other.url}/elsewhere", status=status)) as server:
        brought = await outbound.call("GET", server.url, private=LOCAL)
        assert (brought.status, brought.headers["location"]) == (int(status[:3]), f"{other.url}/elsewhere")
        assert other.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_O2_an_address_that_is_not_public_is_refused(outbound: Outbound, host: str) -> None:
    """The machine itself is not called, and the message says what to do."""
    async with served(answer()) as server:
        with pytest.raises(Misconfigured, match="BINDERY_OUTBOUND_PRIVATE"):
            await outbound.call("GET", f"http://{host}:{server.port}/")
        assert server.connections == 0


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "0"])
async def test_O2_odd_spellings_of_numbers_are_addresses_like_any(host: str) -> None:
    """What the system makes of a spelling is what is checked."""

    async def resolve(asked: str, port: int) -> list[str]:
        return [socket.inet_ntoa(socket.inet_aton(asked))]

    client = HttpOutbound(SystemClock(), resolve=resolve)
    with pytest.raises(Misconfigured):
        await client.call("GET", f"http://{host}/")
    await client.stop()


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "fd00:ec2::254", "192.168.1.1", "100.64.0.1", "::ffff:127.0.0.1"])
async def test_O2_a_name_is_refused_for_what_it_stands_for(address: str) -> None:
    """The check comes after the name's resolution: a public name of a private address is refused, at once."""

    async def resolve(host: str, port: int) -> list[str]:
        return [address]

    client = HttpOutbound(SystemClock(), resolve=resolve)
    with pytest.raises(Misconfigured, match="BINDERY_OUTBOUND_PRIVATE"):
        await client.call("GET", "http://innocent.example/")
    await client.stop()


async def test_O2_the_address_that_was_checked_is_the_one_that_is_called() -> None:
    """A name that stands for another address at its second resolution (rebinding) leads nowhere but to what was checked."""
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    client = HttpOutbound(SystemClock(), resolve=resolve, permits=lambda address: address == "127.0.0.2")
    async with (
        served(answer(b"allowed", "Connection: close"), host="127.0.0.2") as good,
        served(answer(b"inside"), port=good.port) as inside,
    ):
        assert (await client.call("GET", f"http://rebinding.example:{good.port}/")).body == b"allowed"
        assert asked == ["rebinding.example"]
        assert b"host: rebinding.example" in good.requests[0].lower()
        with pytest.raises(Misconfigured):
            await client.call("GET", f"http://rebinding.example:{good.port}/")
        assert inside.connections == 0
    await client.stop()


async def test_O2_of_several_addresses_only_permitted_ones_are_tried() -> None:
    """A name with a private and two public addresses: the dead public one is passed over, the private one never called."""

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1", "127.0.0.9", "127.0.0.2"]

    client = HttpOutbound(SystemClock(), resolve=resolve, permits=lambda address: address != "127.0.0.1")
    async with served(answer(b"second"), host="127.0.0.2") as good, served(answer(), port=good.port) as inside:
        assert (await client.call("GET", f"http://several.example:{good.port}/", timeout_s=20)).body == b"second"
        assert inside.connections == 0
    await client.stop()


async def test_O2_a_named_host_may_be_private_and_only_for_whom_it_is_named(outbound: Outbound) -> None:
    """A kept connection to a named host does not serve a call that does not name it; a client may name hosts for all calls."""
    async with served(answer()) as server:
        assert (await outbound.call("GET", server.url, private=["127.0.0.1"])).status == 200
        with pytest.raises(Misconfigured):
            await outbound.call("GET", server.url)
        with pytest.raises(Misconfigured):
            await outbound.call("GET", server.url, private=["localhost"])
        ours = HttpOutbound(SystemClock(), private=["LocalHost"])
        assert (await ours.call("GET", f"http://localhost:{server.port}/")).status == 200
        await ours.stop()


@pytest.mark.parametrize(
    "url", ["ftp://a.example/x", "file:///etc/passwd", "a.example", "http://", "//a.example", "http://u:pw@a.example/", "http://[::/"]
)
async def test_O2_what_is_no_address_of_a_web_server_is_refused(outbound: Outbound, url: str) -> None:
    """Other schemes, no host, passwords in the address; the message quotes none of it."""
    with pytest.raises(Misconfigured) as refused:
        await outbound.call("GET", url)
    assert "pw" not in str(refused.value)
    assert "passwd" not in str(refused.value)
