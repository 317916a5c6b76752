"""A missed rotation: a day of webhooks signed with a secret that nobody configured, and nothing is lost.

Owns: the story with real processes. Does not own: bounds and crashes (tests/api/test_quarantine.py, tests/kept/test_rings.py).
Next stop: app/api/quarantine.py.
"""

from __future__ import annotations

import re
import signal
from typing import Any

from tests.functional.deployment import SECRET, Deployment, eventually, signature, upload

SOURCE = """
  cloudinary-us:
    preset: cloudinary
    secrets: [env:US_SECRET]
    tolerance_s: null
    when_rights_unknown: show
    quarantine: true
    overrides: {sku: metadata.sku_list}
"""


def source(deployment: Deployment) -> dict[str, Any]:
    """The source as `GET /v1/sources` shows it."""
    items: list[dict[str, Any]] = deployment.get("/v1/sources").json()["items"]
    return next(item for item in items if item["name"] == "cloudinary-us")


def commanded(deployment: Deployment, *words: str) -> str:
    """What a command printed."""
    at = {"BINDERY_URL": deployment.url, "BINDERY_TOKEN": deployment.token, "US_SECRET": SECRET}
    process = deployment.start(*words, environment=at)
    assert process.wait(60) == 0
    return (deployment.folder / f"process-{len(deployment.processes) - 1}.log").read_text()


def test_nothing_is_lost_while_a_rotation_was_missed(deployment: Deployment) -> None:
    """Answered 200 and kept, over a kill; with the mended secret one command lets them in, and only them; again it finds nothing."""
    deployment.configure(more=SOURCE)
    old = {"US_SECRET": "the-old-secret"}
    deployment.start(environment=old)
    deployment.ready()
    for nth in range(5):
        body = upload(f"front-{nth}", sku=f"NH-{nth}")
        assert deployment.webhook("cloudinary-us", body, signature("cloudinary-us", body)).status_code == 200
    forged = upload("forged", sku="NH-0")
    assert deployment.webhook("cloudinary-us", forged, {"x-cld-timestamp": "1791965552", "x-cld-signature": "0" * 40}).status_code == 200
    eventually(lambda: source(deployment)["quarantined"] == 6, says="all are kept")
    assert deployment.get("/v1/skus", sku="NH-0").status_code == 404
    deployment.down(signal.SIGKILL)

    deployment.start(environment={"US_SECRET": SECRET})
    deployment.ready()
    assert source(deployment)["quarantined"] == 6
    told = commanded(deployment, "sources", "release", "cloudinary-us")
    assert "5 released (5 events), 1 kept" in told
    assert re.search(r"1: the signature in x-cld-signature fits none", told)
    for nth in range(5):
        binding = eventually(lambda sku=f"NH-{nth}": deployment.sku(sku)["bindings"])[0]  # type: ignore[misc]
        assert binding["asset"]["id"] == f"id-front-{nth}"
    assert "0 released (0 events), 1 kept" in commanded(deployment, "sources", "release", "cloudinary-us")
    assert source(deployment)["quarantined"] == 1
