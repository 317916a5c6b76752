"""Sending requests and states of DAMs through the vendors' own sources, and what is known of an asset afterwards.

Owns: short ways to say it. Does not own: the sources (the *.bindery.yaml files here), any expectation.
Next stop: tests/sources/vendors/test_bynder.py.
"""

from typing import Any, NamedTuple

import orjson

from app.domain.facets import Change, Record, merge, visible
from app.domain.policy import Policy
from app.domain.reasons import Verdict
from app.domain.rights import judge
from app.domain.view import view as view_of
from app.sources.fetching import Found
from app.sources.source import FetchTask, Source
from tests.sources.builders import ARRIVED_US, SAMPLES, VERSION


class Outcome(NamedTuple):
    """What a request means. unread: why pieces of it cannot be read at the door."""

    changes: list[Change]
    tasks: list[FetchTask]
    unread: list[str]
    ids: list[str]

    @property
    def leaves(self) -> dict[str, Any]:
        """The leaves of the only change."""
        (change,) = self.changes
        return dict(change.leaves)


def body_of(sample: str, **more: Any) -> Any:
    """The body of a sample as data, members replaced."""
    return {**orjson.loads((SAMPLES / f"{sample}.json").read_bytes()), **more}


def sent(source: Source, body: Any, headers: dict[str, str] | None = None, *, arrived_us: int = ARRIVED_US) -> Outcome:
    """What a genuine request becomes. Raises Unmappable where a piece cannot be mapped."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    received = source.receive(raw, arrived_us, {":method": "POST", ":path": f"/webhooks/{source.name}", **(headers or {})})
    each = [source.project(event, VERSION) for event in received.events]
    return Outcome(
        [change for one in each for change in one.changes],
        [task for one in each for task in one.tasks],
        [str(unread.error) for unread in received.unread],
        [event.id for event in received.events],
    )


def fetched(source: Source, thing: str, state: Any, *, at_least: int = 0, began_us: int = ARRIVED_US - 1_000_000) -> Change:
    """What a fetched state (None: absent at the vendor) changes. Raises Unmappable."""
    event = source.fetched(Found("asset", thing, state), began_us=began_us, at_least=at_least, arrived_us=ARRIVED_US)
    (change,) = source.project(event, VERSION).changes
    return change


def record_of(*changes: Change) -> Record:
    """The record after these changes."""
    record = Record(changes[0].record)
    merge(record, list(changes))
    return record


def known(*changes: Change) -> dict[str, Any]:
    """What is visible of the record after these changes."""
    return visible(record_of(*changes))


def verdict(*changes: Change, at_us: int = ARRIVED_US, show_unknown: bool = False) -> Verdict:
    """May the asset be shown at this instant, after these changes?"""
    record = record_of(*changes)
    system = record.key.split("/")[1]
    policy = Policy(when_rights_unknown={system: "show" if show_unknown else "hide"})
    return judge(view_of(record), None, policy, at_us)
