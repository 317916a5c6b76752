"""Connections to the very address that was checked.

Owns: CheckedNetwork, which httpcore asks for connections. Does not own: the rule (app/outbound/addresses.py), HTTP.
Next stop: app/outbound/client.py.

A name is resolved once per connection and the connection goes to that address: a name that means something else a moment later (DNS
rebinding) is of no use. TLS still checks the certificate against the name.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpcore

from app.errors import Misconfigured

Resolve = Callable[[str, int], Awaitable[list[str]]]
Rule = Callable[[str], bool]
# Of a name with many addresses, so many are tried; each gets its share of the time.
_TRIED = 4


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """permits: which addresses may be connected to."""

    def __init__(self, resolve: Resolve, permits: Rule) -> None:
        self._resolve, self._permits = resolve, permits
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Failure policy: Misconfigured where no address of the host is permitted; httpcore's ConnectError where none answers."""
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            # A label of more than 63 characters is no OSError; anybody can name such a host.
            raise httpcore.ConnectError("the name cannot be resolved") from None
        permitted = [address for address in found if self._permits(address)][:_TRIED]
        if not permitted:
            raise Misconfigured(
                f"{host} stands for an address that is not public, so it is not called; where that is meant, name the host in "
                "BINDERY_OUTBOUND_PRIVATE"
            )
        share_s = timeout / len(permitted) if timeout is not None else None
        failure: Exception | None = None
        for address in permitted:
            try:
                return await self._inner.connect_tcp(address, port, share_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 -- the signature is httpcore's
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never: a socket in the file system is not the outside."""
        raise Misconfigured("the outside is not called through sockets in the file system")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)
