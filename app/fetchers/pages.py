"""From answers to pages: which of the things asked for came, which do not exist, which the vendor refuses.

Owns: page(), halved(), each(), changed_us(). Does not own: calls (calls.py). Next stop: akeneo.py.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from app.fetchers.calls import Rejected
from app.sources.fetching import Found, Page

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def changed_us(text: Any) -> int:
    """An RFC 3339 or ISO 8601 instant as µs UTC; 0 where it is none. Without an offset it counts as UTC."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return 0
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)


def page(kind: str, asked: Iterable[str], states: Mapping[str, Any], began_us: int, *, updated: Callable[[Any], Any]) -> Page:
    """The page of a complete answer: what was asked for and is not among the states does not exist. updated: state -> its own instant."""
    found = []
    for thing in asked:
        state = states.get(thing)
        found.append(Found(kind, thing, state, 0 if state is None else changed_us(updated(state))))
    return Page(began_us, found, [one.thing for one in found])


async def halved(things: Sequence[str], ask: Callable[[Sequence[str]], Awaitable[Page]]) -> AsyncIterator[Page]:
    """The pages for these things. A batch that the vendor refuses is asked for in halves, until the one thing to blame stands alone."""
    waiting = [list(things)] if things else []
    while waiting:
        part = waiting.pop(0)
        try:
            yield await ask(part)
        except Rejected as refused:
            if len(part) == 1:
                yield rejected(part[0], refused)
            else:
                waiting[:0] = [part[: len(part) // 2], part[len(part) // 2 :]]


async def each(things: Sequence[str], ask: Callable[[str], Awaitable[Page]]) -> AsyncIterator[Page]:
    """The pages for these things, of an API that gives one thing per call."""
    for thing in things:
        try:
            yield await ask(thing)
        except Rejected as refused:
            yield rejected(thing, refused)


def rejected(thing: str, refused: Rejected) -> Page:
    return Page(refused.answer.began_us, rejected={thing: str(refused)})
