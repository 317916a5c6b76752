"""`/v1/dead-letters` and `/v1/replays` over real HTTP.

Owns: tests of app/api/dead_letters.py and app/api/replays.py. Does not own: what replays do (test_replays.py). Next stop: test_cli.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.letters import letter_of_event
from app.errors import Unmappable
from app.ports import Entry
from consumers.letters import LettersProjection
from consumers.replayer import Replayer
from schemas import topics
from schemas.event import Event
from tests.api.serving import Running, is_problem
from tests.letters.world import NOW_US

WHY = {"why": "seen"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """A server of the doors; consumers are run by hand."""
    with Running(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server with the letters a, b and c, for all tests that change nothing."""
    with Running(tmp_path_factory.mktemp("quiet")) as running:
        lettered(running, "a", "b", "c")
        yield running


def lettered(server: Running, *things: str, path: str = "sku", value: bytes = b'{"id":1}') -> list[str]:
    """Writes a letter for each thing and projects them; their ids."""
    made = [
        letter_of_event(
            Event(f"e-{thing}", "dam-1", "changed", f"asset/dam-1/{thing}", value, NOW_US),
            record=None,
            error=Unmappable(f"dam-1: {path}: expected str"),
            stage="map",
            now_us=NOW_US - 1000 + number,
            code_version="0.0.test",
            config_version=1,
        )
        for number, thing in enumerate(things)
    ]
    server.do(server.log.append(topics.DEAD_LETTERS, [Entry(*letter.entry()) for letter in made]))
    server.do(LettersProjection(server.store, server.clock).process(server.on_log(topics.DEAD_LETTERS)))
    return [letter.id for letter in made]


def ask(server: Running, method: str, path: str, json: Any = None, **params: Any) -> Any:
    """The answer to a request with the role ops."""
    answer = server.client.request(method, path, json=json, params=params, headers=server.bearer("ops"))
    assert answer.is_success, answer.text
    return answer.json()


def listed(server: Running, **params: Any) -> list[str]:
    """Ids of a list."""
    return [item["id"] for item in ask(server, "GET", "/v1/dead-letters", **params)["items"]]


def test_letters_are_listed_newest_first_and_paged(server: Running) -> None:
    """Every letter is on exactly one page."""
    ids = lettered(server, "a", "b", "c", "d", "e")
    assert listed(server) == ids[::-1]
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = ask(server, "GET", "/v1/dead-letters", limit=2, after=after)
        seen, after = seen + [item["id"] for item in page["items"]], page["next"]
    assert seen == ids[::-1]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"state": "open"}, 3),
        ({"state": "waiting"}, 3),
        ({"state": "resolved"}, 0),
        ({"source": "dam-1"}, 3),
        ({"source": "dam-2"}, 0),
        ({"disposition": "unmappable"}, 3),
        ({"stage": "ingress"}, 0),
        ({"type": "changed"}, 3),
        ({"record": "asset/dam-1/b"}, 1),
        ({"fingerprint": "none"}, 0),
    ],
)
def test_letters_are_filtered(quiet: Running, params: dict[str, str], expected: int) -> None:
    """Each query parameter narrows the list."""
    assert len(listed(quiet, **params)) == expected


def test_groups_show_causes_with_their_counts(server: Running) -> None:
    """One entry for each fingerprint, which leads to its letters."""
    many, few = lettered(server, "a", "b", "c"), lettered(server, "x", path="rights")
    groups = {one["error"]["message"]: one for one in ask(server, "GET", "/v1/dead-letters", group="fingerprint", state="open")["items"]}
    assert {message: one["count"] for message, one in groups.items()} == {"dam-1: sku: expected str": 3, "dam-1: rights: expected str": 1}
    assert listed(server, fingerprint=groups["dam-1: rights: expected str"]["fingerprint"]) == few
    assert set(listed(server, fingerprint=groups["dam-1: sku: expected str"]["fingerprint"])) == set(many)


@pytest.mark.parametrize(("value", "shown"), [(b'{"id":1}', {"text": '{"id":1}'}), (b"\xff\x00", {"base64": "/wA="})])
def test_a_letter_shows_its_original_and_its_story(server: Running, value: bytes, shown: dict[str, str]) -> None:
    """Bytes that are text are shown as text, others as base64; tries and audit tell what happened."""
    (id_,) = lettered(server, "a", value=value)
    ask(server, "POST", f"/v1/dead-letters/{id_}/acknowledge", WHY)
    one = ask(server, "GET", f"/v1/dead-letters/{id_}")
    assert one["original"]["value"] == shown
    assert one["tries"][0]["failed"]["error"] == {"kind": "Unmappable", "message": "dam-1: sku: expected str"}
    assert [(entry["who"], entry["what"], entry["why"]) for entry in one["audit"]] == [("ops", "letter.acknowledge", "seen")]
    assert (one["state"], one["mark"]["by"], one["record"]) == ("acknowledged", "ops", "asset/dam-1/a")


def test_discarding_is_undone_by_restoring(server: Running) -> None:
    """discard and restore are inverses, and each is safe to repeat."""
    (id_,) = lettered(server, "a")
    for action, state in [("discard", "discarded"), ("discard", "discarded"), ("restore", "open"), ("restore", "open")]:
        assert ask(server, "POST", f"/v1/dead-letters/{id_}/{action}", WHY)["state"] == state


def test_what_the_state_does_not_allow_is_a_conflict(server: Running) -> None:
    """The problem names the state and what would be possible."""
    (id_,) = lettered(server, "a")
    ask(server, "POST", f"/v1/dead-letters/{id_}/discard", WHY)
    for action in ("acknowledge", "replay"):
        answer = server.client.post(f"/v1/dead-letters/{id_}/{action}", json=WHY, headers=server.bearer("ops"))
        assert "discarded" in is_problem(answer, 409, "conflict")["detail"]


@pytest.mark.parametrize("action", ["discard", "acknowledge"])
def test_many_letters_at_once(server: Running, action: str) -> None:
    """A filter chooses; every letter's own story names the person."""
    ids, others = lettered(server, "a", "b"), lettered(server, "x", path="rights")
    wanted = {"fingerprint": ask(server, "GET", f"/v1/dead-letters/{ids[0]}")["fingerprint"]}
    assert ask(server, "POST", f"/v1/dead-letters/{action}", {"filter": wanted, **WHY}) == {"changed": 2, "refused": 0, "complete": True}
    assert listed(server, state="open") == others
    assert ask(server, "GET", f"/v1/dead-letters/{ids[1]}")["audit"][0]["detail"]["letters"] == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("replay", {"filter": {}, "why": "x"}),
        ("replay", {"filter": {"sorce": "dam-1"}, "why": "x"}),
        ("replay", {"filter": {"source": "dam-1"}}),
        ("replay", {"filter": {"source": "dam-1"}, "why": "x", "rate_per_s": 0}),
        ("replay", {"filter": {"source": "dam-1"}, "why": "x", "rate_per_s": 1e9}),
        ("discard", {"filter": {"state": "asleep"}, "why": "x"}),
        ("acknowledge", {"filter": {}, "why": "x"}),
        ("some-letter/explode", {"why": "x"}),
    ],
)
def test_what_makes_no_sense_is_refused(quiet: Running, path: str, body: dict[str, Any]) -> None:
    """A misspelt, empty or impossible request changes nothing and says where the mistake is."""
    is_problem(quiet.client.post(f"/v1/dead-letters/{path}", json=body, headers=quiet.bearer("ops")), 422, "invalid")
    assert len(listed(quiet, state="open")) == 3


ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/v1/dead-letters", None),
    ("GET", "/v1/dead-letters/x", None),
    ("POST", "/v1/dead-letters/x/discard", WHY),
    ("POST", "/v1/dead-letters/x/replay", WHY),
    ("POST", "/v1/dead-letters/replay", {"filter": {"source": "s"}, **WHY}),
    ("POST", "/v1/dead-letters/discard", {"filter": {"source": "s"}, **WHY}),
    ("GET", "/v1/replays", None),
    ("GET", "/v1/replays/x", None),
    ("POST", "/v1/replays/x/cancel", WHY),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_all_of_it_needs_the_role_ops(quiet: Running, method: str, path: str, body: Any) -> None:
    """Without a token, or with one of another role, nothing is shown and nothing is done."""
    is_problem(quiet.client.request(method, path, json=body), 401, "token-missing")
    is_problem(quiet.client.request(method, path, json=body, headers=quiet.bearer("catalogue")), 403, "forbidden")


@pytest.mark.parametrize("path", ["/v1/dead-letters/nothing", "/v1/replays/nothing"])
def test_what_is_not_there_is_not_found(quiet: Running, path: str) -> None:
    """404 as a problem."""
    is_problem(quiet.client.get(path, headers=quiet.bearer("ops")), 404, "not-found")


@pytest.mark.parametrize("path", ["/v1/dead-letters", "/v1/replays"])
def test_a_foreign_cursor_is_refused(quiet: Running, path: str) -> None:
    """A cursor of another list, or none at all, is a bad cursor."""
    other = ask(quiet, "GET", "/v1/dead-letters", limit=1)["next"]
    for after in ["bm9wZQ", *([other] if path == "/v1/replays" else [])]:
        is_problem(quiet.client.get(path, params={"after": after}, headers=quiet.bearer("ops")), 400, "bad-cursor")


@pytest.fixture
def replayer(server: Running) -> Callable[[], None]:
    """One step of a replayer of this server, a second passing."""
    made = Replayer(server.log, server.store, server.clock, server.api.configuration.sources, version=1, code_version="0.0.test")

    def step() -> None:
        server.do(made.run_once())
        server.clock.at_us += 1_000_000

    return step


def test_a_replay_is_followed_from_start_to_end(server: Running, replayer: Callable[[], None]) -> None:
    """202 with the frozen set, then sent, then in the slow lane with the job's id; the list shows it."""
    ids = lettered(server, "a", "b", "c")
    job = ask(server, "POST", "/v1/dead-letters/replay", {"filter": {"source": "dam-1"}, "rate_per_s": 2, **WHY})
    assert (job["chosen"], job["waiting"], job["by"], job["why"]) == (3, 3, "ops", "seen")
    assert sorted(listed(server, state="replaying")) == sorted(ids)
    replayer()
    assert len(server.on_log(topics.EVENTS_SLOW)) == 2
    for _ in range(3):
        replayer()
    sent = [dict(record.headers) for record in server.on_log(topics.EVENTS_SLOW)]
    assert {headers["ce_binderyletter"].decode() for headers in sent} == set(ids)
    assert {headers["ce_binderyreplay"].decode() for headers in sent} == {job["id"]}
    held = ask(server, "GET", f"/v1/replays/{job['id']}")
    assert (held["phase"], held["sent"], held["waiting"]) == ("sent", 3, 0)
    assert [one["id"] for one in ask(server, "GET", "/v1/replays")["items"]] == [job["id"]]
    answer = server.client.post(f"/v1/replays/{job['id']}/cancel", json=WHY, headers=server.bearer("ops"))
    is_problem(answer, 409, "conflict")


def test_a_replay_is_cancelled(server: Running, replayer: Callable[[], None]) -> None:
    """What was not sent is open again, and the job says how many."""
    (id_,) = lettered(server, "a")
    job = ask(server, "POST", f"/v1/dead-letters/{id_}/replay", WHY)
    cancelled = ask(server, "POST", f"/v1/replays/{job['id']}/cancel", WHY)
    assert (cancelled["phase"], cancelled["released"]) == ("cancelled", 1)
    assert listed(server, state="open") == [id_]
    replayer()
    assert server.on_log(topics.EVENTS_SLOW) == []


def test_a_dry_run_tells_and_does_nothing(server: Running) -> None:
    """200 with a forecast, for many and for one; no job, no stamp."""
    (id_,) = lettered(server, "a")
    many = ask(server, "POST", "/v1/dead-letters/replay", {"filter": {"source": "dam-1"}, "dry_run": True, **WHY})
    one = ask(server, "POST", f"/v1/dead-letters/{id_}/replay", {"dry_run": True, **WHY})
    assert many == one
    assert (many["summary"], many["items"][0]["letter"], many["more"]) == ({"no-change": 1}, id_, False)
    assert listed(server, state="open") == [id_]
    assert ask(server, "GET", "/v1/replays")["items"] == []


def test_the_openapi_describes_every_answer(quiet: Running) -> None:
    """Each route names its success and its refusals, and says that it needs the role ops."""
    described = quiet.client.get("/openapi.json").json()["paths"]
    routes = {path: methods for path, methods in described.items() if path.startswith(("/v1/dead-letters", "/v1/replays"))}
    assert len(routes) == 10
    for methods in routes.values():
        for operation in methods.values():
            assert operation["x-role"] == "ops"
            assert {"401", "403"} <= set(operation["responses"])
            assert {"200", "202"} & set(operation["responses"])


def test_an_id_of_no_letter_starts_nothing(server: Running) -> None:
    """404 names the unknown id, also beside a known one; no job is made and no letter is touched."""
    (known,) = lettered(server, "a")
    for action in ("replay", "discard", "acknowledge"):
        body = {"filter": {"ids": [known, "mistyped"]}, "why": "w"}
        answer = server.client.post(f"/v1/dead-letters/{action}", json=body, headers=server.bearer("ops"))
        assert "'mistyped'" in is_problem(answer, 404, "not-found")["detail"]
    assert ask(server, "GET", "/v1/replays")["items"] == []
    assert listed(server, state="open") == [known]
