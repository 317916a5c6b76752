"""What waits for the outside, over HTTP: the list, `now`, `cancel`.

Owns: app/api/tasks.py and app/tasks/desk.py. Does not own: doing tasks (tests/consumers/test_fetching.py), the command line
(tests/cli/test_tasks.py). Next stop: app/tasks/desk.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app import audit
from app.domain.instants import rfc3339
from app.ports import Doc
from app.sources.source import FetchTask
from app.tasks.desk import lease_id
from app.tasks.documents import read
from consumers.tasks import request_fetches
from schemas import letter as wire
from schemas import topics
from schemas.letter import Letter
from tests.api.parts import NOW_US
from tests.api.serving import Running, is_problem

SECOND_US = 1_000_000


def task(nth: int, system: str = "akeneo", *, kind: str = "product", **more: Any) -> FetchTask:
    """A wish; every third is due at the same time."""
    due_us = NOW_US + (nth % 3) * SECOND_US
    return FetchTask(f"fetch {kind} {system} {nth}", system, f"{system}-main", kind, str(nth), "it changed", due_us, 0, "0" * 77, **more)


def ask(server: Running, *tasks: FetchTask) -> None:
    server.do(request_fetches(server.store, tasks, NOW_US))


def held(server: Running, task_: FetchTask) -> Any:
    return read(server.do(server.store.tasks.load([task_.key]))[task_.key])


def owned(server: Running, system: str, *, paused_until_us: int = 0, failures: int = 0, error: str = "") -> None:
    """A system that a process works for."""
    body = f'{{"owner":"host/1/ab","last_error":"{error}"}}'
    numbers = {"epoch": 1, "failures": failures, "paused_until_us": paused_until_us}
    server.do(server.store.owners.save([Doc(lease_id(system), body, numbers=numbers)]))


def post(server: Running, action: str, **body: Any) -> Any:
    return server.client.post(f"/v1/tasks/{action}", json=body, headers=server.bearer("ops"))


def test_tasks_are_listed_by_due_time(server: Running) -> None:
    """The one due first comes first, paged, and by system and kind."""
    ask(server, *(task(nth, "akeneo" if nth % 2 else "other", kind="model" if nth == 4 else "product") for nth in range(9)))
    seen: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = server.client.get("/v1/tasks", params={"limit": 2, "cursor": cursor}).json()
        seen += answer["items"]
        cursor = answer["next"]
    assert sorted(item["id"] for item in seen) == [str(nth) for nth in range(9)]
    assert [item["due_at"] for item in seen] == sorted(item["due_at"] for item in seen)
    some = server.client.get("/v1/tasks", params={"system": "akeneo"}).json()["items"]
    assert {item["id"] for item in some} == {"1", "3", "5", "7"}
    models = server.client.get("/v1/tasks", params={"kind": "model", "limit": 1}).json()
    assert [item["id"] for item in models["items"]] == ["4"]
    assert server.client.get("/v1/tasks", params={"kind": "file"}).json()["items"] == []
    is_problem(server.client.get("/v1/tasks?cursor=x"), 400, "bad-cursor")


def test_a_task_says_why_it_waits_and_when_it_is_tried(server: Running) -> None:
    """Due in a second, but its system is left alone for a minute; what went wrong last stands beside both."""
    ask(server, task(1), task(1, "other"))
    doc = held(server, task(1)).doc
    failed = replace(doc, body=doc.body.replace('"last_error":null', '"last_error":"502"'), numbers={**doc.numbers, "attempts": 3})
    server.do(server.store.tasks.save([failed]))
    owned(server, "akeneo", paused_until_us=NOW_US + 60 * SECOND_US, failures=2, error="GET /products: 502")
    answer = server.client.get("/v1/tasks").json()
    items = {item["system"]: item for item in answer["items"]}
    assert items["akeneo"] == {
        "key": "fetch product akeneo 1",
        "system": "akeneo",
        "source": "akeneo-main",
        "kind": "product",
        "id": "1",
        "reason": "it changed",
        "since": rfc3339(NOW_US),
        "due_at": rfc3339(NOW_US + SECOND_US),
        "next_attempt_at": rfc3339(NOW_US + 60 * SECOND_US),
        "attempts": 3,
        "last_error": "502",
    }
    assert items["other"]["next_attempt_at"] == items["other"]["due_at"]
    systems = {one["system"]: one for one in answer["systems"]}
    assert systems["akeneo"] == {
        "system": "akeneo",
        "owner": "host/1/ab",
        "waiting": 1,
        "paused_until": rfc3339(NOW_US + 60 * SECOND_US),
        "failures": 2,
        "last_error": "GET /products: 502",
    }


def test_now_makes_one_task_due(server: Running) -> None:
    """Only that one; the pause of its system stays. Noted in the audit, with the reason."""
    ask(server, task(2), task(5))
    owned(server, "akeneo", paused_until_us=NOW_US + 60 * SECOND_US, failures=1)
    answer = post(server, "now", key=task(2).key, why="a person waits")
    assert (answer.status_code, answer.json()) == (200, {"changed": 1})
    assert [held(server, one).number("due_us") - NOW_US for one in (task(2), task(5))] == [0, 2 * SECOND_US]
    assert server.client.get("/v1/tasks").json()["systems"][0]["paused_until"] is not None
    (entry,) = server.do(audit.entries(server.store, f"task/{task(2).key}"))
    assert (entry["who"], entry["what"], entry["why"]) == ("ops", "task.now", "a person waits")


def test_now_for_a_system_ends_its_pause(server: Running) -> None:
    """All its tasks are due, it may be probed at once, and its failures still count: one call has to succeed first."""
    ask(server, task(1), task(2), task(1, "other"))
    owned(server, "akeneo", paused_until_us=NOW_US + 60 * SECOND_US, failures=4)
    assert post(server, "now", system="akeneo").json() == {"changed": 2}
    assert {held(server, task(nth)).number("due_us") for nth in (1, 2)} == {NOW_US}
    assert held(server, task(1, "other")).number("due_us") > NOW_US
    systems = {one["system"]: one for one in server.client.get("/v1/tasks").json()["systems"]}
    assert (systems["akeneo"]["paused_until"], systems["akeneo"]["failures"]) == (None, 4)


def test_cancelled_tasks_wait_no_longer(server: Running) -> None:
    """One by its key or all of a system; the next event asks for them again."""
    ask(server, task(1), task(2), task(3), task(1, "other"))
    assert post(server, "cancel", key=task(1).key).json() == {"changed": 1}
    assert post(server, "cancel", system="akeneo").json() == {"changed": 2}
    assert [item["system"] for item in server.client.get("/v1/tasks").json()["items"]] == ["other"]
    ask(server, task(1))
    assert held(server, task(1)).number("generation") == 2
    assert len(server.client.get("/v1/tasks").json()["items"]) == 2


def test_cancelling_what_a_replay_asked_for_reopens_its_letter(server: Running) -> None:
    """Otherwise the letter would be replayed for ever."""
    ask(server, task(1, letter="a-letter", attempt=2))
    post(server, "cancel", key=task(1).key)
    (record,) = server.on_log(topics.DEAD_LETTERS)
    letter = wire.read(record.key, record.value, record.headers)
    assert isinstance(letter, Letter)
    assert (letter.id, letter.attempt, letter.stage) == ("a-letter", 2, "task")


@pytest.mark.parametrize("action", ["now", "cancel"])
def test_what_does_not_wait_is_not_found(server: Running, action: str) -> None:
    """404 for a mistyped key or system, and for a task that is done."""
    for body in ({"key": "fetch product akeneo nope"}, {"system": "nope"}):
        is_problem(post(server, action, **body), 404, "not-found")
    ask(server, task(1))
    post(server, "cancel", key=task(1).key)
    is_problem(post(server, action, key=task(1).key), 404, "not-found")


@pytest.mark.parametrize("body", [{}, {"key": "a", "system": "b"}, {"key": ""}, {"key": "a", "more": 1}, {"key": "a", "why": ""}])
def test_a_wish_names_a_task_or_a_system(server: Running, body: dict[str, Any]) -> None:
    """Neither, both, nothing in it or a misspelt field are 422."""
    is_problem(post(server, "now", **body), 422, "invalid")


def test_many_are_worked_through_in_pages(server: Running) -> None:
    """More than one page of a system's tasks."""
    ask(server, *(task(nth) for nth in range(1_100)))
    assert post(server, "cancel", system="akeneo").json() == {"changed": 1_100}
    assert server.client.get("/v1/tasks").json()["items"] == []
