"""The Outbound port: one HTTP/1.1 client for everything outside.

Owns: HttpOutbound. Does not own: which addresses may be called (app/outbound/addresses.py), retries (the tasks have them), what is asked.
Next stop: app/outbound/network.py.

httpcore is used as it is: httpx above it would log whole URLs. The client keeps two pools, since a connection to a named private host must
not be there for a call that does not name it. Proxies of the environment are not used.
"""

import asyncio
import logging
import sys
import zlib
from collections.abc import Collection, Mapping
from importlib.util import find_spec

import httpcore
import httpx

from app import __version__
from app.domain.instants import http_date_us
from app.domain.order import is_from_the_future
from app.errors import Misconfigured, VendorDown
from app.outbound.addresses import is_public, resolved
from app.outbound.network import CheckedNetwork, Resolve, Rule
from app.ports import Answer, Clock

_KEPT_S = 4.0  # Shorter than any common server's patience, so that a kept connection is seldom one that is just being closed.
_CONNECTIONS, _KEPT = 100, 20
_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


class HttpOutbound:
    """private: hosts that may stand for addresses which are not public, for every call. resolve, permits: for tests."""

    def __init__(self, clock: Clock, private: Collection[str] = (), *, resolve: Resolve = resolved, permits: Rule = is_public) -> None:
        self._clock = clock
        self._private = frozenset(host.lower() for host in private)
        tls = httpx.create_ssl_context()
        self._public, self._named = (
            httpcore.AsyncConnectionPool(
                ssl_context=tls,
                max_connections=_CONNECTIONS,
                max_keepalive_connections=_KEPT,
                keepalive_expiry=_KEPT_S,
                network_backend=CheckedNetwork(resolve, rule),
            )
            for rule in (permits, lambda _: True)
        )
        # At its finest level httpcore logs headers, which hold secrets.
        logging.getLogger("httpcore").setLevel(logging.INFO)
        if find_spec("sniffio") is None:
            # httpcore tries to import it four times a call. Where it is absent, each of them looks into every folder of the path, 0.2 ms in
            # all (measured). None says that it is absent.
            sys.modules["sniffio"] = None  # type: ignore[assignment]  # typed as modules only, though imports know None

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_s: float = 10.0,
        max_bytes: int = 16_777_216,
        private: Collection[str] = (),
    ) -> Answer:
        """One request.

        Failure policy: VendorDown for whatever is wrong between here and a complete answer; Misconfigured for a URL, a header or an address
        that must not be called. Nothing is tried twice.
        """
        target = _target(method, url)
        named = target.host.lower() in self._private or target.host.lower() in {host.lower() for host in private}
        pool = self._named if named else self._public
        sent = {"host": target.netloc.decode(), "user-agent": f"Bindery/{__version__}", "accept-encoding": "gzip"}
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        told = f"{method} {target.scheme}://{target.netloc.decode()}{target.raw_path.partition(b'?')[0].decode()}"
        began_us, began_s = self._clock.now_us(), self._clock.monotonic_s()
        try:
            async with asyncio.timeout(timeout_s):
                async with pool.stream(
                    method,
                    httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path),
                    headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in sent.items()],
                    content=body if body or method not in _BODILESS else None,
                    extensions={"timeout": {"connect": timeout_s, "read": timeout_s, "write": timeout_s, "pool": timeout_s}},
                ) as response:
                    took_s = self._clock.monotonic_s() - began_s
                    received = _headers(response)
                    content = await _content(response, received, max_bytes)
        except (TimeoutError, httpcore.TimeoutException):
            raise VendorDown(f"{told}: no complete answer within {timeout_s:g} s") from None
        except _TooLarge as too_large:
            raise VendorDown(f"{told}: the answer ({too_large.status}) has more than {max_bytes} bytes") from None
        except (httpcore.LocalProtocolError, UnicodeEncodeError):
            # Its words quote the header.
            raise Misconfigured(f"{told}: a header holds characters that cannot be sent; look at the access that is configured") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError, zlib.error) as error:
            # OSError: of TLS records that cannot be read, Python's own error comes through httpcore as it is.
            raise VendorDown(f"{told}: {_why(error)}") from None
        return Answer(response.status, received, content, _began(received, took_s, began_us))

    async def stop(self) -> None:
        """Closes all connections; calls under way end with VendorDown."""
        await self._public.aclose()
        await self._named.aclose()


class _TooLarge(Exception):
    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


def _target(method: str, url: str) -> httpx.URL:
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL:
        raise Misconfigured(f"{method}: what should be called is not a URL") from None
    if target.scheme not in ("http", "https") or not target.host:
        raise Misconfigured(f"{method}: what should be called is not an http(s) URL with a host")
    if target.userinfo:
        raise Misconfigured(f"{method} {target.host}: the URL holds a user or password; put them into a header")
    return target


def _headers(response: httpcore.Response) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _content(response: httpcore.Response, headers: Mapping[str, str], max_bytes: int) -> bytes:
    """The body, unpacked, as long as it is no larger than max_bytes. Raises _TooLarge, zlib.error."""
    declared, encoding = headers.get("content-length", ""), headers.get("content-encoding", "identity").strip().lower()
    if declared.isascii() and declared.isdecimal() and int(declared) > max_bytes:
        raise _TooLarge(response.status)
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise zlib.error
    unpack = None if encoding == "identity" else zlib.decompressobj(wbits=31)
    content = bytearray()
    packed = 0
    async for chunk in response.aiter_stream():
        packed += len(chunk)
        content += unpack.decompress(chunk, max_bytes - len(content) + 1) if unpack else chunk
        if len(content) > max_bytes or packed > max_bytes:
            raise _TooLarge(response.status)
    if unpack and packed and not unpack.eof:
        raise zlib.error
    return bytes(content)


def _why(error: Exception) -> str:
    if isinstance(error, zlib.error):
        return "the answer's encoding cannot be read"
    if isinstance(error, httpcore.ConnectError):
        return "no connection (name, port or certificate)"
    if isinstance(error, httpcore.ProtocolError):
        return "the connection ended before the answer was complete, or the answer is no HTTP"
    return "the connection broke"


def _began(headers: Mapping[str, str], took_s: float, began_us: int) -> int:
    """Start of the call on the other side's clock, in whole seconds and never later than it was.

    The date was written at most took_s after the start, and rounds down. Our own clock stands in where there is none, and for one that lies
    more than a day ahead: what that orders would freeze its record. It is rounded down as well: of a thing that was absent and came back
    within a second, a vendor that tells whole seconds says that it was there before.
    """
    said_us = http_date_us(headers.get("date", ""))
    other_us = began_us if said_us is None else said_us - int(took_s * 1_000_000)
    if is_from_the_future(other_us, began_us):
        other_us = began_us
    return (other_us - 1) // 1_000_000 * 1_000_000
