"""Which addresses are public: the table.

Owns: is_public(). Does not own: that the client asks it (tests/contracts/test_outbound.py). Next stop: app/outbound/addresses.py.
"""

import pytest

from app.outbound.addresses import is_public, resolved


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.63.255.255", "169.253.1.1"),
        *("2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"),
    ],
)
def test_public(address: str) -> None:
    """Addresses of the Internet, also where they are carried in others."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.0.1"),
        *("100.64.0.1", "100.127.0.1", "169.254.169.254", "169.254.170.2", "192.0.0.1", "192.0.2.1", "198.18.0.1"),
        *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1"),
        *("240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
        *("fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1", "100::1"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "2001:0:7f00:1::1"),
        *("localhost", "", "8.8.8.8.8", "127.1"),
    ],
)
def test_not_public(address: str) -> None:
    """Loopback, private, link-local, metadata, documentation, multicast, and each of them inside another form; names are no addresses."""
    assert not is_public(address)


async def test_a_name_gives_addresses() -> None:
    """The system's resolver is asked, each address comes once."""
    found = await resolved("localhost", 80)
    assert set(found) <= {"127.0.0.1", "::1"}
    assert len(found) == len(set(found)) > 0
