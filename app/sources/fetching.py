"""Reading things at their vendors: what is wished for, what comes back, and who can do it.

Owns: Found, Page, Fetcher, the names of fetched events. Does not own: HTTP (app/ports.py: Outbound), the vendors (app/fetchers/), when to
fetch and retry (consumers/fetching.py), what a state means (project.py). Next stop: consumers/fetching.py.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

# Type of the events that carry what was fetched, followed by the kind of record: "bindery.fetched.product".
FETCHED = "bindery.fetched."
# Type of the events that only ask for a fetch again: the task of a letter that is replayed.
FETCH = "bindery.fetch"
# Kind of a task that reads all variants of a model (of what lies below it, too).
VARIANTS = "variants"


def task_key(kind: str, system: str, thing: str) -> str:
    """The key of the task that fetches a thing: wishes for one thing are one task."""
    return f"fetch {kind} {system} {thing}"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing as its vendor holds it. state: the vendor's own JSON of it, None where the vendor says that it does not exist.

    thing: its id, as tasks name it. updated_us: the state's own time, where it has one (µs UTC), 0 where not.
    """

    kind: str
    thing: str
    state: Any
    updated_us: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """What one call brought.

    began_us: start of the call on the vendor's clock (Answer.began_us). done: things of the wish that this page finishes; a wish for
    variants is done with its last page. rejected: thing -> why the vendor will never answer for it (422, an id that it cannot read).
    """

    began_us: int
    found: Sequence[Found] = ()
    done: Collection[str] = ()
    rejected: Mapping[str, str] = field(default_factory=dict)


class Fetcher(Protocol):
    """Reads one system's things, within the limits that its vendor documents.

    concurrency: calls that may be open at the same time, whoever makes them. per_call: kind -> how many things one call can ask for.
    kinds that per_call does not name cannot be fetched. order of calls, pacing (rate) and credentials are the fetcher's own business.
    """

    system: str
    concurrency: int
    per_call: Mapping[str, int]

    def fetch(self, kind: str, things: Sequence[str]) -> AsyncIterator[Page]:
        """Pages for up to per_call[kind] things. A thing that the vendor does not have is Found with state None.

        Raises VendorDown, VendorBusy, VendorDenied; pages given before stay valid. Never raises for what one thing is to blame for.
        """
        ...
