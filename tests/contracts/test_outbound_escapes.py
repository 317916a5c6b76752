"""Whatever goes wrong outside is one of the port's own errors (app/ports.py, O4): loops that call out die of nothing else.

Owns: failures that the libraries below report in words of their own. Does not own: those that they know (test_outbound_answers.py).
Next stop: app/outbound/network.py.
"""

import asyncio
import os
from pathlib import Path

import pytest

from app.backends.system_clock import SystemClock
from app.errors import VendorDown
from app.outbound.client import HttpOutbound
from app.sources.keyring import allowed
from tests.contracts.raw_server import served
from tests.contracts.test_outbound_answers import stranger


async def test_O4_a_host_that_no_resolver_can_spell_is_down() -> None:
    """Anybody can name such an address of a key in a forged request, and the rule about hosts lets it pass."""
    url = f"https://sns.us-{'a' * 64}-1.amazonaws.com/key.pem"
    assert allowed(url)
    client = HttpOutbound(SystemClock())
    with pytest.raises(VendorDown, match="no connection"):
        await client.call("GET", url, timeout_s=20)
    await client.stop()


@pytest.mark.parametrize("answered", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
async def test_O4_a_broken_tls_record_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answered: bytes) -> None:
    """The connection is encrypted and trusted; then something that is not TLS comes."""
    tls = stranger(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "stranger.pem"))

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answered)
        await writer.drain()
        os.write(writer.get_extra_info("socket").fileno(), b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    client = HttpOutbound(SystemClock())
    async with served(break_off, tls=tls) as server:
        with pytest.raises(VendorDown, match="broke"):
            await client.call("GET", f"https://127.0.0.1:{server.port}/", timeout_s=20, private=["127.0.0.1"])
    await client.stop()
