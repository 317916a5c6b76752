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
from app.api.apart import Apart, Request, path_of
from app.api.deps import Api
from app.api.doors import PREFIX, Door, challenged, named, too_large, too_much, unknown
from app.api.first_secrets import FirstSecrets
from app.api.flight import Flight, Watch
from app.api.metrics import DISCONNECTED, NOBODY, Counts, DoorMetrics
from app.api.problems import Problem
from app.api.refusals import Reading, refuse
from app.errors import EngineDown, EntryRefused, KeyMissing
from app.kept import seen
from app.sources.credentials import UnacceptedTopic
from schemas.control import Kept

log_line = structlog.get_logger(__name__)

JSON_TYPE = (b"content-type", b"application/json")
TEXT_TYPE = (b"content-type", b"text/plain; charset=utf-8")
NO_SNIFFING = (b"x-content-type-options", b"nosniff")


class Disconnected(Exception):
    """The sender went away before its body was complete."""


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
        self.doors: dict[str, Door] = {}
        self.first_secrets = FirstSecrets(api.configuration)
        self._apart = Apart(api, self.first_secrets)
        for name, source in api.configuration.sources.items():
            # With and without the slash are one: some senders suspend themselves on a redirect.
            door = self.doors[name] = Door(source, self.counts[name])
            self._doors[PREFIX + name] = self._doors[PREFIX + name + "/"] = door
        api.registry.register(DoorMetrics(self.counts))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        door = self._doors.get(path) or self._below(path.removeprefix(scope.get("root_path", "")))
        reading = Reading()
        try:
            if door is None:
                raise unknown(path)
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
        headers = [kind, (b"content-length", b"%d" % len(answer))]
        if kind is TEXT_TYPE:
            # It may be an echo of what a stranger sent; no browser shall take it for a page.
            headers.append(NO_SNIFFING)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _work(self, door: Door, scope: Any, receive: Any, reading: Reading) -> tuple[tuple[bytes, bytes], bytes]:
        """Content type and body of the answer to an accepted request. Raises Problem, Disconnected."""
        loop = self._loop = self._loop or asyncio.get_running_loop()
        began_s = loop.time()
        shakes = door.handshake and scope["path"].endswith(door.handshake) and scope["method"] == "POST"
        if scope["method"] not in door.source.methods and not shakes:
            return TEXT_TYPE, challenged(door, scope)
        if door.unavailable and not (shakes and self.first_secrets.waits(door.source.name)):
            raise Problem("source-unavailable", door.unavailable, headers={"retry-after": str(self._limits.retry_s)})
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if door.source.wants_request:
            headers[":method"], headers[":path"] = scope["method"], path_of(scope)
        declared = headers.get("content-length", "0")
        if not declared.isdecimal():
            raise Problem("bad-request", "The header Content-Length is not a number.")
        size = int(declared)
        if size > door.limit:
            raise too_large(door)
        if door.pace and not door.pace.admits(began_s):
            text = f"The source {door.source.name!r} may send {door.source.rate_per_s:g} webhooks per second (rate_per_s). Send it again."
            raise Problem("too-much-in-flight", text, headers={"retry-after": "1"})
        if not self._flight.enter(door.counts, size):
            raise too_much(door)
        reading.held = size
        try:
            body = await self._body(door, loop, receive, reading)
            now_us = door.counts.last_delivery_us = self._api.clock.now_us()
            request = Request(scope, headers, body, now_us, loop.time() + self._limits.append_s, loop)
            try:
                if shakes:
                    answer = JSON_TYPE, await self._apart.shared_secret(door.source, door.counts, request)
                    self.renew()
                    return answer
                return await self._accept(door, request, began_s)
            except EngineDown as down:
                text = "The event log did not acknowledge in time. Keep the webhook and send it again after the time in Retry-After."
                raise Problem("log-unavailable", text, headers={"retry-after": str(self._limits.retry_s)}) from down
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
                raise too_large(door)
            if size > reading.held:
                if not self._flight.grow(door.counts, size - reading.held):
                    raise too_much(door)
                reading.held = size
            if not more:
                return b"".join(pieces)
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            more = message.get("more_body", False)

    async def _accept(self, door: Door, request: Request, began_s: float) -> tuple[tuple[bytes, bytes], bytes]:
        source, counts = door.source, door.counts
        body, headers, now_us, loop = request.body, request.headers, request.at_us, request.loop
        try:
            reason = source.verify(headers, body, now_us / 1e6)
        except KeyMissing as missing:
            self._api.want_key(missing.url)
            text = f"The key that {source.name!r} signs with is not at hand yet and is fetched now. Send it again after Retry-After."
            raise Problem("key-missing", text, headers={"retry-after": "2"}) from None
        if door.recorder is not None:
            door.recorder.take(source, request, reason)
        if reason or source.handshakes is not None:
            apart = await self._settled(door, request, reason)
            if apart is not None:
                return JSON_TYPE, apart
        received = source.receive(body, now_us, headers)
        arrival = Arrival(source, headers, received, now_us, loop, request.due_s)
        accepted, letters = await accept(self._api, door.lane, arrival)
        if received.notice is not None:
            about = {"notice": received.notice, "type": received.notice}
            await self._apart.keep(Kept("notice", source.name, now_us, about=about), request)
        counts.accepted(len(accepted), len(letters), loop.time() - began_s, now_us)
        if received.events:
            # Within one request times have one form, so that their texts compare.
            newest = max([event.time for event in received.events])
            counts.newest_order_us = max(counts.newest_order_us, seen.order(newest, now_us)) if newest else counts.newest_order_us
        answer = received.answer
        if answer is None:
            return JSON_TYPE, b'{"accepted":%b,"dead_letters":%b}' % (orjson.dumps(accepted), orjson.dumps(letters) if letters else b"[]")
        return JSON_TYPE if answer[:1] in (b"{", b"[") else TEXT_TYPE, answer

    async def _settled(self, door: Door, request: Request, reason: str) -> bytes | None:
        """The answer to a request that is no event, None for one to be read. Raises Problem (401, 503)."""
        source = door.source
        answer = await self._apart.confirmation(source, door.counts, request, reason)
        if answer is not None or not reason:
            return answer
        if isinstance(reason, UnacceptedTopic) and not door.topics_known:
            text = f"Which topics are accepted for {source.name!r} is not known yet. Send it again after the time in Retry-After."
            raise Problem("source-unavailable", text, headers={"retry-after": "2"})
        if source.quarantine:
            try:
                kept = await self._apart.quarantine(source, door.counts, request, reason)
            except EntryRefused:
                kept = None  # Too large for the log with its headers: refused aloud, like any other that cannot be kept.
            if kept is not None:
                return kept
        text = f"The request is not proved to come from {source.name!r}: {reason}. Compare the secrets and the clocks of both ends."
        raise Problem("bad-signature", text, headers={"www-authenticate": "Webhook-Signature"})

    def renew(self) -> None:
        """Lets doors stand for their sources as they were compiled anew."""
        for name, source in self.first_secrets.renewed.items():
            if self.doors[name].source is not source:
                self.doors[name].become(source)

    def _below(self, path: str) -> Door | None:
        """The door of a path whose source takes what lies below it, or that a proxy's prefix was taken off."""
        door = self._doors.get(path)
        if door is None and path.startswith(PREFIX):
            name, _, _ = path[len(PREFIX) :].partition("/")
            found = self.doors.get(name)
            door = found if found and (found.source.below or path == found.handshake) else None
        return door

    async def _refuse(self, door: Door | None, problem: Problem, reading: Reading, scope: Any, receive: Any, send: Any) -> None:
        counts = door.counts if door else self.counts[NOBODY]
        counts.refused(problem.kind, problem.detail, self._api.clock.now_us())
        source = door.source.name if door else named(scope["path"])
        tell = log_line.info if problem.status < 500 else log_line.warning
        cause = {"cause": f"{type(problem.__cause__).__name__}: {problem.__cause__}"} if problem.__cause__ else {}
        tell("webhook.refused", source=source, status=problem.status, problem=problem.kind, detail=problem.detail, **cause)
        await refuse(problem, reading, self._limits, scope, receive, send)
