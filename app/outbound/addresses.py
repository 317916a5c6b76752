"""Which addresses may be called: the public ones.

Owns: is_public(), resolved(). Does not own: exceptions for named hosts (app/outbound/client.py). Next stop: app/outbound/network.py.

Without the rule, a URL that came from outside (a certificate's address, a vendor's link) would be a way to the machine's own services, the
private network and the cloud's metadata. Source: the IANA special-purpose address registries, as Python's ipaddress holds them.
"""

import asyncio
import ipaddress
import socket

# Addresses that carry an IPv4 address: a translator on the way may deliver to it.
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


def is_public(address: str) -> bool:
    """Whether an address (not a name) belongs to the public Internet. False for text that is none."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        carried = ip.ipv4_mapped or ip.sixtofour
        if ip in _TRANSLATED:
            carried = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if carried is not None:
            return is_public(str(carried))
        if ip in _COMPATIBLE or ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


async def resolved(host: str, port: int) -> list[str]:
    """The addresses of a host, in the order of the system's preference. Odd spellings of numbers ("127.1", "0x7f.1") come out as addresses.

    Failure policy: OSError (no such host, no resolver) and UnicodeError (no name at all) pass through.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
