"""A model with twenty thousand variants changes a hundred times: all variants follow in two passes, and live events do not wait.

Owns: the storm. Does not own: sweeps themselves (tests/consumers/). Next stop: consumers/sweeps.py.
"""

from __future__ import annotations

import json
import time

import httpx
import pytest

from app.bootstrap import parts
from app.domain import order
from app.domain.facets import Change, EventRef, Record, merge
from consumers.projector import document
from schemas import topics
from tests.functional.deployment import Deployment, eventually, signature, upload
from tests.functional.reading import everything
from tests.functional.test_stories import accept, akeneo, packshots, states

VARIANTS, CHANGES = 20_000, 100


async def prefill(service: Deployment) -> None:
    """Puts the variants into the store as if their events had been projected."""
    made = parts(service.settings())
    await made.store.start()
    stamp = order.order(era=0, source=1_790_000_000_000_000, rank=0, event_hash="0", version=1)
    docs = []
    for number in range(VARIANTS):
        record = Record(f"product/akeneo/v{number:05d}")
        leaves = {"keys.sku": [f"V-{number}", f"V-{number}"], "parent": "MODEL", "status": "active"}
        merge(record, [Change(record.key, stamp, leaves, EventRef("akeneo-main", "prefill", "prefill"))])
        docs.append(document(record))
    for start in range(0, VARIANTS, 2000):
        saved = await made.store.records.save(docs[start : start + 2000])
        assert not saved.conflicts
        assert not saved.refused
    await made.store.stop()
    if made.lock:
        made.lock.close()


def model(second: int) -> bytes:
    """The model links the shared asset, and another one that differs with every change."""
    at = f"2026-10-14T09:{second // 60:02d}:{second % 60:02d}Z"
    stamp = {"date": at.replace("T", " ").replace("Z", ".000000"), "timezone": "UTC"}
    body = {"code": "MODEL", "updated_at": stamp, "changes": packshots("shared", f"other-{second}")}
    return akeneo("product-model.updated.delta", {"product_model": body}, at)


def latency_s(service: Deployment, number: int) -> float:
    """From the acceptance of a live event until its answer can be read."""
    accept(service, "cloudinary-eu", upload(f"live-{number}", sku=f"L-{number}"))
    begun = time.monotonic()
    eventually(lambda: service.sku(f"L-{number}"), within_s=30)
    return time.monotonic() - begun


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_storm_of_model_changes_is_two_passes_and_live_events_do_not_wait(deployment: Deployment) -> None:
    """A hundred changes of a model with 20,000 variants cost two passes over them; a live event takes about as long as before."""
    await prefill(deployment)
    service = deployment.up()
    accept(service, "cloudinary-eu", upload("shared"))
    calm = sorted(latency_s(service, number) for number in range(10))
    begun = time.monotonic()
    with httpx.Client(base_url=service.url, timeout=30) as client:
        for change in range(CHANGES):
            body = model(change)
            assert client.post("/webhooks/akeneo-main", content=body, headers=signature("akeneo-main", body)).status_code == 200
    stormy: list[float] = []
    while passes(service) < 1 or len(stormy) < 10:
        stormy.append(latency_s(service, 100 + len(stormy)))
        assert len(stormy) < 1000
    pass_s = time.monotonic() - begun
    last = f"other-{CHANGES - 1}"

    def followed(number: int) -> bool:
        held = states(service.sku(f"V-{number}"))
        return held.get("id-shared") == "live" and last in held

    for number in (0, 9_999, VARIANTS - 1):
        eventually(lambda number=number: followed(number), within_s=90)  # type: ignore[misc]
    eventually(lambda: sum(item["records"] for item in service.get("/v1/lag").json()["items"]) == 0, within_s=60)
    stormy.sort()
    # A tenth of the live events may meet a page of the sweep that is being decided; none may wait for the pass.
    most_s = max(10 * calm[len(calm) // 2], 1.0, pass_s / 8)
    assert stormy[len(stormy) * 9 // 10] < most_s, f"calm {calm}, stormy {stormy}, the pass {pass_s:.1f} s"
    assert passes(service) <= 2, "asks during a pass are one more pass, however many"
    service.down()
    assert await swept(service) <= 2 * VARIANTS, "two passes ask for every variant twice, and for nothing else"


async def swept(service: Deployment) -> int:
    """How many bind requests of sweeps are on the log."""
    made = parts(service.settings())
    await made.log.start()
    records = await everything(made.log, topics.BIND_REQUESTS)
    await made.log.stop()
    if made.lock:
        made.lock.close()
    return sum(json.loads(record.value or b"{}").get("cause") == "sweep" for record in records)


def passes(service: Deployment) -> int:
    """Finished passes, as the service's own log tells."""
    lines = "".join(path.read_text() for path in sorted(service.folder.glob("process-*.log"))).splitlines()
    told = [json.loads(line) for line in lines if line.startswith("{")]
    return sum(1 for one in told if one.get("event") == "sweep.pass_finished" and one["sweep"].startswith("variants/"))
