"""Akeneo's OAuth: password grant (client credentials where no user is configured), refresh token.

Owns: the calls of `POST /api/oauth/v1/token`. Does not own: when a token is renewed (tokens.py). Next stop: akeneo.py.

Documented (pim.md 3.1): Basic client_id:secret; grant_type password with username and password, or refresh_token; the answer's
access_token, expires_in (3600), refresh_token (valid for 14 days). Public code: what is wrong with the credentials is answered with 422.
An app's token has no end, but may be revoked at any moment; it is given as `token` and never comes here.
"""

import base64
from collections.abc import Mapping

import orjson

from app.errors import VendorDenied
from app.fetchers.calls import Calls, member
from app.fetchers.tokens import Token
from app.sources.access import AkeneoApi

PATH = "/api/oauth/v1/token"


async def token(calls: Calls, api: AkeneoApi, before: Token | None) -> Token:
    """A new token: from the refresh token of the last one, from the password where there is none or it is not accepted.

    Failure policy: raises VendorDown, VendorBusy; VendorDenied where the password is not accepted either.
    """
    if before and before.refresh:
        try:
            return await _granted(calls, api, {"grant_type": "refresh_token", "refresh_token": before.refresh})
        except VendorDenied:
            # It may have ended (14 days) or been revoked; the password says whether we still may.
            pass
    if api.username is None or api.password is None:
        return await _granted(calls, api, {"grant_type": "client_credentials"})
    user, password = api.username.get_secret_value(), api.password.get_secret_value()
    return await _granted(calls, api, {"grant_type": "password", "username": user, "password": password})


async def _granted(calls: Calls, api: AkeneoApi, asked: Mapping[str, str]) -> Token:
    assert api.client_id
    assert api.client_secret
    client = base64.b64encode(f"{api.client_id.get_secret_value()}:{api.client_secret.get_secret_value()}".encode()).decode()
    headers = {"Authorization": f"Basic {client}", "Content-Type": "application/json"}
    given = await calls.grant(PATH, headers, orjson.dumps(asked))
    value = member(calls.system, given, "access_token", kind=str)
    lasts_s, refresh = given.get("expires_in"), given.get("refresh_token")
    return Token(value, float(lasts_s) if isinstance(lasts_s, int | float) else None, refresh if isinstance(refresh, str) else "")
