"""Quarantine: requests that are not proved to be genuine wait for the mended secret and lose nothing, not even their time.

Owns: keeping, releasing, bounds, crashes. Does not own: the ring by itself (tests/kept/test_rings.py), real processes
(tests/functional/test_quarantine.py). Next stop: app/api/quarantine.py.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from app.api import apart
from app.errors import StoreUnavailable
from app.sources.source import Sources
from schemas import topics
from tests.api.parts import NOW_US, Hmac
from tests.api.serving import Running, event, ids, is_problem

NEW = "the-new-secret"
PATH = "/v1/sources/lenient/quarantine/release"


def mend(server: Running, *secrets: str) -> None:
    """From now on these secrets count, as after a restart with another configuration."""
    held: Any = server.api.configuration.sources
    sources = {name: replace(one, verifier=Hmac(secrets)) if name == "lenient" else one for name, one in held.items()}
    object.__setattr__(server.api.configuration, "sources", Sources(sources))
    server.door.doors["lenient"].become(sources["lenient"])


def unproved(server: Running, nth: int, secret: str = NEW) -> None:
    body = json.dumps(event(nth)).encode()
    answer = server.deliver("lenient", body, server.signed(body, secret))
    assert (answer.status_code, answer.json()) == (200, {"accepted": [], "dead_letters": []})


def released(server: Running) -> dict[str, Any]:
    answer = server.ops(PATH)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_what_is_not_proved_is_answered_200_and_kept_apart(server: Running) -> None:
    """No event, no letter; counted and shown; a source that did not opt in refuses as ever."""
    unproved(server, 1)
    server.projected()
    assert server.on_log(topics.EVENTS_DAM) == server.on_log(topics.DEAD_LETTERS) == []
    shown = server.source("lenient")
    assert (shown["quarantine"], shown["quarantined"], shown["refused"]) == (True, 1, {"quarantined": 1})
    assert "fits none" in shown["last_error"]
    body = json.dumps(event(1)).encode()
    is_problem(server.deliver("dam-1", body, server.signed(body, NEW)), 401, "bad-signature")


def test_the_mended_secret_lets_in_what_passes_as_of_its_arrival(server: Running) -> None:
    """An old signature is judged by its arrival, the event keeps it, junk stays; releasing again finds nothing."""
    unproved(server, 1)
    unproved(server, 2, secret="junk")
    server.projected()
    server.clock.at_us += 3_600_000_000
    before = released(server)
    assert (before["released"], before["kept"], sum(before["reasons"].values())) == (0, 2, 2)
    mend(server, NEW)
    told = released(server)
    assert (told["released"], told["events"], told["kept"]) == (1, 1, 1)
    (record,) = server.on_log(topics.EVENTS_DAM)
    assert dict(record.headers)["ce_binderyarrived"] == str(NOW_US).encode()
    assert (released(server)["released"], server.source("lenient")["quarantined"]) == (0, 1)
    shown = server.source("lenient")
    assert (shown["accepted"], shown["events"], shown["last_accepted_at"]) == (1, 1, "2026-03-01T00:00:00Z")


def test_what_was_let_in_stays_out_of_quarantine(server: Running) -> None:
    """Reading the control topic again from its beginning brings nothing back."""
    unproved(server, 1)
    server.projected()
    mend(server, NEW)
    assert released(server)["released"] == 1
    server.projected()
    assert server.source("lenient")["quarantined"] == 0


def test_a_crash_between_append_and_removal_repeats_harmlessly(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event is on the log and still in quarantine; the next release appends the same event again and takes it out."""
    unproved(server, 1)
    server.projected()
    mend(server, NEW)

    async def gone(docs: Any) -> Any:
        raise StoreUnavailable("taken down by the test")

    with monkeypatch.context() as patched:
        patched.setattr(server.store.requests, "save", gone)
        is_problem(server.ops(PATH), 503, "engine-down")
    assert ids(server.on_log(topics.EVENTS_DAM)) == ["event-1"]
    assert server.source("lenient")["quarantined"] == 1
    assert released(server)["released"] == 1
    one, two = server.on_log(topics.EVENTS_DAM)
    assert (one.value, one.headers) == (two.value, two.headers)
    assert server.source("lenient")["quarantined"] == 0


def test_what_cannot_be_read_becomes_a_letter_once_it_is_proved(server: Running) -> None:
    """As it would have at the door."""
    body = b"not JSON"
    assert server.deliver("lenient", body, server.signed(body, NEW)).status_code == 200
    server.projected()
    mend(server, NEW)
    told = released(server)
    assert (told["released"], told["events"], told["dead_letters"]) == (1, 0, 1)
    assert len(server.on_log(topics.DEAD_LETTERS)) == 1


def test_releasing_needs_the_role_and_a_source_that_can_verify(server: Running) -> None:
    """403 without ops, 404 for no source, 409 where nothing can be verified."""
    body = {"why": "mended"}
    is_problem(server.client.post(PATH, json=body, headers=server.bearer("reader")), 403, "forbidden")
    is_problem(server.ops("/v1/sources/nobody/quarantine/release"), 404, "unknown-source")
    assert "NOWHERE" in is_problem(server.ops("/v1/sources/torn/quarantine/release"), 409, "conflict")["detail"]
    is_problem(server.ops("/v1/sources/old/quarantine/release"), 409, "conflict")


def test_junk_beyond_all_measure_is_told_to_wait(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood gets 429 rather than filling the log; nothing it sent before is refused."""
    monkeypatch.setattr(apart, "ROOM_BYTES", 5_600)
    monkeypatch.setattr(apart, "ROOM_BYTES_PER_S", 0)
    body = b'"' + b"x" * 98 + b'"'
    answers = [server.deliver("lenient", body, {"x-timestamp": "0", "x-signature": str(nth)}) for nth in range(6)]
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert "retry-after" in answers[5].headers
    is_problem(answers[5], 429, "too-much-in-flight")
    assert len(server.on_log(topics.CONTROL)) == 5


def test_room_for_junk_comes_back_slowly() -> None:
    """So much at once, and then so much a second; never more than at first, however long it was quiet."""
    room = apart.Room()
    assert room.takes(apart.ROOM_BYTES, 1_000.0)
    assert not room.takes(apart.ROOM_BYTES_PER_S, 1_000.5)
    assert room.takes(apart.ROOM_BYTES_PER_S, 1_001.0)
    assert not room.takes(apart.ROOM_BYTES + 1, 1e9)


def test_headers_that_cannot_be_kept_are_refused_aloud(server: Running) -> None:
    """A request that could not be verified again is no request to answer 200."""
    is_problem(server.deliver("lenient", b"{}", {"x-large": "x" * 5_000}), 401, "bad-signature")
    assert server.on_log(topics.CONTROL) == []


def test_a_notice_that_waited_is_a_notice_once_it_is_proved(server: Running) -> None:
    """That a subscription was suspended is no less true for a missed rotation; it counts from its arrival."""
    body = json.dumps({"notice": "suspended"}).encode()
    server.deliver("lenient", body, server.signed(body, NEW))
    server.projected()
    mend(server, NEW)
    assert released(server)["released"] == 1
    server.projected()
    shown = server.source("lenient")
    assert (shown["told"]["notice"], bool(shown["suspected_gap"])) == ("suspended", True)
