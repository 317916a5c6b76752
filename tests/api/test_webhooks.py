"""The webhook door over real HTTP: what is accepted, what is refused and how, what becomes a letter.

Owns: statuses, bodies, what is on the log afterwards. Does not own: bodies that come slowly or never (test_webhook_bodies.py).
Next stop: tests/api/test_webhook_bodies.py.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
import structlog

from app.api.deps import Limits
from schemas import topics
from schemas.event import Event
from schemas.letter import Letter
from tests.api.conftest import Serve
from tests.api.parts import SECRETS, TOLERANCE_S
from tests.api.serving import Running, event, eventually, ids, is_problem


def test_an_accepted_event_is_on_the_log(server: Running) -> None:
    """The answer names the event, and the lane of its side holds it with the instant of its arrival."""
    answer = server.deliver("dam-1", event(1))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"accepted": ["event-1"], "dead_letters": []}
    record = server.on_log(topics.EVENTS_DAM)[0]
    held = Event.read(record.key, record.value, record.headers)
    assert (held.id, held.source, held.key) == ("event-1", "dam-1", "asset/dam-1/thing-1")
    assert held.arrived_us == server.clock.at_us
    assert server.deliver("pim-1", event(2)).status_code == 200
    assert ids(server.on_log(topics.EVENTS_PIM)) == ["event-2"]


def test_a_slash_at_the_end_makes_no_difference(server: Running) -> None:
    """The path with a slash is the same door, not a redirect."""
    assert server.deliver("dam-1/", event(1)).json()["accepted"] == ["event-1"]


def test_one_request_may_be_several_events(server: Running) -> None:
    """What can be read of a request becomes events, the rest letters; all of it is durable and named."""
    answer = server.deliver("dam-1", [event(1), {"id": "torn"}, event(2)]).json()
    assert answer["accepted"] == ["event-1", "event-2"]
    assert ids(server.on_log(topics.EVENTS_DAM)) == ["event-1", "event-2"]
    record = server.on_log(topics.DEAD_LETTERS)[0]
    letter = Letter.read(record.key, record.value, record.headers)
    assert answer["dead_letters"] == [letter.id]
    assert (letter.source, letter.stage, letter.event_id, letter.message) == ("dam-1", "ingress", "torn", "thing: is absent")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"\x00", b'{"a":', b"null-ish"])
def test_an_authentic_body_that_cannot_be_read_becomes_a_letter(server: Running, body: bytes) -> None:
    """A correctly signed request is answered 200 whatever it holds, and nothing of it is lost (P2)."""
    answer = server.deliver("dam-1", body)
    assert answer.status_code == 200
    assert answer.json()["accepted"] == []
    letters = server.on_log(topics.DEAD_LETTERS)
    assert [letter.value for letter in letters] == [body]
    assert answer.json()["dead_letters"] == [(letters[0].key or b"").decode()]


def test_a_handshake_is_answered_as_its_sender_expects(server: Running) -> None:
    """Where a source has an answer of its own, exactly these bytes go out."""
    answer = server.deliver("dam-1", {"challenge": "prove it"})
    assert (answer.status_code, answer.text) == (200, "prove it")
    assert answer.headers["content-type"].startswith("text/plain")


def test_unknown_sources_are_not_found(server: Running) -> None:
    """404 is for a source that was never configured, with or without a slash."""
    for name in ("nobody", "nobody/", "dam-1/more", "", "%00", "dam%2D1x"):
        problem = is_problem(server.deliver(name, event()), 404, "unknown-source")
        assert "URL" in problem["detail"]


def test_what_follows_an_unknown_source_is_told_to_nobody(server: Running) -> None:
    """Below the address of a source stands the token of some senders; a mistyped name must not put it into the log of the service."""
    for name in ("nobody/t0ken-in-path", "dam-1/t0ken-in-path"):
        with structlog.testing.capture_logs() as lines:
            problem = is_problem(server.deliver(name, event()), 404, "unknown-source")
        assert name.partition("/")[0] in problem["detail"]
        assert "t0ken" not in problem["detail"]
        assert lines
        assert "t0ken" not in str(lines)


def test_retired_and_broken_sources_are_unavailable(server: Running) -> None:
    """A configured source is never 404: its sender might suspend itself for good."""
    for name, word in (("old", "retired"), ("torn", "`bindery sources status torn` says why"), ("old/", "retired")):
        answer = server.deliver(name, event())
        assert word in is_problem(answer, 503, "source-unavailable")["detail"]
        assert "NOWHERE" not in answer.text, "a stranger learns no names of secrets"
        assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_not_allowed(server: Running, method: str) -> None:
    """Only POST delivers; `Allow` says so."""
    answer = server.client.request(method, "/webhooks/dam-1")
    is_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"
    assert server.client.head("/webhooks/dam-1").status_code == 405


def test_both_secrets_prove_the_sender(server: Running) -> None:
    """While a secret rotates, the old one and the new one are good."""
    for nth, secret in enumerate(SECRETS):
        body = json.dumps(event(nth)).encode()
        assert server.deliver("dam-1", body, server.signed(body, secret)).status_code == 200


def test_forged_stale_and_swapped_signatures_are_refused(server: Running) -> None:
    """What does not prove the sender is 401 and leaves nothing behind."""
    body, other = json.dumps(event(1)).encode(), json.dumps(event(2)).encode()
    forged = server.signed(body, "a-guess")
    stale = server.signed(body, age_s=TOLERANCE_S + 1)
    absent = {"content-type": "application/json"}
    for headers in (forged, stale, server.signed(other), absent):
        answer = server.deliver("dam-1", body, headers)
        problem = is_problem(answer, 401, "bad-signature")
        assert answer.headers["www-authenticate"]
        assert not any(secret in json.dumps(problem) for secret in SECRETS)
    assert server.on_log(topics.EVENTS_DAM) == []
    assert server.on_log(topics.DEAD_LETTERS) == []


def test_what_the_log_refuses_becomes_a_letter_and_hinders_nobody(server: Running) -> None:
    """Of three events the middle one is refused for good: two are accepted, it is a letter, and the next webhook goes through (P2, P5)."""
    server.log.refuses = lambda entry: b"too-much" in entry.value and "bindery-kind" not in dict(entry.headers)
    answer = server.deliver("dam-1", [event(1), event(2, text="too-much"), event(3)]).json()
    assert answer["accepted"] == ["event-1", "event-3"]
    record = server.on_log(topics.DEAD_LETTERS)[0]
    letter = Letter.read(record.key, record.value, record.headers)
    assert answer["dead_letters"] == [letter.id]
    assert (letter.event_id, letter.error_class, letter.disposition) == ("event-2", "EntryRefused", "rejected")
    assert json.loads(letter.value)["text"] == "too-much"
    assert server.deliver("dam-1", event(4)).json()["accepted"] == ["event-4"]
    alone = server.deliver("dam-1", event(5, text="too-much")).json()
    assert (alone["accepted"], len(alone["dead_letters"])) == ([], 1)


def test_a_letter_that_is_refused_too_goes_without_its_value(server: Running) -> None:
    """Nothing is lost silently: the letter says that its original is missing, and how large it was."""
    server.log.refuses = lambda entry: b"too-much" in entry.value
    answer = server.deliver("dam-1", event(1, text="too-much"))
    assert answer.status_code == 200
    record = server.on_log(topics.DEAD_LETTERS)[0]
    letter = Letter.read(record.key, record.value, record.headers)
    assert (letter.value, letter.replayable) == (b"", False)
    assert "refused by the log as well" in letter.message


def test_where_not_even_an_empty_letter_is_taken_the_sender_keeps_the_webhook(server: Running) -> None:
    """The last resort is a refusal: 503 rather than a loss."""
    server.log.refuses = lambda entry: True
    is_problem(server.deliver("dam-1", event(1)), 503, "log-unavailable")


def test_without_the_log_the_sender_is_asked_to_come_again(server: Running) -> None:
    """503 and Retry-After while the log is down; accepted once it is back, and not twice on the log."""
    server.log.down = True
    answer = server.deliver("dam-1", event(1))
    is_problem(answer, 503, "log-unavailable")
    assert int(answer.headers["retry-after"]) > 0
    server.log.down = False
    assert server.deliver("dam-1", event(1)).status_code == 200
    assert ids(server.on_log(topics.EVENTS_DAM)) == ["event-1"]


def test_a_log_that_hangs_is_answered_in_time(server: Running) -> None:
    """Senders wait half a second at the least, so the door answers before that."""
    server.deliver("dam-1", event(0))
    server.do(server.log.hang())

    def took_s() -> float:
        began = time.monotonic()
        is_problem(server.deliver("dam-1", [event(1), {"id": "torn"}]), 503, "log-unavailable")
        return time.monotonic() - began

    # More than one try, because the machine may be busy with something else.
    assert any(took_s() < 0.5 for _ in range(10))


def test_work_in_flight_is_bounded(serve: Serve) -> None:
    """One source may hold its share of the places; more is 429, another source still gets in, and places come back."""
    server = serve(limits=Limits(requests=4, share=0.5, append_s=20))
    server.do(server.log.hang())
    counts = server.app.state.counts["dam-1"]
    with ExitStack() as opened:
        pool = opened.enter_context(ThreadPoolExecutor(3))
        clients = [opened.enter_context(httpx.Client(base_url=server.url, timeout=30)) for _ in range(3)]
        waiting = [pool.submit(server.deliver, "dam-1", event(nth), None, clients[nth]) for nth in (0, 1)]
        eventually(lambda: counts.in_flight == 2)
        answer = server.deliver("dam-1", event(3))
        is_problem(answer, 429, "too-much-in-flight")
        assert int(answer.headers["retry-after"]) > 0
        other = pool.submit(server.deliver, "dam-2", event(4), None, clients[2])
        eventually(lambda: server.app.state.counts["dam-2"].in_flight == 1)
        server.do(server.log.go_on())
        assert [each.result().status_code for each in (*waiting, other)] == [200, 200, 200]
    assert counts.in_flight == counts.bytes_in_flight == 0
    assert server.deliver("dam-1", event(3)).status_code == 200


def test_bytes_in_flight_are_bounded(serve: Serve) -> None:
    """A body that would not fit beside what is held already is 429 before it is read."""
    server = serve(limits=Limits(bytes=3_000, share=0.5))
    is_problem(server.deliver("dam-1", event(1, text="x" * 2_000)), 429, "too-much-in-flight")
    assert server.deliver("dam-1", event(1, text="x" * 1_000)).status_code == 200


def test_a_paced_source_is_slowed_down(server: Running) -> None:
    """rate_per_s admits about a second's worth and then asks the sender to wait."""
    assert [server.deliver("paced", event(nth)).status_code for nth in range(2)] == [200, 200]
    assert any(server.deliver("paced", event(nth)).status_code == 429 for nth in range(2, 50))


def test_a_defect_ends_one_request_only(server: Running) -> None:
    """500 without internals, and the connection and the next request are as good as ever."""
    problem = is_problem(server.deliver("dam-1", {"explode": 1}), 500, "internal")
    assert "internals" not in json.dumps(problem)
    assert server.deliver("dam-1", event(1)).status_code == 200


def test_the_webhooks_can_be_bound_apart(serve: Serve) -> None:
    """A process may open the webhooks without the rest, or the rest without the webhooks; health is always there."""
    server = serve(doors={"console": False})
    assert server.deliver("dam-1", event(1)).status_code == 200
    for path in ("/v1/skus", "/openapi.json", "/docs"):
        is_problem(server.client.get(path), 404, "not-found")
    assert server.client.get("/health/live").status_code == 200


def test_the_rest_can_be_bound_without_webhooks(serve: Serve) -> None:
    """Without the door a webhook's path is any unknown path."""
    server = serve(doors={"webhooks": False})
    is_problem(server.deliver("dam-1", event(1)), 404, "not-found")
    assert "/webhooks/{source}" not in server.client.get("/openapi.json").json()["paths"]
    assert server.client.get("/v1/sources").json()["items"][0]["accepted"] == 0
