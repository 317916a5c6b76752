"""The promises of Outbound (app/ports.py) about answers: O3 (size), O4 (time and completeness), O5 (secrets), the start of a call.

Owns: those, against servers that misbehave in every way that the promises name. Does not own: addresses (tests/contracts/test_outbound.py).
Next stop: app/outbound/client.py.
"""

import asyncio
import contextlib
import gzip
import ipaddress
import logging
import socket
import ssl
import time
import traceback
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from app.backends.system_clock import SystemClock
from app.errors import Misconfigured, VendorDown
from app.outbound.client import HttpOutbound
from app.ports import Outbound
from tests.contracts.raw_server import answer, served

LOCAL = ("127.0.0.1",)
KIB = 1024


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    """A client that names nothing private of its own."""
    client = HttpOutbound(SystemClock())
    yield client
    await client.stop()


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    block = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    while True:
        writer.write(block)
        await writer.drain()


BOMB = answer(gzip.compress(bytes(60 * KIB * KIB)), "Content-Encoding: gzip")


@pytest.mark.parametrize("behaviour", [_endless, BOMB], ids=["endless", "packed"])
async def test_O3_a_body_ends_the_call_where_it_grows_too_large(outbound: Outbound, behaviour: Any) -> None:
    """One that never ends, and sixty megabytes of zeros in sixty kilobytes: the call ends, the connection too, little was ever held."""
    async with served(behaviour) as server:
        tracemalloc.start()
        try:
            with pytest.raises(VendorDown, match="bytes"):
                await outbound.call("GET", server.url, max_bytes=512 * KIB, private=LOCAL)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 4_096 * KIB
        await asyncio.wait_for(server.gone.wait(), 20)


async def test_O3_a_body_that_is_announced_as_too_large_is_not_read(outbound: Outbound) -> None:
    """Exactly the limit is taken; one byte more is refused by its announcement alone."""
    async with served(answer(b"x" * 100)) as server:
        assert len((await outbound.call("GET", server.url, max_bytes=100, private=LOCAL)).body) == 100
    async with served(answer(b"x", "Content-Length: 101")) as server:
        with pytest.raises(VendorDown, match="more than 100 bytes"):
            await outbound.call("GET", server.url, max_bytes=100, private=LOCAL)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A byte now and then: each arrives well before any time-out of a single read."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


@pytest.mark.parametrize("behaviour", [_silent, _drip])
async def test_O4_the_time_is_for_the_whole_call(outbound: Outbound, behaviour: object) -> None:
    """Silence and a slow drip both end when the time is over, however many reads there were."""
    async with served(behaviour) as server:  # type: ignore[arg-type]
        began_s = time.monotonic()
        with pytest.raises(VendorDown, match=r"0\.3 s"):
            await outbound.call("GET", server.url, timeout_s=0.3, private=LOCAL)
        assert 0.25 < time.monotonic() - began_s < 15
        await asyncio.wait_for(server.gone.wait(), 20)


CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        answer(b"ten bytes.", "Content-Length: 100"),
        answer(b"5\r\nhello\r\n", CHUNKED),
        answer(b"5\r\nhel", CHUNKED),
        answer(b"zz\r\nhello", CHUNKED),
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        _reset,
    ],
)
async def test_O4_an_answer_that_ends_early_is_none(outbound: Outbound, half: object) -> None:
    """Nothing, half a head, half a body, broken chunks, something that is no HTTP: the vendor is down, and the next call is as new."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(half, bytes):
            writer.write(half)
            await writer.drain()
        else:
            await half(reader, writer)  # type: ignore[operator]

    async with served(cut, answer(b"whole")) as server:
        with pytest.raises(VendorDown, match=f"GET {server.url}/"):
            await outbound.call("GET", server.url, timeout_s=20, private=LOCAL)
        assert (await outbound.call("GET", server.url, timeout_s=20, private=LOCAL)).body == b"whole"


async def test_O4_more_than_was_announced_spoils_no_other_answer(outbound: Outbound) -> None:
    """Bytes behind the announced length do not become part of the next call's answer; at worst that call fails."""
    async with served(answer(b'{"a":1}', "Content-Length: 2"), answer(b"second")) as server:
        assert (await outbound.call("GET", server.url, private=LOCAL)).body == b'{"'
        with contextlib.suppress(VendorDown):
            assert (await outbound.call("GET", server.url, private=LOCAL)).body == b"second"
        assert (await outbound.call("GET", server.url, private=LOCAL)).body == b"second"


def stranger(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS with a certificate that nobody vouches for."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    born = datetime(2020, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, born, born + timedelta(days=36_500))
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = made.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    file = folder / "stranger.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    return tls


async def test_O4_where_nobody_is_the_vendor_is_down(outbound: Outbound, tmp_path: Path) -> None:
    """A closed port, a name without address, a certificate of somebody else."""

    async def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with served(answer(), tls=stranger(tmp_path)) as server:
        port = server.port
        with pytest.raises(VendorDown, match="certificate"):
            await outbound.call("GET", f"https://127.0.0.1:{port}/", timeout_s=20, private=LOCAL)
        assert server.requests == []
    with pytest.raises(VendorDown, match="no connection"):
        await outbound.call("GET", f"http://127.0.0.1:{port}/", private=LOCAL)
    client = HttpOutbound(SystemClock(), resolve=nowhere)
    with pytest.raises(VendorDown, match="no connection"):
        await client.call("GET", "http://no.example/")
    await client.stop()


SECRETS = ("hdr-s3cr3t", "qry-s3cr3t", "bdy-s3cr3t", "ans-s3cr3t")


def _told(error: BaseException) -> str:
    """All that a log line with the traceback would show."""
    return "".join(traceback.format_exception(error)) + repr(error)


async def test_O5_nothing_secret_reaches_a_log_line_or_an_error(outbound: Outbound, caplog: pytest.LogCaptureFixture) -> None:
    """Calls that succeed and calls that fail in every way, with all loggers at their finest level."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    # In variables, so that a traceback's source lines do not hold them.
    header, query, body, content = SECRETS
    asked: dict[str, Any] = {
        "headers": {"authorization": header},
        "body": body.encode(),
        "timeout_s": 0.5,
        "max_bytes": 50,
        "private": LOCAL,
    }
    secret = content.encode()
    async with served(answer(secret, f"X-A: {content}", f"Set-Cookie: {content}")) as server:
        await outbound.call("POST", f"{server.url}/path?token={query}", **{**asked, "timeout_s": 20})
        for broken in (f"{header}\r\nX: 1", f"{header}€"):
            with pytest.raises(Misconfigured) as refused:
                await outbound.call("GET", f"{server.url}/?q={query}", headers={"authorization": broken}, private=LOCAL)
            said.append(_told(refused.value))
    for behaviour in (answer(secret, "Content-Length: 100"), _silent, secret + b"\r\n\r\n", _reset, answer(secret * 9)):
        async with served(behaviour) as server:
            with pytest.raises(VendorDown) as down:
                await outbound.call("POST", f"{server.url}/path?token={query}", **asked)
            said.append(_told(down.value))
    everything = "\n".join((caplog.text, *said, *(repr(record.__dict__) for record in caplog.records)))
    assert not [secret for secret in SECRETS if secret in everything]


class SteppingClock:
    """A clock whose monotonic time moves by a step at every look."""

    def __init__(self, step_s: float) -> None:
        self._step_s, self._now_s = step_s, 0.0

    def now_us(self) -> int:
        return 5_000_000_000_000_007

    def monotonic_s(self) -> float:
        self._now_s += self._step_s
        return self._now_s

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a call never waits")


@pytest.mark.parametrize(
    ("date", "took_s", "began_us"),
    [
        # 1791965552 is 12:12:32 of the 14th.
        ("Date: Wed, 14 Oct 2026 08:12:32 GMT", 0.0, 1_791_965_551_000_000),
        ("Date: Wed, 14 Oct 2026 08:12:32 GMT", 2.5, 1_791_965_549_000_000),
        ("date: Wed, 14 Oct 2026 10:12:32 +0200", 0.4, 1_791_965_551_000_000),
        ("Date: Fri, 31 Dec 2128 23:59:59 GMT", 1.0, 5_000_000_000_000_000),
        ("Date: yesterday", 1.0, 5_000_000_000_000_000),
        ("X-None: 1", 1.0, 5_000_000_000_000_000),
    ],
)
async def test_the_start_of_a_call_on_the_others_clock(date: str, took_s: float, began_us: int) -> None:
    """The answer's date less the time the call took, never later than the true start; without a usable date, our own, rounded down."""
    client = HttpOutbound(SteppingClock(took_s), private=LOCAL)
    async with served(answer(b"{}", date)) as server:
        assert (await client.call("GET", server.url)).began_us == began_us
    await client.stop()


async def test_stopping_ends_calls_under_way() -> None:
    """A call that waits when the client is stopped fails at once, rather than holding the process up."""
    client = HttpOutbound(SystemClock(), private=LOCAL)
    async with served(_silent) as server:
        waiting = asyncio.create_task(client.call("GET", server.url, timeout_s=30))
        async with asyncio.timeout(20):
            while not server.requests:
                await asyncio.sleep(0.001)
            await client.stop()
            with pytest.raises(VendorDown):
                await waiting


async def test_many_calls_at_once_and_a_cancelled_one(outbound: Outbound) -> None:
    """Thirty calls go on side by side; one that is given up takes nothing from the others."""
    async with served(answer(b"x")) as server, served(_silent) as stuck:
        given_up = asyncio.create_task(outbound.call("GET", stuck.url, private=LOCAL))
        every = [outbound.call("GET", f"{server.url}/{number}", private=LOCAL) for number in range(30)]
        brought = await asyncio.gather(*every)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        assert [one.body for one in brought] == [b"x"] * 30
        assert (await outbound.call("GET", server.url, private=LOCAL)).status == 200
