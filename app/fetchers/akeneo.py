"""Akeneo's REST API: products, product models, assets, the variants of a model.

Owns: which calls bring these, how many at once. Does not own: tokens (akeneo_auth.py), walking through lists (akeneo_lists.py), which
fields matter (app/sources/presets/akeneo-event-platform.yaml). Next stop: akeneo_lists.py.

Documented (pim.md 3.2, 3.4 to 3.7 and the vendor's swagger files): 4 calls at once per connection, 100 a second per instance, 100 items a
page; 429 with Retry-After in seconds; POST products-uuid/search (SaaS only; body {search, with_…}, paging in the query), elsewhere GET
products-uuid (7.0) with the same filter; the parent filter of products with `=` gives everything below a model, also below its sub-models;
with_asset_share_links for the search. Public code: with_asset_share_links elsewhere; with_enabled_assets_only, which is therefore asked for
only where `api` says so. Inferred: that model codes are filtered as `code` (later versions) or `identifier`, and what an older version does
not know as a filter it answers with 422: then things are read one by one. The next page of a POST is a POST of the same body. Codes are
compared without regard to case, as the PIM does.

Things: product by uuid, or by identifier where the events have none (5.0, 6.0); model by code; asset by `family/code`; variants by the code
of their model.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from app.fetchers.akeneo_auth import token
from app.fetchers.akeneo_codes import Coded, updated
from app.fetchers.akeneo_lists import API, Lists
from app.fetchers.calls import Calls, Limits, Rejected, Vendor
from app.fetchers.pages import changed_us, halved, page, rejected
from app.fetchers.tokens import Tokens, bearer
from app.sources.access import AkeneoApi
from app.sources.fetching import VARIANTS, Found, Page

OPEN_AT_ONCE = 4
# The instance allows 100 in any second, to all its clients together; a burst counts in addition.
PER_S, BURST = 88.0, 8
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Akeneo:
    """A Fetcher. Every batch is one call where the vendor knows the filter."""

    def __init__(self, vendor: Vendor, api: AkeneoApi) -> None:
        self.system = vendor.system
        self.per_call: Mapping[str, int] = {"product": api.batch, "model": api.batch, "asset": api.batch, VARIANTS: 1}
        credentials = bearer(api.token) if api.token else Tokens(vendor.clock, lambda before: token(self._calls, api, before))
        limits = Limits(OPEN_AT_ONCE, PER_S, BURST, timeout_s=api.timeout_s)
        self._calls = Calls(vendor, api.url, credentials, limits)
        self.concurrency = self._calls.open_at_once
        self._lists = Lists(self._calls, api.batch, ["with_enabled_assets_only"] if api.enabled_assets_only else [])
        self._by_identifier = Coded(self._calls, self._lists, "product", "identifier", ["identifier"])
        self._models = Coded(self._calls, self._lists, "model", "code", ["code", "identifier"])
        self._assets = Coded(self._calls, self._lists, "asset", "code", ["code"])

    async def fetch(self, kind: str, things: Sequence[str]) -> AsyncIterator[Page]:
        """Pages as app/sources/fetching.py says.

        Failure policy: raises VendorDown, VendorBusy, VendorDenied and tries nothing again; the task does.
        """
        wishes = {"product": self._products, "model": self._models_of, "asset": self._assets_of, VARIANTS: self._variants_of}
        async for one in wishes[kind](things):
            yield one

    async def _products(self, things: Sequence[str]) -> AsyncIterator[Page]:
        async for one in halved([thing for thing in things if UUID.fullmatch(thing)], self._by_uuid):
            yield one
        async for one in self._by_identifier.pages("/products", [thing for thing in things if not UUID.fullmatch(thing)]):
            yield one

    async def _by_uuid(self, uuids: Sequence[str]) -> Page:
        states, began_us = await self._lists.whole(
            self._lists.products({"uuid": [{"operator": "IN", "value": list(uuids)}]}), "uuid", uuids
        )
        return page("product", uuids, states, began_us, updated=updated)

    def _models_of(self, things: Sequence[str]) -> AsyncIterator[Page]:
        return self._models.pages("/product-models", things)

    async def _assets_of(self, things: Sequence[str]) -> AsyncIterator[Page]:
        """Assets are listed per family; a key that names no family is nothing that the vendor could be asked for."""
        families: dict[str, list[str]] = {}
        for thing in things:
            family, _, code = thing.partition("/")
            families.setdefault(family if code else "", []).append(thing)
        if unread := families.pop("", []):
            yield Page(0, rejected=dict.fromkeys(unread, "the key of an asset is family/code, this one is not"))
        for family, held in families.items():
            async for one in self._assets.pages(f"/asset-families/{quote(family, safe='')}/assets", held, f"{family}/"):
                yield one

    async def _variants_of(self, things: Sequence[str]) -> AsyncIterator[Page]:
        for code in things:
            try:
                async for one in self._below(code):
                    yield one
            except Rejected as refused:
                yield await self._refused(code, refused)

    async def _below(self, code: str) -> AsyncIterator[Page]:
        """Sub-models, then products, of all levels below a model, page by page."""
        began_us = 0
        try:
            async for states, at_us in self._lists.pages(self._lists.get("/product-models", _parent("IN", [code])), "code"):
                yield Page(at_us, [_found("model", sub, state) for sub, state in states.items()])
        except Rejected:
            # Before 6.0 models have no parent filter. Their products come all the same, inherited values included.
            pass
        async for states, began_us in self._lists.pages(self._lists.products(_parent("=", code)), "uuid"):
            yield Page(began_us, [_found("product", uuid, state) for uuid, state in states.items()])
        yield Page(began_us, done=(code,))

    async def _refused(self, code: str, refused: Rejected) -> Page:
        """A model that does not exist (any more) has no variants, and may not be filtered by; everything else is the wish's fault."""
        try:
            answer = await self._calls.call("GET", f"{API}/product-models/{quote(code, safe='')}")
        except Rejected:
            return rejected(code, refused)
        return Page(answer.began_us, done=(code,)) if self._calls.missing(answer) else rejected(code, refused)


def _parent(operator: str, value: str | list[str]) -> dict[str, Any]:
    return {"parent": [{"operator": operator, "value": value}]}


def _found(kind: str, thing: str, state: Any) -> Found:
    return Found(kind, thing, state, changed_us(updated(state)))
