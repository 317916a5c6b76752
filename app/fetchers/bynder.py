"""Bynder's API: one asset per call.

Owns: the calls. Does not own: what an asset means (app/sources/presets/bynder.yaml). Next stop: singles.py.

Public code and derived descriptions (dam.md 2.3): GET /api/v4/media/{id}/?versions=1; 4,500 requests in 5 minutes per address, no header
says so, and a client that is told 429 stays away for 5 minutes. OAuth client credentials at /v6/authentication/oauth2/token are in the
vendor's description of its OAuth API. How many calls may be open is not said: four.
"""

from typing import Any
from urllib.parse import quote, urlencode

from app.fetchers.calls import Calls, Limits, Vendor, itself, member
from app.fetchers.singles import Singles
from app.fetchers.tokens import Token, Tokens, bearer
from app.ports import Answer
from app.sources.access import BynderApi

OPEN_AT_ONCE = 4
# 14 a second are 4,200 in 5 minutes; the burst counts in addition, and once more where another process takes over.
PER_S, BURST, BUSY_S = 14.0, 100, 300.0


def bynder(vendor: Vendor, api: BynderApi) -> Singles:
    """The fetcher of assets."""

    async def grant(_: Token | None) -> Token:
        assert api.client_id
        assert api.client_secret
        client = {"client_id": api.client_id.get_secret_value(), "client_secret": api.client_secret.get_secret_value()}
        body = urlencode({"grant_type": "client_credentials", "scope": api.scope, **client}).encode()
        given = await calls.grant("/v6/authentication/oauth2/token", {"Content-Type": "application/x-www-form-urlencoded"}, body)
        lasts_s = given.get("expires_in") if isinstance(given, dict) else None
        return Token(member(vendor.system, given, "access_token", kind=str), float(lasts_s) if isinstance(lasts_s, int | float) else None)

    def state(_: str, thing: str, data: Any) -> Any:
        return itself(vendor.system, thing, data, "id")

    async def ask(_: str, thing: str) -> Answer:
        return await calls.call("GET", f"/api/v4/media/{quote(thing, safe='')}/", query=[("versions", "1")])

    credentials = bearer(api.token) if api.token else Tokens(vendor.clock, grant)
    limits = Limits(OPEN_AT_ONCE, PER_S, BURST, busy_s=BUSY_S, timeout_s=api.timeout_s)
    calls = Calls(vendor, api.url, credentials, limits)
    return Singles(calls, ["asset"], ask, state=state, updated=lambda held: held.get("dateModified"))
