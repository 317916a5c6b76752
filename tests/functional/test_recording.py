"""`bindery sources record` against a real service: files that a mapping can be written from, and nothing in them that must not be kept.

Owns: the story with real processes. Does not own: redaction piece by piece (tests/api/test_recordings.py). Next stop: app/cli/sources.py.
"""

from __future__ import annotations

import json
from typing import Any

import httpx

from tests.functional.deployment import SECRET, Deployment, eventually, signature, upload

SOURCE = """
  cloudinary-us:
    preset: cloudinary
    secrets: [env:TEST_SECRET]
    tolerance_s: null
    when_rights_unknown: show
    hot_fields: [purchase_price]
"""
IN_THE_PATH = """
  shop:
    preset: scayle
    secrets: [env:TEST_SECRET]
"""


def test_recorded_requests_are_samples_to_try(deployment: Deployment) -> None:
    """The next two requests become a body and a sidecar each; price, author and signature are nowhere; `sources try` reads them."""
    deployment.configure(more=SOURCE)
    deployment.up()
    at = {"BINDERY_URL": deployment.url, "BINDERY_TOKEN": deployment.token}
    out = deployment.folder / "recorded"
    recording = deployment.start("sources", "record", "cloudinary-us", "--count", "2", "--out", str(out), environment=at)
    number = len(deployment.processes) - 1
    eventually(lambda: _source(deployment)["recording"], says="the recording has begun")
    by = {"triggered_by": {"source": "UI", "id": "mila@example.com"}, "triggered_at": "2026-10-14T08:12:31+00:00"}
    sent = []
    for nth in range(3):
        body = upload(f"front-{nth}", sku="NH-1", purchase_price="81.34", notification_context=by)
        sent.append(signature("cloudinary-us", body))
        assert deployment.webhook("cloudinary-us", body, sent[-1]).status_code == 200
    assert recording.wait(60) == 0, (deployment.folder / f"process-{number}.log").read_text()
    files = sorted(out.iterdir())
    assert len(files) == 4
    for file in files:
        text = file.read_text()
        for hidden in ("81.34", "mila@example.com", *(headers["x-cld-signature"] for headers in sent)):
            assert hidden not in text, file
    body_file, sidecar = sorted(out.glob("*001*"), key=lambda file: "headers" in file.name)
    assert json.loads(body_file.read_bytes())["public_id"].startswith("front-")
    told: dict[str, Any] = json.loads(sidecar.read_bytes())
    assert (told["body_file"], told["method"], told["path"]) == (body_file.name, "POST", "/webhooks/cloudinary-us")
    assert (told["body_bytes"], told["recorded"]["verified"]) == (body_file.stat().st_size, True)

    tried = deployment.start("sources", "try", "cloudinary-us", str(body_file), "--headers", str(sidecar), environment=at)
    assert tried.wait(60) == 0
    output = (deployment.folder / f"process-{len(deployment.processes) - 1}.log").read_text()
    assert "aliases.public_id" in output
    assert "x-cld-signature is missing" in output


def test_a_token_in_the_path_is_not_in_the_sample(deployment: Deployment) -> None:
    """A sender that can do no better carries its token in the address; neither file nor answer has it."""
    deployment.configure(more=IN_THE_PATH)
    deployment.up()
    at = {"BINDERY_URL": deployment.url, "BINDERY_TOKEN": deployment.token}
    out = deployment.folder / "recorded"
    recording = deployment.start("sources", "record", "shop", "--count", "1", "--out", str(out), environment=at)
    eventually(lambda: _source(deployment, "shop")["recording"], says="the recording has begun")
    body = {"id": "e-1", "type": "product-updated", "payload": {"id": 884101}}
    eventually(lambda: httpx.post(f"{deployment.url}/webhooks/shop/{SECRET}/", json=body, timeout=10).status_code == 200)
    assert recording.wait(60) == 0
    (sidecar,) = out.glob("*.headers.json")
    assert json.loads(sidecar.read_bytes())["path"] == "/webhooks/shop/redacted"
    assert all(SECRET not in file.read_text() for file in out.iterdir())
    assert SECRET not in deployment.get("/v1/sources/shop/recordings").text


def _source(deployment: Deployment, name: str = "cloudinary-us") -> dict[str, Any]:
    items: list[dict[str, Any]] = deployment.get("/v1/sources").json()["items"]
    return next(item for item in items if item["name"] == name)
