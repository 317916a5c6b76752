"""From the body of a genuine request to events, the ingress's hot path; and from a fetched state to one.

Owns: one fixed way through a body: parse, drop hot fields, hash authors, type, split, key. Does not own: verification (verify.py),
appending (app/api/webhooks.py), meaning (project.py). Next stop: app/sources/project.py, once the event comes back from the log.

A body that nothing had to be changed in goes to the log as it came, byte for byte.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson

from app.domain.keys import record_key
from app.errors import Malformed, Unmappable, Unusable
from app.sources.events import EventPlan, Router
from app.sources.fetching import FETCHED, Found
from app.sources.hot import HotFields, mask, mask_words, without_members
from app.sources.payload import MAX_SPLIT_BYTES, Place, may_be_deep, parse
from app.sources.source import Received, Unread
from schemas.event import Event


def hashed(author: str) -> str:
    """A person's id as 24 hexadecimal digits: the same person stays the same, nobody is named."""
    return blake2b(author.encode("utf-8", "replace"), digest_size=12, person=b"bindery-author").hexdigest()


def named(body: bytes) -> str:
    """The id of a request whose sender gives it none: a redelivery, the same bytes, has the same."""
    return blake2b(body, digest_size=16).hexdigest()


def _is_text(body: bytes) -> bool:
    """Whether names can be looked for in these bytes: UTF-8, and not UTF-16, in which every other byte is NUL."""
    try:
        return "\0" not in body.decode()
    except UnicodeDecodeError:
        return False


def _written(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError as wrong:
        raise Malformed(f"the state cannot be written as JSON: {str(wrong)[:100]}") from None


class BodyReceiver:
    """The receiver of one source."""

    def __init__(
        self,
        name: str,
        system: str,
        era: int,
        preset: str,
        *,
        router: Router,
        hot: HotFields,
        authors: Sequence[Place],
        token: Place | None,
        fetched_authors: Sequence[Place] = (),
    ) -> None:
        self._name, self._system, self._era, self._preset = name, system, era, preset
        self._router, self._hot, self._authors, self._token = router, hot, tuple(authors), token
        self._fetched_authors = tuple(fetched_authors)

    def receive(self, body: bytes, arrived_us: int, headers: Mapping[str, str]) -> Received:
        """The events of a body. Never raises for content: what cannot be read is Unread."""
        if not body and self._router.passes is not None and self._router.passes(None, headers):
            return Received()
        try:
            parsed = parse(body)
        except Malformed as error:
            held = self._unreadable(body)
            return Received(unread=[Unread(held, "", named(body), "", self._explained("", error), held == body)])
        as_it_came = body
        parsed, body = self._clean(parsed, body)
        if self._router.passes is not None and self._router.passes(parsed, headers):
            return Received()
        event_id = self._router.id_of(parsed, headers) or named(as_it_came + (str(arrived_us).encode() if self._router.repeats else b""))
        try:
            several = self._router.several(parsed)
            if several is None:
                return self._one(parsed, body, event_id, arrived_us, headers)
            return self._each(several, event_id, arrived_us, headers)
        except Unmappable as error:
            return Received(unread=[Unread(body, "", event_id, "", self._explained("", error))])

    def _each(self, several: Sequence[Any], event_id: str, arrived_us: int, headers: Mapping[str, str]) -> Received:
        """What the events of one request become. Raises Unmappable where they would grow beyond all bounds when they are split in turn."""
        received = Received()
        written = 0
        for number, each in enumerate(several):
            own_id = self._router.id_of(each, headers) or f"{event_id}:{number}"
            one = self._one(each, orjson.dumps(each), own_id, arrived_us, headers)
            received.events.extend(one.events)
            received.unread.extend(one.unread)
            written += sum(len(event.value) for event in one.events) + sum(len(unread.value) for unread in one.unread)
            if written > MAX_SPLIT_BYTES:
                raise Unmappable(f"{len(several)} events whose pieces exceed {MAX_SPLIT_BYTES} bytes together")
        return received

    def _one(self, parsed: Any, body: bytes, event_id: str, arrived_us: int, headers: Mapping[str, str]) -> Received:
        """What one event of a sender becomes."""
        type_ = self._router.type_of(parsed, headers)
        try:
            plan = self._router.plan(type_)
            if plan is None:
                return Received(notice=self._router.notice(type_) if self._router.notice else None)
            if plan.split is None:
                return Received([self._event(plan, parsed, body, event_id, type_, arrived_us, headers)])
            return self._split(plan, parsed, body, event_id, type_, arrived_us, headers)
        except (Unusable, ValueError) as error:
            return Received(unread=[Unread(body, "", event_id, type_, self._explained(type_, error))])

    def redacted(self, body: bytes) -> bytes:
        """The body without hot fields and tokens, authors hashed; masked where its places cannot be told."""
        try:
            return self._clean(parse(body), body)[1]
        except Malformed:
            return self._unreadable(body)

    def fetched(self, found: Found, *, began_us: int, at_least: int, arrived_us: int) -> Event:
        """The event that carries a fetched state, without hot fields and with authors hashed. Raises Malformed where it cannot be kept."""
        state = None if found.state is None else self._kept(_written(found.state))
        value = _written({"thing": found.thing, "state": state, "at_least": at_least})
        return Event(
            id=f"{named(value)}:{began_us}",
            source=self._name,
            type=f"{FETCHED}{found.kind}",
            key=record_key(found.kind, self._system, found.thing),
            value=value,
            arrived_us=arrived_us,
            era=self._era,
            fetched_us=began_us,
        )

    def _kept(self, written: bytes) -> Any:
        """What the log may hold of a state: as it was written, where nothing in it has to be changed or looked at."""
        authors = [author for author in self._fetched_authors if author.begun(written)]
        suspect = self._hot.suspects(written)
        if not authors and not suspect and not may_be_deep(written):
            return orjson.Fragment(written)
        # What is cleaned is a copy, and it is known that it can be read from the log again.
        state = parse(written)
        for author in authors:
            author.change(state, hashed)
        return self._hot.cleaned(state) if suspect else state

    def _unreadable(self, body: bytes) -> bytes:
        """What may be kept of a body whose places cannot be told: no token, no author, no hot value."""
        if self._token is not None or (self._authors and not _is_text(body)):
            return mask_words(body)
        held = without_members(body, [author.name for author in self._authors])
        return mask(held) if self._hot.active else held

    def _clean(self, parsed: Any, body: bytes) -> tuple[Any, bytes]:
        """Without hot fields and the verifier's token, authors hashed; and the bytes of that."""
        changed = self._hot.suspects(body)
        if changed:
            parsed = self._hot.cleaned(parsed)
        if self._token is not None:
            # Always written anew: a duplicate key may hide a second copy of the token.
            self._token.drop(parsed)
            changed = True
        for author in self._authors:
            # What a duplicate key hides from the parser goes by writing the body anew.
            changed |= author.change(parsed, hashed) or author.hinted(body)
        return parsed, orjson.dumps(parsed) if changed else body

    def _event(
        self, plan: EventPlan, scope: Any, value: bytes, event_id: str, type_: str, arrived_us: int, headers: Mapping[str, str]
    ) -> Event:
        return Event(
            id=event_id,
            source=self._name,
            type=type_,
            key=plan.record(scope, self._system),
            value=value,
            arrived_us=arrived_us,
            era=self._era,
            time=plan.time(scope, headers),
        )

    def _split(
        self, plan: EventPlan, parsed: Any, body: bytes, event_id: str, type_: str, arrived_us: int, headers: Mapping[str, str]
    ) -> Received:
        assert plan.split is not None
        scopes = plan.split.scopes(parsed)
        if len(scopes) == 1:
            return Received([self._event(plan, scopes[0], body, event_id, type_, arrived_us, headers)])
        received = Received()
        written = 0
        for number, (scope, alone) in enumerate(zip(scopes, plan.split.alone(parsed), strict=True)):
            value, piece_id = orjson.dumps(alone), f"{event_id}:{number}"
            written += len(value)
            if written > MAX_SPLIT_BYTES:
                raise Unmappable(f"{len(scopes)} resources whose pieces exceed {MAX_SPLIT_BYTES} bytes together")
            try:
                received.events.append(self._event(plan, scope, value, piece_id, type_, arrived_us, headers))
            except (Unusable, ValueError) as error:
                received.unread.append(Unread(value, "", piece_id, type_, self._explained(type_, error)))
        return received

    def _explained(self, type_: str, error: Exception) -> Unusable:
        kind = type(error) if isinstance(error, Unusable) else Unmappable
        return kind(f"preset {self._preset}{f', event {type_[:80]}' if type_ else ''}: {error}")
