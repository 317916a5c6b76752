"""What `bindery sources try` is told, and what it tells.

Owns: explain_request(), the command's headers. Does not own: what events mean (tests/sources/test_cloudinary.py). Next stop:
app/sources/try_.py.
"""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from app.configuration import Configuration
from app.settings import Settings
from app.sources.source import Source
from app.sources.try_ import explain_request, order_in_words
from tests.sources.builders import AKENEO, ASSET, CLOUDINARY, NOW_S, PRODUCT, SAMPLES, SECRETS, VERSION, configure, sample
from tests.sources.expectations import source


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Source]:
    return dict(configure(tmp_path, CLOUDINARY + AKENEO).sources)


def test_a_genuine_request(sources: dict[str, Source]) -> None:
    """Every event has its key, order and facets, in plain data."""
    headers, body = sample("cloudinary-delete")
    shown = explain_request(sources["cloudinary-eu"], {name.upper(): value for name, value in headers.items()}, body, NOW_S, VERSION)
    assert (shown["verified"], shown["reason"]) == (True, "")
    first = shown["events"][0]
    assert {
        "type": "delete",
        "side": "dam",
        "key": ASSET,
        "full": True,
        "facets": {"status": "deleted"},
        "dead_letter": None,
    }.items() <= first.items()
    assert len(first["order"]) == 77
    assert len(shown["events"]) == 2
    assert orjson.dumps(shown)


def test_a_thin_event(sources: dict[str, Source]) -> None:
    """An event that changes nothing by itself shows what would be fetched."""
    shown = explain_request(sources["akeneo-main"], *sample("akeneo-eventplatform-product-updated"), NOW_S, VERSION)
    (event,) = shown["events"]
    assert (event["key"], event["facets"]) == (PRODUCT, {})
    assert "2026-08-24T09:15:40Z, a change" in order_in_words(event["order"])
    assert shown["fetches"][0]["id"] == PRODUCT.split("/")[2]


@pytest.mark.parametrize(("secret", "fits"), [("s3cr3t", True), ("another-secret", False), ("", False), (None, False)])
def test_a_handshake_that_tells_a_secret(secret: str | None, fits: bool) -> None:
    """A handshake is what it would be at the door: welcome with the configured secret, refused with any other."""
    headers = {":method": "POST", ":path": "/webhooks/ergonode/handshake"}
    shown = explain_request(source("ergonode"), headers, orjson.dumps({"shared_secret": secret}), NOW_S, 1)
    assert (shown["verified"], bool(shown["reason"]), shown["events"]) == (fits, not fits, [])
    assert "handshake" in shown["beside"]


def test_a_forgery(sources: dict[str, Source]) -> None:
    """What is not genuine says why, and shows what it would become all the same."""
    headers, body = sample("cloudinary-upload")
    shown = explain_request(sources["cloudinary-eu"], headers, body + b" ", NOW_S, VERSION)
    assert not shown["verified"]
    assert "fits none" in shown["reason"]
    assert shown["events"][0]["key"] == ASSET
    assert shown["events"][0]["facets"]["aliases.public_id"] == ["nordhag/4711/olive_front"]


def test_letters(sources: dict[str, Source]) -> None:
    """What would become a dead letter says which kind and why, at the door and after the log."""
    source = sources["cloudinary-eu"]
    bodies = {
        b"{": "malformed",
        b'{"notification_type":"sale"}': "unmappable",
        b'{"notification_type":"upload","asset_id":"a"}': "unmappable",
    }
    for body, disposition in bodies.items():
        (event,) = explain_request(source, source.sign(body, NOW_S), body, NOW_S, VERSION)["events"]
        assert event["dead_letter"]["disposition"] == disposition
        assert event["dead_letter"]["message"].startswith("preset cloudinary")


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command on the sample of a Cloudinary upload."""
    configure(tmp_path, CLOUDINARY + "    overrides: {rights: {until: metadata.license_end}}")
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    def run(*options: str) -> Result:
        words = ["sources", "try", "cloudinary-eu", str(SAMPLES / "cloudinary-upload.json"), "--config", str(tmp_path / "bindery.yaml")]
        return CliRunner().invoke(app, [*words, *options])

    return run


def test_without_headers_the_body_is_signed_here(tried: Callable[..., Result]) -> None:
    """Nobody has to make a signature in order to see what a payload becomes; the output says whose it is."""
    shown = tried()
    assert "genuine: yes (signed here, since no headers were given)" in shown.output
    assert '\n  aliases.public_id = ["nordhag/4711/olive_front"]\n' in shown.output
    told = orjson.loads(tried("--json").stdout)
    assert sorted(told) == ["events", "reason", "verified"]
    assert told["verified"]


def test_without_a_secret_the_facets_are_there_too(tried: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that cannot sign shows its mapping and says why nothing is genuine."""
    monkeypatch.delenv("PRIMARY")
    shown = tried()
    assert "genuine: no, " in shown.output
    assert "no headers were given, and source cloudinary-eu cannot sign" in shown.output
    assert "aliases.public_id" in shown.output


def test_the_headers_of_the_request(tried: Callable[..., Result], tmp_path: Path) -> None:
    """Given ones count as they are, also where they fit no secret."""
    assert "genuine: yes\n" in tried("--headers", str(SAMPLES / "cloudinary-upload.headers.json")).output
    headers = tmp_path / "headers.json"
    headers.write_text('{"headers": {"X-Cld-Signature": "00", "X-Cld-Timestamp": 1}}')
    shown = tried("--headers", str(headers)).output
    assert "genuine: no, the signature in x-cld-signature fits none" in shown
    assert "aliases.public_id" in shown


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "is not JSON"), ("[]", "holds no object `headers`"), ('{"headers": 1}', "holds no object"), (None, "cannot be read")],
)
def test_headers_that_are_none(tried: Callable[..., Result], tmp_path: Path, text: str | None, words: str) -> None:
    """One sentence with the file and what to write into it, no traceback."""
    headers = tmp_path / "headers.json"
    if text is not None:
        headers.write_text(text)
    shown = tried("--headers", str(headers))
    assert shown.exit_code == 2
    assert str(headers) in shown.output
    assert words in shown.output
    assert "Traceback" not in shown.output


def test_every_event_has_exactly_the_documented_members(tried: Callable[..., Result], tmp_path: Path) -> None:
    """Programs read `--json`: the members and their order are fixed, at the top as well."""
    (event,) = orjson.loads(tried("--json").stdout)["events"]
    assert list(event) == ["id", "type", "side", "key", "order", "full", "facets", "dead_letter"]
    configure(tmp_path, AKENEO)
    words = ["sources", "try", "akeneo-main", str(SAMPLES / "akeneo-eventplatform-product-updated.json"), "--json"]
    told = orjson.loads(CliRunner().invoke(app, [*words, "--config", str(tmp_path / "bindery.yaml")]).stdout)
    assert list(told) == ["verified", "reason", "events"]
    assert all(list(event)[-1] == "dead_letter" for event in told["events"])


def test_the_readable_form_goes_step_by_step(tried: Callable[..., Result]) -> None:
    """Verification, split, record, the order in words, facets, in this order."""
    shown = tried().output
    steps = ["genuine: yes", "split: 1 piece", "1. upload", "  order: 2026-10-14T08:12:31Z, a change", "  aliases.public_id ="]
    places = [shown.index(step) for step in steps]
    assert places == sorted(places)
    assert '\n  rights.until = "20' in shown


@pytest.fixture
def bynder(tmp_path: Path) -> Callable[[], Result]:
    """Tries the sample of a confirmation, whose certificate has to be downloaded."""
    topic = "arn:aws:sns:eu-west-1:111122223333:bynder-nordhag-webhook-0001"
    configure(tmp_path, f"\n  bynder-main: {{preset: bynder, topic_arn: '{topic}', tolerance_s: null, when_rights_unknown: hide}}")
    name = "bynder-sns-subscriptionconfirmation"
    files = [str(SAMPLES / f"{name}.json"), "--headers", str(SAMPLES / f"{name}.headers.json")]
    words = ["sources", "try", "bynder-main", *files, "--config", str(tmp_path / "bindery.yaml")]
    return lambda: CliRunner().invoke(app, words)


def test_a_missing_signing_key_is_downloaded_once(bynder: Callable[[], Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that the message names is asked, and the output says so; what the request is beside events is told."""
    sidecar = orjson.loads((SAMPLES / "bynder-sns-subscriptionconfirmation.headers.json").read_bytes())
    asked: list[str] = []

    async def download(settings: Settings, configuration: Configuration, url: str) -> str:
        asked.append(url)
        configuration.keyring.put(url, sidecar["signing"]["cert_pem_served_at_SigningCertURL"].encode(), NOW_S)
        return ""

    monkeypatch.setattr("app.cli.trying.download_key", download)
    monkeypatch.setattr("app.cli.trying.system_clock", StoppedClock)
    shown = bynder().output
    assert f"genuine: yes (the signing key was downloaded from {asked[0]})" in shown
    assert "beside events: SubscriptionConfirmation" in shown
    assert "it is confirmed\n" in shown
    assert len(asked) == 1


def test_a_signing_key_that_cannot_be_downloaded_is_told(bynder: Callable[[], Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason and the setting that helps; the rest is shown all the same."""

    async def download(settings: Settings, configuration: Configuration, url: str) -> str:
        return "its server answers 404"

    monkeypatch.setattr("app.cli.trying.download_key", download)
    shown = bynder().output
    assert "genuine: no, the signing key at https://sns.eu-west-1.amazonaws.com/" in shown
    assert "its server answers 404" in shown
    assert "`keys: [file:…]`" in shown
    assert "were it genuine" in shown


class StoppedClock:
    """The Clock port at the time of the samples."""

    def now_us(self) -> int:
        return int(NOW_S * 1_000_000)
