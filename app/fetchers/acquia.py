"""Acquia DAM's (Widen's) API: one asset per call.

Owns: the calls. Does not own: what an asset means (app/sources/presets/acquia.yaml). Next stop: singles.py.

Public code (dam.md 2.8): GET /v2/assets/{id}?expand=…. Documented by the vendor: 50 requests a second, 429 beyond, X-Ratelimit-Reset with
the instant of the next one, 500,000 calls a month before they are charged for. What was deleted is still there, with `deleted_date`.
"""

from typing import Any
from urllib.parse import quote

from app.fetchers.calls import Calls, Limits, Vendor, itself
from app.fetchers.singles import Singles
from app.fetchers.tokens import bearer
from app.ports import Answer
from app.sources.access import AcquiaApi

OPEN_AT_ONCE = 4
PER_S, BURST, BUSY_S = 40.0, 8, 5.0
EXPAND = "embeds,file_properties,metadata,security,thumbnails"


def acquia(vendor: Vendor, api: AcquiaApi) -> Singles:
    """The fetcher of assets."""
    limits = Limits(OPEN_AT_ONCE, PER_S, BURST, busy_s=BUSY_S, reset="x-ratelimit-reset", timeout_s=api.timeout_s)
    calls = Calls(vendor, api.url, bearer(api.token), limits)

    def state(_: str, thing: str, data: Any) -> Any:
        return itself(vendor.system, thing, data, "id")

    async def ask(_: str, thing: str) -> Answer:
        return await calls.call("GET", f"/v2/assets/{quote(thing, safe='')}", query=[("expand", EXPAND)])

    return Singles(calls, ["asset"], ask, state=state, updated=lambda held: held.get("last_update_date"))
