"""Bodies that are too long, too slow, cut off or never read: the door answers, and the connection stays usable or is closed.

Owns: HTTP/1.1 on the wire, spoken by hand. Does not own: what is in the bodies (test_webhooks.py). Next stop: app/api/refusals.py.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping

import pytest

from app.api.deps import Limits
from schemas import topics
from tests.api.conftest import Serve
from tests.api.serving import Running, event, eventually, ids, is_problem


def request(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A whole request as bytes."""
    lines = [f"POST {path} HTTP/1.1", "host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def sized(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """The same, with its length."""
    return request(path, body, {**headers, "content-length": str(len(body))})


class Wire:
    """One connection, read answer by answer."""

    def __init__(self, server: Running) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        self._held = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer."""
        while b"\r\n\r\n" not in self._held:
            self._more()
        head, _, self._held = self._held.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers["content-length"])
        while len(self._held) < length:
            self._more()
        body, self._held = self._held[:length], self._held[length:]
        return int(first.split()[1]), headers, body

    def closed(self) -> bool:
        """Whether the server closes the connection, without another byte."""
        return not self._held and self.socket.recv(1) == b""

    def _more(self) -> None:
        data = self.socket.recv(65_536)
        assert data, "the connection was closed before the answer was whole"
        self._held += data


def test_a_declared_length_beyond_the_limit_is_refused_unread(server: Running) -> None:
    """413 comes before the body is sent, and names the limit."""
    with Wire(server) as wire:
        wire.send(request("/webhooks/small", b"", {"content-length": "2001"}))
        status, _, body = wire.answer()
        assert status == 413
        assert "2000 bytes" in json.loads(body)["detail"]
    body = json.dumps(event(1, text="x" * 1_900)).encode()
    assert server.deliver("small", body).status_code == 200


def test_chunks_without_a_length_are_counted(server: Running) -> None:
    """A body of unknown length is read no further than the limit; below it, it is as good as any."""

    def chunks(count: int) -> Iterator[bytes]:
        yield from [b"x" * 500] * count

    is_problem(server.client.post("/webhooks/small", content=chunks(5)), 413, "body-too-large")
    body = json.dumps(event(1)).encode()
    pieces = iter([body[:10], body[10:]])
    assert server.client.post("/webhooks/small", content=pieces, headers=server.signed(body)).status_code == 200
    assert ids(server.on_log(topics.EVENTS_DAM)) == ["event-1"]


def test_an_endless_body_ends(serve: Serve) -> None:
    """A sender that never stops sees its 413 and then a closed connection; nothing of it is held."""
    server = serve(limits=Limits(linger_s=0.5))
    with Wire(server) as wire:
        wire.send(request("/webhooks/small", b"", {"transfer-encoding": "chunked"}))
        chunk = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
        wire.send(chunk)
        assert wire.answer()[0] == 413
        with pytest.raises(OSError, match=r"reset|pipe"):
            wire.send(chunk * 100_000)
    counts = server.app.state.counts["small"]
    assert counts.in_flight == counts.bytes_in_flight == 0


@pytest.mark.parametrize("headers", [{"content-length": "100"}, {"transfer-encoding": "chunked"}])
def test_a_slow_body_is_given_up(serve: Serve, headers: Mapping[str, str]) -> None:
    """408 once the time for the body is over, and the connection is closed."""
    server = serve(limits=Limits(body_s=0.2))
    with Wire(server) as wire:
        wire.send(request("/webhooks/dam-1", b"", headers))
        status, answered, _ = wire.answer()
        assert (status, answered["connection"]) == (408, "close")
        assert wire.closed()
    assert server.deliver("dam-1", event(1)).status_code == 200


def test_the_connection_is_good_after_a_refusal(server: Running) -> None:
    """Requests sent in one go after refused ones with unread bodies are answered in order, on the same connection."""
    good = json.dumps(event(1)).encode()
    refused = [
        sized("/webhooks/nobody", b"x" * 3_000, {}),
        sized("/webhooks/small", b"x" * 3_000, {}),
        sized("/webhooks/torn", b'{"a": 1}', {}),
        sized("/webhooks/dam-1", b"{}", {}),
    ]
    with Wire(server) as wire:
        wire.send(b"".join([*refused, sized("/webhooks/dam-1", good, server.signed(good))]))
        assert [wire.answer()[0] for _ in range(5)] == [404, 413, 503, 401, 200]
        wire.send(sized("/webhooks/dam-1/", good, server.signed(good)))
        assert wire.answer()[0] == 200


def test_a_long_unread_body_is_not_answered_by_a_reset(server: Running) -> None:
    """A sender that writes all of a refused body first, and only then reads, still reads the answer."""
    body = b"x" * 4_000_000
    with Wire(server) as wire:
        wire.send(sized("/webhooks/nobody", body, {}))
        status, headers, _ = wire.answer()
        assert (status, headers["connection"]) == (404, "close")
        assert wire.closed()


def test_who_asks_first_is_answered_first(server: Running) -> None:
    """With `Expect: 100-continue` a refusal comes instead of the invitation, and a good request is invited."""
    good = json.dumps(event(1)).encode()
    with Wire(server) as wire:
        wire.send(request("/webhooks/small", b"", {"content-length": "9000", "expect": "100-continue"}))
        status, headers, _ = wire.answer()
        assert (status, headers["connection"]) == (413, "close")
        assert wire.closed()
    with Wire(server) as wire:
        wire.send(request("/webhooks/dam-1", b"", {"content-length": str(len(good)), "expect": "100-continue", **server.signed(good)}))
        assert wire.socket.recv(1000).startswith(b"HTTP/1.1 100 ")
        wire.send(good)
        assert wire.answer()[0] == 200


def test_a_sender_that_goes_away_leaves_nothing(server: Running) -> None:
    """A body that was cut off is no event, no letter and no work in flight."""
    body = json.dumps(event(1)).encode()
    with Wire(server) as wire:
        wire.send(request("/webhooks/dam-1", body[:-5], {"content-length": str(len(body)), **server.signed(body)}))
        eventually(lambda: server.app.state.counts["dam-1"].in_flight == 1)
    counts = server.app.state.counts["dam-1"]
    eventually(lambda: counts.outcomes["disconnected"] == 1)
    assert counts.in_flight == counts.bytes_in_flight == 0
    assert server.on_log(topics.EVENTS_DAM) == []
    assert server.deliver("dam-1", event(2)).status_code == 200
