"""Thin events on a whole service, beside a vendor that runs as a process of its own and watches its limits.

Owns: the stories. Does not own: the vendor (tests/vendors/akeneo.py), fetchers alone (tests/fetchers/), the owner of tasks dying
(tests/crash/). Next stop: consumers/fetching.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.deployment import Deployment, eventually, upload
from tests.functional.test_stories import accept, akeneo, delta, states
from tests.sources.vendors.akeneo_shapes import change
from tests.vendors.akeneo import product_state, product_uuid
from tests.vendors.command import Running, running

SOURCES = """
version: 1
sources:
  cloudinary-eu:
    preset: cloudinary
    secrets: [env:TEST_SECRET]
    tolerance_s: null
    when_rights_unknown: show
  akeneo-main:
    preset: akeneo-event-platform
    system: akeneo
    secrets: [env:TEST_SECRET]
    when_rights_unknown: show
    api: {{url: "{url}", token: env:TEST_SECRET}}
    joins: {{packshots: {{system: cloudinary-eu, by: public_id}}}}
    overrides: {{fetching: {{fetcher: akeneo, inheritance: flattened, delay_s: 0.2, late_s: 0.5}}}}
"""


@pytest.fixture
def vendor(deployment: Deployment) -> Iterator[Running]:
    """An Akeneo in another process, which has seen no limit broken when the test is over."""
    with running("akeneo", "--token", "s3cr3t", "--delay-ms", "5") as server:
        (deployment.folder / "bindery.yaml").write_text(SOURCES.format(url=server.url))
        yield server
        assert not server.report()["violations"]


def saved(number: int, *codes: str, at: str = "2026-10-14T09:00:00+00:00", **more: Any) -> dict[str, Any]:
    """A product that shows these packshots."""
    state = product_state(number, updated=at, **more)
    state["values"]["packshots"][0]["data"] = list(codes)
    return state


def updated(number: int, at: str) -> bytes:
    return akeneo("product.updated", {"product": {"uuid": product_uuid(number)}}, at)


def test_a_thin_event_becomes_the_state_that_the_vendor_holds(deployment: Deployment, vendor: Running) -> None:
    """What an event does not say is fetched: SKU, links, order; a later save is fetched again."""
    vendor.tell("put", {"kind": "product", "id": product_uuid(1), "state": saved(1, "front", "side")})
    service = deployment.up()
    accept(service, "cloudinary-eu", upload("front"))
    accept(service, "akeneo-main", updated(1, "2026-10-14T09:00:00Z"))
    eventually(lambda: states(service.sku("SKU-1")).get("id-front") == "live", says="the fetched links")
    vendor.tell("put", {"kind": "product", "id": product_uuid(1), "state": saved(1, "side", at="2026-10-14T09:05:00+00:00")})
    accept(service, "akeneo-main", updated(1, "2026-10-14T09:05:00Z"))
    eventually(lambda: "id-front" not in states(service.sku("SKU-1")), says="the link that was taken away")


@pytest.mark.slow
def test_a_vendor_that_fails_for_a_while_loses_nothing(deployment: Deployment, vendor: Running) -> None:
    """After half an answer the system rests for ten seconds; then everything is there, with few calls."""
    for number in range(5):
        vendor.tell("put", {"kind": "product", "id": product_uuid(number), "state": saved(number, "front")})
    vendor.tell("faults", [{"kind": "half", "times": 1}])
    service = deployment.up()
    accept(service, "cloudinary-eu", upload("front"))
    for number in range(5):
        accept(service, "akeneo-main", updated(number, "2026-10-14T09:00:00Z"))
    for number in range(5):
        eventually(lambda n=number: states(service.sku(f"SKU-{n}")).get("id-front") == "live", within_s=40)  # type: ignore[misc]  # A loop's number, kept.
    assert vendor.report()["calls"] < 10


def test_a_model_event_fetches_its_variants(deployment: Deployment, vendor: Running) -> None:
    """Inherited values stand in the variants' states: a change of the model alone reaches every SKU below it."""
    model: dict[str, Any] = {"code": "TOP", "parent": None, "values": {}, "updated": "2026-10-14T09:00:00+00:00"}
    vendor.tell("put", {"kind": "model", "id": "TOP", "state": model})
    for number in range(3):
        vendor.tell("put", {"kind": "product", "id": product_uuid(number), "state": saved(number, "shared", parent="TOP")})
    service = deployment.up()
    accept(service, "cloudinary-eu", upload("shared"))
    accept(service, "akeneo-main", akeneo("product-model.updated", {"product_model": {"code": "TOP"}}, "2026-10-14T09:00:00Z"))
    for number in range(3):
        eventually(lambda n=number: states(service.sku(f"SKU-{n}")).get("id-shared") == "live", within_s=20)  # type: ignore[misc]  # As above.


def medium(kind: str, key: str) -> dict[str, Any]:
    """A value of a product or an asset that holds a file, as the REST API gives it: it can be had with a token alone."""
    download = {"href": f"https://acme.cloud.akeneo.com/api/rest/v1/media-files/{key}/download"}
    return {"locale": None, "scope": None, "channel": None, "data": key, "attribute_type": kind, "_links": {"download": download}}


def test_media_without_a_public_address_say_so(deployment: Deployment, vendor: Running) -> None:
    """Files of a product, told by a delta or by a fetch, and of an asset that is not shared: bound, without an address at any door."""
    fetched = saved(1)
    fetched["values"]["picture"] = [medium("pim_catalog_image", "4/1/d/0/41d0_fetched.jpg")]
    fetched["values"]["manual"] = [medium("pim_catalog_file", "4/2/d/0/42d0_fetched.pdf")]
    fetched["values"]["gallery"] = [{"locale": None, "scope": None, "data": ["lamp"], "attribute_type": "pim_catalog_asset_collection"}]
    vendor.tell("put", {"kind": "product", "id": product_uuid(1), "state": fetched})
    asset = {"code": "lamp", "values": {"media": [medium("media_file", "3/9/lamp.jpg")]}, "updated": "2026-10-14T09:00:00+00:00"}
    vendor.tell("put", {"kind": "asset", "id": "shots/lamp", "state": asset})
    service = deployment.up()
    accept(service, "akeneo-main", updated(1, "2026-10-14T09:00:00Z"))
    accept(
        service,
        "akeneo-main",
        akeneo("asset.updated", {"asset": {"asset_family": {"code": "shots"}, "code": "lamp"}}, "2026-10-14T09:00:00Z"),
    )
    told = {"file_name": "told.jpg", "key": "4/3/d/0/43d0_told.jpg"}
    values = {
        "sku": [change(None, {"data": "SKU-TOLD", "is_main_identifier": True}, "pim_catalog_identifier")],
        "picture": [change(None, told, "pim_catalog_image")],
    }
    accept(service, "akeneo-main", delta(product_uuid(2), {"values": values}, "2026-10-14T09:00:00Z"))
    wanted = {
        "SKU-1": ["4/1/d/0/41d0_fetched.jpg", "4/2/d/0/42d0_fetched.pdf", "shots/lamp"],
        "SKU-TOLD": ["4/3/d/0/43d0_told.jpg"],
    }
    for sku, assets in wanted.items():
        eventually(lambda s=sku, a=assets: states(service.sku(s)) == dict.fromkeys(a, "no-public-url"), says=f"the state of {sku}")  # type: ignore[misc]  # As above.
        answer = service.get("/v1/skus", sku=sku)
        doors = [answer, *(service.get(f"/v1/assets/akeneo/{asset}") for asset in assets)]
        assert [(door.status_code, "media-files" in door.text) for door in doors] == [(200, False)] * len(doors)
        assert {(binding["url"], *binding["renditions"]) for binding in answer.json()["bindings"]} == {(None,)}


def test_an_assets_new_content_reaches_products_that_did_not_change(deployment: Deployment, vendor: Running) -> None:
    """Akeneo tells a new file of an asset for the asset alone, and does not touch the date of any product that shows it."""

    def shared(version: int, at: str) -> dict[str, Any]:
        media = medium("media_file", f"3/9/lamp_{version}.jpg")
        media["_links"]["share_link"] = {"href": f"https://acme.asset.akeneo.com/shots/lamp_{version}.jpg"}
        return {"code": "lamp", "values": {"media": [media]}, "updated": at}

    product = saved(1)
    product["values"]["gallery"] = [{"locale": None, "scope": None, "data": ["lamp"], "attribute_type": "pim_catalog_asset_collection"}]
    vendor.tell("put", {"kind": "product", "id": product_uuid(1), "state": product})
    service = deployment.up()
    accept(service, "akeneo-main", updated(1, "2026-10-14T09:00:00Z"))
    for version, at in ((1, "2026-10-14T09:00:01"), (2, "2026-10-14T09:10:00")):
        vendor.tell("put", {"kind": "asset", "id": "shots/lamp", "state": shared(version, f"{at}+00:00")})
        told = {"asset": {"asset_family": {"code": "shots"}, "code": "lamp"}}
        accept(service, "akeneo-main", akeneo("asset.updated", told, f"{at}Z"))
        url = f"https://acme.asset.akeneo.com/shots/lamp_{version}.jpg"
        eventually(lambda u=url: [one["url"] for one in service.sku("SKU-1")["bindings"]] == [u], says=url)  # type: ignore[misc]  # As above.
