"""Reading SKUs: one, many, by any spelling and whatever characters they have; and never a URL beyond its right.

Owns: /v1/skus/{sku}, ?sku=, /v1/skus/batch. Does not own: changes (test_changes.py). Next stop: app/api/skus.py.
"""

from __future__ import annotations

from urllib.parse import quote

from app.domain.reasons import expired
from tests.api.answers import Shelf
from tests.api.conftest import Serve
from tests.api.parts import NOW_US
from tests.api.serving import Running, is_problem

DAY_US = 86_400_000_000


def test_one_sku(server: Running) -> None:
    """The answer is the stored one, with its revision."""
    server.do(Shelf("NH-1").store(server.store, revision=7))
    answer = server.client.get("/v1/skus/NH-1")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-cache"
    held = answer.json()
    assert (held["sku"], held["revision"], held["next_change_at"]) == ("NH-1", 7, None)
    assert held["product"]["id"] == "id-of-NH-1"
    binding = held["bindings"][0]
    assert (binding["state"], binding["url"]) == ("live", "https://assets.example.com/front.jpg")
    assert binding["renditions"]["small"]["url"].endswith("front-small.jpg")


def test_an_unknown_sku_is_not_found(server: Running) -> None:
    """404 with a problem that names the SKU, by each way of asking."""
    for path in ("/v1/skus/nope", "/v1/skus?sku=nope", "/v1/skus/", "/v1/skus?sku=", "/v1/skus/" + "x" * 5_000, "/v1/skus/%00"):
        is_problem(server.client.get(path), 404, "unknown-sku")


ODD = [
    *("a/b", "a//b", "/a", "a/", "50%", "50%25", "%2F", "Größe 42", "日本/語"),
    *("a?b#c", "a b+c", "x/explain", "..", "a;b=c", "batch", "\U0001f455"),
]


def test_skus_may_hold_any_character(server: Running) -> None:
    """Encoded in the path, as ?sku= or in a batch, every character comes through."""
    for sku in ODD:
        server.do(Shelf(sku).store(server.store))
    for sku in ODD:
        # A path of dots alone is resolved by clients; everything else survives.
        if sku != "..":
            answer = server.client.get(f"/v1/skus/{quote(sku, safe='')}")
            assert (answer.status_code, answer.json().get("sku")) == (200, sku)
        assert server.client.get("/v1/skus", params={"sku": sku}).json()["sku"] == sku
    assert [item["sku"] for item in server.client.post("/v1/skus/batch", json={"skus": ODD}).json()["items"]] == ODD


def test_slashes_may_be_written_as_they_are(server: Running) -> None:
    """A SKU with slashes needs no encoding in the path, unless it would be taken for more of the path."""
    server.do(Shelf("a/b/c").store(server.store))
    assert server.client.get("/v1/skus/a/b/c").json()["sku"] == "a/b/c"
    assert server.client.get("/v1/skus/a/b%2Fc").json()["sku"] == "a/b/c"
    assert server.client.get("/v1/skus/a/b/c/explain").json()["sku"] == "A/B/C"


def test_any_spelling_finds_the_sku(server: Running) -> None:
    """What is asked for is normalised as configured; the answer shows the product's own spelling."""
    server.do(Shelf("Nh-1").store(server.store))
    assert server.client.get("/v1/skus/nH-1").json()["sku"] == "Nh-1"


def test_many_skus(server: Running) -> None:
    """Items come in the order asked for, each once; what is unknown is named as it was asked for."""
    for sku in ("A", "B", "C"):
        server.do(Shelf(sku).store(server.store))
    answer = server.client.post("/v1/skus/batch", json={"skus": ["c", "nope", "A", "C", "nope"]}).json()
    assert [item["sku"] for item in answer["items"]] == ["C", "A"]
    assert answer["missing"] == ["nope"]
    assert answer["next"] is None


def test_a_wrong_batch_is_invalid(server: Running) -> None:
    """422 says where the mistake is, and repeats no value."""
    many = b'{"skus": ["' + b'","'.join([b"s3cr3t"] * 501) + b'"]}'
    for body in (b'{"skus": []}', many, b'{"skus": [1]}', b'{"skus": ["a"], "s3cr3t": 1, "more": "s3cr3t"}', b"[]", b""):
        answer = server.client.post("/v1/skus/batch", content=body, headers={"content-type": "application/json"})
        errors = is_problem(answer, 422, "invalid")["errors"]
        assert errors[0]["at"].startswith("body")
        assert "s3cr3t" not in str([mistake["problem"] for mistake in errors])


def test_a_batch_that_is_not_json_cannot_be_read(server: Running) -> None:
    """400 for bytes that are no JSON, or JSON of which nothing behind could store the text."""
    for body in (b"{", b"\xff", b'{"a":' * 10_000, b'{"skus": ["\\ud800"]}', b'{"\\ud800": 1}', b'{"skus": NaN}'):
        answer = server.client.post("/v1/skus/batch", content=body, headers={"content-type": "application/json"})
        is_problem(answer, 400, "bad-request")


def test_a_body_without_end_ends(server: Running) -> None:
    """413 once the bound is passed, before the whole of it is read."""
    answer = server.client.post("/v1/skus/batch", content=iter([b"x" * 300_000] * 4), headers={"content-type": "application/json"})
    is_problem(answer, 413, "body-too-large")
    assert server.client.get("/health/live").status_code == 200


def test_no_url_outlives_its_right(server: Running) -> None:
    """At the instant the window ends the URL is gone by every reading door, though nobody has decided again yet (P6)."""
    shelf = Shelf("NH-1", {"front": (None, NOW_US + DAY_US), "back": (None, None)})
    server.do(shelf.store(server.store))
    server.clock.at_us = NOW_US + DAY_US - 1
    before = server.client.get("/v1/skus/NH-1").json()
    assert {binding["asset"]["id"]: binding["state"] for binding in before["bindings"]} == {"front": "live", "back": "live"}
    server.clock.at_us = NOW_US + DAY_US
    doors = [
        server.client.get("/v1/skus/NH-1"),
        server.client.get("/v1/skus?sku=NH-1"),
        server.client.post("/v1/skus/batch", json={"skus": ["NH-1"]}),
        server.client.get("/v1/assets/dam-1/front"),
        server.client.get("/v1/skus/NH-1/explain"),
    ]
    for answer in doors:
        assert answer.status_code == 200
        assert "front.jpg" not in answer.text
        assert "front-small.jpg" not in answer.text
    now = {binding["asset"]["id"]: binding for binding in doors[0].json()["bindings"]}
    assert (now["front"]["state"], now["front"]["url"], now["front"]["renditions"]) == ("expired", None, {})
    assert now["front"]["reason"] == {"code": "expired", "text": expired("dam-1", NOW_US + DAY_US)}
    assert now["front"]["valid_until"] is None
    assert (now["back"]["state"], now["back"]["url"]) == ("live", "https://assets.example.com/back.jpg")


def test_an_embargo_is_lifted_by_the_clock_alone(server: Running) -> None:
    """A URL may come late, never early: what begins by time waits until it is decided again."""
    shelf = Shelf("NH-1", {"front": (NOW_US + DAY_US, None)})
    server.do(shelf.store(server.store))
    server.clock.at_us = NOW_US + 2 * DAY_US
    assert server.client.get("/v1/skus/NH-1").json()["bindings"][0]["state"] == "embargoed"
    server.do(shelf.store(server.store, server.clock.at_us, revision=2))
    assert server.client.get("/v1/skus/NH-1").json()["bindings"][0]["state"] == "live"


def test_reads_may_need_a_token(serve: Serve) -> None:
    """Where configured, every reading door asks for a token, and any role may read."""
    server = serve(reads_open=False)
    server.do(Shelf("NH-1").store(server.store))
    for path in ("/v1/skus/NH-1", "/v1/skus", "/v1/assets/dam-1/front", "/v1/skus/NH-1/explain", "/v1/tasks", "/v1/lag", "/v1/sources"):
        answer = server.client.get(path)
        is_problem(answer, 401, "token-missing")
        assert answer.headers["www-authenticate"] == "Bearer"
        is_problem(server.client.get(path, headers={"authorization": "Bearer wrong"}), 401, "token-unknown")
        for role in ("reader", "catalogue", "ops"):
            assert server.client.get(path, headers=server.bearer(role)).status_code == 200
    is_problem(server.client.post("/v1/skus/batch", json={"skus": ["NH-1"]}), 401, "token-missing")
