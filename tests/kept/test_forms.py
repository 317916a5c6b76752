"""What is kept of topics, counts and notices: how it changes by what comes, and that repetition changes nothing.

Owns: Topic, Seen, Notice by themselves. Does not own: the doors (tests/api/test_handshakes.py, tests/api/test_sources.py).
Next stop: app/kept/topics.py.
"""

from __future__ import annotations

from app.backends.sqlite.store import SqliteStore
from app.kept import recordings, seen, topics
from app.kept.recordings import Recording
from app.kept.seen import FADING, LEAST_PAUSES, Seen
from app.kept.topics import WAIT_US, Topic
from schemas.control import Kept, fitting

ARN = "arn:aws:sns:eu-west-1:1:a"
HOUR_US = 3_600_000_000


def asks(at_us: int, **about: str) -> Kept:
    held = {"type": "SubscriptionConfirmation", "topic": ARN, "url": f"https://sns.eu-west-1.amazonaws.com/?t={at_us}", **about}
    return Kept("confirmation", "s", at_us, about=held)


def test_a_topic_asks_is_accepted_and_asks_again() -> None:
    """Held, wanted once accepted, wanted at once by a later confirmation; an older one and the same one change nothing."""
    held = Topic("s", ARN).told(asks(5))
    assert (held.state, held.accepted_by) == ("held", "")
    assert held.told(asks(5)) == held.told(asks(4)) == held
    wanted = held.accepted("mila", 9)
    assert (wanted.state, wanted.accepted_by, wanted.due_us) == ("wanted", "mila", 9 + WAIT_US)
    again = wanted.told(asks(20))
    assert (again.state, again.accepted_by, again.due_us, again.attempts) == ("wanted", "mila", 20, 0)
    assert again.accepted("somebody else", 30).accepted_by == "mila"


async def test_two_processes_note_topics_at_once(store: SqliteStore) -> None:
    """Each topic has one document, whoever notes it first."""
    await topics.note(store.requests, "s", [asks(1), asks(2, topic="other")])
    await topics.note(store.requests, "s", [asks(1), asks(3)])
    known = {topic.topic: topic.asked_us for _, topic in await topics.of_source(store.requests, "s")}
    assert known == {ARN: 3, "other": 2}


async def test_counts_of_several_processes_add_up(store: SqliteStore) -> None:
    """And instants are the latest of all."""
    await seen.add(store.requests, {"a": Seen(accepted=2, refused={"x": 1}, last_accepted_us=5, last_error="one", last_error_us=5)})
    await seen.add(store.requests, {"a": Seen(accepted=1, refused={"x": 1, "y": 1}, last_accepted_us=4, last_error="old", last_error_us=4)})
    known = (await seen.load(store.requests, {"a": None, "b": None}))["a"]
    assert (known.accepted, known.refused, known.last_accepted_us, known.last_error) == (3, {"x": 2, "y": 1}, 5, "one")


def test_a_longest_pause_fades() -> None:
    """One weekend does not hide a gap of days for ever."""
    known = Seen(last_accepted_us=1)
    for pause_us in (60 * HOUR_US, *([HOUR_US] * 2_000)):
        known = known.plus(Seen(last_accepted_us=known.last_accepted_us + pause_us))
    assert known.pauses == 2_001
    assert HOUR_US < known.longest_us < 60 * HOUR_US * FADING**1_990


def test_nothing_is_suspected_of_a_source_that_is_hardly_known() -> None:
    """Neither of one that never sent anything."""
    assert not Seen().silence(10**15)
    assert not Seen(last_accepted_us=1, pauses=LEAST_PAUSES - 1, longest_us=1).silence(10**15)
    assert Seen(last_accepted_us=1, pauses=LEAST_PAUSES, longest_us=1).silence(10**15)


async def test_a_recording_ends_only_itself(store: SqliteStore) -> None:
    """The end of an older one leaves the newer one going on."""
    one, two = (Recording(name, "s", 1, 0, 10, "mila") for name in ("one", "two"))
    await recordings.begin(store.requests, one)
    await recordings.begin(store.requests, two)
    await recordings.end(store.requests, "s", "one")
    assert await recordings.active(store.requests) == [two]
    await recordings.end(store.requests, "s", "two")
    assert await recordings.active(store.requests) == []
    assert await recordings.of_source(store.requests, "s") == (two, False)


def test_what_is_kept_comes_back_from_the_log_as_it_was() -> None:
    """Any bytes, any header that fits; a header is kept whole or not at all."""
    one = Kept("quarantined", "s", 7, b"\xff\x00", "PUT", "/webhooks/s/a%2F?q=1", fitting({"a": "ü\udcff", "b": "x" * 9_000, ":path": "/"}))
    key, value, headers = one.entry()
    read = Kept.read(key, value, headers)
    assert (read.body, read.path, read.method, dict(read.headers), read.arrived_us) == (one.body, one.path, "PUT", {"a": "ü?"}, 7)
    assert read.id == one.named()
    assert Kept("quarantined", "s", 8, one.body, "PUT", one.path, one.headers).named() == one.named()
    assert Kept("recorded", "s", 8, one.body).named() != Kept("recorded", "s", 9, one.body).named()
