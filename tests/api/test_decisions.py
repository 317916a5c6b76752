"""Decisions of people: who may, what becomes of them, what is kept.

Owns: PUT and DELETE of decisions, roles. Does not own: their effect on bindings (tests/domain/). Next stop: app/api/decisions.py.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app import audit
from app.domain.decisions import CLEARED, SET, change_of, decision_key
from schemas import topics
from schemas.event import Event
from tests.api.answers import Shelf
from tests.api.serving import Running, is_problem

PATH = "/v1/skus/NH-1/decisions/dam-1/front"


def put(server: Running, body: Any, path: str = PATH, role: str = "catalogue") -> httpx.Response:
    return server.client.put(path, json=body, headers=server.bearer(role))


def decided(server: Running) -> list[Event]:
    """The decisions on the log."""
    return [Event.read(record.key, record.value, record.headers) for record in server.on_log(topics.EVENTS_DECISIONS)]


def test_a_decision_is_an_event_about_product_and_asset(server: Running) -> None:
    """It is durable before the answer, keyed by the product rather than the SKU, reads as a change, and stands in the audit."""
    server.do(Shelf("NH-1").store(server.store))
    answer = put(server, {"verdict": "reject", "place": 2, "why": "last season"})
    assert answer.status_code == 202
    event = decided(server)[0]
    product, asset = "product/pim-1/id-of-NH-1", "asset/dam-1/front"
    assert (event.id, event.type, event.source) == (answer.json()["accepted"], SET, "people")
    assert event.key == decision_key(product, asset)
    said = {
        "about": [product, asset],
        "verdict": "reject",
        "place": 2,
        "by": "catalogue",
        "why": "last season",
        "at_us": server.clock.at_us,
    }
    assert json.loads(event.value) == said
    assert change_of(event, 1).leaves["verdict"] == "reject"
    noted = server.do(audit.entries(server.store, asset))
    assert [(entry["who"], entry["what"], entry["why"]) for entry in noted] == [("catalogue", SET, "last season")]
    assert noted[0]["detail"]["event"] == event.id


def test_a_decision_can_be_taken_back(server: Running) -> None:
    """DELETE makes an event of its own, with a reason."""
    server.do(Shelf("NH-1").store(server.store))
    answer = server.client.delete(PATH, params={"why": "a mistake"}, headers=server.bearer("catalogue"))
    assert answer.status_code == 202
    event = decided(server)[0]
    assert (event.type, json.loads(event.value)["why"]) == (CLEARED, "a mistake")
    assert change_of(event, 1).leaves["status"] == "deleted"
    is_problem(server.client.delete(PATH, headers=server.bearer("catalogue")), 422, "invalid")


def test_names_with_slashes(server: Running) -> None:
    """SKU and asset may hold slashes, even `/decisions/`, where they are encoded."""
    sku, asset = "a/b", "x/decisions/dam-1/y"
    server.do(Shelf(sku, {asset: (None, None), "in/a folder": (None, None)}).store(server.store))
    path = f"/v1/skus/{quote(sku, safe='')}/decisions/dam-1/{quote(asset, safe='')}"
    assert put(server, {"pin": True, "why": "w"}, path).status_code == 202
    assert put(server, {"pin": True, "why": "w"}, "/v1/skus/a/b/decisions/dam-1/in/a%20folder").status_code == 202
    assert [json.loads(event.value)["about"][1] for event in decided(server)] == [f"asset/dam-1/{asset}", "asset/dam-1/in/a folder"]


@pytest.mark.parametrize("role", ["reader", "ops"])
def test_other_roles_may_not_decide(server: Running, role: str) -> None:
    """403 names the role that is needed; without a token it is 401; nothing is on the log."""
    server.do(Shelf("NH-1").store(server.store))
    problem = is_problem(put(server, {"pin": True, "why": "w"}, role=role), 403, "forbidden")
    assert "catalogue" in problem["detail"]
    is_problem(server.client.put(PATH, json={"pin": True, "why": "w"}), 401, "token-missing")
    assert decided(server) == []


def test_a_decision_needs_its_product_and_asset(server: Running) -> None:
    """404 for what is unknown, 409 for a SKU without a product: decisions are kept for products."""
    good = {"verdict": "approve", "why": "w"}
    is_problem(put(server, good), 404, "unknown-sku")
    server.do(Shelf("NH-1", with_product=False).store(server.store))
    is_problem(put(server, good), 409, "no-product")
    server.do(Shelf("NH-2", {"back": (None, None)}).store(server.store))
    is_problem(put(server, good, "/v1/skus/NH-2/decisions/dam-1/nothing"), 404, "unknown-asset")
    assert put(server, good, "/v1/skus/NH-2/decisions/dam-1/front").status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        {"why": "nothing decided"},
        {"pin": False, "why": "nothing decided"},
        {"verdict": "maybe", "why": "w"},
        {"verdict": "approve"},
        {"verdict": "approve", "why": ""},
        {"place": -1, "why": "w"},
        {"place": 10**30, "why": "w"},
        {"place": 1.5, "why": "w"},
        {"pin": True, "why": "w", "by": "somebody else"},
        [],
    ],
)
def test_what_cannot_be_decided_is_invalid(server: Running, body: Any) -> None:
    """422 for each mistake, and nothing on the log."""
    server.do(Shelf("NH-1").store(server.store))
    is_problem(put(server, body), 422, "invalid")
    assert decided(server) == []


def test_a_decision_without_the_log_is_not_taken(server: Running) -> None:
    """503: the person is asked to try again, and nothing is noted."""
    server.do(Shelf("NH-1").store(server.store))
    server.log.down = True
    answer = put(server, {"pin": True, "why": "w"})
    is_problem(answer, 503, "engine-down")
    assert answer.headers["retry-after"]
    assert server.do(audit.entries(server.store, "asset/dam-1/front")) == []
