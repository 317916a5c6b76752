"""Poison behind the door: records on the log that nobody could have meant, and true words that grow too large (promise P5).

Owns: what is appended to the log directly, records and answers that outgrow what holds them. Does not own: bad requests
(tests/functional/test_hostile_input.py). Next stop: consumers/projector.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.ports import Entry
from schemas import topics
from schemas.event import Event
from tests.functional.deployment import Deployment, eventually, upload
from tests.functional.hostile import LONG_SYSTEM, Sender, behind, configured, settled

GOOD = upload("raw", sku="RAW")


@pytest.fixture
def sender(deployment: Deployment) -> Iterator[Sender]:
    """A sender to a deployment that is configured and not running yet."""
    made = Sender(configured(deployment))
    yield made
    made.http.close()


def poison() -> list[Entry]:
    """Records among the live events of DAMs that nobody could have meant."""
    key, good = b"asset/cloudinary-eu/p", event("poison").headers()
    entries = [Entry(key, b"{}", [one for one in good if one[0] != name]) for name in ("ce_id", "ce_source", "ce_binderyarrived")]
    return [
        *entries,
        Entry(key, b"{}", [*good, ("ce_id", b"\xff\xfe")]),
        Entry(key, b"{}", [*good, ("ce_binderyarrived", b"yesterday")]),
        Entry(b"\xff\xfe", GOOD, good),
        Entry(key, b"{not json", good),
        Entry(key, b"", good),
        Entry(b"asset/gone/p", GOOD, event("stranger", source="gone").headers()),
    ]


ARRIVED_US = 1_792_000_000_000_000


def event(name: str, source: str = "cloudinary-eu", sku: str = "") -> Event:
    """The event of an upload as the door would have made it."""
    return Event(name, source, "upload", f"asset/cloudinary-eu/id-{name}", upload(name, sku=sku), ARRIVED_US)


def entry(one: Event) -> Entry:
    return Entry(one.key.encode(), one.value, one.headers())


def changed(id_: str, second: int, **members: Any) -> Event:
    """An event about one product of the PIM."""
    body = {"type": "product.changed", "time": f"2026-10-14T08:12:{second}Z", "products": [{"id": "huge", **members}]}
    value = json.dumps(body, separators=(",", ":")).encode()
    return Event(id_, "pim", "product.changed", f"product/{LONG_SYSTEM}/huge", value, ARRIVED_US)


def too_much() -> list[Event]:
    """Three events that can each be stored, all of them in one record cannot; between and after them, small ones."""
    links = [[{"asset": f"{role}{n:04x}", "role": role} for n in range(25_000)] for role in "abc"]
    huge = [changed(f"links-{n}", 31 + n, links=some) for n, some in enumerate(links)]
    return [changed("sku", 30, sku="HUGE"), *huge[:2], changed("name", 35, name="N"), huge[2], changed("gtin", 36, gtin="9521101530476")]


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_poison_among_a_thousand_good_records(sender: Sender) -> None:
    """Broken headers, values that are no JSON, a record that the store refuses: one letter each; a thousand good ones are bound."""
    service, bad = sender.service, poison()
    async with behind(service) as made:
        entries = [entry(event(f"fine-{n}", sku=f"FINE-{n % 100}")) for n in range(1000)]
        await made.log.append(topics.EVENTS_DAM, [*entries[:500], *bad, *entries[500:]])
        await made.log.append(topics.EVENTS_PIM, [entry(one) for one in too_much()])
        # The topics between the consumers are written by the service alone; a stray record must not block them all the same.
        strays = [(b"\xff", b"{}"), (b"x", b"{not"), (b"", b"[]"), (b"x", b"[]"), (b"x", b'{"at_us":"x"}')]
        await made.log.append(topics.BIND_REQUESTS, [Entry(*stray) for stray in strays])
        await made.log.append(topics.DEAD_LETTERS, [Entry(b"x", b"", [("bindery-kind", b"letter")]), Entry(b"", b"{}")])
    service.up()
    sender.neighbour()
    settled(service, within_s=80)
    sender.all_neighbours_are_bound()
    for number in range(100):
        assert len(service.sku(f"FINE-{number}")["bindings"]) == 10
    letters = service.get("/v1/dead-letters", limit=100).json()["items"]
    assert len(letters) == len(bad) + 1, sorted((one["error_class"], one["message"]) for one in letters)
    assert [one["event_id"] for one in letters if one["stage"] == "store"] == ["links-2"]
    product = service.sku("HUGE")["product"]
    assert (product["name"], product["gtins"]) == ("N", ["09521101530476"])
    assert service.down() == [0]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_an_answer_that_outgrows_its_message_stops_nobody(sender: Sender) -> None:
    """Texts of several events that together exceed a message are cut visibly; the SKUs beside it are decided, and so is this one later."""
    service = sender.service.up()
    for kind in ("alt", "caption"):
        told = {"asset_id": "id-wordy", "public_id": "wordy", "added": {kind: "長" * 240_000}}
        change = {"notification_type": "resource_context_changed", "timestamp": "2026-10-15T08:12:31+00:00", "resources": {"wordy": told}}
        assert sender.post("cloudinary-eu", json.dumps(change, ensure_ascii=False).encode()).status_code == 200
    assert sender.post("cloudinary-eu", upload("wordy", sku="WORDY")).status_code == 200
    assert sender.post("cloudinary-eu", upload("brief", sku="WORDY")).status_code == 200
    everywhere = ",".join(f"E-{number}" for number in range(20_000))
    assert sender.post("cloudinary-eu", upload("size-chart", sku=everywhere)).status_code == 200
    sender.neighbour()
    eventually(lambda: len(service.sku("WORDY")["bindings"]) == 2, within_s=30)
    assert [flag["code"] for flag in service.sku("WORDY")["flags"]] == ["shortened"]
    settled(service, within_s=90)
    sender.all_neighbours_are_bound()
    for number in (0, 9_999, 19_999):
        assert [one["asset"]["id"] for one in service.sku(f"E-{number}")["bindings"]] == ["id-size-chart"]
    assert service.down() == [0]
