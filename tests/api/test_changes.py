"""`changed_since`: nothing that changed is skipped, whatever order writes come in.

Owns: cursors of places. Does not own: single SKUs (test_skus.py). Next stop: app/api/changes.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from app.api import cursors
from app.domain import facets
from app.domain.policy import Policy
from app.ports import LogRecord
from consumers.binder import Binder
from consumers.sweeps import request_entries
from schemas import topics
from tests.api.answers import Shelf, finished, record
from tests.api.parts import NOW_US
from tests.api.serving import Running, is_problem

DAY_US = 86_400_000_000


def page(server: Running, cursor: str = "", limit: int = 100) -> tuple[list[tuple[str, int]], str]:
    """(SKU, revision) of one page, and the next cursor."""
    answer = server.client.get("/v1/skus", params={"changed_since": cursor, "limit": limit})
    assert answer.status_code == 200, answer.text
    held: dict[str, Any] = answer.json()
    return [(item["sku"], item["revision"]) for item in held["items"]], held["next"]


def test_changes_come_page_by_page(server: Running) -> None:
    """Every SKU of every partition comes once, in pages of any size, and then an empty page with a cursor to go on."""
    for nth in range(7):
        server.do(Shelf(f"S{nth}").store(server.store, partition=nth % 2, offset=nth))
    server.do(finished(server.store, 0, 6))
    server.do(finished(server.store, 1, 5))
    cursor = ""
    for limit in (1, 2, 3, 100):
        seen: list[str] = []
        found, cursor = page(server, limit=limit)
        while found:
            assert len(found) <= limit
            seen += [sku for sku, _ in found]
            found, cursor = page(server, cursor, limit)
        assert sorted(seen) == [f"S{nth}" for nth in range(7)]
    server.do(Shelf("S3").store(server.store, revision=2, partition=1, offset=9))
    server.do(finished(server.store, 1, 9))
    found, _ = page(server, cursor)
    assert found == [("S3", 2)]


def test_what_is_not_finished_waits(server: Running) -> None:
    """Within a batch writes come in any order: a later one is not shown before the batch is done, so no earlier one is skipped."""
    server.do(finished(server.store, 0, 4))
    server.do(Shelf("LATE").store(server.store, offset=8))
    found, cursor = page(server)
    assert found == []
    server.do(Shelf("EARLY").store(server.store, offset=6))
    server.do(finished(server.store, 0, 8))
    assert sorted(page(server, cursor)[0]) == [("EARLY", 1), ("LATE", 1)]


def test_a_page_never_cuts_a_place_in_two(server: Running) -> None:
    """Several SKUs at one place come on one page, however small it was meant to be."""
    for nth in range(5):
        server.do(Shelf(f"S{nth}").store(server.store, offset=3))
    server.do(Shelf("BEFORE").store(server.store, offset=2))
    server.do(finished(server.store, 0, 3))
    first, cursor = page(server, limit=2)
    assert first == [("BEFORE", 1)]
    second, _ = page(server, cursor, limit=2)
    assert len(second) == 5


def test_a_busy_partition_keeps_none_waiting(server: Running) -> None:
    """Pages that one partition fills alternate with the others."""
    for nth in range(6):
        server.do(Shelf(f"BUSY{nth}").store(server.store, partition=0, offset=nth))
    server.do(Shelf("CALM").store(server.store, partition=1, offset=0))
    server.do(finished(server.store, 0, 5))
    server.do(finished(server.store, 1, 0))
    _, cursor = page(server, limit=2)
    second, _ = page(server, cursor, limit=2)
    assert ("CALM", 1) in second


def test_changes_keep_to_rights(server: Running) -> None:
    """No URL beyond its right in a list either (P6)."""
    server.do(Shelf("NH-1", {"front": (None, NOW_US + DAY_US)}).store(server.store))
    server.do(finished(server.store, 0, 0))
    server.clock.at_us = NOW_US + DAY_US
    answer = server.client.get("/v1/skus")
    assert answer.json()["items"][0]["bindings"][0]["state"] == "expired"
    assert "front.jpg" not in answer.text


def test_a_cursor_of_elsewhere_is_refused(server: Running) -> None:
    """400 for what this list did not give out, 410 for a cursor from before a repartitioning."""
    wrong = [
        "nonsense",
        "%%%",
        "é",
        cursors.encode("tasks", 1),
        cursors.encode("changes", 1, 0, ["a"]),
        cursors.encode("changes", 1, 0, [-5]),
        cursors.encode("changes", 1, 0, [2**63]),
        cursors.encode("changes", 1, True, []),
        cursors.encode("changes", 1, 0, [], 0),
    ]
    for text in wrong:
        is_problem(server.client.get("/v1/skus", params={"changed_since": text}), 400, "bad-cursor")
    old = cursors.encode("changes", topics.BIND_REQUESTS_VERSION + 1, 0, [])
    is_problem(server.client.get("/v1/skus", params={"changed_since": old}), 410, "cursor-expired")
    for limit in ("0", "501", "x", "-1", "9" * 30):
        is_problem(server.client.get("/v1/skus", params={"limit": limit}), 422, "invalid")


def test_a_cursor_of_deleted_data_is_refused(server: Running, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where the store was made anew, or the topic with fewer partitions, an old cursor is 410 rather than silent for ever."""
    server.do(Shelf("NH-1").store(server.store, partition=1, offset=7))
    server.do(finished(server.store, 1, 7))
    _, cursor = page(server)
    assert page(server, cursor)[0] == []
    with Running(tmp_path_factory.mktemp("anew")) as anew:
        for _ in range(2):
            problem = is_problem(anew.client.get("/v1/skus", params={"changed_since": cursor}), 410, "cursor-expired")
            assert "without changed_since" in problem["detail"]
            anew.do(finished(anew.store, 1, 6))
        anew.do(finished(anew.store, 1, 7))
        assert page(anew, cursor)[0] == []
    with Running(tmp_path_factory.mktemp("fewer"), partitions=1) as fewer:
        is_problem(fewer.client.get("/v1/skus", params={"changed_since": cursor}), 410, "cursor-expired")


def test_a_change_by_a_repeated_batch_is_not_skipped(server: Running) -> None:
    """A batch that is done again after a crash before its commit may decide anew: readers who were past it see that, too."""
    shelf = Shelf("NH-1")
    server.do(shelf.keep(server.store))
    server.do(server.log.append(topics.BIND_REQUESTS, request_entries(["NH-1"], "record")))
    batch = server.on_log(topics.BIND_REQUESTS)
    server.do(crashed_before_commit(server, batch))
    seen, cursor = page(server)
    assert seen == [("NH-1", 1)]
    # The record changes, and asks for a decision by a request of its own, which finds nothing left to decide.
    shelf.records[1] = record(shelf.records[1].key, {**facets.visible(shelf.records[1]), "checksum": "of new bytes"})
    server.do(shelf.keep(server.store))
    server.do(crashed_before_commit(server, batch))
    server.do(server.log.append(topics.BIND_REQUESTS, request_entries(["NH-1"], "record")))
    server.do(crashed_before_commit(server, server.on_log(topics.BIND_REQUESTS)[1:]))
    assert page(server, cursor)[0] == [("NH-1", 2)]


async def crashed_before_commit(server: Running, batch: Sequence[LogRecord]) -> None:
    """The binder's work on a batch, by a process that is gone afterwards."""
    binder = Binder(server.log, server.store, server.clock, Policy(), version=1)
    await binder.process(batch)
    await binder.abandoned(None)
