"""Cloudinary's Admin API.

Owns: the calls. Does not own: what an asset means (app/sources/presets/cloudinary.yaml). Next stop: calls.py.

Documented, and in the vendor's library (cloudinary 1.46 `api.py`): GET /v1_1/{cloud}/resources/by_asset_ids (up to 100 asset_ids[]; deleted
assets are left out), /resources/{asset_id} and /resources/{resource_type}/{type}/{public_id} with all details; Basic key:secret; calls an
hour by plan (500 or 2,000), 420 beyond, X-FeatureRateLimit-Reset with the instant of the next one. Not documented is whether a list shows
access_control; it shows no derived files. So a list tells what still exists, one call for a hundred, and each that does is read by itself:
a state without its access windows would open what is embargoed.

Things: asset_id (32 hexadecimal digits), or `resource_type/type/public_id` where a notification has no asset_id.
"""

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from app.errors import VendorDown
from app.fetchers.calls import Calls, Fixed, Limits, Vendor, itself, member, parsed
from app.fetchers.pages import each, halved, page
from app.sources.access import CloudinaryApi
from app.sources.fetching import Found, Page

OPEN_AT_ONCE, PER_CALL, BUSY_S = 4, 100, 300.0


class Cloudinary:
    """A Fetcher."""

    def __init__(self, vendor: Vendor, api: CloudinaryApi) -> None:
        self.system = vendor.system
        self.per_call: Mapping[str, int] = {"asset": PER_CALL}
        basic = base64.b64encode(f"{api.key.get_secret_value()}:{api.secret.get_secret_value()}".encode()).decode()
        # Over any hour at most the burst and nine tenths of the allowance.
        burst = max(1, api.per_hour // 20)
        limits = Limits(
            OPEN_AT_ONCE,
            max(api.per_hour * 0.9, 0.5) / 3600,
            burst,
            busy_s=BUSY_S,
            reset="x-featureratelimit-reset",
            timeout_s=api.timeout_s,
        )
        self._calls = Calls(vendor, f"{api.url}/v1_1/{api.cloud}", Fixed({"Authorization": f"Basic {basic}"}), limits)
        self.concurrency = self._calls.open_at_once

    async def fetch(self, kind: str, things: Sequence[str]) -> AsyncIterator[Page]:
        """Pages as app/sources/fetching.py says.

        Failure policy: raises VendorDown, VendorBusy, VendorDenied and tries nothing again; the task does.
        """
        ids = [thing for thing in things if "/" not in thing]
        there = ids
        if len(ids) > 1:
            there = []
            async for listed in halved(ids, self._existing):
                there += [found.thing for found in listed.found if found.state is not None]
                gone = [found for found in listed.found if found.state is None]
                if gone or listed.rejected:
                    yield Page(listed.began_us, gone, [found.thing for found in gone], listed.rejected)
        async for one in each([*there, *(thing for thing in things if "/" in thing)], partial(self._details, kind)):
            yield one

    async def _existing(self, ids: Sequence[str]) -> Page:
        answer = await self._calls.call("GET", "/resources/by_asset_ids", query=[("asset_ids[]", one) for one in ids])
        data = parsed(self.system, answer)
        listed = member(self.system, data, "resources")
        if data.get("next_cursor"):
            raise VendorDown(f"{self.system} answers with a part of its list: what is left out of it may exist")
        held = {member(self.system, one, "asset_id", kind=str) for one in listed}
        return Page(answer.began_us, [Found("asset", one, True if one in held else None) for one in ids])

    async def _details(self, kind: str, thing: str) -> Page:
        resource_type, _, rest = thing.partition("/")
        delivery, _, public_id = rest.partition("/")
        path = f"/{quote(resource_type)}/{quote(delivery)}/{quote(public_id, safe='')}" if rest else f"/{quote(thing, safe='')}"
        answer = await self._calls.call("GET", f"/resources{path}")
        states = {} if self._calls.missing(answer) else {thing: self._asset(thing, parsed(self.system, answer))}
        return page(kind, [thing], states, answer.began_us, updated=_updated)

    def _asset(self, thing: str, data: Any) -> Any:
        name = "public_id" if "/" in thing else "asset_id"
        return itself(self.system, thing.split("/", 2)[-1], data, name)


def _updated(state: Any) -> Any:
    """Documented for details, but not for all plans: without it the start of the call orders the state."""
    held = state.get("last_updated")
    return held.get("updated_at") if isinstance(held, dict) else None
