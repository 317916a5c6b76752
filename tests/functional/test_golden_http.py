"""Every sample of every vendor through the real endpoint of a running service, with its own signature, to the facets in the store.

Owns: that the way over HTTP, log and projector ends where the golden files say. Does not own: the expectations (tests/sources/golden/),
states that are fetched (tests/sources/test_golden.py). Next stop: tests/functional/test_hostile_input.py.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from app.domain import facets
from app.domain.facets import Change, Record
from tests.functional.deployment import Deployment
from tests.functional.hostile import behind, settled
from tests.sources.builders import VERSION
from tests.sources.expectations import ENVIRON, Golden, fragments, goldens, written

REQUESTS = [golden for golden in goldens() if golden.is_request and not golden.words.get("handshake")]


def of_all_vendors(deployment: Deployment) -> Deployment:
    """The vendors' configuration, without access to their APIs: nobody is called."""
    path = written(deployment.folder, fragments())
    whole = yaml.safe_load(path.read_text())
    for name, words in whole["sources"].items():
        words.pop("api", None)
        signed = {golden.path for golden in REQUESTS if golden.words["source"] == name} - _below(name)
        if signed:
            # The sample's signature covers the path that it was sent to; `url` says so where a proxy changed it on the way.
            words["url"] = f"https://hooks.example.com{signed.pop()}"
    Path(path).write_text(yaml.safe_dump(whole, sort_keys=False))
    deployment.environment = {**deployment.environment, **ENVIRON}
    return deployment


def _below(name: str) -> set[str]:
    return {golden.path for golden in REQUESTS if golden.path.startswith("/webhooks/") and golden.words["source"] == name}


def sent(deployment: Deployment, golden: Golden, body: bytes) -> httpx.Response:
    """The request as its sender would make it: the sample's own headers, and the path below this source."""
    path = golden.path if golden.path.startswith("/webhooks/") else f"/webhooks/{golden.words['source']}"
    headers = golden.sent_headers
    if "now_s" in golden.words:
        # A token with an end of its own, which has passed: the same sender signs anew.
        headers = {**headers, **golden.source.sign(golden.body, time.time())}
    return httpx.request(golden.method, deployment.url + path, content=body, headers=headers, timeout=20)


def expected() -> dict[str, Record]:
    """What the golden files say together: their leaves, merged in the order of the events."""
    records: dict[str, Record] = {}
    for golden in REQUESTS:
        told = [change for event in golden.received().events for change in golden.source.project(event, VERSION).changes]
        wanted = [event for event in golden.words.get("events", []) if event["leaves"] or event["full"]]
        for change, event in zip(told, wanted, strict=True):
            full = ("",) if event["full"] is True else tuple(event["full"] or ())
            one = Change(event["key"], change.order, event["leaves"], change.event, full)
            facets.merge(records.setdefault(one.record, Record(one.record)), [one])
    return records


async def held_by(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """Record key -> leaves, of everything in the store."""
    found: dict[str, dict[str, Any]] = {}
    async with behind(deployment) as made:
        after = ""
        while docs := await made.store.records.page(after=after, limit=500):
            after = docs[-1].id
            found.update((doc.id, facets.visible(facets.load(doc.id, doc.body, 1))) for doc in docs)
    return found


@pytest.mark.slow
async def test_every_sample_arrives(deployment: Deployment) -> None:
    """All requests are taken in with 200, altered ones with 401 where anything signs them, and the store holds what the samples mean."""
    service = of_all_vendors(deployment).up()
    refused: list[str] = []
    for golden in REQUESTS:
        answer = sent(service, golden, golden.body)
        assert answer.status_code == 200, (golden.name, answer.status_code, answer.text)
        middle = len(golden.body) // 2
        altered = golden.body[:middle] + bytes([golden.body[middle] ^ 1]) + golden.body[middle + 1 :]
        if "unsigned" not in golden.words:
            assert sent(service, golden, altered).status_code == 401, golden.name
            refused.append(golden.name)
    assert len(refused) > len(REQUESTS) // 3
    settled(service)
    service.down()
    wanted = {key: facets.visible(record) for key, record in expected().items()}
    found = await held_by(service)
    assert {key: found.get(key) for key in wanted} == wanted
    assert set(found) == set(wanted)
