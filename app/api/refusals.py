"""How the webhook door says no: a problem, and a connection that is either usable afterwards or closed.

Owns: the bytes of a refusal, what becomes of the unread body. Does not own: why it is refused (app/api/webhooks.py).
Next stop: app/api/problems.py.

A body that nobody read would be taken for the next request, or would fill the connection for ever. A short one of declared length is left
to the server, which throws it away and keeps the connection. A long or endless one ends the connection, but not at once: a socket that is
closed with unread bytes is reset, and the sender would see that instead of the answer. So the answer goes out whole, some of the rest is
read and thrown away, and then the connection is closed.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from app.api.deps import Limits
from app.api.problems import MEDIA_TYPE, Problem

SHORT = 1 << 20
PROBLEM_TYPE = (b"content-type", MEDIA_TYPE.encode())
CLOSE = (b"connection", b"close")


@dataclass(slots=True)
class Reading:
    """How far the body of a request was read. held: bytes that are accounted for in the bounds of work in flight."""

    held: int = 0
    complete: bool = False


async def refuse(problem: Problem, reading: Reading, limits: Limits, scope: Any, receive: Any, send: Any) -> None:
    """Sends the problem and settles the connection. Failure policy: a sender that is gone is no error."""
    body = problem.body(scope["path"])
    headers = [PROBLEM_TYPE, (b"content-length", b"%d" % len(body))]
    headers += [(name.encode(), value.encode("latin-1", "replace")) for name, value in problem.headers.items()]
    sent = {name: value for name, value in scope["headers"] if name in (b"content-length", b"transfer-encoding", b"expect")}
    length = sent.get(b"content-length", b"0")
    short = length.isdigit() and int(length) <= SHORT and b"transfer-encoding" not in sent and b"expect" not in sent
    too_slow = problem.kind == "body-too-slow"
    if reading.complete or (short and not too_slow):
        await send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return
    await send({"type": "http.response.start", "status": problem.status, "headers": [*headers, CLOSE]})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    # Who asks before sending (Expect) has its answer now and sends nothing; who was too slow has had its time.
    if b"expect" not in sent and not too_slow:
        await _throw_away(receive, limits)
    await send({"type": "http.response.body", "body": b""})


async def _throw_away(receive: Any, limits: Limits) -> None:
    thrown = 0
    try:
        async with asyncio.timeout(limits.linger_s):
            while thrown < limits.linger_bytes:
                message = await receive()
                thrown += len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        return  # The sender has had its time to see the answer; closing is all that is left to do.
