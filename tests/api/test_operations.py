"""What operators ask: lag, sources, health, metrics, a rebind; and what the service says of refusals in its log.

Owns: these doors. Does not own: letters (tests/letters/), tasks (test_tasks.py). Next stop: app/api/operations.py.
"""

from __future__ import annotations

import json

import structlog
from prometheus_client.parser import text_string_to_metric_families

from app import audit
from app.ports import Doc
from schemas import topics
from tests.api.answers import Shelf
from tests.api.conftest import Serve
from tests.api.parts import NOW_US, SECRETS
from tests.api.serving import Running, event, is_problem


def test_a_rebind_of_one_sku_is_a_bind_request(server: Running) -> None:
    """The SKU is asked for in its compared spelling, and the audit says who and why."""
    server.do(Shelf("NH-1").keep(server.store))
    answer = server.client.post("/v1/rebind", json={"sku": "nh-1", "why": "mended"}, headers=server.bearer("ops"))
    assert (answer.status_code, answer.json()) == (202, {"asked": "NH-1"})
    requests = server.on_log(topics.BIND_REQUESTS)
    assert [(record.key, json.loads(record.value or b"")["cause"]) for record in requests] == [(b"NH-1", "person")]
    assert [entry["who"] for entry in server.do(audit.entries(server.store, "sku/NH-1"))] == ["ops"]
    lag = server.client.get("/v1/lag").json()
    assert [(item["group"], item["topic"], item["records"]) for item in lag["items"]] == [("bindery.binder", topics.BIND_REQUESTS, 1)]
    assert sum(each["records"] for each in lag["items"][0]["partitions"]) == 1


def test_a_rebind_of_an_unknown_sku_is_refused(server: Running) -> None:
    """404 where no record names the SKU and it never had an answer; being asked for does not make it known."""
    server.do(server.store.bindings.save([Doc("NOPE", "{}", numbers={"revision": 0})]))
    for sku in ("nope", "x" * 1000):
        body = {"sku": sku, "why": "a guess"}
        is_problem(server.client.post("/v1/rebind", json=body, headers=server.bearer("ops")), 404, "unknown-sku")
    is_problem(server.client.get("/v1/skus/nope/explain"), 404, "unknown-sku")
    assert server.on_log(topics.BIND_REQUESTS) == []
    server.do(Shelf("CLAIMED", with_product=False).keep(server.store))
    claimed = {"sku": "claimed", "why": "an asset names it"}
    assert server.client.post("/v1/rebind", json=claimed, headers=server.bearer("ops")).status_code == 202
    assert server.client.get("/v1/skus/claimed/explain").status_code == 200


def test_a_rebind_of_all_is_a_sweep(server: Running) -> None:
    """All SKUs are asked for by a sweep, not by one request each."""
    answer = server.client.post("/v1/rebind", json={"all": True, "why": "new policy"}, headers=server.bearer("ops"))
    assert answer.status_code == 202
    assert server.do(server.store.sweeps.load(["all"]))["all"].numbers["requested"] == 1


def test_a_rebind_needs_ops_and_one_wish(server: Running) -> None:
    """403 for other roles, 422 for none or both of sku and all."""
    good = {"sku": "NH-1", "why": "w"}
    is_problem(server.client.post("/v1/rebind", json=good), 401, "token-missing")
    for role in ("reader", "catalogue"):
        is_problem(server.client.post("/v1/rebind", json=good, headers=server.bearer(role)), 403, "forbidden")
    for body in ({"why": "w"}, {**good, "all": True}, {"all": False, "why": "w"}, {"sku": "", "why": "w"}, {"sku": "NH-1"}):
        is_problem(server.client.post("/v1/rebind", json=body, headers=server.bearer("ops")), 422, "invalid")
    assert server.on_log(topics.BIND_REQUESTS) == []


def test_who_may_not_ask_learns_nothing_of_the_body(server: Running) -> None:
    """401 and 403 come before any look at parameters and body, at every door that changes something."""
    doors = [
        ("PUT", "/v1/skus/NH-1/decisions/dam-1/front", "ops"),
        ("DELETE", "/v1/skus/NH-1/decisions/dam-1/front", "ops"),
        ("POST", "/v1/rebind", "catalogue"),
        ("GET", "/v1/dead-letters?limit=x", "reader"),
        ("POST", "/v1/dead-letters/replay", "reader"),
        ("POST", "/v1/dead-letters/discard", "reader"),
        ("POST", "/v1/dead-letters/some/replay", "reader"),
        ("POST", "/v1/dead-letters/some/nonsense", "reader"),
        ("GET", "/v1/replays?limit=x", "reader"),
        ("POST", "/v1/replays/some/cancel", "reader"),
        ("POST", "/v1/tasks/now", "reader"),
        ("POST", "/v1/tasks/cancel", "catalogue"),
        ("POST", "/v1/sources/nobody/topics/accept", "reader"),
        ("POST", "/v1/sources/nobody/quarantine/release", "catalogue"),
        ("POST", "/v1/sources/nobody/recordings", "reader"),
    ]
    for method, path, role in doors:
        body = None if method == "GET" else {"nonsense": True}
        is_problem(server.client.request(method, path, json=body), 401, "token-missing")
        is_problem(server.client.request(method, path, json=body, headers=server.bearer(role)), 403, "forbidden")
        is_problem(server.client.request(method, path, json=body, headers=server.bearer("everybody")), 422, "invalid")


def test_a_body_that_is_not_called_json_says_which_header_to_send(server: Running) -> None:
    """What `curl -d` sends by itself is refused with the header to add; nothing is asked for."""
    for headers in ({"content-type": "application/x-www-form-urlencoded"}, {"content-type": "text/plain"}, {}):
        answer = server.client.post("/v1/rebind", content=b'{"all": true, "why": "w"}', headers=server.bearer("ops") | headers)
        assert "`Content-Type: application/json`" in is_problem(answer, 422, "invalid")["detail"]
    body, named = b'{"all": true, "why": "w"}', {"content-type": "application/json; charset=utf-8"}
    assert server.client.post("/v1/rebind", content=body, headers=server.bearer("ops") | named).status_code == 202


def test_sources_show_their_deliveries(server: Running) -> None:
    """Accepted, refused by kind, letters, the last error and when; broken and retired sources say so."""
    server.deliver("dam-1", [event(1), event(2), {"id": "torn"}])
    server.clock.at_us += 5_000_000
    body = b"{}"
    server.deliver("dam-1", body, server.signed(body, "a-guess"))
    server.deliver("torn", event(1))
    sources = {item["name"]: item for item in server.client.get("/v1/sources").json()["items"]}
    one = sources["dam-1"]
    assert (one["state"], one["accepted"], one["events"], one["dead_letters"], one["refused"]) == ("open", 1, 2, 1, {"bad-signature": 1})
    assert (one["last_accepted_at"], one["last_delivery_at"]) == ("2026-03-01T00:00:00Z", "2026-03-01T00:00:05Z")
    assert "x-signature" in one["last_error"]
    assert (sources["torn"]["state"], sources["torn"]["trouble"]) == ("broken", "env:NOWHERE is not set")
    assert (sources["old"]["state"], sources["dam-2"]["last_delivery_at"]) == ("retired", None)


def test_metrics_count_what_happened(server: Running) -> None:
    """Each family has its meaning beside it, and the numbers are those of the requests."""
    server.deliver("dam-1", [event(1), event(2)])
    server.deliver("dam-1", event(3), {"x-signature": "no"})
    server.deliver("nobody", event(4))
    answer = server.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert "process_resident_memory_bytes" in families
    ours = {name: family for name, family in families.items() if name.startswith("bindery_webhook")}
    assert all(family.documentation for family in ours.values())
    values = {(sample.name, *sorted(sample.labels.values())): sample.value for family in ours.values() for sample in family.samples}
    assert values["bindery_webhook_requests_total", "accepted", "dam-1"] == 1
    assert values["bindery_webhook_requests_total", "bad-signature", "dam-1"] == 1
    assert values["bindery_webhook_requests_total", "", "unknown-source"] == 1
    assert values["bindery_webhook_events_total", "dam-1"] == 2
    assert values["bindery_webhook_seconds_count", "dam-1"] == 1
    assert values["bindery_webhook_seconds_bucket", "+Inf", "dam-1"] == 1
    assert values["bindery_webhook_in_flight", "dam-1"] == 0
    assert values["bindery_webhook_last_accepted_timestamp_seconds", "dam-1"] == NOW_US / 1e6


def test_readiness_names_each_dependency(serve: Serve) -> None:
    """Green while all is well; red with the name and the reason of what is down; liveness does not care."""
    trouble: list[str] = []

    async def consumer() -> str | None:
        if trouble:
            raise RuntimeError(trouble[0])
        return "all is well"

    server = serve(readiness={"binder": consumer})
    ready = server.client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["dependencies"] == [
        {"name": "log", "ok": True, "detail": None},
        {"name": "store", "ok": True, "detail": None},
        {"name": "binder", "ok": True, "detail": "all is well"},
    ]
    for engine in (server.log, server.store):
        engine.down = True
        problem = is_problem(server.client.get("/health/ready"), 503, "not-ready")
        down = {each["name"]: each["detail"] for each in problem["dependencies"] if not each["ok"]}
        assert next(iter(down.values())).endswith("taken down by the test")
        assert len(down) == 1
        engine.down = False
    trouble.append("stopped")
    assert "binder" in is_problem(server.client.get("/health/ready"), 503, "not-ready")["detail"]
    assert server.client.get("/health/live").json() == {"status": "ok"}


def test_a_refusal_is_one_line_and_a_success_none(server: Running) -> None:
    """The line has a static name and fields to query; no secret, no signature and nothing of the body is in it."""
    with structlog.testing.capture_logs() as lines:
        server.deliver("dam-1", event(1, text="marker-of-the-body"))
        assert lines == []
        body = json.dumps(event(2, text="marker-of-the-body")).encode()
        server.deliver("dam-1", body, server.signed(body, "a-guess"))
        server.deliver("dam-1", event(3, explode=True, text="marker-of-the-body"))
        server.log.down = True
        server.deliver("dam-1", event(4))
    assert [(line["event"], line["source"]) for line in lines[:3]] == [
        ("webhook.refused", "dam-1"),
        ("webhook.failed", "dam-1"),
        ("webhook.refused", "dam-1"),
    ]
    assert (lines[0]["status"], lines[0]["problem"], lines[0]["log_level"]) == (401, "bad-signature", "info")
    assert [(line["status"], line["log_level"], line["cause"]) for line in lines[3:]] == [
        (503, "warning", "LogUnavailable: taken down by the test")
    ]
    told = str(lines)
    for hidden in ("marker-of-the-body", *SECRETS, server.signed(body)["x-signature"]):
        assert hidden not in told


def test_unknown_paths_and_methods_are_problems(server: Running) -> None:
    """The one schema of errors holds for what no route answers, too."""
    is_problem(server.client.get("/nowhere"), 404, "not-found")
    is_problem(server.client.get("/v1/skus/batch/"), 404, "unknown-sku")
    answer = server.client.delete("/v1/lag")
    is_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"
