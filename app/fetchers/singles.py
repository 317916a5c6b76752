"""APIs that give one thing per call.

Owns: Singles. Does not own: where a vendor's things are (bynder.py, acquia.py, template.py and others). Next stop: pages.py.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from app.fetchers.calls import Calls, parsed
from app.fetchers.pages import each, page
from app.ports import Answer
from app.sources.fetching import Page

# Few things per wish, so that what is found is kept soon and several wishes share the connections.
PER_CALL = 1


class Singles:
    """A Fetcher for one thing per call.

    ask: kind, thing -> answer. state: kind, thing, JSON of the answer -> the state, None where there is none; raises VendorDown for what is
    no state. updated: state -> its own instant, as text.
    """

    def __init__(
        self,
        calls: Calls,
        kinds: Sequence[str],
        ask: Callable[[str, str], Awaitable[Answer]],
        *,
        updated: Callable[[Any], Any],
        state: Callable[[str, str, Any], Any],
    ) -> None:
        self.system, self.concurrency = calls.system, calls.open_at_once
        self.per_call: Mapping[str, int] = dict.fromkeys(kinds, PER_CALL)
        self._calls, self._ask, self._updated, self._state = calls, ask, updated, state

    def fetch(self, kind: str, things: Sequence[str]) -> AsyncIterator[Page]:
        """Pages as app/sources/fetching.py says.

        Failure policy: raises VendorDown, VendorBusy, VendorDenied and tries nothing again; the task does.
        """

        async def one(thing: str) -> Page:
            answer = await self._ask(kind, thing)
            state = None if self._calls.missing(answer) else self._state(kind, thing, parsed(self.system, answer))
            return page(kind, [thing], {} if state is None else {thing: state}, answer.began_us, updated=self._updated)

        return each(things, one)
