"""Akeneo's lists: filters, pages, links to the next page.

Owns: Lists. Does not own: which things are asked for (akeneo.py, akeneo_codes.py). Next stop: calls.py.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from app.errors import VendorDown
from app.fetchers.calls import Calls, Rejected, member, parsed
from app.ports import Answer

API = "/api/rest/v1"
# Web servers refuse addresses of more than 8 kB (Apache's default); the filter shares it with the rest.
LONGEST_FILTER = 5_000
# More pages than any filter of ours can bring: a cursor that goes round is a fault of the vendor's.
MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Listed:
    """One list to read: how its first page is called. lasting: it exists in every version, so that its absence is the vendor's fault."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    body: Mapping[str, Any] | None = None
    lasting: bool = True


class Lists:
    """Reads lists page by page, with search_after: the number of a page is refused beyond 10,000 products."""

    def __init__(self, calls: Calls, limit: int, more: Sequence[str] = ()) -> None:
        """limit: items of a page. more: names of further things that products and models should come with."""
        self._calls, self._limit = calls, limit
        self._with = ["with_asset_share_links", *more]
        self._post = True

    def products(self, search: Mapping[str, Any]) -> Listed:
        """Products by uuid: as a POST, which has no limit of length, where the vendor knows it."""
        if not self._post:
            return self.get("/products-uuid", search)
        body = {"search": search, **dict.fromkeys([*self._with, "with_completenesses"], True)}
        return Listed("POST", f"{API}/products-uuid/search", self._paging(), body)

    def get(self, path: str, search: Mapping[str, Any], *, paged: bool = True) -> Listed:
        """paged: whether the list can be told how long a page is; assets come 100 a page, whatever is said."""
        query = [*(self._paging() if paged else ()), ("search", orjson.dumps(search).decode()), *(self.wanted(path) if paged else ())]
        return Listed("GET", API + path, query, lasting=paged)

    def wanted(self, path: str) -> list[tuple[str, str]]:
        """What is asked for in addition: models know no completeness."""
        names = self._with if path == "/product-models" else [*self._with, "with_completenesses"]
        return [(name, "true") for name in names]

    def fitting(self, things: Sequence[str], prefix: str) -> list[str]:
        """As many things, from the first on, as fit into one address and one page."""
        size, held = 0, 0
        for thing in things[: self._limit]:
            size += len(quote(orjson.dumps(thing.removeprefix(prefix)))) + 3
            if size > LONGEST_FILTER and held:
                break
            held += 1
        return list(things[:held])

    async def whole(self, listed: Listed, named: str, things: Sequence[str]) -> tuple[dict[str, Any], int]:
        """Things of a list by name, and the start of the first call. Stops as soon as all have come. Names in the list may be written with
        other capitals. Raises Rejected, where the vendor does not know the filter or one of the values."""
        wanted: dict[str, list[str]] = {}
        for thing in things:
            wanted.setdefault(thing.casefold(), []).append(thing)
        states: dict[str, Any] = {}
        first_us: int | None = None
        async with aclosing(self.pages(listed, named)) as pages:
            async for came, began_us in pages:
                first_us = began_us if first_us is None else first_us
                states.update({thing: state for name, state in came.items() for thing in wanted.get(name.casefold(), ())})
                if len(states) == len(set(things)):
                    break
        assert first_us is not None
        return states, first_us

    async def pages(self, listed: Listed, named: str) -> AsyncGenerator[tuple[dict[str, Any], int]]:
        """(name -> state, start of the call) for every page. Raises Rejected, VendorDown where a page is no list of things."""
        answer, listed = await self._first(listed)
        seen = 0
        while True:
            data = parsed(self._calls.system, answer)
            embedded = member(self._calls.system, data, "_embedded", kind=dict)
            # The documentation of assets writes _items, the vendor's own client reads items.
            items = embedded.get("items", embedded.get("_items"))
            if not isinstance(items, list):
                raise VendorDown(f"{self._calls.system} answers {listed.method} {listed.path} with a list without items")
            yield {member(self._calls.system, item, named, kind=str): item for item in items}, answer.began_us
            links = data.get("_links")
            following = links.get("next") if isinstance(links, dict) else None
            seen += 1
            if not following:
                return
            if seen >= MOST_PAGES:
                raise VendorDown(f"{self._calls.system} links from page to page without an end at {listed.path}")
            href = member(self._calls.system, following, "href", kind=str)
            answer = self._there(listed, await self._calls.call(listed.method, self._calls.link(href), json=listed.body))

    async def _first(self, listed: Listed) -> tuple[Answer, Listed]:
        """The first page. A PIM without the search by POST (7.0 and before) says 404 or 405, and is not asked that way again."""
        try:
            answer = await self._calls.call(listed.method, listed.path, query=listed.query, json=listed.body)
            if not (self._calls.missing(answer) and listed.method == "POST"):
                return self._there(listed, answer), listed
        except Rejected as refused:
            if refused.answer.status != 405 or listed.method != "POST":
                raise
        assert listed.body is not None
        self._post = False
        other = self.products(listed.body["search"])
        return self._there(other, await self._calls.call(other.method, other.path, query=other.query)), other

    def _there(self, listed: Listed, answer: Answer) -> Answer:
        """A list that is not there: with the wrong address everything would look deleted, so that only assets, whose family may have gone,
        may be missing."""
        said = f"{self._calls.system} answers {listed.method} {listed.path} with {answer.status}"
        if self._calls.missing(answer) and listed.lasting:
            raise VendorDown(f"{said}; check `api.url`")
        if self._calls.missing(answer):
            raise Rejected(said, answer)
        return answer

    def _paging(self) -> list[tuple[str, str]]:
        return [("pagination_type", "search_after"), ("limit", str(self._limit))]
