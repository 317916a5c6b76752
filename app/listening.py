"""The address that the HTTP doors listen at, taken before anything is served, so that a wrong one is told in a sentence.

Owns: resolving, binding, the sentences of what fails. Does not own: serving (uvicorn, started by app/process.py).
Next stop: app/process.py.
"""

import errno
import socket
from collections.abc import Sequence
from typing import Any

from app.errors import Misconfigured

ANOTHER = "choose another one with --port (BINDERY_PORT; 0 takes a free one)"


def listeners(host: str, port: int, backlog: int) -> list[socket.socket]:
    """Listening sockets, one for each address that `host` stands for. Raises Misconfigured, and then holds none of them.

    Failure policy: no retry, a person chooses another address; an address of a family that this machine lacks is left out while there is
    another one (`localhost` where IPv6 is off).
    """
    held: list[socket.socket] = []
    absent: OSError | None = None
    try:
        for family, address in _addresses(host, port):
            try:
                held.append(_bound(family, address, backlog))
            except OSError as error:
                if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                    raise
                absent = error
        if not held and absent:
            raise absent
    except (OSError, UnicodeError) as error:
        for each in held:
            each.close()
        raise Misconfigured(f"{host}:{port} cannot be listened at: {_told(error, host, port)}") from None
    return held


def _addresses(host: str, port: int) -> Sequence[tuple[int, Any]]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((int(family), address) for family, _, _, _, address in found))


def _bound(family: int, address: Any, backlog: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A service that was stopped a moment ago leaves connections that wait for stragglers; they must not keep its successor out.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        # Listening now, rather than when it is served: only this finds out whether the port is free.
        made.listen(backlog)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def _told(error: OSError | UnicodeError, host: str, port: int) -> str:
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return f"{host!r} is neither an address nor a name that this machine can resolve; choose one of its own with --host (BINDERY_HOST)"
    match error.errno:
        case errno.EADDRINUSE:
            return f"another process has port {port}. Stop it (is Bindery running already?), or {ANOTHER}"
        case errno.EACCES:
            return f"this user may not take port {port}; {ANOTHER}"
        case errno.EADDRNOTAVAIL:
            return f"{host} is no address of this machine; choose one of its own with --host (BINDERY_HOST)"
        case _:
            return f"{error.strerror}; choose another address with --host and --port"
