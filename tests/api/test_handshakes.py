"""What the door answers beside events: challenges, other methods and paths, missing keys, topics that ask to be confirmed.

Owns: these answers, accepting a topic, confirming it. Does not own: the words of presets (tests/sources/test_handshakes.py), Ergonode's
secret (tests/functional/test_handshakes.py). Next stop: app/api/apart.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import VendorDown
from app.ports import Answer
from consumers.confirmations import Confirmations
from schemas import topics
from tests.api.parts import NOW_US
from tests.api.serving import Running, event, ids, is_problem
from tests.doubles import Call, Outside

ARN = "arn:aws:sns:eu-west-1:111122223333:ours"
URL = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t0ken"
SECOND_US = 1_000_000


def asking(topic: str = ARN, url: str = URL, type_: str = "SubscriptionConfirmation", **more: Any) -> dict[str, Any]:
    """A confirmation of SNS."""
    return {"Type": type_, "TopicArn": topic, "SubscribeURL": url, "MessageId": "m-1", **more}


class Amazon(Outside):
    """Answers what the test wants and keeps what was asked."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers, self.asked = list(answers), list[str]()

    async def answered(self, call: Call) -> Answer:
        self.asked.append(f"{call.method} {call.url}")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Answer(answer, {}, b"", 0)


def confirmed(server: Running, amazon: Amazon, after_us: int = 0) -> None:
    """One turn of the confirmations, later."""
    server.clock.at_us += after_us
    server.do(Confirmations(server.store, amazon, server.clock).run_once())


def test_a_challenge_is_echoed_as_text(server: Running) -> None:
    """Its exact value, decoded; without one, or at another source, GET is not possible."""
    for path in ("/webhooks/challenged", "/webhooks/challenged/"):
        answer = server.client.get(path, params={"challenge": "a b&c=ü"})
        assert (answer.status_code, answer.text) == (200, "a b&c=ü")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
    is_problem(server.client.get("/webhooks/challenged"), 405, "method-not-allowed")
    is_problem(server.client.get("/webhooks/challenged", params={"challenge": "x" * 1_001}), 405, "method-not-allowed")
    is_problem(server.client.get("/webhooks/dam-1", params={"challenge": "1"}), 405, "method-not-allowed")
    shown = server.source("challenged")
    assert (shown["answered"], shown["refused"]) == ({"challenge": 2}, {"method-not-allowed": 2})


def test_other_methods_and_paths_are_for_sources_that_want_them(server: Running) -> None:
    """Method and raw path reach the verifier; others take neither, and POST is no way in where PUT is the word."""
    answer = server.client.put("/webhooks/below/a%2Fb/t0ken?q=1", json=event(1))
    assert answer.status_code == 200, answer.text
    assert ids(server.on_log(topics.EVENTS_DAM)) == ["event-1"]
    is_problem(server.client.put("/webhooks/below/other", json=event(2)), 401, "bad-signature")
    refused = server.client.post("/webhooks/below/a%2Fb/t0ken?q=1", json=event(2))
    is_problem(refused, 405, "method-not-allowed")
    assert refused.headers["allow"] == "PUT"
    is_problem(server.client.put("/webhooks/dam-1", json=event(2)), 405, "method-not-allowed")
    is_problem(server.client.post("/webhooks/dam-1/further", json=event(2)), 404, "unknown-source")


def test_a_missing_key_is_asked_for_and_the_sender_to_repeat(server: Running) -> None:
    """503 with a short Retry-After, never 401: nothing is known about the request."""
    answer = server.deliver("sns", {"keyless": True})
    is_problem(answer, 503, "key-missing")
    assert answer.headers["retry-after"] == "2"
    assert server.wanted_keys == ["https://keys.example.com/1.pem"]


def test_an_unknown_topic_is_held_until_a_person_accepts_it(server: Running) -> None:
    """The confirmation is acknowledged and shown; messages of the topic are refused before and let in after it was accepted."""
    server.attended()
    assert server.deliver("sns", asking()).json() == {"accepted": [], "dead_letters": []}
    server.projected()
    (topic,) = server.source("sns")["topics"]
    assert (topic["topic"], topic["state"], topic["accepted_by"]) == (ARN, "held", None)
    assert "t0ken" not in server.client.get("/v1/sources").text
    amazon = Amazon(200)
    confirmed(server, amazon, after_us=60 * SECOND_US)
    assert amazon.asked == []
    is_problem(server.deliver("sns", {"TopicArn": ARN, **event(1)}), 401, "bad-signature")

    answer = server.ops("/v1/sources/sns/topics/accept", topic=ARN)
    assert (answer.status_code, answer.json()["state"], answer.json()["accepted_by"]) == (200, "wanted", "ops")
    assert server.deliver("sns", {"TopicArn": ARN, **event(1)}).json()["accepted"] == ["event-1"]
    confirmed(server, amazon)
    assert amazon.asked == [], "the doors of other processes learn of it first"
    confirmed(server, amazon, after_us=10 * SECOND_US)
    confirmed(server, amazon, after_us=60 * SECOND_US)
    assert amazon.asked == [f"GET {URL}"]
    assert server.source("sns")["topics"][0]["state"] == "confirmed"


def test_accepting_needs_the_role_and_a_topic_that_asked(server: Running) -> None:
    """403 without ops, 404 for what nobody asked for, and every acceptance is in the audit."""
    server.deliver("sns", asking())
    server.projected()
    body = {"topic": ARN, "why": "ours"}
    is_problem(server.client.post("/v1/sources/sns/topics/accept", json=body, headers=server.bearer("catalogue")), 403, "forbidden")
    is_problem(server.ops("/v1/sources/sns/topics/accept", topic="arn:aws:sns:eu-west-1:1:other"), 404, "not-found")
    is_problem(server.ops("/v1/sources/nobody/topics/accept", topic=ARN), 404, "unknown-source")
    assert server.ops("/v1/sources/sns/topics/accept", topic=ARN).status_code == 200
    entries = server.do(server.store.audit.matching(["about:source/sns"]))
    assert [ARN in entry.body for entry in entries] == [True]


def test_before_the_accepted_topics_are_known_nobody_is_refused(server: Running) -> None:
    """A process that has just started says 503, since SNS repeats no 401; a forged message is refused at once."""
    is_problem(server.deliver("sns", {"TopicArn": ARN, **event(1)}), 503, "source-unavailable")
    is_problem(server.deliver("sns", {"TopicArn": ARN, "forged": True}), 401, "bad-signature")
    server.attended()
    is_problem(server.deliver("sns", {"TopicArn": ARN, **event(1)}), 401, "bad-signature")


def test_a_pinned_topic_is_confirmed_by_itself_and_tried_again(server: Running) -> None:
    """A vendor that is down is asked again later; another topic is not even held, since the verifier refuses it."""
    pinned = "arn:aws:sns:eu-west-1:1:pinned"
    assert server.deliver("sns-pinned", asking(pinned)).status_code == 200
    server.projected()
    assert server.source("sns-pinned")["topics"][0]["state"] == "wanted"
    amazon = Amazon(VendorDown("GET sns: no connection"), 503, 200)
    confirmed(server, amazon)
    confirmed(server, amazon)
    assert len(amazon.asked) == 1
    state = server.source("sns-pinned")["topics"][0]
    assert (state["state"], state["attempts"], state["last_error"]) == ("wanted", 1, "GET sns: no connection")
    confirmed(server, amazon, after_us=600 * SECOND_US)
    confirmed(server, amazon, after_us=600 * SECOND_US)
    assert (len(amazon.asked), server.source("sns-pinned")["topics"][0]["state"]) == (3, "confirmed")


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
        "https://sns.eu-west-1.amazonaws.com.evil.example/?Action=x",
        "https://evil.example/?sns.eu-west-1.amazonaws.com/",
        "https://user@sns.eu-west-1.amazonaws.com/?Action=x",
        "https://sns.eu-west-1.amazonaws.com:8443/?Action=x",
        "",
    ],
)
def test_nothing_but_amazons_own_host_is_visited(server: Running, url: str) -> None:
    """The confirmation fails with a reason and no call is made."""
    server.deliver("sns-pinned", asking("arn:aws:sns:eu-west-1:1:pinned", url))
    server.projected()
    amazon = Amazon(200)
    confirmed(server, amazon)
    state = server.source("sns-pinned")["topics"][0]
    assert (amazon.asked, state["state"]) == ([], "failed")
    assert "no address of Amazon SNS" in state["last_error"]


def test_a_refused_token_is_given_up(server: Running) -> None:
    """A token that is over stays so; the person is told to have the sender ask again, and a newer confirmation starts anew."""
    pinned = "arn:aws:sns:eu-west-1:1:pinned"
    server.deliver("sns-pinned", asking(pinned))
    server.projected()
    confirmed(server, Amazon(403))
    state = server.source("sns-pinned")["topics"][0]
    assert (state["state"], "403" in state["last_error"]) == ("failed", True)
    server.clock.at_us += SECOND_US
    server.deliver("sns-pinned", asking(pinned))
    server.projected()
    confirmed(server, Amazon(200))
    assert server.source("sns-pinned")["topics"][0]["state"] == "confirmed"


def test_an_unsubscription_is_shown(server: Running) -> None:
    """It is noted, and nothing is visited."""
    pinned = "arn:aws:sns:eu-west-1:1:pinned"
    assert server.deliver("sns-pinned", asking(pinned, type_="UnsubscribeConfirmation")).status_code == 200
    server.projected()
    confirmed(server, Amazon())
    assert server.source("sns-pinned")["topics"][0]["state"] == "unsubscribed"
    assert server.on_log(topics.EVENTS_DAM) == []


def test_topics_of_strangers_are_bounded_and_never_push_out_an_accepted_one(server: Running) -> None:
    """The one that asked longest ago gives way; what a person accepted stays."""
    server.deliver("sns", asking())
    server.projected()
    server.ops("/v1/sources/sns/topics/accept", topic=ARN)
    for number in range(30):
        server.clock.at_us = NOW_US + (number + 1) * SECOND_US
        server.deliver("sns", asking(f"arn:aws:sns:eu-west-1:1:stranger-{number:02}"))
    server.projected()
    names = [topic["topic"] for topic in server.source("sns")["topics"]]
    assert len(names) == 20
    assert ARN in names
    assert "arn:aws:sns:eu-west-1:1:stranger-29" in names


def test_a_log_that_is_down_confirms_nothing(server: Running) -> None:
    """503, and the sender repeats."""
    server.log.down = True
    is_problem(server.deliver("sns-pinned", asking("arn:aws:sns:eu-west-1:1:pinned")), 503, "log-unavailable")
