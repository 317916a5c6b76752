"""A source whose events say themselves what they change, so that tests of consumers need no vendor.

Owns: Spelled. Does not own: making such events (tests/consumers/world.py). Next stop: tests/consumers/world.py.
"""

from collections.abc import Mapping

import orjson

from app.domain.facets import Change, EventRef
from app.errors import Unmappable
from app.sources.fetching import Found
from app.sources.source import FetchTask, Projected, Received
from schemas.event import Event


class Spelled:
    """Every part of a source whose events say themselves what they change."""

    name = "spelled"

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        return ""

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        return {}

    def receive(self, body: bytes, arrived_us: int, headers: Mapping[str, str]) -> Received:
        return Received()

    def redacted(self, body: bytes) -> bytes:
        return body

    def fetched(self, found: Found, *, began_us: int, at_least: int, arrived_us: int) -> Event:
        return Event("", self.name, "bindery.fetched", f"{found.kind}/dam/{found.thing}", orjson.dumps(found.state), arrived_us)

    def project(self, event: Event, version: int) -> Projected:
        said = orjson.loads(event.value)
        if said["fails"] == "unmappable":
            raise Unmappable("spelled: things[0]: expected an object, found list")
        if said["fails"] == "defect":
            raise KeyError("a secret value")
        ref = EventRef(event.source, event.id, event.type)
        changes = [Change(c["record"], c["order"], c["leaves"], ref, tuple(c["full"])) for c in said["changes"]]
        return Projected(changes, [FetchTask(**task) for task in said["tasks"]])

    def settling(self, change: Change, event: Event) -> FetchTask | None:
        return None
