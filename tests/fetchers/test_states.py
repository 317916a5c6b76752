"""What fetchers bring is what presets read: samples of APIs go through a server, a fetcher and the vendor's preset to the golden facets."""

from typing import Any

import orjson
import pytest

from app.fetchers.akeneo import Akeneo as AkeneoFetcher
from app.fetchers.template import template
from app.sources import access
from app.sources.fetching import VARIANTS, Fetcher, Found
from tests.fetchers.vendors import CASES, SECRET
from tests.fetchers.world import World, fetched
from tests.sources.builders import ARRIVED_US, SAMPLES, VERSION
from tests.sources.expectations import GOLDEN, source
from tests.vendors.akeneo import Akeneo
from tests.vendors.template import Anything

AKENEO = ("akeneo-rest-product", "akeneo-rest-product-model", "akeneo-rest-asset", "akeneo-asset-get")
DAMS = ("acquia-asset-get", "brandfolder-asset-get", "bynder-media-get", "frontify-asset-get")
TEMPLATES = ("aprimo-record-get", "canto-asset-get")


def golden_of(sample: str) -> dict[str, Any]:
    return dict(orjson.loads((GOLDEN / f"{sample}.json").read_bytes()))


def read(golden: dict[str, Any], found: Found, began_us: int) -> None:
    """Sends a state through its source, and compares with the golden file."""
    sender = source(golden["source"])
    event = sender.fetched(found, began_us=began_us, at_least=0, arrived_us=ARRIVED_US)
    shown = [(change.record, change.leaves) for change in sender.project(event, VERSION).changes]
    assert orjson.loads(orjson.dumps(shown)) == [[one["key"], one["leaves"]] for one in golden["events"]]


async def reading(sample: str, fetcher: Fetcher, kind: str, thing: str) -> None:
    """Fetches the thing and reads it."""
    (page,) = (await fetched(fetcher, kind, [thing])).pages
    (found,) = page.found
    read(golden_of(sample), found, page.began_us)


@pytest.mark.parametrize("sample", AKENEO)
async def test_akeneo(world: World, sample: str) -> None:
    """Products, models and assets of the samples."""
    server = await world.serve(Akeneo())
    server.permanent.add(SECRET)
    wish = golden_of(sample)["fetched"]
    server.put(wish["kind"], wish["thing"], (SAMPLES / f"{sample}.json").read_bytes())
    fetcher = AkeneoFetcher(world.vendor(), access.AkeneoApi.model_validate({"url": server.url, "token": SECRET}))
    await reading(sample, fetcher, wish["kind"], wish["thing"])


@pytest.mark.parametrize("sample", DAMS)
async def test_dams(world: World, sample: str) -> None:
    """Each DAM's own fetcher and the answer of its API; Frontify's passes through GraphQL."""
    case = CASES[sample.partition("-")[0]]
    server = await world.serve(case.server())
    wish, state = golden_of(sample)["fetched"], orjson.loads((SAMPLES / f"{sample}.json").read_bytes())
    server.put("asset", wish["thing"], state["data"]["asset"] if case.name == "frontify" else state)
    await reading(sample, case.fetching(world.vendor(), server.url), "asset", wish["thing"])


@pytest.mark.parametrize("sample", TEMPLATES)
async def test_templates(world: World, sample: str) -> None:
    """DAMs without a fetcher of their own, by the generic GET."""
    server = await world.serve(Anything())
    wish = golden_of(sample)["fetched"]
    server.put("asset", wish["thing"], (SAMPLES / f"{sample}.json").read_bytes())
    words = {"url": f"{server.url}/api/asset/{{id}}", "headers": {"X-Api-Key": "s3cr3t"}, "item": "result", "open_at_once": 2}
    fetcher = template(world.vendor(), access.TemplateApi.model_validate(words), "asset")
    await reading(sample, fetcher, "asset", wish["thing"])


async def test_variants_are_products_and_models(world: World) -> None:
    """What a wish for variants brings is read like any product and model."""
    server = await world.serve(Akeneo())
    server.permanent.add(SECRET)
    for kind, sample in (("product", "akeneo-rest-product"), ("model", "akeneo-rest-product-model")):
        server.put(kind, golden_of(sample)["fetched"]["thing"], (SAMPLES / f"{sample}.json").read_bytes())
    fetcher = AkeneoFetcher(world.vendor(), access.AkeneoApi.model_validate({"url": server.url, "token": SECRET}))
    brought = await fetched(fetcher, VARIANTS, ["LMP-2041"])
    (found,) = [found for page in brought.pages for found in page.found]
    read(golden_of("akeneo-rest-product"), found, brought.pages[0].began_us)
