"""Brandfolder's API: one asset per call.

Owns: the calls. Does not own: what an asset means (app/sources/presets/brandfolder.yaml, which reads the answer as it is, with what
stands under `included`). Next stop: singles.py.

Documented: GET /api/v4/assets/{id} with fields and include (dam.md 2.6); 403 for a wrong key *and* for a deleted asset, 404 for an id that
never was; 429 without a number or a time. A 403 is therefore looked into: where the same key may list its organizations, the asset is what
is gone; where it may not, it is the key. Inferred: two calls at once, five a second, a minute's rest after 429.
"""

from typing import Any
from urllib.parse import quote

from app.errors import VendorDenied
from app.fetchers.calls import Calls, Limits, Vendor, itself, member
from app.fetchers.singles import Singles
from app.fetchers.tokens import bearer
from app.ports import Answer
from app.sources.access import BrandfolderApi

OPEN_AT_ONCE = 2
PER_S, BURST, BUSY_S = 5.0, 5, 60.0
FIELDS = "created_at,updated_at,cdn_url,availability,availability_start,availability_end"
INCLUDE = "attachments,custom_fields,tags"


def brandfolder(vendor: Vendor, api: BrandfolderApi) -> Singles:
    """The fetcher of assets."""
    limits = Limits(OPEN_AT_ONCE, PER_S, BURST, busy_s=BUSY_S, timeout_s=api.timeout_s, missing=(403, 404, 410))
    calls = Calls(vendor, api.url, bearer(api.token), limits)

    async def ask(_: str, thing: str) -> Answer:
        answer = await calls.call("GET", f"/api/v4/assets/{quote(thing, safe='')}", query=[("fields", FIELDS), ("include", INCLUDE)])
        if answer.status == 403:
            # Losing the key's rights must not look like losing every asset.
            listed = await calls.call("GET", "/api/v4/organizations", query=[("per", "1")])
            if calls.missing(listed):
                raise VendorDenied(f"{vendor.system} answers 403 to an asset and to the list of organizations; check the key in `api`")
        return answer

    def state(_: str, thing: str, data: Any) -> Any:
        member(vendor.system, data, "data", "attributes", kind=dict)
        return itself(vendor.system, thing, data, "data", "id")

    return Singles(calls, ["asset"], ask, updated=lambda held: held["data"]["attributes"].get("updated_at"), state=state)
