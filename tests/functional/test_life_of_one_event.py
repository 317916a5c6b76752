"""The life of one event, stop by stop, on a whole service: the same stops in the same order as README.md and app/__init__.py.

Owns: the story. Does not own: what each stop promises (the suites of its folder). Next stop: tests/functional/test_stories.py.
"""

from __future__ import annotations

import json
from typing import Any

from tests.functional.deployment import Deployment, eventually, signature, upload


def only_binding(answer: dict[str, Any]) -> dict[str, Any]:
    """The single binding of an answer; an AssertionError while there is another number of them."""
    assert len(answer["bindings"]) == 1, answer
    binding: dict[str, Any] = answer["bindings"][0]
    return binding


def taken_in(service: Deployment, body: bytes) -> str:
    """The door: only what is signed comes in; the id of the event."""
    # A signed request, taken in by app/api/webhooks.py and durable before the answer.
    accepted = service.webhook("cloudinary-eu", body)
    assert accepted.status_code == 200, accepted.text
    assert len(accepted.json()["accepted"]) == 1
    assert service.webhook("cloudinary-eu", body, {**signature("cloudinary-eu", body), "x-cld-signature": "0" * 40}).status_code == 401
    event_id: str = accepted.json()["accepted"][0]
    return event_id


def joined(service: Deployment) -> dict[str, Any]:
    """The pipeline: a binding that waits for its product, and is live once both sides are known; the answer."""
    # consumers/projector.py -> app/domain/facets.py -> consumers/binder.py -> app/domain/bind.py -> the store -> app/api/skus.py
    binding = eventually(lambda: only_binding(service.sku("NH-1")))
    assert binding["state"] == "pending-product"
    assert binding["asset"] == {"system": "cloudinary-eu", "id": "id-jacket-front"}
    assert binding["url"] is None

    # The other side arrives: pending is joined, and the answer gets its next revision.
    product = {
        "specversion": "1.0",
        "id": "01a032fd-d117-73d9-85ce-6cad8d116ece",
        "source": "akeneo-event-platform",
        "type": "com.akeneo.pim.v1.product.created",
        "time": "2026-10-14T08:58:10Z",
        "data": {"product": {"uuid": "7c2d9b1e-4a53-4f0e-9d7c-2f6b1a8e3c41", "identifier": "NH-1"}},
    }
    assert service.webhook("akeneo-main", json.dumps(product).encode()).status_code == 200
    answer = eventually(lambda: (held := service.sku("NH-1"))["product"] and held)
    binding = only_binding(answer)
    assert binding["state"] == "live"
    assert binding["url"] == "https://res.cloudinary.com/demo/image/upload/v1791965551/jacket-front.jpg"
    assert answer["revision"] == 2
    return answer


def mended(service: Deployment, letter: str) -> None:
    """The replay."""
    # And when it goes wrong: the letter, the mended mapping, its replay; the same replay again changes nothing.
    assert service.down() == [0]
    service.configure(2, overrides="{rights: {until: metadata.licence_end}}")
    service.up()
    for _ in range(2):
        replayed = service.post(f"/v1/dead-letters/{letter}/replay", {"why": "the mapping reads such times now"})
        assert replayed.status_code in (202, 409), replayed.text
        eventually(lambda: service.get(f"/v1/dead-letters/{letter}").json()["state"] == "resolved")
        eventually(lambda: len(service.sku("NH-1")["bindings"]) == 3)
    (sale,) = (one for one in service.sku("NH-1")["bindings"] if one["asset"]["id"] == "id-jacket-sale")
    assert (sale["state"], sale["valid_until"]) == ("live", "2099-12-31T00:00:00Z")


def test_life_of_one_event(deployment: Deployment) -> None:
    """A signed upload becomes a binding, meets its product, and an event read wrongly becomes a letter that a mended mapping replays."""
    deployment.configure(1, overrides="{rights: {until: metadata.licence}}")
    service = deployment.up()

    body = upload("jacket-front", sku="NH-1")
    event_id = taken_in(service, body)
    answer = joined(service)

    # A duplicate changes nothing: the letter below comes after it on the same lane, so it has been through by then.
    assert service.webhook("cloudinary-eu", body).status_code == 200
    # What cannot be understood is accepted and becomes a letter, which blocks nobody.
    unread = upload("jacket-sale", sku="NH-1", metadata={"sku_list": "NH-1", "licence": "web and print", "licence_end": "2099-12-31"})
    answered = service.webhook("cloudinary-eu", unread)
    assert answered.status_code == 200, answered.text
    letter = eventually(lambda: service.get("/v1/dead-letters", state="open").json()["items"])[0]
    assert letter["source"] == "cloudinary-eu"
    assert service.sku("NH-1") == answer, "neither the duplicate nor the broken event has changed anything"
    assert service.webhook("cloudinary-eu", upload("jacket-back", sku="NH-1")).status_code == 200
    eventually(lambda: len(service.sku("NH-1")["bindings"]) == 2)

    # Why is it shown? From which event of which source?
    (asset,) = service.get("/v1/skus/NH-1/explain", asset="cloudinary-eu/id-jacket-front").json()["assets"]
    assert asset["shown"]
    told = {(fact["event"]["source"], fact["event"]["type"], fact["event"]["id"]) for fact in asset["decided_by"] if fact["event"]}
    assert ("cloudinary-eu", "upload", event_id) in told

    mended(service, letter["id"])

    # The state survives an orderly stop, and the revision goes on from where it was.
    before = service.sku("NH-1")
    assert service.down() == [0]
    service.up()
    assert service.sku("NH-1") == before
