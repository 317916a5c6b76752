"""uvicorn's HTTP protocol, with head and body of an answer in one write.

Owns: holding what is written until the event loop's next turn. Does not own: HTTP (uvicorn). Next stop: app/process.py.

uvicorn writes an answer's head and its body apart, and uvloop hands each write to the kernel at once: two system calls and two segments for
answers of a few hundred bytes. They took a quarter of a webhook's processor time.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HOLD_BYTES = 65_536


class Held:
    """A transport whose writes wait for the event loop's next turn and go together; everything else is the transport's own."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._pieces: list[bytes] = []
        self._size = 0
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)
        self._size += len(data)
        if self._size > HOLD_BYTES:
            # A large answer must feel the back-pressure of its reader.
            self._flush()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._pieces:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            if not self._transport.is_closing():
                self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class OneWriteProtocol(HttpToolsProtocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # asyncio only says BaseTransport
        super().connection_made(Held(transport, self.loop))  # type: ignore[arg-type]  # it offers all that a transport does
