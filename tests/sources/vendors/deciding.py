"""What is shown for a SKU after a sender's requests: from bodies to the decision, without a log, a store or a clock.

Owns: short ways to send and to ask. Does not own: the sources (the *.bindery.yaml files here), any expectation.
Next stop: tests/sources/vendors/test_shopify.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import yaml

from app.configuration import Configuration, load
from app.domain.bind import bind
from app.domain.facets import Change, Record, merge, visible
from app.domain.inputs import Inputs
from app.domain.view import View, view
from app.sources.fetching import Found
from app.sources.source import FetchTask, Received, Source
from tests.sources.builders import ARRIVED_US, SAMPLES, VERSION
from tests.sources.expectations import ENVIRON, VENDORS, configuration, homes, written


def sample(name: str) -> dict[str, Any]:
    """The body of a sample, as data of one's own."""
    return dict(orjson.loads((SAMPLES / f"{name}.json").read_bytes()))


def overridden(folder: Path, name: str, overrides: dict[str, Any], **words: Any) -> Configuration:
    """The configuration of a vendor's source with overrides and other words of it replaced."""
    path = written(folder, [VENDORS / homes()[name]])
    whole = yaml.safe_load(path.read_text())
    whole["sources"][name] = {**whole["sources"][name], "overrides": overrides, **words}
    path.write_text(yaml.safe_dump(whole))
    return load(path, environ=ENVIRON)


def received(source: Source, body: Any, headers: dict[str, str] | None = None) -> Received:
    """What the door makes of a genuine body. headers: with lower-case names."""
    return source.receive(body if isinstance(body, bytes) else orjson.dumps(body), ARRIVED_US, headers or {})


@dataclass
class Shop:
    """All that is known of one source's records. letters: why something could not be read at the door; tasks: wishes to fetch."""

    name: str
    config: Configuration | None = None
    records: dict[str, Record] = field(default_factory=dict)
    tasks: list[FetchTask] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.config = self.config or configuration(homes()[self.name])
        self.source = self.config.sources[self.name]

    def send(self, body: Any, headers: dict[str, str] | None = None) -> list[str]:
        """Sends a genuine request; the record keys that it changes. Raises Unmappable where the projector cannot read it."""
        one = received(self.source, body, headers)
        self.letters += [str(unread.error) for unread in one.unread]
        changes: list[Change] = []
        for event in one.events:
            projected = self.source.project(event, VERSION)
            changes += projected.changes
            self.tasks += projected.tasks
        self._merge(changes)
        return [change.record for change in changes]

    def fetch(self, kind: str, thing: str, state: Any, *, at_least: int = 0) -> None:
        """Brings a state in, as a fetcher would. Raises Unmappable."""
        event = self.source.fetched(Found(kind, thing, state), began_us=ARRIVED_US - 1_000_000, at_least=at_least, arrived_us=ARRIVED_US)
        self._merge(self.source.project(event, VERSION).changes)

    def _merge(self, changes: Iterable[Change]) -> None:
        for change in changes:
            merge(self.records.setdefault(change.record, Record(change.record)), [change])

    def leaves(self, key: str) -> dict[str, Any]:
        """What counts of a record."""
        return visible(self.records[key])

    def wishes(self) -> list[tuple[str, str]]:
        """(kind, thing) of everything that is to be fetched."""
        return [(task.kind, task.thing) for task in self.tasks]

    def answer(self, sku: str) -> dict[str, Any]:
        """The decision about a SKU."""
        assert self.config is not None
        views: dict[str, View] = {key: view(record) for key, record in self.records.items()}
        inputs = Inputs(
            sku=sku,
            products=[one for key, one in views.items() if key.startswith("product/")],
            ancestors={key: one for key, one in views.items() if key.startswith("model/")},
            assets=[one for key, one in views.items() if key.startswith("asset/")],
        )
        return bind(inputs, self.config.policy, ARRIVED_US).content

    def shown(self, sku: str) -> list[tuple[str, str, str]]:
        """(asset id, role, state) of each binding of a SKU, in display order."""
        return [(one["asset"]["id"], one["role"], one["state"]) for one in self.answer(sku)["bindings"]]

    def urls(self, sku: str) -> list[str]:
        """The URLs that may be handed out for a SKU, in display order."""
        return [one["url"] for one in self.answer(sku)["bindings"] if one["state"] == "live"]
