"""Stories that people would tell of the service, each on a whole service and both pairs of engines.

Owns: behaviour across the stops. Does not own: one event from end to end (test_life_of_one_event.py), crashes (tests/crash/).
Next stop: tests/functional/deployment.py.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx

from tests.functional.deployment import Deployment, eventually, upload

LAMP = "7c2d9b1e-4a53-4f0e-9d7c-2f6b1a8e3c41"


def akeneo(kind: str, data: dict[str, Any], at: str = "2026-10-14T08:58:10Z") -> bytes:
    """An Akeneo Event Platform event; `kind` as in com.akeneo.pim.v1.<kind>."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": "01a032fd-d117-73d9-85ce-6cad8d116ece",
            "source": "akeneo-event-platform",
            "type": f"com.akeneo.pim.v1.{kind}",
            "time": at,
            "data": data,
        }
    ).encode()


def delta(uuid: str, changes: dict[str, Any], at: str, identifier: str | None = None) -> bytes:
    """A product delta event."""
    stamp = at.replace("T", " ").replace("Z", ".000000")
    product = {"uuid": uuid, "updated_at": {"date": stamp, "timezone": "UTC"}, "changes": changes}
    if identifier:
        product["identifier"] = identifier
    return akeneo("product.updated.delta", {"product": product}, at)


def packshots(*codes: str) -> dict[str, Any]:
    """The changes that link these assets, in display order."""
    entry = {"previous": None, "new": list(codes), "type": "pim_catalog_asset_collection", "locale": None, "scope": None}
    return {"values": {"packshots": [entry]}}


def accept(service: Deployment, source: str, body: bytes) -> None:
    answer = service.webhook(source, body)
    assert answer.status_code == 200, answer.text
    assert not answer.json()["dead_letters"], answer.text


def states(answer: dict[str, Any]) -> dict[str, str]:
    return {binding["asset"]["id"]: binding["state"] for binding in answer["bindings"]}


def test_links_in_display_order_survive_a_rename_with_the_decisions_of_people(deployment: Deployment) -> None:
    """A PIM's links bind in its order, wait for assets that are not known yet, and move with decisions when the SKU is renamed."""
    service = deployment.up()
    accept(service, "akeneo-main", akeneo("product.created", {"product": {"uuid": LAMP, "identifier": "LMP/1"}}))
    accept(service, "akeneo-main", delta(LAMP, packshots("front", "side"), "2026-10-14T09:00:00Z"))
    accept(service, "cloudinary-eu", upload("side"))
    eventually(lambda: states(service.sku("LMP/1")).get("id-side") == "live")
    answer = service.sku("LMP/1")
    assert [(b["position"], b["state"]) for b in answer["bindings"]] == [(0, "pending-asset"), (1, "live")]

    accept(service, "cloudinary-eu", upload("front"))
    eventually(lambda: states(service.sku("LMP/1")) == {"id-front": "live", "id-side": "live"})
    decided = httpx.put(
        f"{service.url}/v1/skus/{quote('LMP/1', safe='')}/decisions/cloudinary-eu/id-front",
        json={"verdict": "reject", "why": "wrong colour"},
        headers=service.ops,
        timeout=30,
    )
    assert decided.status_code == 202, decided.text
    eventually(lambda: states(service.sku("LMP/1"))["id-front"] == "rejected")

    renamed = {"values": {"sku": [{"previous": {"data": "LMP/1"}, "new": {"data": "LMP-2", "is_main_identifier": True},
                                   "type": "pim_catalog_identifier", "locale": None, "scope": None}]}}  # fmt: skip
    accept(service, "akeneo-main", delta(LAMP, renamed, "2026-10-14T10:00:00Z", "LMP-2"))
    eventually(lambda: states(service.sku("LMP-2")) == {"id-front": "rejected", "id-side": "live"})
    eventually(lambda: service.sku("LMP/1")["bindings"] == [])
    assert service.sku("LMP/1")["revision"] >= 4
    # Late and duplicate deliveries of the past change nothing.
    accept(service, "akeneo-main", delta(LAMP, packshots("front", "side"), "2026-10-14T09:00:00Z"))
    accept(service, "akeneo-main", akeneo("product.created", {"product": {"uuid": LAMP, "identifier": "LMP/1"}}))
    accept(service, "cloudinary-eu", upload("marker", sku="M-1"))
    eventually(lambda: service.sku("M-1"))
    assert states(service.sku("LMP-2")) == {"id-front": "rejected", "id-side": "live"}


@dataclass
class Window:
    """A right with a beginning and an end. seen: state -> (when the first answer with it was back, its binding and next change)."""

    begins: datetime
    ends: datetime
    seen: dict[str, tuple[datetime, dict[str, Any]]] = field(default_factory=dict)


def watched(service: Deployment, window_s: int) -> Window:
    """A new SKU, whose asset may be shown in so many seconds for not quite as many, looked at until that is over."""
    sku, uuid = f"T-{window_s}", f"{window_s:08d}{LAMP[8:]}"
    accept(service, "akeneo-main", akeneo("product.created", {"product": {"uuid": uuid, "identifier": sku}}))
    begins = datetime.now(UTC) + timedelta(seconds=window_s)
    window = Window(begins, begins + timedelta(seconds=window_s - 1))
    access = [{"access_type": "anonymous", "start": begins.isoformat(), "end": window.ends.isoformat()}]
    accept(service, "cloudinary-eu", upload(f"timed-{window_s}", sku=sku, access_control=access))

    def expired() -> bool:
        answer = service.sku(sku)
        for binding in answer["bindings"] if answer["product"] else []:
            window.seen.setdefault(binding["state"], (datetime.now(UTC), {**binding, "next_change_at": answer["next_change_at"]}))
        return "expired" in window.seen

    eventually(expired, within_s=2 * window_s + 30, says="the end of the right")
    return window


def test_time_alone_lifts_an_embargo_and_ends_a_right(deployment: Deployment) -> None:
    """Nobody sends an event at the instant at which a window opens or closes; the answer changes all the same."""
    service = deployment.up()
    window = watched(service, 3)
    for longer_s in (8, 20):
        # A busy machine shows all three states with longer windows only.
        if not {"embargoed", "live"} <= set(window.seen):
            window = watched(service, longer_s)
    assert set(window.seen) == {"embargoed", "live", "expired"}
    (_, embargoed), (lifted, live), (ended, expired) = (window.seen[state] for state in ("embargoed", "live", "expired"))
    assert lifted >= window.begins
    assert ended >= window.ends
    assert (embargoed["url"], expired["url"]) == (None, None)
    assert live["url"]
    assert embargoed["next_change_at"]


def test_variants_follow_their_model(deployment: Deployment) -> None:
    """What a model links, its variants show; taken away from the model, it is gone from them."""
    service = deployment.up()
    uuids = [f"00000000-0000-4000-8000-{number:012d}" for number in range(30)]
    for number, uuid in enumerate(uuids):
        accept(service, "akeneo-main", akeneo("product.created", {"product": {"uuid": uuid, "identifier": f"V-{number}"}}))
        accept(service, "akeneo-main", delta(uuid, {"parent": {"previous": None, "new": "MODEL"}}, "2026-10-14T09:00:00Z"))
    accept(service, "cloudinary-eu", upload("shared"))

    def model(at: str, *codes: str) -> bytes:
        stamp = at.replace("T", " ").replace("Z", ".000000")
        body = {"code": "MODEL", "updated_at": {"date": stamp, "timezone": "UTC"}, "changes": packshots(*codes)}
        return akeneo("product-model.updated.delta", {"product_model": body}, at)

    accept(service, "akeneo-main", model("2026-10-14T09:30:00Z", "shared"))
    for number in (0, 15, 29):
        eventually(lambda number=number: states(service.sku(f"V-{number}")) == {"id-shared": "live"})  # type: ignore[misc]
    accept(service, "akeneo-main", model("2026-10-14T09:45:00Z"))
    for number in (0, 15, 29):
        eventually(lambda number=number: service.sku(f"V-{number}")["bindings"] == [])  # type: ignore[misc]


def test_changes_can_be_followed_without_missing_any(deployment: Deployment) -> None:
    """Whoever follows changed_since sees every SKU that changed, and nothing twice once it stands still."""
    service = deployment.up()
    for number in range(60):
        accept(service, "cloudinary-eu", upload(f"a{number}", sku=f"C-{number}"))
    seen: dict[str, int] = {}
    cursor = ""

    def follow() -> bool:
        nonlocal cursor
        page = service.get("/v1/skus", changed_since=cursor, limit=7).json()
        seen.update((item["sku"], item["revision"]) for item in page["items"])
        cursor = page["next"] or cursor
        return len(seen) == 60

    eventually(follow)
    assert set(seen.values()) == {1}
    # A thin event waits as a task that can be listed, and asks once however often it comes.
    for _ in range(3):
        accept(service, "akeneo-main", akeneo("product.updated", {"product": {"uuid": LAMP}}))
    tasks = eventually(lambda: service.get("/v1/tasks").json()["items"])
    assert len(tasks) == 1


def test_a_mended_mapping_and_a_replay_win(deployment: Deployment) -> None:
    """An event that a wrong mapping could not read is replayed after the mapping was mended; the same replay again changes nothing."""
    wrong = """
  dam:
    preset: cloudinary
    system: archive
    secrets: [env:TEST_SECRET]
    tolerance_s: null
    when_rights_unknown: show
    overrides: {sku: metadata.article, rights: {until: {path: metadata.licence, zone: UTC, end: exclusive}}}
"""
    deployment.configure(1, wrong)
    service = deployment.up()
    body = upload("poster", metadata={"article": "P-1", "licence": "31.12.2099", "licence_end": "2099-12-31"})
    answer = service.webhook("dam", body, dict(_cloudinary_signature(body)))
    assert answer.status_code == 200, answer.text
    letter = eventually(lambda: service.get("/v1/dead-letters", state="open", source="dam").json()["items"])[0]
    assert "31.12.2099" not in json.dumps({key: letter[key] for key in letter if key != "value"})

    service.down()
    service.configure(2, wrong.replace("metadata.licence, zone", "metadata.licence_end, zone"))
    service.up()
    everything = {"filter": {"source": "dam"}, "why": "mapping mended"}
    assert service.post("/v1/dead-letters/replay", everything).status_code == 202
    eventually(lambda: service.get(f"/v1/dead-letters/{letter['id']}").json()["state"] == "resolved")
    bound = eventually(lambda: service.sku("P-1"))
    assert states(bound) == {"id-poster": "pending-product"}
    # The event comes once more, as it came: the same answer, and no second letter.
    assert service.webhook("dam", body, dict(_cloudinary_signature(body))).json()["dead_letters"] == []
    accept(service, "cloudinary-eu", upload("marker", sku="M-1"))
    eventually(lambda: service.sku("M-1"))
    assert service.sku("P-1") == bound


def _cloudinary_signature(body: bytes) -> dict[str, str]:
    from tests.functional.deployment import signature

    return signature("cloudinary", body)


def test_an_older_process_stops_when_a_newer_configuration_is_in_force(deployment: Deployment) -> None:
    """A process that starts with an older bindery.yaml says so and ends; it decides nothing."""
    deployment.configure(2)
    service = deployment.up()
    accept(service, "cloudinary-eu", upload("kept", sku="K-1"))
    eventually(lambda: service.sku("K-1"))
    service.down()
    service.configure(1)
    if service.environment:
        process = service.start()
        assert process.wait(60) == 3
        said = (service.folder / f"process-{len(service.processes) - 1}.log").read_text()
        assert "configuration version 2 is in force" in said
        service.processes.clear()
    else:
        # Embedded, the service numbers its configuration itself: a changed file is simply the next version.
        service.up()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and service.sku("K-1")["revision"] == 0:
            time.sleep(0.1)
        assert service.sku("K-1")["revision"] == 1
