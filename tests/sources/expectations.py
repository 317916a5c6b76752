"""What every sample of a vendor has to become: the files in tests/sources/golden/, and the configuration they hold for.

Owns: reading golden files, the vendors' configuration, one way of sending a sample through a source. Does not own: the expectations, which
are written by hand from the vendors' facts. Next stop: tests/sources/test_golden.py.

A golden file is named after its sample (or names it in `sample`) and says:

    source      its name in tests/sources/vendors/*.bindery.yaml
    events      what the request changes, in order: {key, type, full, leaves} of each change; an event that changes nothing stands there
                with its own key, full false and no leaves. full: true for a whole record, else false or a list of subtrees.
                Where they are given, `order` (microseconds or sequence), `rank` and `id` are compared as well.
    tasks       what is to be fetched: {kind, thing, deletion}
    unread      how many letters the request makes (default 0); letter: words that their messages hold
    unsigned    why an altered body is not noticed; only where the scheme signs none
    fetched     {kind, thing}, and at_least, began_us, updated_us where they matter: the sample is no request but a state that was fetched
    handshake   true: the door answers it, no event comes of it
    apart       why the sample is neither a request nor a state of a record
    headers, path, method   of the request, where they are not the sidecar's; path defaults to /webhooks/<source>
    now_s       when it is verified, where that matters
    arrived_us  when it arrives, where that matters
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import yaml

from app.configuration import Configuration, load
from app.domain.order import parts
from app.sources.fetching import Found
from app.sources.source import FetchTask, Received, Source
from schemas.event import Event
from tests.sources.builders import ARRIVED_US, NOW_S, SAMPLES, VERSION

VENDORS, GOLDEN = Path(__file__).parent / "vendors", Path(__file__).parent / "golden"
# Secrets of the samples; the secondary ones differ between the two sets of Akeneo samples.
ENVIRON = {
    "SECRET": "s3cr3t",
    "SECRET_NEXT": "s3cr3t-next",
    "SECRET_OLD": "s3cr3t-old",
    "SECRET_64": ("s3cr3t" * 11)[:64],
    "BASIC": "bindery:s3cr3t",
    "OTHER": "another",
}


def fragments() -> list[Path]:
    """The vendors' files."""
    return sorted(VENDORS.glob("*.bindery.yaml"))


def sources_in(fragment: Path) -> dict[str, Any]:
    """The sources of one file, as data."""
    return dict(yaml.safe_load(fragment.read_text())["sources"])


def written(folder: Path, files: list[Path], **more: Any) -> Path:
    """bindery.yaml with the sources of these files, and what they name beside it. A source that stands in two files is a mistake."""
    whole = {**yaml.safe_load((VENDORS / "bindery.yaml").read_text()), **more}
    for file in files:
        found = sources_in(file)
        doubled = {name for name in found if name in whole["sources"] and whole["sources"][name] != found[name]}
        assert not doubled, f"{file.name} defines {doubled} otherwise than another file does"
        whole["sources"] = {**whole["sources"], **found}
    shutil.copytree(VENDORS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.yaml", "*.py", "__pycache__"))
    (folder / "bindery.yaml").write_text(yaml.safe_dump(whole, sort_keys=False))
    return folder / "bindery.yaml"


@cache
def configuration(fragment: str) -> Configuration:
    """The configuration of one vendor's file alone, so that a mistake in one disturbs no other."""
    with TemporaryDirectory() as folder:
        return load(written(Path(folder), [VENDORS / fragment]), environ=ENVIRON)


@cache
def homes() -> Mapping[str, str]:
    """Source -> the file it stands in."""
    return {name: file.name for file in fragments() for name in sources_in(file)}


def source(name: str) -> Source:
    """A source of the vendors' files."""
    assert name in homes(), f"no file in {VENDORS} names a source {name}"
    return configuration(homes()[name]).sources[name]


def samples() -> list[str]:
    """The names of all samples, requests and states."""
    return sorted(path.name.removesuffix(".json") for path in SAMPLES.glob("*.json") if not path.name.endswith(".headers.json"))


@dataclass(frozen=True)
class Golden:
    """One golden file."""

    name: str
    words: Mapping[str, Any]

    @property
    def sample(self) -> str:
        return str(self.words.get("sample", self.name))

    @property
    def source(self) -> Source:
        return source(self.words["source"])

    @property
    def body(self) -> bytes:
        return (SAMPLES / f"{self.sample}.json").read_bytes()

    @property
    def sidecar(self) -> dict[str, Any]:
        path = SAMPLES / f"{self.sample}.headers.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    @property
    def method(self) -> str:
        return str(self.words.get("method") or self.sidecar.get("method", "POST"))

    @property
    def path(self) -> str:
        return str(self.words.get("path") or f"/webhooks/{self.words['source']}")

    @property
    def now_s(self) -> float:
        return float(self.words.get("now_s", NOW_S))

    @property
    def arrived_us(self) -> int:
        return int(self.words.get("arrived_us", ARRIVED_US))

    @property
    def sent_headers(self) -> dict[str, str]:
        """The sender's own, with lower-case names."""
        return {name.lower(): value for name, value in {**self.sidecar.get("headers", {}), **self.words.get("headers", {})}.items()}

    @property
    def headers(self) -> dict[str, str]:
        """What a source is given: the sender's, and the two of the request line."""
        return {**self.sent_headers, ":method": self.method, ":path": self.path}

    @property
    def is_request(self) -> bool:
        return not self.words.keys() & {"fetched", "apart"}

    @property
    def expected(self) -> dict[str, Any]:
        """The part that says what becomes of the sample."""
        return {"events": self.words.get("events", []), "tasks": self.words.get("tasks", []), "unread": self.words.get("unread", 0)}

    def received(self) -> Received:
        """What the source makes of the sample at arrival: of a request by receive(), of a state by fetched()."""
        if self.is_request:
            return self.source.receive(self.body, self.arrived_us, self.headers)
        wish = self.words["fetched"]
        found = Found(wish["kind"], wish["thing"], orjson.loads(self.body), wish.get("updated_us", 0))
        event = self.source.fetched(
            found,
            began_us=wish.get("began_us", self.arrived_us - 1_000_000),
            at_least=wish.get("at_least", 0),
            arrived_us=self.arrived_us,
        )
        return Received([event])

    def outcome(self) -> dict[str, Any]:
        """What becomes of the sample, in the words of a golden file."""
        received = self.received()
        changes: list[dict[str, Any]] = []
        tasks: list[FetchTask] = []
        for event in received.events:
            projected = self.source.project(event, VERSION)
            tasks += projected.tasks
            changes += [_change(event, change.record, change.full, change.leaves, change.order) for change in projected.changes]
            if not projected.changes:
                changes.append(_change(event, event.key, (), {}, ""))
        wished = self.words.get("events", [])
        for number, change in enumerate(changes):
            asked = wished[number] if number < len(wished) else {}
            for name in {"order", "rank", "id"} - set(asked):
                change.pop(name)
        found = [{"kind": task.kind, "thing": task.thing, "deletion": task.deletion} for task in tasks]
        return {"events": changes, "tasks": found, "unread": len(received.unread)}


def _change(event: Event, key: str, full: tuple[str, ...], leaves: Mapping[str, Any], order: str) -> dict[str, Any]:
    """One change in the words of a golden file."""
    return {
        "key": key,
        "type": event.type,
        "full": full == ("",) or (list(full) if full else False),
        "leaves": dict(leaves),
        "order": parts(order).source if order else 0,
        "rank": parts(order).rank if order else 0,
        "id": event.id,
    }


def goldens() -> list[Golden]:
    """Every golden file."""
    return [Golden(path.name.removesuffix(".json"), json.loads(path.read_text())) for path in sorted(GOLDEN.glob("*.json"))]
