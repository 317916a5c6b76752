"""Samples, configurations and shortcuts for the tests of sources.

Owns: reading tests/sources/samples/, making sources from YAML text. Does not own: any expectation.
Next stop: tests/sources/test_samples.py.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.configuration import Configuration, load
from app.domain.facets import Change
from app.errors import Misconfigured
from app.sources.source import Source
from schemas.event import Event

SAMPLES = Path(__file__).parent / "samples"
SECRETS = {"PRIMARY": "s3cr3t", "SECONDARY": "s3cr3t-next", "OTHER": "another"}
# A day after the newest sample, so that none comes from the future.
ARRIVED_US = 1_792_100_000_000_000
NOW_S = ARRIVED_US / 1e6
VERSION = 3

ASSET = "asset/cloudinary-eu/7d1f0c2e9b8a4d5f8e3c6b7a90112233"
PRODUCT = "product/akeneo/7c2d9b1e-4a53-4f0e-9d7c-2f6b1a8e3c41"

CLOUDINARY = """
  cloudinary-eu:
    preset: cloudinary
    secrets: [env:PRIMARY]
    tolerance_s: null
    when_rights_unknown: hide
"""
AKENEO = """
  akeneo-main:
    preset: akeneo-event-platform
    system: akeneo
    secrets: [env:PRIMARY]
"""


def configure(folder: Path, sources: str, rest: str = "", *, strict: bool = False) -> Configuration:
    """A configuration with these sources, as bindery.yaml would give it."""
    path = folder / "bindery.yaml"
    path.write_text(f"version: {VERSION}\n{rest}\nsources:{sources or ' {}'}\n")
    return load(path, environ=SECRETS, strict=strict)


def mistakes(folder: Path, sources: str, rest: str = "", *, strict: bool = False) -> list[str]:
    """The mistakes that are reported, without the heading."""
    with pytest.raises(Misconfigured) as error:
        configure(folder, sources, rest, strict=strict)
    heading, *found = str(error.value).split("\n  ")
    assert "bindery.yaml has" in heading
    return found


def one(folder: Path, source: str, rest: str = "") -> Source:
    """The only source of such a configuration."""
    (found,) = configure(folder, source, rest).sources.values()
    return found


@cache
def sample(name: str) -> tuple[dict[str, str], bytes]:
    """Headers (lower-case names) and exact body of a sample request."""
    headers = json.loads((SAMPLES / f"{name}.headers.json").read_text())["headers"]
    return {key.lower(): value for key, value in headers.items()}, (SAMPLES / f"{name}.json").read_bytes()


def events(source: Source, body: bytes | dict[str, Any] | list[Any], headers: dict[str, str] | None = None) -> list[Event]:
    """The events of a body, all of which can be read."""
    received = source.receive(body if isinstance(body, bytes) else json.dumps(body).encode(), ARRIVED_US, headers or {})
    assert received.unread == []
    return received.events


def changes(source: Source, body: bytes | dict[str, Any] | list[Any]) -> list[Change]:
    """What a body changes."""
    return [change for event in events(source, body) for change in source.project(event, VERSION).changes]


def leaves(source: Source, body: bytes | dict[str, Any] | list[Any]) -> dict[str, Any]:
    """The leaves of the only change of a body."""
    (change,) = changes(source, body)
    return dict(change.leaves)


def unread(source: Source, body: bytes | dict[str, Any]) -> str:
    """Why the body, or its only unreadable piece, cannot be read."""
    received = source.receive(body if isinstance(body, bytes) else json.dumps(body).encode(), ARRIVED_US, {})
    assert received.events == []
    (found,) = received.unread
    return str(found.error)
