"""`POST /webhooks/{source}`: verified, split, durable, answered; nothing else.

Owns: the order of the checks, the answers. Does not own: verifying and splitting (app/sources/), what goes where (app/api/acceptance.py),
durability (app/ports.py: EventLog). Next stop: app/api/acceptance.py, app/ports.py, then consumers/runner.py.

Raw ASGI, hit before any routing: this is the hot path. The order, cheapest and least trusting first: known source and method -> declared
length -> room for one more -> body -> signature over the raw bytes -> split -> append -> 200. What is authentic but cannot be read, or what
the log refuses for good, becomes a letter and is answered 200 all the same (promise P2). A request has no log line unless it is refused.
"""

import asyncio
from typing import Any

import orjson
import structlog

from app.api.acceptance import Arrival, accept
from app.api.deps import Api
from app.api.flight import Flight, Pace, Watch
from app.api.metrics import DISCONNECTED, NOBODY, Counts, DoorMetrics
from app.api.problems import Problem
from app.api.refusals import Reading, refuse
from app.errors import EngineDown
from app.sources.source import Source
from schemas import topics

log_line = structlog.get_logger(__name__)

PREFIX = "/webhooks/"
JSON_TYPE = (b"content-type", b"application/json")
TEXT_TYPE = (b"content-type", b"text/plain; charset=utf-8")


class Disconnected(Exception):
    """The sender went away before its body was complete."""


class Door:
    """One source, with everything about it that can be known before a request comes."""

    __slots__ = ("counts", "lane", "limit", "pace", "source", "unavailable")

    def __init__(self, source: Source, counts: Counts) -> None:
        self.source, self.counts = source, counts
        self.lane = topics.lane_of(source.side)
        self.limit = source.max_body_bytes
        self.pace = Pace(source.rate_per_s) if source.rate_per_s else None
        self.unavailable = ""
        if source.broken:
            self.unavailable = f"The source {source.name!r} is configured but cannot work: {source.broken}. Mend bindery.yaml, send again."
        elif source.retired:
            self.unavailable = f"The source {source.name!r} is retired and takes nothing any more. Switch this webhook off at the sender."


class Webhooks:
    """The ASGI application of all sources.

    Failure policy: a log that does not acknowledge within Limits.append_s is 503 with Retry-After, and the sender repeats; an error of one
    request, foreseen or not, ends that request alone.
    """

    def __init__(self, api: Api) -> None:
        self._api, self._limits = api, api.limits
        self._flight, self._watch = Flight(api.limits), Watch(api.limits.body_s)
        self.counts: dict[str, Counts] = {name: Counts() for name in (*api.configuration.sources, NOBODY)}
        # Asked for once: get_running_loop() is a system call each time, and that shows at this door.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._doors: dict[str, Door] = {}
        for name, source in api.configuration.sources.items():
            # With and without the slash are one: some senders suspend themselves on a redirect.
            self._doors[PREFIX + name] = self._doors[PREFIX + name + "/"] = Door(source, self.counts[name])
        api.registry.register(DoorMetrics(self.counts))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        door = self._doors.get(path)
        if door is None and scope.get("root_path"):
            door = self._doors.get(path.removeprefix(scope["root_path"]))
        reading = Reading()
        try:
            if door is None:
                raise Problem("unknown-source", f"No source is configured for {path[:200]!r}. Check the last part of the webhook's URL.")
            kind, answer = await self._work(door, scope, receive, reading)
        except Problem as problem:
            await self._refuse(door, problem, reading, scope, receive, send)
            return
        except Disconnected:
            assert door is not None
            door.counts.outcomes[DISCONNECTED] += 1
            return
        except Exception as error:
            # A defect that one request shows ends that request and no other, so everything is caught here.
            log_line.exception("webhook.failed", source=door.source.name if door else NOBODY, error=type(error).__name__)
            unforeseen = Problem("internal", "Something unexpected happened; nothing is known to be kept, so send it again.")
            await self._refuse(door, unforeseen, reading, scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [kind, (b"content-length", b"%d" % len(answer))]})
        await send({"type": "http.response.body", "body": answer})

    async def _work(self, door: Door, scope: Any, receive: Any, reading: Reading) -> tuple[tuple[bytes, bytes], bytes]:
        """Content type and body of the answer to an accepted request. Raises Problem, Disconnected."""
        loop = self._loop = self._loop or asyncio.get_running_loop()
        began_s = loop.time()
        if scope["method"] != "POST":
            text = f"{scope['method']} is not possible here: webhooks are posted. Set the sender to POST."
            raise Problem("method-not-allowed", text, headers={"allow": "POST"})
        if door.unavailable:
            raise Problem("source-unavailable", door.unavailable, headers={"retry-after": str(self._limits.retry_s)})
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        declared = headers.get("content-length", "0")
        if not declared.isdecimal():
            raise Problem("bad-request", "The header Content-Length is not a number.")
        size = int(declared)
        if size > door.limit:
            raise _too_large(door)
        if door.pace and not door.pace.admits(began_s):
            text = f"The source {door.source.name!r} may send {door.source.rate_per_s:g} webhooks per second (rate_per_s). Send it again."
            raise Problem("too-much-in-flight", text, headers={"retry-after": "1"})
        if not self._flight.enter(door.counts, size):
            raise _too_much(door)
        reading.held = size
        try:
            body = await self._body(door, loop, receive, reading)
            return await self._accept(door, loop, body, headers, began_s)
        finally:
            self._flight.leave(door.counts, reading.held)

    async def _body(self, door: Door, loop: asyncio.AbstractEventLoop, receive: Any, reading: Reading) -> bytes:
        task = asyncio.current_task(loop)
        assert task is not None
        self._watch.begin(loop, task)
        try:
            message = await receive()
            body: bytes = message.get("body", b"")
            if message["type"] == "http.disconnect":
                raise Disconnected
            if message.get("more_body") or len(body) > reading.held:
                body = await self._rest(door, body, bool(message.get("more_body")), receive, reading)
        except asyncio.CancelledError:
            if not self._watch.end(task):
                raise
            task.uncancel()
            text = f"The body did not arrive within {self._limits.body_s:g} seconds. Nothing of it was kept; send it again."
            raise Problem("body-too-slow", text) from None
        except BaseException:
            self._watch.end(task)
            raise
        self._watch.end(task)
        reading.complete = True
        return body

    async def _rest(self, door: Door, first: bytes, more: bool, receive: Any, reading: Reading) -> bytes:
        """The whole body where it comes in pieces, never holding more than the source's limit."""
        pieces, size = [first], len(first)
        while True:
            if size > door.limit:
                raise _too_large(door)
            if size > reading.held:
                if not self._flight.grow(door.counts, size - reading.held):
                    raise _too_much(door)
                reading.held = size
            if not more:
                return b"".join(pieces)
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            more = message.get("more_body", False)

    async def _accept(
        self, door: Door, loop: asyncio.AbstractEventLoop, body: bytes, headers: dict[str, str], began_s: float
    ) -> tuple[tuple[bytes, bytes], bytes]:
        source, counts = door.source, door.counts
        now_us = counts.last_delivery_us = self._api.clock.now_us()
        reason = source.verify(headers, body, now_us / 1e6)
        if reason:
            text = f"The request is not proved to come from {source.name!r}: {reason}. Compare the secrets and the clocks of both ends."
            raise Problem("bad-signature", text, headers={"www-authenticate": "Webhook-Signature"})
        received = source.receive(body, now_us, headers)
        try:
            arrival = Arrival(source, headers, received, now_us, loop, loop.time() + self._limits.append_s)
            accepted, letters = await accept(self._api, door.lane, arrival)
        except EngineDown as down:
            text = "The event log did not acknowledge in time. Keep the webhook and send it again after the time in Retry-After."
            raise Problem("log-unavailable", text, headers={"retry-after": str(self._limits.retry_s)}) from down
        counts.accepted(len(accepted), len(letters), loop.time() - began_s, now_us)
        answer = received.answer
        if answer is None:
            return JSON_TYPE, b'{"accepted":%b,"dead_letters":%b}' % (orjson.dumps(accepted), orjson.dumps(letters) if letters else b"[]")
        return JSON_TYPE if answer[:1] in (b"{", b"[") else TEXT_TYPE, answer

    async def _refuse(self, door: Door | None, problem: Problem, reading: Reading, scope: Any, receive: Any, send: Any) -> None:
        counts = door.counts if door else self.counts[NOBODY]
        counts.refused(problem.kind, problem.detail, self._api.clock.now_us())
        source = door.source.name if door else scope["path"][len(PREFIX) : len(PREFIX) + 100]
        tell = log_line.info if problem.status < 500 else log_line.warning
        cause = {"cause": f"{type(problem.__cause__).__name__}: {problem.__cause__}"} if problem.__cause__ else {}
        tell("webhook.refused", source=source, status=problem.status, problem=problem.kind, detail=problem.detail, **cause)
        await refuse(problem, reading, self._limits, scope, receive, send)


def _too_large(door: Door) -> Problem:
    text = f"A webhook of {door.source.name!r} may have {door.limit} bytes."
    return Problem("body-too-large", f"{text} Make the sender's events smaller, or raise the source's max_body_bytes.")


def _too_much(door: Door) -> Problem:
    text = f"Too many webhooks of {door.source.name!r} are being worked on at this moment. Nothing of this one was kept; send it again."
    return Problem("too-much-in-flight", text, headers={"retry-after": "1"})
