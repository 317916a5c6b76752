"""Akeneo's things by their codes: models, assets, products by identifier.

Owns: Coded. Does not own: lists and their pages (akeneo_lists.py). Next stop: akeneo_lists.py.

By filter where the version of the PIM knows one, else one by one. A filter that has never worked and is refused, also for a single code, is
not asked for again in this process; one that has worked is refused because of a code, which is then searched by halves.
"""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from app.errors import VendorDown
from app.fetchers.akeneo_lists import API, Lists
from app.fetchers.calls import Calls, Rejected, itself, parsed
from app.fetchers.pages import each, halved, page
from app.sources.fetching import Page


class Coded:
    """Things of one kind. named: where a thing's code stands in its state. filters: names of the filter, best first."""

    def __init__(self, calls: Calls, lists: Lists, kind: str, named: str, filters: Sequence[str]) -> None:
        self._calls, self._lists, self._kind, self._named = calls, lists, kind, named
        self._filters, self._proved = list(filters), False

    async def pages(self, path: str, things: Sequence[str], prefix: str = "") -> AsyncIterator[Page]:
        """path: of the list. prefix: what things have in front of their codes."""
        todo = list(things)
        while todo:
            part = self._lists.fitting(todo, prefix)
            todo = todo[len(part) :]
            async for one in self._part(path, prefix, part):
                yield one

    async def _part(self, path: str, prefix: str, part: Sequence[str]) -> AsyncIterator[Page]:
        batch, single = partial(self._batch, path, prefix), partial(self._one, path, prefix)
        while self._filters:
            try:
                yield await batch(part)
                return
            except Rejected as refused:
                if self._calls.missing(refused.answer):
                    if await self._list_is_gone(path):
                        yield page(self._kind, part, {}, refused.answer.began_us, updated=updated)
                        return
                    break
            if self._proved or await self._works(path, prefix, part[:1]):
                async for one in halved(part, batch):
                    yield one
                return
            self._filters.pop(0)
        async for one in each(part, single):
            yield one

    async def _works(self, path: str, prefix: str, part: Sequence[str]) -> bool:
        try:
            await self._batch(path, prefix, part)
        except Rejected:
            return False
        return True

    async def _batch(self, path: str, prefix: str, part: Sequence[str]) -> Page:
        codes = [thing.removeprefix(prefix) for thing in part]
        search = {self._filters[0]: [{"operator": "IN", "value": codes}]}
        states, began_us = await self._lists.whole(self._lists.get(path, search, paged=self._kind != "asset"), self._named, codes)
        self._proved, self._filters = True, self._filters[:1]
        return page(self._kind, part, {prefix + code: state for code, state in states.items()}, began_us, updated=updated)

    async def _one(self, path: str, prefix: str, thing: str) -> Page:
        address = f"{API}{path}/{quote(thing.removeprefix(prefix), safe='')}"
        answer = await self._calls.call("GET", address, query=() if self._kind == "asset" else self._lists.wanted(path))
        states = (
            {}
            if self._calls.missing(answer)
            else {thing: itself(self._calls.system, thing.removeprefix(prefix), parsed(self._calls.system, answer), self._named)}
        )
        return page(self._kind, [thing], states, answer.began_us, updated=updated)

    async def _list_is_gone(self, path: str) -> bool:
        """Whether an asset family was deleted. Raises VendorDown where there are no families at all: then the address is wrong."""
        family, families = path.rpartition("/")[0], path.split("/")[1]
        try:
            if not self._calls.missing(await self._calls.call("GET", API + family)):
                return False
        except Rejected:
            # A family that nobody can ask for: its assets are refused one by one, each with the reason.
            return False
        if self._calls.missing(await self._calls.call("GET", f"{API}/{families}")):
            raise VendorDown(f"{self._calls.system} knows no {families}; check `api.url`, and that this PIM has an Asset Manager")
        return True


def updated(state: Any) -> Any:
    """When a state was saved, as it says itself."""
    return state.get("updated") if isinstance(state, dict) else None
