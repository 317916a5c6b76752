"""`GET /v1/sources`: what was seen of each source, by whichever process, before and after restarts.

Owns: counts, instants, gaps, what waits. Does not own: topics, quarantine and recordings (their own tests). Next stop:
app/api/source_views.py.
"""

from __future__ import annotations

import pytest

from app.ports import Doc, Entry
from schemas import topics
from schemas.control import Kept
from tests.api.conftest import Serve
from tests.api.parts import NOW_US
from tests.api.serving import Running, event, is_problem

MINUTE_US = 60_000_000


def test_counts_survive_a_restart_and_are_of_all_processes(serve: Serve) -> None:
    """Given every few seconds, added to what was there; what was not given yet is shown by its own process."""
    first = serve()
    first.deliver("dam-1", [event(1), event(2)])
    first.attended()
    first.deliver("dam-1", event(3), {"x-signature": "no"})
    shown = first.source("dam-1")
    assert (shown["accepted"], shown["events"], shown["refused"]) == (1, 2, {"bad-signature": 1})
    first.attended()
    first.attended()
    assert first.source("dam-1")["refused"] == {"bad-signature": 1}
    second = serve()
    second.deliver("dam-1", event(4))
    shown = second.source("dam-1")
    assert (shown["accepted"], shown["events"], shown["refused"]) == (2, 3, {"bad-signature": 1})
    assert (shown["last_accepted_at"], shown["last_delivery_at"]) == ("2026-03-01T00:00:00Z",) * 2


def test_what_waits_is_counted(server: Running) -> None:
    """Letters and tasks in the store, events that no projector has read."""
    server.do(
        server.store.letters.save([Doc("l1", "{}", tokens=("letter", "waiting", "source:dam-1")), Doc("l2", "{}", tokens=("letter",))])
    )
    server.do(server.store.tasks.save([Doc("t1", "{}", tokens=("waiting", "system:dam-1"))]))
    shown = server.source("dam-1")
    assert (shown["letters"], shown["waiting_tasks"], shown["lag"]) == (1, 1, None)
    assert server.source("dam-2")["letters"] == 0


def test_silence_beyond_what_is_usual_is_a_suspected_gap(server: Running) -> None:
    """After enough pauses are known; a short silence, and one like those before, is none."""
    for nth in range(22):
        server.clock.at_us = NOW_US + nth * 20 * MINUTE_US
        server.deliver("dam-1", event(nth))
        server.attended()
    last_us = server.clock.at_us
    server.clock.at_us = last_us + 59 * MINUTE_US
    assert server.source("dam-1")["suspected_gap"] is None
    server.clock.at_us = last_us + 61 * MINUTE_US
    gap = server.source("dam-1")["suspected_gap"]
    assert "1 h 1 min" in gap
    assert "20 min" in gap
    assert server.source("dam-2")["suspected_gap"] is None


@pytest.mark.parametrize(("notice", "gap"), [("suspended", True), ("resumed", False)])
def test_what_a_sender_says_of_itself_is_shown(server: Running, notice: str, gap: bool) -> None:
    """A reported suspension is a suspected gap until the sender says that it goes on; an older notice changes nothing."""
    for at_us, word in ((NOW_US, "suspended"), (NOW_US + 1, notice), (NOW_US - 1, "suspended")):
        kept = Kept("notice", "dam-1", at_us, about={"notice": word, "type": word})
        server.do(server.log.append(topics.CONTROL, [Entry(*kept.entry())]))
        server.projected()
    shown = server.source("dam-1")
    assert (bool(shown["suspected_gap"]), shown["told"]["notice"]) == (gap, notice)


def test_reads_that_need_a_token_need_one_here(serve: Serve) -> None:
    """As everywhere."""
    is_problem(serve(reads_open=False).client.get("/v1/sources"), 401, "token-missing")
