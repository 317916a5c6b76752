"""Thin events on a whole service, beside a vendor that runs as a process of its own and watches its limits.

Owns: the stories. Does not own: the vendor (tests/vendors/akeneo.py), fetchers alone (tests/fetchers/), the owner of tasks dying
(tests/crash/). Next stop: consumers/fetching.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.deployment import Deployment, eventually, upload
from tests.functional.test_stories import accept, akeneo, states
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
