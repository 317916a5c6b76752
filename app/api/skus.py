"""`GET /v1/skus/{sku}` and its kin: the answers as they are stored.

Owns: asking for one SKU or many. Does not own: what may be shown at this instant (app/api/shown.py), changes (app/api/changes.py).
Next stop: app/api/shown.py.

SKUs may hold slashes. In a path `/` may stand as it is; a SKU that ends in `/explain` is written with `%2F` there, or asked for by `?sku=`.
"""

from collections.abc import Iterable
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath

from app.api.answers import answered
from app.api.changes import changes_page
from app.api.deps import Api, api_of, sku_key
from app.api.models import ChangesPage, SkuAnswer, SkuBatch, SkuBatchAnswer
from app.api.paths import plain
from app.api.problems import Problem, responses
from app.api.shown import shown
from app.domain.inputs import Inputs
from app.ports import Doc

router = APIRouter(tags=["SKUs"])

MOST = 500

SkuPath = Annotated[str, InPath(description="The SKU; slashes may be written as they are.", examples=["NH-TEE-001"])]
Limit = Annotated[int, Query(ge=1, le=MOST, description="At most about so many items.")]


async def stored(api: Api, asked: str) -> Doc:
    """The stored answer of a SKU in any spelling. Raises Problem (404). Failure policy: StoreUnavailable passes through (503)."""
    sku = sku_key(api, asked)
    doc = (await _given(api, [sku])).get(sku)
    if doc is None:
        raise _unknown(asked)
    return doc


async def known_inputs(api: Api, asked: str) -> Inputs:
    """All that a decision about a SKU in any spelling reads. Raises Problem (404) where no record names it and it never had an answer.

    Failure policy: StoreUnavailable passes through (503).
    """
    sku = sku_key(api, asked)
    # A longer one would make tokens that no engine holds.
    if 0 < len(sku) <= 900:
        inputs = (await api.asks.load_inputs(api.store, [sku], api.configuration.policy))[sku]
        if inputs.products or inputs.assets or await _given(api, [sku]):
            return inputs
    raise _unknown(asked)


def _unknown(asked: str) -> Problem:
    return Problem("unknown-sku", f"Nothing is known about the SKU {asked[:200]!r}. Check the spelling, or wait for its first event.")


async def _given(api: Api, skus: Iterable[str]) -> dict[str, Doc]:
    """The stored answers, by SKU. Revision 0 marks a SKU that was asked for and never had an answer."""
    docs = await api.store.bindings.load({sku for sku in skus if 0 < len(sku) <= 1000})
    return {sku: doc for sku, doc in docs.items() if doc.numbers["revision"] > 0}


@router.get(
    "/v1/skus",
    summary="Changes since a cursor, or one SKU by `?sku=`",
    response_model=None,
    responses=responses(ChangesPage | SkuAnswer, 400, 401, 404, 410, 422, 503),
)
async def list_skus(
    request: Request,
    sku: Annotated[str | None, Query(description="Ask for this one SKU, whatever characters it has.", examples=["NH-TEE-001"])] = None,
    changed_since: Annotated[str, Query(description="`next` of the page before; without it, everything from the beginning.")] = "",
    limit: Limit = 100,
) -> Response:
    """Every SKU whose answer changed after the cursor, each with its present answer.

    `next` is always a cursor: an empty page says that nothing has changed since, so ask again later with the same or the new cursor. No
    change is ever skipped; a SKU may come again, never with an older revision.
    """
    api = api_of(request)
    api.access.may_read(request)
    if sku is not None:
        return answered(shown(await stored(api, sku), api.clock.now_us()))
    return answered(await changes_page(api, changed_since, limit))


@router.post(
    "/v1/skus/batch",
    summary="Many SKUs at once",
    response_model=None,
    responses=responses(SkuBatchAnswer, 400, 401, 422, 503),
)
async def read_batch(request: Request, batch: SkuBatch) -> Response:
    """The answers of up to 500 SKUs, in the order asked for; `missing` names those of which nothing is known."""
    api = api_of(request)
    api.access.may_read(request)
    asked = {one: sku_key(api, one) for one in batch.skus}
    docs = await _given(api, asked.values())
    now_us = api.clock.now_us()
    found = dict.fromkeys(sku for sku in asked.values() if sku in docs)
    items = b",".join(shown(docs[sku], now_us) for sku in found)
    missing = orjson.dumps([one for one, sku in asked.items() if sku not in docs])
    return answered(b'{"items":[%b],"missing":%b,"next":null}' % (items, missing))


@router.get(
    "/v1/skus/{sku:path}",
    summary="One SKU",
    response_model=None,
    responses=responses(SkuAnswer, 401, 404, 422, 503),
)
async def read_sku(request: Request, sku: SkuPath) -> Response:
    """Which assets may be shown for this SKU, in which order, and why. A binding has `url` and `renditions` only while it is `live`."""
    api = api_of(request)
    api.access.may_read(request)
    return answered(shown(await stored(api, plain(sku)), api.clock.now_us()))
