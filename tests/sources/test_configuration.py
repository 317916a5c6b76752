"""bindery.yaml: what loads, broken and retired sources.

Owns: reading the configuration. Does not own: what is refused (tests/sources/test_mistakes.py), what sources do with it. Next
stop: tests/sources/test_mistakes.py.
"""

from pathlib import Path

import pytest
import yaml

from app.configuration import PRESETS, load
from app.domain.policy import Policy
from app.errors import Misconfigured
from tests.sources.builders import AKENEO, CLOUDINARY, NOW_S, SECRETS, configure, events, mistakes, one, sample

EXAMPLE = Path(__file__).parents[2] / "examples" / "bindery.yaml"


def test_nothing_is_a_configuration() -> None:
    """Without a file there are no sources, and the defaults hold."""
    configuration = load(None, environ={})
    assert (dict(configuration.sources), configuration.version, configuration.numbered) == ({}, 1, False)
    assert configuration.policy == Policy(ownership={})


def test_the_example_loads_on_a_fresh_clone() -> None:
    """The shipped example needs no environment and has no mistake, missing access included."""
    configuration = load(EXAMPLE, environ={}, strict=True)
    assert sorted(configuration.sources) == ["activo", "akeneo-main", "cloudinary-eu", "erp"]
    assert not any(source.broken for source in configuration.sources.values())
    assert configuration.policy.when_rights_unknown == {"cloudinary-eu": "show", "activo": "hide"}
    assert "price" in configuration.hot_fields


def test_the_hash_is_that_of_the_content(tmp_path: Path) -> None:
    """Comments and layout do not change the hash, any word does."""
    first = configure(tmp_path, CLOUDINARY).hash
    assert configure(tmp_path, CLOUDINARY + "    # a comment\n").hash == first
    assert configure(tmp_path, CLOUDINARY + "    era: 1\n").hash != first


def test_a_source_without_its_secret_is_broken(tmp_path: Path) -> None:
    """The service runs on and says why; a check refuses; no request of that source is genuine."""
    (tmp_path / "empty").write_text("\n")
    for reference, why in {"env:NOWHERE": "NOWHERE is not set", "file:nothing": "cannot be read", "file:empty": "is empty"}.items():
        words = CLOUDINARY.replace("env:PRIMARY", reference)
        configuration = configure(tmp_path, words + AKENEO)
        broken = configuration.sources["cloudinary-eu"]
        assert why in broken.broken
        assert broken.verify(*sample("cloudinary-upload"), NOW_S) == broken.broken
        with pytest.raises(Misconfigured, match="cannot sign"):
            broken.sign(b"", NOW_S)
        assert configuration.sources["akeneo-main"].broken == ""
        assert len(events(broken, sample("cloudinary-upload")[1])) == 1
        assert any(why in line for line in mistakes(tmp_path, words, strict=True))


def test_a_secret_that_cannot_be_looked_for_breaks_its_source_alone(tmp_path: Path) -> None:
    """Also where the sender might have told it: a file that no system can name is not waited for."""
    words = f"\n  erp: {{preset: ergonode, secrets: ['file:{'x' * 300}']}}\n"
    assert "cannot be read" in configure(tmp_path, words).sources["erp"].broken
    assert any("OSError" in line for line in mistakes(tmp_path, words, strict=True))


def test_a_secret_that_the_scheme_cannot_use_breaks_the_source(tmp_path: Path) -> None:
    """A key that is no base64 is told without being shown."""
    words = CLOUDINARY + "    overrides: {verify: {scheme: standard-webhooks}}\n"
    source = one(tmp_path, words.replace("env:PRIMARY", "env:SECONDARY"))
    assert "base64" in source.broken
    assert SECRETS["SECONDARY"] not in source.broken


def test_a_check_asks_for_access_where_events_are_thin(tmp_path: Path) -> None:
    """Akeneo's thin events need an API; the service itself starts without."""
    assert "sources.akeneo-main.api" in mistakes(tmp_path, AKENEO, strict=True)[0]
    assert configure(tmp_path, AKENEO).sources["akeneo-main"].fetches
    assert "ID" in mistakes(tmp_path, AKENEO + "    api: {url: 'https://x', client_id: env:ID}\n", strict=True)[0]


def test_a_retired_source_needs_no_secret(tmp_path: Path) -> None:
    """It stays configured, so that its events on the log can be read, and takes nothing new."""
    source = one(tmp_path, "\n  old: {preset: cloudinary, retired: true, when_rights_unknown: hide}\n")
    assert (source.retired, source.broken) == (True, "")
    assert source.verify(*sample("cloudinary-upload"), NOW_S) != ""
    assert source.project(events(source, sample("cloudinary-upload")[1])[0], 1).changes


def test_a_secret_may_stand_in_a_file_beside_the_configuration(tmp_path: Path) -> None:
    """Relative paths start at the file that names them; the newline that editors add is no part of the secret."""
    (tmp_path / "secret").write_text("s3cr3t\n")
    source = one(tmp_path, CLOUDINARY.replace("env:PRIMARY", "file:secret"))
    assert source.verify(*sample("cloudinary-upload"), NOW_S) == ""


def test_a_preset_of_ones_own(tmp_path: Path) -> None:
    """A vendor is a file: a copied preset works from beside the configuration."""
    (tmp_path / "mine.yaml").write_text((PRESETS / "cloudinary.yaml").read_text().replace("preset: cloudinary", "preset: mine"))
    source = one(tmp_path, CLOUDINARY.replace("preset: cloudinary", "preset: mine.yaml"))
    assert (source.preset, len(events(source, sample("cloudinary-upload")[1]))) == ("mine", 1)


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_preset_says_how_sure_it_is(path: Path) -> None:
    """The first lines of every preset say where its facts come from and which of its events are whole states."""
    head = path.read_text().split("\npreset:")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    assert "how sure:" in head.lower()
    assert any(mode in head.lower() for mode in ("full", "delta", "thin"))
    assert yaml.safe_load(path.read_text())["preset"] == path.stem


def test_overrides_add_to_groups_and_replace_fields(tmp_path: Path) -> None:
    """One right of one's own leaves the preset's other rights in force; null switches a field off."""
    words = CLOUDINARY + "    overrides: {rights: {until: metadata.license_end}, gtin: null, texts: {credit: metadata.credit}}\n"
    source = one(tmp_path, words)
    (event,) = events(source, sample("cloudinary-upload")[1])
    (change,) = source.project(event, 1).changes
    assert {"rights.until", "rights.access", "texts.alt.*"} <= set(change.leaves)
    assert "claims.gtin" not in change.leaves
    # Without a word about the end, a bare date ends with its first instant: the stricter reading.
    assert change.leaves["rights.until"] == 1803859200000000


def test_overrides_of_one_source_leave_others_of_its_preset_alone(tmp_path: Path) -> None:
    """Several sources may share a preset, whose file is read once."""
    overrides = "    overrides: {gtin: null, rights: {until: null}, events: {upload: {mode: delta}}}\n"
    words = CLOUDINARY + overrides + CLOUDINARY.replace("cloudinary-eu", "cloudinary-us") + CLOUDINARY.replace("cloudinary-eu", "third")
    sources = configure(tmp_path, words).sources
    changes = [
        change.leaves
        for name in ("cloudinary-eu", "cloudinary-us", "third")
        for event in events(sources[name], sample("cloudinary-upload")[1])
        for change in sources[name].project(event, 1).changes
    ]
    assert ["claims.gtin" in leaves for leaves in changes] == [False, True, True]
    assert changes[1] == changes[2]
