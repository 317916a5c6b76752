"""`PUT` and `DELETE /v1/skus/{sku}/decisions/{system}/{asset}`: what people decide about an asset on a product.

Owns: who may decide, the event of a decision, its audit. Does not own: the record's key and change (app/domain/decisions.py), what a
decision does to a binding (app/domain/bind.py). Next stop: app/domain/decisions.py.

A decision is kept for (product, asset), not for the SKU, so that a renamed SKU keeps it. A path with several `/decisions/` in it is cut at
the last one; write the slashes of a name that holds one as `%2F`.
"""

from typing import Annotated, Any
from uuid import uuid4

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath

from app import audit
from app.api.access import secured
from app.api.answers import answered
from app.api.deps import Api, Catalogue, api_of, sku_key
from app.api.models import Accepted, Decision
from app.api.paths import plain
from app.api.problems import Problem, responses
from app.api.skus import SkuPath, stored
from app.domain import keys
from app.domain.decisions import CLEARED, SET, SOURCE, decision_key
from app.domain.instants import rfc3339
from app.ports import Entry
from schemas import topics
from schemas.event import Event

router = APIRouter(tags=["Decisions"])

PATH = "/v1/skus/{sku:path}/decisions/{system}/{asset:path}"
SystemPath = Annotated[str, InPath(description="The asset's system.", examples=["cloudinary-eu"])]
AssetPath = Annotated[str, InPath(description="The asset's id there; slashes may be written as they are.", examples=["7d1f0a"])]
REFUSALS = (400, 401, 403, 404, 409, 422, 503)


@router.put(
    PATH,
    summary="Decide about an asset on a product",
    status_code=202,
    response_model=None,
    responses=responses(Accepted, *REFUSALS, status=202),
    openapi_extra=dict(secured("catalogue")),
)
async def decide(request: Request, actor: Catalogue, sku: SkuPath, system: SystemPath, asset: AssetPath, decision: Decision) -> Response:
    """Approves or rejects the asset, pins it, or gives it a place in the order. It replaces what was decided before about the pair."""
    said = decision.model_dump(exclude={"why"}, exclude_none=True)
    if not decision.pin:
        del said["pin"]
    if not said:
        raise Problem("invalid", "body: say at least one of verdict, pin and place.", errors=[{"at": "body", "problem": "nothing decided"}])
    return await _decided(api_of(request), actor, SET, (plain(sku), plain(system), plain(asset)), said, decision.why)


@router.delete(
    PATH,
    summary="Take a decision back",
    status_code=202,
    response_model=None,
    responses=responses(Accepted, *REFUSALS, status=202),
    openapi_extra=dict(secured("catalogue")),
)
async def clear(
    request: Request,
    actor: Catalogue,
    sku: SkuPath,
    system: SystemPath,
    asset: AssetPath,
    why: Annotated[
        str, Query(min_length=1, max_length=500, description="For the audit and for colleagues.", examples=["Decided in error."])
    ],
) -> Response:
    """The sources alone decide again about the asset on this product."""
    return await _decided(api_of(request), actor, CLEARED, (plain(sku), plain(system), plain(asset)), {}, why)


async def _decided(api: Api, actor: str, kind: str, about: tuple[str, str, str], said: dict[str, Any], why: str) -> Response:
    """Makes the decision durable, then notes it.

    Failure policy: LogUnavailable before anything is durable, so the person repeats. The event itself says who and why; a store that is
    down in between costs the note, and the repetition that the 503 asks for makes it.
    """
    sku, system, asset = about
    product, asset_key = await _pair(api, sku, system, asset)
    at_us = api.clock.now_us()
    event = Event(
        id=uuid4().hex,
        source=SOURCE,
        type=kind,
        key=decision_key(product, asset_key),
        value=orjson.dumps({"about": [product, asset_key], **said, "by": actor, "why": why, "at_us": at_us}),
        arrived_us=at_us,
        time=rfc3339(at_us),
    )
    await api.log.append(topics.EVENTS_DECISIONS, [Entry(event.key.encode(), event.value, event.headers())])
    detail = {"event": event.id, **said}
    concerned = [f"sku/{sku_key(api, sku)}", product, asset_key]
    await audit.note(api.store, who=actor, what=kind, why=why, at_us=at_us, about=concerned, detail=detail)
    return answered({"accepted": event.id}, 202)


async def _pair(api: Api, sku: str, system: str, asset: str) -> tuple[str, str]:
    """Record keys of the SKU's product and of the asset. Raises Problem where either is unknown."""
    doc = await stored(api, sku)
    answer = orjson.loads(doc.body)
    if answer["product"] is None:
        text = f"No product with the SKU {sku[:200]!r} is known yet, and decisions are kept for products. Wait until the PIM has sent it."
        raise Problem("no-product", text)
    asset_key = keys.record_key("asset", system, asset)
    if asset_key not in doc.tokens and (len(asset_key) > 1000 or not await api.store.records.load([asset_key])):
        raise Problem("unknown-asset", f"Nothing is known about the asset {asset[:200]!r} of {system[:100]!r}. Check system and id.")
    return keys.record_key("product", answer["product"]["system"], answer["product"]["id"]), asset_key
