"""From bindery.yaml to fetchers."""

from pathlib import Path

import pytest

from app.backends.system_clock import SystemClock
from app.errors import Misconfigured
from app.fetchers.akeneo import Akeneo
from app.fetchers.build import READERS, build
from app.outbound.client import HttpOutbound
from app.sources.access import MODELS, TemplateApi
from tests.sources.builders import configure

AKENEO = """
  akeneo-main:
    preset: akeneo-event-platform
    system: akeneo
    secrets: [env:PRIMARY]
    api: {url: "https://acme.cloud.akeneo.com", token: env:PRIMARY}
"""
ASSETS = """
  akeneo-assets:
    preset: akeneo-assets
    secrets: [env:PRIMARY]
    when_rights_unknown: hide
    api: {url: "https://acme.cloud.akeneo.com", token: env:PRIMARY}
"""
CANTO = """
  canto:
    preset: canto
    secrets: [env:PRIMARY]
    when_rights_unknown: hide
    api: {url: "https://acme.canto.global/api/v1/{id}", headers: {Authorization: "Bearer env:PRIMARY"}}
"""


async def test_every_source_with_access_has_the_fetcher_of_its_preset(tmp_path: Path) -> None:
    """By system, with the source that reads what comes; a preset without a fetcher of its own has the generic one."""
    outbound = HttpOutbound(SystemClock())
    built = build(configure(tmp_path, AKENEO + CANTO), outbound, SystemClock())
    assert {system: source for system, (_, source) in built.items()} == {"akeneo": "akeneo-main", "canto": "canto"}
    assert isinstance(built["akeneo"][0], Akeneo)
    assert [fetcher.concurrency for fetcher, _ in built.values()] == [4, 4]
    assert built["canto"][0].per_call == {"asset": 1}
    await outbound.stop()


def test_every_vendor_whose_access_can_be_said_can_be_read() -> None:
    """A model in MODELS without a fetcher would be a source that asks and is never answered."""
    assert set(READERS) | {TemplateApi} == set(MODELS.values())


async def test_two_systems_at_one_host_have_half_its_calls_each(tmp_path: Path) -> None:
    """Products and assets of one PIM are two systems, and its limit is four calls for both."""
    outbound = HttpOutbound(SystemClock())
    built = build(configure(tmp_path, AKENEO + ASSETS), outbound, SystemClock())
    assert {system: fetcher.concurrency for system, (fetcher, _) in built.items()} == {"akeneo": 2, "akeneo-assets": 2}
    await outbound.stop()


async def test_one_system_is_read_by_one_side(tmp_path: Path) -> None:
    """Where both sides would fetch for one system, one of them could not be read: that is said."""
    outbound = HttpOutbound(SystemClock())
    configuration = configure(tmp_path, AKENEO + ASSETS.replace("secrets:", "system: akeneo\n    secrets:"))
    with pytest.raises(Misconfigured, match="a system of its own"):
        build(configuration, outbound, SystemClock())
    await outbound.stop()


def test_no_configuration_shows_its_access(tmp_path: Path) -> None:
    """The repr of a configuration holds no secret of `api`."""
    configuration = configure(tmp_path, AKENEO)
    (secret,) = {words["token"] for words in configuration.api.values()}
    assert secret not in repr(configuration)
