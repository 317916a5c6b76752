"""`bindery sources …`: what the commands print and write, over real HTTP where they ask a service.

Owns: tests of app/cli/sources.py and the lines of app/cli/source_tables.py. Does not own: `sources try` (tests/sources/test_try.py), real
processes (tests/functional/test_recording.py). Next stop: app/cli/sources.py.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from app.cli import samples, source_tables
from tests.api.parts import NOW_US
from tests.api.serving import Running
from tests.cli.test_remote import Bindery, bindery, server

__all__ = ["bindery", "server"]

YAML = """
version: 1
sources:
  cloudinary-eu: {preset: cloudinary, secrets: [env:PRIMARY], when_rights_unknown: hide}
  old: {preset: generic-dam, retired: true, when_rights_unknown: hide}
"""


def test_sources_are_listed_without_a_service(bindery: Bindery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Name, preset, path, and why one cannot work."""
    (tmp_path / "bindery.yaml").write_text(YAML)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("BINDERY_URL", "http://127.0.0.1:1")
    monkeypatch.delenv("PRIMARY", raising=False)
    lines = bindery("sources", "list").splitlines()
    assert len(lines) == 3, "a narrow terminal breaks and cuts nothing"
    assert lines[0].split() == ["cloudinary-eu", "dam", "cloudinary-eu", "cloudinary", "/webhooks/cloudinary-eu", "broken"]
    assert "PRIMARY is not set" in lines[1]
    assert lines[2].split()[-1] == "retired"
    monkeypatch.setenv("PRIMARY", "s3cr3t")
    items = {item["name"]: item for item in json.loads(bindery("sources", "list", "--json"))["items"]}
    assert (items["cloudinary-eu"]["state"], items["old"]["state"], items["old"]["trouble"]) == ("open", "retired", None)


def test_status_of_one_and_of_all(server: Running, bindery: Bindery) -> None:
    """A line each for what was seen; a name that is not there is an error that lists the others."""
    server.deliver("dam-1", {"id": "1", "thing": "a"})
    server.deliver("dam-1", {"id": "1", "thing": "a"}, {"x-signature": "no"})
    told = bindery("sources", "status", "dam-1")
    assert "last request 2026-03-01T00:00:00Z" in told
    assert "1 accepted, 1 event," in told
    assert "not accepted: 1 bad-signature" in told
    assert "dam-2" not in told
    assert "dam-2" in bindery("sources", "status")
    told = bindery("sources", "status", "nobody", code=2)
    assert "no source 'nobody'; there are " in told
    assert "dam-1, dam-2" in told
    assert len(told.splitlines()) == 1
    assert json.loads(bindery("sources", "status", "dam-1", "--json"))["items"][0]["accepted"] == 1


def test_a_topic_is_accepted_and_quarantine_released(server: Running, bindery: Bindery, tmp_path: Path) -> None:
    """What waits is shown with the command that helps; the commands say what they did."""
    (tmp_path / "token").write_text("ops,catalogue,reader local token-of-ops\n")
    at = ("--data-dir", str(tmp_path))
    server.deliver("sns", {"Type": "SubscriptionConfirmation", "TopicArn": "arn:x", "SubscribeURL": "https://evil.example/"})
    server.deliver("lenient", b"{}", {"x-signature": "no"})
    server.projected()
    told = " ".join(bindery("sources", "status").split())
    assert "bindery sources accept sns arn:x" in told
    assert "bindery sources release lenient" in told
    assert "arn:x is accepted; its subscription is confirmed soon" in bindery("sources", "accept", "sns", "arn:x", *at)
    told = bindery("sources", "release", "lenient", *at)
    assert "0 released (0 events), 1 kept" in told
    assert "1: the header x-timestamp is absent" in told
    assert "if one was mended since, restart it" in told
    assert "arn:y" in bindery("sources", "accept", "sns", "arn:y", *at, code=2)
    for name in ("", "a/b", ".."):
        assert f"no source can be called {name!r}" in bindery("sources", "release", name, *at, code=2)


def test_a_recording_that_nothing_comes_to_says_so(server: Running, bindery: Bindery, tmp_path: Path) -> None:
    """When its time is over the command ends with a sentence and an exit code."""
    (tmp_path / "token").write_text("ops,catalogue,reader local token-of-ops\n")
    an_hour_later = threading.Timer(0.5, lambda: setattr(server.clock, "at_us", NOW_US + 3_600_000_000))
    an_hour_later.start()
    told = bindery("sources", "record", "dam-1", "--minutes", "1", "--out", str(tmp_path / "out"), "--data-dir", str(tmp_path), code=1)
    an_hour_later.join()
    assert "waiting for 5 of dam-1's requests, until 2026-03-01T00:01:00Z" in told
    assert "0 samples" in told


def test_nothing_is_recorded_that_has_no_place_to_go_to(server: Running, bindery: Bindery, tmp_path: Path) -> None:
    """A directory that cannot be made is a sentence, said before the service is asked."""
    (tmp_path / "file").write_text("")
    told = bindery("sources", "record", "dam-1", "--out", str(tmp_path / "file" / "below"), "--token", "token-of-ops", code=2)
    assert "cannot be written to (Not a directory)" in told
    assert server.source("dam-1")["recording"] is None


def test_samples_are_written_as_they_came(tmp_path: Path) -> None:
    """Exact bytes, text or not, and a sidecar that names them."""
    told: dict[str, Any] = {
        "method": "PUT",
        "path": "/webhooks/a",
        "headers": {"x": "1"},
        "arrived_at": "",
        "verified": True,
        "reason": None,
    }
    text = samples.write(tmp_path, "a-001", {**told, "body": {"text": '{"ü":1}\n'}})
    other = samples.write(tmp_path, "a-002", {**told, "body": {"base64": "/wA="}})
    assert (text.read_bytes(), other.read_bytes(), other.suffix) == ('{"ü":1}\n'.encode(), b"\xff\x00", ".bin")
    sidecar = json.loads((tmp_path / "a-002.headers.json").read_bytes())
    assert (sidecar["body_file"], sidecar["headers"], sidecar["path"]) == ("a-002.bin", {"x": "1"}, "/webhooks/a")


def test_every_state_has_a_line() -> None:
    """What a person has to do is never silent."""
    item: dict[str, Any] = {
        "name": "s",
        "side": "dam",
        "preset": "p",
        "state": "broken",
        "trouble": "no secret",
        "waits_for_secret": True,
        "lag": 3,
        **dict.fromkeys(("accepted", "events", "letters", "waiting_tasks"), 0),
        "last_delivery_at": None,
        "last_accepted_at": None,
        "last_order_at": "T",
        "refused": {"bad-signature": 2},
        "answered": {"challenge": 1},
        "last_error": "e",
        "last_error_at": "T",
        "suspected_gap": "quiet",
        "told": {"notice": "suspended", "at": "T"},
        "topics": [],
        "quarantined": 0,
        "recording": {"id": "r", "kept": 1, "count": 2, "complete": False},
    }
    console = Console(width=200)
    with console.capture() as captured:
        console.print(source_tables.states([item]))
    told = captured.get()
    for line in (
        "cannot work: no secret",
        "first handshake",
        "3 events behind",
        "newest order T",
        "last error T: e",
        "suspected gap: quiet",
        "answered beside events: 1 challenge",
        "not accepted: 2 bad-signature",
    ):
        assert line in told
    assert "reported that it is suspended" in told
    assert "recording r: 1 of 2" in told
