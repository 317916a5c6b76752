"""One door per source: all that can be known of it before a request comes, and how it says no.

Owns: Door, the answer to a challenge, refusals by size. Does not own: the order of the checks. Next stop: app/api/webhooks.py.
"""

from typing import Any

from app.api.apart import CHALLENGE, Recorder
from app.api.flight import Pace
from app.api.metrics import Counts
from app.api.problems import Problem
from app.sources.source import Source
from schemas import topics

PREFIX = "/webhooks/"


class Door:
    """One source, with everything about it that can be known before a request comes."""

    __slots__ = ("counts", "handshake", "lane", "limit", "pace", "recorder", "source", "topics_known", "unavailable")

    def __init__(self, source: Source, counts: Counts) -> None:
        self.counts = counts
        self.recorder: Recorder | None = None
        # Topics that people accepted stand in the store; until they were read, nobody can be refused for want of them.
        self.topics_known = False
        self.become(source)

    def become(self, source: Source) -> None:
        """Stands for this source from now on (compiled anew, once its secret is there)."""
        self.source = source
        shared = source.handshakes.shared if source.handshakes else None
        self.handshake = f"{PREFIX}{source.name}/{shared.below}" if shared else ""
        self.lane = topics.lane_of(source.side)
        self.limit = source.max_body_bytes
        self.pace = Pace(source.rate_per_s) if source.rate_per_s else None
        self.unavailable = ""
        if source.broken:
            # A stranger may read this: names of variables and files are for those who run the service.
            self.unavailable = (
                f"The source {source.name!r} is configured but cannot work; `bindery sources status {source.name}` says why. Send again."
            )
        elif source.retired:
            self.unavailable = f"The source {source.name!r} is retired and takes nothing any more. Switch this webhook off at the sender."


def challenged(door: Door, scope: Any) -> bytes:
    """The answer to a challenge. Raises Problem (405) for any other request of a method with which no events come."""
    methods = sorted(door.source.methods)
    if door.source.handshakes and scope["method"] == "GET" and not door.source.retired:
        challenge = door.source.handshakes.challenged(scope["query_string"])
        if challenge is not None:
            door.counts.outcomes[CHALLENGE] += 1
            return challenge
    text = f"{scope['method']} is not possible here: webhooks come by {' or '.join(methods)}. Set the sender to {methods[0]}."
    raise Problem("method-not-allowed", text, headers={"allow": ", ".join(methods)})


def named(path: str) -> str:
    """The source that a path names, and nothing of what lies below it, which may be a token."""
    source, below, _ = path.removeprefix(PREFIX).partition("/")
    return source[:100] + ("/…" if below else "")


def unknown(path: str) -> Problem:
    """Of a request for a source that is not there, or that takes nothing below its own address."""
    return Problem("unknown-source", f"No source is configured for {PREFIX + named(path)!r}. Check the last part of the webhook's URL.")


def too_large(door: Door) -> Problem:
    """Of a body beyond the source's limit."""
    text = f"A webhook of {door.source.name!r} may have {door.limit} bytes."
    return Problem("body-too-large", f"{text} Make the sender's events smaller, or raise the source's max_body_bytes.")


def too_much(door: Door) -> Problem:
    """Of a request beyond what may be worked on at a time."""
    text = f"Too many webhooks of {door.source.name!r} are being worked on at this moment. Nothing of this one was kept; send it again."
    return Problem("too-much-in-flight", text, headers={"retry-after": "1"})
