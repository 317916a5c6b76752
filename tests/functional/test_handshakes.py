"""Handshakes with real processes and real presets: Adobe's challenge, Ergonode's first secret, a topic of SNS that asks to be let in.

Owns: these stories. Does not own: every way to say no (tests/api/test_handshakes.py). Next stop: app/api/apart.py.
"""

from __future__ import annotations

import base64
import json
import signal
import stat
import sys
import time
from hmac import new as new_hmac
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.functional.deployment import Deployment, eventually, free_port

SAMPLES = Path(__file__).parents[1] / "sources" / "samples"
FIRST = "first-shared-secret"
ARN = "arn:aws:sns:eu-west-1:111122223333:bynder-nordhag-webhook-0001"
SOURCES = """
  ergonode-main: {preset: ergonode, secrets: ["file:ergonode.secret"]}
  aem-main: {preset: aem, when_rights_unknown: show, keys: ["file:signer.pem"]}
  bynder-main: {preset: bynder, when_rights_unknown: show, tolerance_s: null, keys: ["file:signer.pem"]}
"""


def configured(deployment: Deployment) -> Deployment:
    """With sources that shake hands; the certificate is the one that the sample of SNS was signed with."""
    signing = json.loads((SAMPLES / "bynder-sns-subscriptionconfirmation.headers.json").read_bytes())["signing"]
    (deployment.folder / "signer.pem").write_text(signing["cert_pem_served_at_SigningCertURL"])
    deployment.configure(more=SOURCES)
    return deployment


def token(secret: str) -> str:
    """A JWT as Ergonode makes it, written independently of app/sources/verifiers."""
    now = int(time.time())
    parts: list[dict[str, Any]] = [{"typ": "JWT", "alg": "HS256"}, {"iat": now, "nbf": now - 5, "exp": now + 600}]
    signed = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    digest = new_hmac(secret.encode(), signed.encode(), "sha256").digest()
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def consumed(url: str, secret: str) -> int:
    """The status of one event of Ergonode."""
    body = (SAMPLES / "ergonode-product-updated.json").read_bytes()
    headers = {"x-app-token": token(secret), "content-type": "application/json"}
    return httpx.put(f"{url}/webhooks/ergonode-main/consume/product_updated", content=body, headers=headers, timeout=10).status_code


def shaken(deployment: Deployment, secret: str) -> int:
    """The status of a handshake."""
    return httpx.post(f"{deployment.url}/webhooks/ergonode-main/handshake", json={"shared_secret": secret}, timeout=10).status_code


def source(deployment: Deployment, name: str) -> dict[str, Any]:
    """The source as `GET /v1/sources` shows it."""
    items: list[dict[str, Any]] = deployment.get("/v1/sources").json()["items"]
    return next(item for item in items if item["name"] == name)


def test_the_first_handshake_brings_the_secret(deployment: Deployment) -> None:
    """Before it nothing counts; it is written once, privately; another secret is refused; a restart knows it."""
    configured(deployment).up()
    file = deployment.folder / "ergonode.secret"
    assert consumed(deployment.url, FIRST) == 503
    assert source(deployment, "ergonode-main")["waits_for_secret"]
    assert shaken(deployment, "short") == 401
    assert not file.exists()

    assert shaken(deployment, FIRST) == 200
    assert (file.read_text().strip(), stat.S_IMODE(file.stat().st_mode)) == (FIRST, 0o600)
    assert consumed(deployment.url, FIRST) == 200
    assert shaken(deployment, FIRST) == 200
    assert shaken(deployment, "another-shared-secret") == 401
    assert consumed(deployment.url, "another-shared-secret") == 401
    assert file.read_text().strip() == FIRST
    shown = source(deployment, "ergonode-main")
    assert (shown["state"], shown["waits_for_secret"]) == ("open", False)
    eventually(lambda: (source(deployment, "ergonode-main")["told"] or {}).get("notice") == "secret", says="the handshake is shown")

    deployment.down()
    deployment.up()
    assert consumed(deployment.url, FIRST) == 200
    for output in deployment.folder.glob("process-*.log"):
        assert FIRST not in output.read_text()


@pytest.mark.engines
@pytest.mark.parametrize("environment", ["production"], indirect=True)
def test_other_processes_find_the_first_secret(deployment: Deployment) -> None:
    """A second door over the same folder takes events within seconds (embedded, there is only one)."""
    configured(deployment).up()
    port = free_port()
    deployment.start("api", "--host", "127.0.0.1", "--port", str(port))
    other = f"http://127.0.0.1:{port}"
    eventually(lambda: httpx.get(f"{other}/health/ready", timeout=5).status_code == 200, within_s=30)
    assert consumed(other, FIRST) == 503
    assert shaken(deployment, FIRST) == 200
    eventually(lambda: consumed(other, FIRST) == 200, says="the other process reads the file")


def test_adobes_challenge_is_echoed(deployment: Deployment) -> None:
    """So that a registration can be made before any event comes."""
    configured(deployment).up()
    answer = httpx.get(f"{deployment.url}/webhooks/aem-main", params={"challenge": "8ec8d794-e0ab"}, timeout=10)
    assert (answer.status_code, answer.text) == (200, "8ec8d794-e0ab")


def test_a_topic_that_asks_is_held_and_shown(deployment: Deployment) -> None:
    """A validly signed confirmation of a topic that nobody pinned waits for a person, also after a restart."""
    configured(deployment).up()
    sidecar = json.loads((SAMPLES / "bynder-sns-subscriptionconfirmation.headers.json").read_bytes())
    body = (SAMPLES / "bynder-sns-subscriptionconfirmation.json").read_bytes()
    answer = deployment.webhook("bynder-main", body, sidecar["headers"])
    assert (answer.status_code, answer.json()) == (200, {"accepted": [], "dead_letters": []})
    (topic,) = eventually(lambda: source(deployment, "bynder-main")["topics"], says="the topic is shown")
    assert (topic["topic"], topic["state"]) == (ARN, "held")
    assert deployment.webhook("bynder-main", body.replace(b"0001", b"0002"), sidecar["headers"]).status_code == 401
    deployment.down()
    deployment.up()
    told = deployment.start(
        "sources", "status", "bynder-main", environment={"BINDERY_URL": deployment.url, "BINDERY_TOKEN": deployment.token}
    )
    assert told.wait(60) == 0
    output = (deployment.folder / f"process-{len(deployment.processes) - 1}.log").read_text()
    assert f"bindery sources accept bynder-main {ARN}" in output


def test_an_accepted_topic_is_confirmed_over_a_kill(deployment: Deployment) -> None:
    """The certificate is fetched (503 until then), the topic accepted, the process killed; the next one visits Amazon's address."""
    configured(deployment)
    text = (deployment.folder / "bindery.yaml").read_text().replace(', tolerance_s: null, keys: ["file:signer.pem"]', ", tolerance_s: null")
    (deployment.folder / "bindery.yaml").write_text(text)
    deployment.entry = (sys.executable, "-m", "tests.functional.amazon")
    calls = deployment.folder / "calls"
    outside = {"BINDERY_TEST_CALLS": str(calls), "BINDERY_TEST_PEM": str(deployment.folder / "signer.pem")}
    deployment.start(environment=outside)
    deployment.ready()
    sidecar = json.loads((SAMPLES / "bynder-sns-subscriptionconfirmation.headers.json").read_bytes())
    body = (SAMPLES / "bynder-sns-subscriptionconfirmation.json").read_bytes()
    first = deployment.webhook("bynder-main", body, sidecar["headers"])
    assert (first.status_code, first.headers["retry-after"]) == (503, "2")
    eventually(lambda: deployment.webhook("bynder-main", body, sidecar["headers"]).status_code == 200, says="the certificate is there")
    eventually(lambda: source(deployment, "bynder-main")["topics"], says="the topic is held")
    accepted = deployment.post("/v1/sources/bynder-main/topics/accept", {"topic": ARN, "why": "it is ours"})
    assert accepted.status_code == 200, accepted.text
    deployment.down(signal.SIGKILL)

    deployment.start(environment=outside)
    deployment.ready()
    eventually(lambda: source(deployment, "bynder-main")["topics"][0]["state"] == "confirmed", within_s=40, says="the topic is confirmed")
    visits = [line for line in calls.read_text().splitlines() if not line.endswith(".pem")]
    assert visits == [f"GET {json.loads(body)['SubscribeURL']}"]
    notification = json.loads((SAMPLES / "bynder-asset_bank.media.updated.json").read_bytes())
    assert notification["TopicArn"] == ARN
    told = json.loads((SAMPLES / "bynder-asset_bank.media.updated.headers.json").read_bytes())["headers"]
    raw = (SAMPLES / "bynder-asset_bank.media.updated.json").read_bytes()
    answer = eventually(lambda: _accepted(deployment, raw, told), says="a notification of the topic is let in")
    assert len(answer["accepted"]) == 1


def _accepted(deployment: Deployment, body: bytes, headers: dict[str, str]) -> Any:
    answer = deployment.webhook("bynder-main", body, headers)
    return answer.json() if answer.status_code == 200 else None
