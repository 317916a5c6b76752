"""Contentful's APIs: up to 100 assets per call.

Owns: the calls. Does not own: what an asset means (app/sources/presets/contentful.yaml). Next stop: calls.py.

Documented: GET /spaces/{space}/environments/{environment}/assets with sys.id[in] and limit, the same in two APIs. The Management API
(api.contentful.com, the default) shows drafts, too, and every locale; 7 requests a second on the free plan, 10 on others. The Delivery API
(cdn.contentful.com, `delivery: true`) shows what is published only, needs locale=* for every locale, and allows 55 a second. Both: 429 with
X-Contentful-RateLimit-Reset in seconds, answers up to 7 MB. An asset that is not in the list does not exist (or, in the Delivery API, is
not published). Inferred: four calls at once.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from app.errors import VendorDenied, VendorDown
from app.fetchers.calls import Calls, Limits, Vendor, member, parsed
from app.fetchers.pages import halved, page
from app.fetchers.tokens import bearer
from app.sources.access import ContentfulApi
from app.sources.fetching import Page

OPEN_AT_ONCE, PER_CALL, BUSY_S = 4, 100, 1.0
MANAGEMENT_PER_S, DELIVERY_PER_S = 5.0, 40.0


class Contentful:
    """A Fetcher."""

    def __init__(self, vendor: Vendor, api: ContentfulApi) -> None:
        self.system = vendor.system
        self.per_call: Mapping[str, int] = {"asset": PER_CALL}
        per_s, burst = (DELIVERY_PER_S, 8) if api.delivery else (MANAGEMENT_PER_S, 1)
        limits = Limits(OPEN_AT_ONCE, per_s, burst, busy_s=BUSY_S, reset="x-contentful-ratelimit-reset", timeout_s=api.timeout_s)
        base = f"{api.url}/spaces/{api.space}/environments/{api.environment}"
        self._calls = Calls(vendor, base, bearer(api.token), limits)
        self.concurrency = self._calls.open_at_once
        self._more = [("locale", "*")] if api.delivery else []

    def fetch(self, kind: str, things: Sequence[str]) -> AsyncIterator[Page]:
        """Pages as app/sources/fetching.py says.

        Failure policy: raises VendorDown, VendorBusy, VendorDenied and tries nothing again; the task does.
        """
        return halved(things, self._assets)

    async def _assets(self, ids: Sequence[str]) -> Page:
        query = [("sys.id[in]", ",".join(ids)), ("limit", str(PER_CALL)), *self._more]
        answer = await self._calls.call("GET", "/assets", query=query)
        if self._calls.missing(answer):
            raise VendorDenied(f"{self.system} knows no such space or environment, or the token may not see it; check `api`")
        data = parsed(self.system, answer)
        items = member(self.system, data, "items")
        if member(self.system, data, "total", kind=int) > len(items):
            raise VendorDown(f"{self.system} answers with a part of its list: what is left out of it may exist")
        states = {member(self.system, item, "sys", "id", kind=str): item for item in items}
        return page("asset", ids, states, answer.began_us, updated=_updated)


def _updated(state: Any) -> Any:
    return state["sys"].get("updatedAt")
