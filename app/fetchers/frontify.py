"""Frontify's GraphQL API: several assets per call.

Owns: the query and what errors mean. Does not own: what an asset means (app/sources/presets/frontify.yaml). Next stop: calls.py.

Documented (schema pages of the vendor): queries asset(id: ID!): Asset and assets(ids: [ID!]!): [Asset]; the fields of the interface Asset;
custom metadata with `value` or `values`. Public code: the fields of Image, Video, Document, Audio and File in one query,
downloadUrl(permanent: true), the header X-Frontify-Beta. Probed by others: errors come with 200, extensions.category `permission` for a
wrong token; the vendor publishes no limits, only a score of each query's cost. Inferred: 25 ids a call, four calls at once, five a second;
an asset that is null in an answer without errors does not exist.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from app.errors import VendorDenied, VendorDown
from app.fetchers.calls import Calls, Limits, Rejected, Vendor, itself, member, parsed
from app.fetchers.pages import halved, page
from app.fetchers.tokens import bearer
from app.sources.access import FrontifyApi
from app.sources.fetching import Page

OPEN_AT_ONCE, PER_CALL = 4, 25
PER_S, BURST, BUSY_S = 5.0, 5, 60.0
_FILE = "filename extension size previewUrl downloadUrl(permanent: true)"
_FIELDS = f"""{{
  __typename id externalId title description alternativeText createdAt modifiedAt expiresAt author status
  availability {{ from to }} copyright {{ status notice }} tags {{ value }} licenses {{ id title license }}
  customMetadata {{ property {{ id name }} ... on CustomMetadataValue {{ value }} ... on CustomMetadataValues {{ values }} }}
  ... on Image {{ {_FILE} width height }} ... on Video {{ {_FILE} width height }}
  ... on Document {{ {_FILE} }} ... on Audio {{ {_FILE} }} ... on File {{ {_FILE} }}
}}"""
ONE = f"query Asset($id: ID!) {{ asset(id: $id) {_FIELDS} }}"
SEVERAL = f"query Assets($ids: [ID!]!) {{ assets(ids: $ids) {_FIELDS} }}"


class Frontify:
    """A Fetcher."""

    def __init__(self, vendor: Vendor, api: FrontifyApi) -> None:
        self.system = vendor.system
        self.per_call: Mapping[str, int] = {"asset": PER_CALL}
        limits = Limits(OPEN_AT_ONCE, PER_S, BURST, busy_s=BUSY_S, timeout_s=api.timeout_s, missing=())
        self._calls = Calls(vendor, api.url, bearer(api.token), limits)
        self.concurrency = self._calls.open_at_once

    def fetch(self, kind: str, things: Sequence[str]) -> AsyncIterator[Page]:
        """Pages as app/sources/fetching.py says.

        Failure policy: raises VendorDown, VendorBusy, VendorDenied and tries nothing again; the task does.
        """
        return halved(things, self._assets)

    async def _assets(self, ids: Sequence[str]) -> Page:
        if len(ids) == 1:
            try:
                data, began_us = await self._data(ONE, {"id": ids[0]})
                if "asset" in data and data["asset"] is None:
                    return self._page(ids, [], began_us)
                return self._page(ids, [itself(self.system, ids[0], member(self.system, data, "asset", kind=dict), "id")], began_us)
            except Rejected:
                # An error may stand for an asset that does not exist; the list has a null for it.
                pass
        data, began_us = await self._data(SEVERAL, {"ids": list(ids)})
        return self._page(ids, member(self.system, data, "assets"), began_us)

    def _page(self, ids: Sequence[str], assets: Sequence[Any], began_us: int) -> Page:
        states = {member(self.system, one, "id", kind=str): _plain(one) for one in assets if one is not None}
        return page("asset", ids, states, began_us, updated=lambda state: state.get("modifiedAt"))

    async def _data(self, query: str, variables: Mapping[str, Any]) -> tuple[Any, int]:
        """What stands under `data`, and the start of the call. Raises Rejected where there are errors."""
        asked = {"query": query, "variables": variables}
        try:
            answer = await self._calls.call("POST", "/graphql", json=asked, headers={"X-Frontify-Beta": "enabled"})
        except Rejected as refused:
            # Documented by others: 400 is about the query, which is the same for all assets.
            raise VendorDown(f"{refused}: it is the query that is refused, not an asset; check `api.url`") from None
        data = parsed(self.system, answer)
        errors = member(self.system, data.get("errors") or [] if isinstance(data, dict) else data)
        if errors:
            self._failed(errors, Rejected(f"{self.system} answers the query with {len(errors)} errors", answer))
        return member(self.system, data, "data", kind=dict), answer.began_us

    def _failed(self, errors: Sequence[Any], refused: Rejected) -> None:
        """A partial answer is none: what is null in it may exist."""
        categories = {
            str(one["extensions"].get("category")) for one in errors if isinstance(one, dict) and isinstance(one.get("extensions"), dict)
        }
        if "permission" in categories:
            raise VendorDenied(f"{self.system} does not permit the query; check the token in `api` and its scopes (basic:read)")
        if "internal" in categories:
            raise VendorDown(f"{self.system} answers the query with an internal error")
        raise refused


def _plain(asset: Any) -> Any:
    """Custom metadata with several values under the name that those with one have."""
    metadata = asset.get("customMetadata")
    for one in metadata if isinstance(metadata, list) else ():
        if isinstance(one, dict) and "values" in one:
            one["value"] = one.pop("values")
    return asset
