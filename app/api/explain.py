"""`GET /v1/skus/{sku}/explain`: why each asset is shown for a SKU or not, and when that changes by itself (promise P7).

Owns: the route. Does not own: the explanation (app/domain/bind.py), its inputs (consumers/inputs.py). Next stop: app/domain/bind.py.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from app.api.answers import answered
from app.api.deps import api_of
from app.api.models import Explanation
from app.api.paths import plain
from app.api.problems import Problem, responses
from app.api.shown import WITHHELD
from app.api.skus import SkuPath, known_inputs
from app.domain import keys
from app.domain.explain import explain

router = APIRouter(tags=["SKUs"])


@router.get(
    "/v1/skus/{sku:path}/explain",
    summary="Why an asset is shown for a SKU or not",
    response_model=None,
    responses=responses(Explanation, 401, 404, 422, 503),
)
async def explain_sku(
    request: Request,
    sku: SkuPath,
    asset: Annotated[
        str | None, Query(description="`<system>/<id>`: only this asset; without it, all of them.", examples=["cloudinary-eu/7d1f0a"])
    ] = None,
) -> Response:
    """Decides anew from what is known at this instant, and says for each asset what decided: which event of which source, which rule.

    A SKU that itself ends in `/explain` is written with `%2F`.
    """
    api = api_of(request)
    api.access.may_read(request)
    name = plain(sku)
    if asset is not None and not all(asset.partition("/")[::2]):
        raise Problem("invalid", "asset: write it as <system>/<id>, as in cloudinary-eu/7d1f0a.", errors=[{"at": "query.asset"}])
    inputs = await known_inputs(api, name)
    wanted = keys.record_key("asset", *asset.split("/", 1)) if asset else None
    told = explain(inputs, api.configuration.policy, api.clock.now_us(), wanted)
    for one in told["assets"]:
        one["decided_by"] = [_without_address(fact) for fact in one["decided_by"]]
    return answered(told)


def _without_address(fact: dict[str, Any]) -> dict[str, Any]:
    if not fact["path"].startswith(WITHHELD):
        return fact
    return {**fact, "value": "withheld: it stands at the binding, while the asset may be shown"}
