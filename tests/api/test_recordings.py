"""Recordings: the next requests of a source as samples, without what must not be kept.

Owns: beginning, counting, redaction, the end. Does not own: real presets and files (tests/functional/test_recording.py).
Next stop: app/api/apart.py.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from schemas import topics
from tests.api.serving import Running, event, eventually, is_problem

PATH = "/v1/sources/dam-1/recordings"


def begun(server: Running, count: int = 2, name: str = "dam-1", **more: Any) -> dict[str, Any]:
    answer = server.ops(f"/v1/sources/{name}/recordings", count=count, **more)
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


def samples(server: Running, name: str = "dam-1") -> dict[str, Any]:
    """The recording, once the samples on their way are on the log."""
    server.projected()
    answer = server.client.get(f"/v1/sources/{name}/recordings", headers=server.bearer("ops"))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_the_next_requests_are_kept_and_no_more(server: Running) -> None:
    """Genuine or not, in the order of their arrival; then the recording is over."""
    server.deliver("dam-1", event(0))
    assert (begun(server)["kept"], begun(server)["complete"]) == (0, False)
    server.deliver("dam-1", event(1))
    server.clock.at_us += 1
    body = json.dumps(event(2)).encode()
    server.deliver("dam-1", body, server.signed(body, "a-guess"))
    server.deliver("dam-1", event(3))
    eventually(lambda: len(server.on_log(topics.CONTROL)) == 2)
    told = samples(server)
    assert (told["recording"]["kept"], told["recording"]["complete"]) == (2, True)
    first, second = told["items"]
    assert (json.loads(first["body"]["text"]), first["verified"], first["reason"]) == (event(1), True, None)
    assert (json.loads(second["body"]["text"]), second["verified"]) == (event(2), False)
    assert "fits none" in second["reason"]
    server.attended()
    server.deliver("dam-1", event(4))
    assert len(server.on_log(topics.CONTROL)) == 2


def test_a_sample_holds_no_secret_and_nothing_hot(server: Running) -> None:
    """Signatures, tokens in headers, path and query, cookies and hot fields are gone; what a mapping needs is there."""
    begun(server, 1, "lenient")
    body = json.dumps(event(1, text="hot-value")).encode()
    private = {"authorization": "Bearer s3cr3t", "cookie": "s3cr3t", "x-api-key": "s3cr3t", "x-forwarded-for": "203.0.113.9"}
    headers = {**server.signed(body), **private, "x-topic": "asset.updated"}
    server.client.post("/webhooks/lenient?token=s3cr3t", content=body, headers=headers)
    eventually(lambda: server.on_log(topics.CONTROL))
    (record,) = server.on_log(topics.CONTROL)
    whole = str(record.headers) + str(record.value)
    for hidden in ("s3cr3t", "hot-value", "203.0.113.9", headers["x-signature"]):
        assert hidden not in whole
    (sample,) = samples(server, "lenient")["items"]
    assert (sample["headers"]["x-topic"], sample["path"]) == ("asset.updated", "/webhooks/lenient")

    for nth, end in enumerate(("", "/", "//"), 2):
        begun(server, 1, "below")
        server.client.put(f"/webhooks/below/a%2Fb/t0ken{end}?q=1", json=event(nth))
        eventually(partial(_holds, server, nth))
        (sample,) = samples(server, "below")["items"]
        assert sample["path"] == "/webhooks/below/a%2Fb/redacted"


def _holds(server: Running, requests: int) -> bool:
    return len(server.on_log(topics.CONTROL)) == requests


def test_a_recording_takes_the_place_of_the_one_before(server: Running) -> None:
    """Samples of the older one are not shown any more."""
    begun(server, 5)
    server.deliver("dam-1", event(1))
    newer = begun(server, 5)
    server.deliver("dam-1", event(2))
    eventually(lambda: len(server.on_log(topics.CONTROL)) == 2)
    told = samples(server)
    assert told["recording"]["id"] == newer["id"]
    assert [json.loads(item["body"]["text"])["id"] for item in told["items"]] == ["event-2"]


def test_a_recording_ends_by_itself(server: Running) -> None:
    """After its time nothing is kept, whatever came."""
    begun(server, 5, minutes=1)
    server.clock.at_us += 61_000_000
    server.deliver("dam-1", event(1))
    assert samples(server)["recording"]["complete"]
    assert server.on_log(topics.CONTROL) == []


def test_recordings_are_for_ops(server: Running) -> None:
    """Requests hold business data: reading them needs the role, too."""
    is_problem(server.client.get(PATH, headers=server.bearer("reader")), 403, "forbidden")
    is_problem(server.client.get(PATH), 401, "token-missing")
    is_problem(server.client.get(PATH, headers=server.bearer("ops")), 404, "not-found")
    is_problem(server.ops(PATH, count=101), 422, "invalid")
    is_problem(server.ops("/v1/sources/nobody/recordings", count=1), 404, "unknown-source")
