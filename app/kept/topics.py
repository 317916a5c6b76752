"""SNS topics that asked a source to be confirmed: held until a person accepts them, then confirmed, tried again until that worked.

Owns: their documents and states. Does not own: visiting the address (consumers/confirmations.py), accepting (app/api/sources.py).
Next stop: consumers/confirmations.py.

States: held (nobody has accepted the topic yet), wanted (to be confirmed, a task with a due time and attempts), confirmed, failed (the last
attempt's reason says why), unsubscribed (SNS says so). `accepted`: by the configuration (`topic_arn`) or by a person; it stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import orjson

from app.ports import Doc, Documents
from schemas.control import Kept

State = Literal["held", "wanted", "confirmed", "failed", "unsubscribed"]
WANTED, ACCEPTED = "topics:wanted", "topics:accepted"
MOST = 20
# The doors learn of an acceptance within seconds; SNS sends at once what it kept, so the confirmation waits for them.
WAIT_US = 10_000_000


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic at one source. url: where the subscription is confirmed. accepted_by: "" for nobody yet. …_us: µs UTC."""

    source: str
    topic: str
    state: State = "held"
    url: str = ""
    accepted_by: str = ""
    asked_us: int = 0
    changed_us: int = 0
    due_us: int = 0
    attempts: int = 0
    last_error: str = ""

    def told(self, kept: Kept) -> "Topic":
        """What becomes of it by a (verified) confirmation; one that is not newer than what is known changes nothing."""
        if kept.arrived_us <= self.asked_us:
            return self
        accepted = self.accepted_by or kept.about.get("accepted_by", "")
        at_us = kept.arrived_us
        if kept.about.get("type") != "SubscriptionConfirmation":
            return replace(self, state="unsubscribed", accepted_by=accepted, asked_us=at_us, changed_us=at_us, url="")
        asked = replace(self, state="held", url=kept.about.get("url", ""), asked_us=at_us, changed_us=at_us, accepted_by=accepted)
        return asked.wanted(at_us) if accepted else asked

    def wanted(self, due_us: int) -> "Topic":
        """To be confirmed from then on."""
        return replace(self, state="wanted", due_us=due_us, attempts=0, last_error="")

    def accepted(self, by: str, now_us: int) -> "Topic":
        """Let in by a person; what waits to be confirmed is confirmed a little later."""
        known = replace(self, accepted_by=self.accepted_by or by, changed_us=now_us)
        return known.wanted(now_us + WAIT_US) if self.state in {"held", "failed"} else known


def document(topic: Topic, slot: Doc) -> Doc:
    """The slot with this topic in it."""
    tokens = [f"topics:{topic.source}"]
    tokens += [WANTED] if topic.state == "wanted" else []
    tokens += [ACCEPTED] if topic.accepted_by else []
    told = {name: getattr(topic, name) for name in Topic.__slots__}
    return replace(slot, body=orjson.dumps(told).decode(), tokens=tuple(tokens), numbers={"asked_us": topic.asked_us})


def read(doc: Doc) -> Topic:
    """The inverse of document(); members that a newer version of Bindery wrote are passed over."""
    return Topic(**{name: value for name, value in orjson.loads(doc.body).items() if name in Topic.__slots__})


async def of_source(requests: Documents, source: str) -> list[tuple[Doc, Topic]]:
    """All topics that asked at a source. Failure policy: StoreUnavailable passes through."""
    return [(doc, read(doc)) for doc in await requests.matching([f"topics:{source}"])]


async def accepted(requests: Documents) -> dict[str, set[str]]:
    """Source -> the topics that were accepted for it. Failure policy: StoreUnavailable passes through."""
    found: dict[str, set[str]] = {}
    for doc in await requests.matching([ACCEPTED]):
        topic = read(doc)
        found.setdefault(topic.source, set()).add(topic.topic)
    return found


async def note(requests: Documents, source: str, told: Sequence[Kept]) -> list[str]:
    """Notes what topics said; the topics for which there was no room, because MOST others are accepted already.

    Failure policy: a lost race reads again; StoreUnavailable passes through, and doing it again changes nothing.
    """
    while True:
        held = await of_source(requests, source)
        changed, homeless = _noted(held, source, told)
        if not (await requests.save(changed)).conflicts:
            return homeless


def _noted(held: Sequence[tuple[Doc, Topic]], source: str, told: Sequence[Kept]) -> tuple[list[Doc], list[str]]:
    slots = {topic.topic: (doc, topic) for doc, topic in held}
    changed: set[str] = set()
    homeless: list[str] = []
    for kept in sorted(told, key=lambda one: one.arrived_us):
        name = kept.about.get("topic", "")
        if name not in slots:
            slot = _slot(slots, source)
            if slot is None:
                homeless.append(name)
                continue
            slots[name] = slot, Topic(source, name)
        doc, topic = slots[name]
        newer = topic.told(kept)
        if newer != topic:
            slots[name] = doc, newer
            changed.add(name)
    return [document(topic, doc) for name, (doc, topic) in slots.items() if name in changed], homeless


def _slot(slots: dict[str, tuple[Doc, Topic]], source: str) -> Doc | None:
    """A document for one more topic: an unused one, else that of the topic nobody accepted that asked longest ago."""
    used = {doc.id for doc, _ in slots.values()}
    for number in range(MOST):
        if (id_ := f"topic/{source}/{number:02}") not in used:
            return Doc(id_, "")
    waiting = sorted((topic.asked_us, name) for name, (_, topic) in slots.items() if not topic.accepted_by)
    return slots.pop(waiting[0][1])[0] if waiting else None


async def change(requests: Documents, doc: Doc, topic: Topic) -> bool:
    """Writes it if nobody else did meanwhile. Failure policy: StoreUnavailable passes through."""
    return not (await requests.save([document(topic, doc)])).conflicts
