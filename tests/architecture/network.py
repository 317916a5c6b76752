"""Forbids the test process to reach anything but this machine.

Owns: the audit hook that refuses and remembers. Does not own: processes that tests start. Next stop: tests/conftest.py.

An audit hook sees every connection of CPython's own sockets, whichever library opens it; it cannot be undone by a mock. A refusal is
also remembered, so that code which swallows the error still fails its test.
"""

import ipaddress
import sys
from typing import Any

REFUSED: list[str] = []
_installed: list[bool] = []


class NetworkForbidden(RuntimeError):
    """A test tried to reach another machine."""


def is_local(host: Any) -> bool:
    """Whether a host names this machine: a loopback address, `localhost`, or nothing (a wildcard of bind or getaddrinfo)."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost", "0.0.0.0", "::"):
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def _target(event: str, args: tuple[Any, ...]) -> Any:
    """The host an audit event is about, or None where it is about none (a Unix socket has a path, not a pair)."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        return args[1][0] if isinstance(args[1], tuple) else None
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        return args[0]
    return None


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event.startswith("socket.") and not is_local(host := _target(event, args)):
        REFUSED.append(f"{event} {host!r}")
        raise NetworkForbidden(f"{event} to {host!r}: tests may only reach this machine; serve it on 127.0.0.1 or use a transport of httpx")


def forbid() -> None:
    """Refuse connections to other machines from now on, in this process, for good."""
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_hook)


def take_refused() -> list[str]:
    """What was refused since the last call."""
    taken = REFUSED[:]
    REFUSED.clear()
    return taken
