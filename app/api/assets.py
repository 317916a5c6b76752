"""`GET /v1/assets/{system}/{id}`: what is known of an asset, and the SKUs that hold it.

Owns: the plain view of a record. Does not own: where it may be shown (the SKUs say so). Next stop: app/api/shown.py.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath

from app.api import cursors
from app.api.answers import answered
from app.api.deps import Api, api_of
from app.api.models import AssetAnswer
from app.api.paths import plain
from app.api.problems import Problem, responses
from app.api.shown import WITHHELD, content
from app.domain import facets, keys
from app.ports import Doc

router = APIRouter(tags=["Assets"])

KIND = "asset-skus"


@router.get(
    "/v1/assets/{system}/{asset:path}",
    summary="One asset and the SKUs that hold it",
    response_model=None,
    responses=responses(AssetAnswer, 400, 401, 404, 422, 503),
)
async def read_asset(
    request: Request,
    system: Annotated[str, InPath(examples=["cloudinary-eu"])],
    asset: Annotated[str, InPath(description="The asset's id at its system; slashes may be written as they are.", examples=["7d1f0a"])],
    cursor: Annotated[str, Query(description="`skus.next` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=100, description="At most so many SKUs.")] = 50,
) -> Response:
    """What its system said of the asset, and every SKU that shows it, would show it, or must not."""
    api = api_of(request)
    api.access.may_read(request)
    system, asset = plain(system), plain(asset)
    key = keys.record_key("asset", system, asset)
    record = await _record(api, key)
    after = cursors.decode(KIND, cursor, str)[0] if cursor else ""
    docs = await api.store.bindings.matching([key], after=after, limit=limit + 1)
    if record is None and not docs and not after:
        raise Problem("unknown-asset", f"Nothing is known about the asset {asset[:200]!r} of {system[:100]!r}. Check system and id.")
    now_us = api.clock.now_us()
    following = cursors.encode(KIND, docs[limit - 1].id) if len(docs) > limit else None
    leaves = facets.visible(record) if record else {}
    answer = {
        "asset": {"system": system, "id": asset},
        "status": leaves.get("status", "active") if record else "unknown",
        "complete": facets.is_whole(record) if record else False,
        "facts": {leaf: leaves[leaf] for leaf in sorted(leaves) if leaf != "status" and not leaf.startswith(WITHHELD)},
        "skus": {"items": [_on(doc, system, asset, now_us) for doc in docs[:limit]], "next": following},
    }
    return answered(answer)


async def _record(api: Api, key: str) -> facets.Record | None:
    doc = (await api.store.records.load([key])).get(key) if len(key) <= 1000 else None
    return facets.load(key, doc.body, doc.version) if doc else None


def _on(doc: Doc, system: str, asset: str, now_us: int) -> dict[str, Any]:
    answer = content(doc, now_us)
    wanted = {"system": system, "id": asset}
    bindings = [binding for binding in answer["bindings"] if binding["asset"] == wanted]
    return {"sku": answer["sku"], "revision": answer["revision"], "bindings": bindings}
