"""bindery.yaml: what loads, every mistake at once, broken and retired sources.

Owns: reading the configuration. Does not own: what sources do with it. Next stop: tests/sources/test_fuzz.py.
"""

import re
from pathlib import Path

import pytest
import yaml

from app.configuration import PRESETS, load
from app.domain.policy import Policy
from app.errors import Misconfigured
from tests.sources.builders import AKENEO, CLOUDINARY, NOW_S, SECRETS, configure, events, one, sample

EXAMPLE = Path(__file__).parents[2] / "examples" / "bindery.yaml"


def mistakes(folder: Path, sources: str, rest: str = "", *, strict: bool = False) -> list[str]:
    """The mistakes that are reported, without the heading."""
    with pytest.raises(Misconfigured) as error:
        configure(folder, sources, rest, strict=strict)
    heading, *found = str(error.value).split("\n  ")
    assert "bindery.yaml has" in heading
    return found


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


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Mistakes of several sources and parts come in one report, each with its path and what to do; no secret is quoted."""
    found = mistakes(
        tmp_path,
        """
  cloudinary-eu: {preset: cloudinary, secrets: [hunter2], tolerence_s: 5}
  Big Name: {preset: cloudinary, secrets: [env:PRIMARY], when_rights_unknown: hide}
  other: {preset: cloudinari, secrets: [env:PRIMARY], when_rights_unknown: perhaps, era: -1}
  list: [1]
""",
        "binding: {texts: nobody}\nhot_field: [x]",
    )
    report = "\n".join(found)
    for path, words in {
        "hot_field": "unknown word, did you mean hot_fields?",
        "binding.texts": "'pim', 'dam' or 'both'",
        "sources.cloudinary-eu.secrets.0": "env:NAME or file:PATH",
        "sources.cloudinary-eu.tolerence_s": "unknown word, did you mean tolerance_s?",
        "sources.Big Name": "lower-case letters",
        "sources.other.when_rights_unknown": "'hide' or 'show'",
        "sources.other.era": "greater than or equal to 0",
        "sources.list": "should be a valid dictionary",
        "sources.cloudinary-eu.when_rights_unknown": "hide or show",
        "sources.other.preset": "there is no preset",
    }.items():
        assert re.search(rf"^{re.escape(path)}: .*{re.escape(words)}", report, re.M), (path, report)
    assert "hunter2" not in report
    assert len(found) == len(set(found)) == 10


def test_a_mistake_hides_none_in_another_source(tmp_path: Path) -> None:
    """Joins, secrets and access are looked at beside sources with mistakes, and in them; what cannot be read is blamed for nothing else."""
    found = mistakes(
        tmp_path,
        """
  cloudinary-eu: {preset: cloudinary, secrets: [hunter2, env:NOWHERE], tolerence_s: 5, when_rights_unknown: hide}
  second: {preset: cloudinary, system: cloudinary-eu, secrets: [env:PRIMARY], when_rights_unknown: perhaps}
  unset: {secrets: [env:MISSING]}
  activo: {preset: generic-dam, secrets: [env:PRIMARY], when_rights_unknown: hide}
  akeneo-main:
    preset: akeneo-event-platform
    secrets: [file:nothing]
    order: {time: x}
    joins:
      packshots: {system: cloudinary-eu, by: public_id}
      moods: {system: nowhere}
      manuals: {system: activo, by: code}
      spare: {system: unset, by: code}
  erp: {preset: generic-pim, secrets: [env:PRIMARY], joins: {asset: {system: elsewhere}}, api: {token: env:TOKEN}}
""",
        "binding: {texts: nobody}",
        strict=True,
    )
    assert sorted(line.split(": ")[0] for line in found) == [
        "binding.texts",
        "sources.akeneo-main.api",
        "sources.akeneo-main.joins.manuals.by",
        "sources.akeneo-main.joins.moods.system",
        "sources.akeneo-main.order",
        "sources.akeneo-main.secrets.0",
        "sources.cloudinary-eu.secrets.0",
        "sources.cloudinary-eu.secrets.1",
        "sources.cloudinary-eu.tolerence_s",
        "sources.erp.api.token",
        "sources.erp.joins.asset.system",
        "sources.second.when_rights_unknown",
        "sources.unset.preset",
        "sources.unset.secrets.0",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("    order: {time: x}\n", "sources.cloudinary-eu.order: this word is not read here; move it under `overrides`"),
        ("    lookup: {}\n", "sources.cloudinary-eu.lookup: this word is not read here; move it to where it belongs"),
        ("    overrides: {secrets: []}\n", "sources.cloudinary-eu.overrides.secrets: this word is not read here; move it to"),
        ("    overrides: {rights: {frm: a}}\n", "sources.cloudinary-eu.overrides.rights.frm: unknown word, did you mean from?"),
    ],
)
def test_a_word_is_never_suggested_for_itself(tmp_path: Path, words: str, told: str) -> None:
    """A word that belongs elsewhere is told to move; only a misspelt one gets a suggestion, as one has to write it."""
    (found,) = mistakes(tmp_path, CLOUDINARY + words)
    assert found.startswith(told)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", ["version", "sources"]),
        ("# nothing yet\n", ["version", "sources"]),
        ("version: 3\n", ["sources"]),
        ("version: 3\nsources:\n", ["sources"]),
        ("version:\nsources: {}\n", ["version"]),
    ],
)
def test_a_truncated_file_is_a_mistake(tmp_path: Path, text: str, places: list[str]) -> None:
    """An empty or cut off file does not make a service that knows no sender; no sources, written out, does."""
    path = tmp_path / "bindery.yaml"
    path.write_text(text)
    with pytest.raises(Misconfigured) as error:
        load(path)
    assert [line.partition(":")[0] for line in str(error.value).split("\n  ")[1:]] == places
    path.write_text("version: 3\nsources: {}\n")
    assert dict(load(path).sources) == {}


ORDERLESS = "    overrides: {order: null}\n"
OTHER = CLOUDINARY.replace("cloudinary-eu:", "other:")


@pytest.mark.parametrize(
    ("sources", "path", "words"),
    [
        (CLOUDINARY.replace("    when_rights_unknown: hide\n", ""), "sources.cloudinary-eu.when_rights_unknown", "hide or show"),
        (AKENEO + "    when_rights_unknown: hide\n", "sources.akeneo-main.when_rights_unknown", "leave this out"),
        (CLOUDINARY.replace("    secrets: [env:PRIMARY]\n", ""), "sources.cloudinary-eu.secrets", "at least one secret"),
        (CLOUDINARY + "    side: pim\n", "sources.cloudinary-eu.side", "leave `side` out"),
        (CLOUDINARY + ORDERLESS, "sources.cloudinary-eu.overrides.events.upload", "expected `order`"),
        (AKENEO + "    tolerance_s: 5\n", "sources.akeneo-main", "signs no time"),
        (AKENEO + "    joins: {x: {system: nowhere}}\n", "sources.akeneo-main.joins.x.system", "no source speaks for the system 'nowhere'"),
        (
            CLOUDINARY + AKENEO + "    joins: {x: {system: cloudinary-eu, by: name}}\n",
            "sources.akeneo-main.joins.x.by",
            "keeps no 'name' of assets, only id, public_id",
        ),
        (
            CLOUDINARY + AKENEO + "    overrides: {links: {x: {path: a, system: cloudinary-eu, by: name}}}\n",
            "sources.akeneo-main.overrides.links.x.by",
            "keeps no 'name'",
        ),
        (AKENEO + "    roles: {a: x, b: x}\n", "sources.akeneo-main.roles", "two links cannot have one role"),
        (AKENEO + "    timezone: Mars\n", "sources.akeneo-main.timezone", "time zone"),
        (CLOUDINARY + "    overrides: {sku: 'a..b'}\n", "sources.cloudinary-eu.overrides.sku.path", "is no JMESPath expression"),
        (CLOUDINARY + "    overrides: {skuu: a}\n", "sources.cloudinary-eu.overrides.skuu", "did you mean sku?"),
        (CLOUDINARY + "    overrides: {rights: {end: a}}\n", "sources.cloudinary-eu.overrides.rights.end", "not read here"),
        (
            CLOUDINARY + "    overrides: {rights: {until: {path: a, zone: Mars}}}\n",
            "sources.cloudinary-eu.overrides.rights.until.zone",
            "zone",
        ),
        (
            CLOUDINARY + "    overrides: {events: {upload: {mode: {path: a, lookup: {x: y}}}}}\n",
            "sources.cloudinary-eu.overrides",
            "mode must be",
        ),
        (CLOUDINARY + "    overrides: {verify: {scheme: rot13}}\n", "sources.cloudinary-eu", "rot13"),
        (CLOUDINARY + "    overrides: {verify: {scheme: none}}\n", "sources.cloudinary-eu.secrets", "verifies nothing"),
        (CLOUDINARY + "    max_body_bytes: 5000000\n", "sources.cloudinary-eu.max_body_bytes", "less than or equal to 900000"),
        (CLOUDINARY + OTHER + "    system: cloudinary-eu\n    era: 2\n", "sources.other.era", "must agree"),
        (
            CLOUDINARY + OTHER.replace("unknown: hide", "unknown: show") + "    system: cloudinary-eu\n",
            "sources.other.when_rights_unknown",
            "must agree",
        ),
        (
            CLOUDINARY + OTHER + "    system: cloudinary-eu\n    overrides: {order: {sequence: version}}\n",
            "sources.other",
            "these do not compare",
        ),
        ("\n  x: {preset: cloudinary.yaml}\n", "sources.x.preset", "there is no preset"),
        ("\n  x: {preset: ../presets/cloudinary}\n", "sources.x.preset", "there is no preset"),
    ],
)
def test_a_mistake(tmp_path: Path, sources: str, path: str, words: str) -> None:
    """Each rule names the place and what was expected."""
    report = "\n".join(mistakes(tmp_path, sources))
    assert re.search(rf"^{re.escape(path)}.*{re.escape(words)}", report, re.M), report


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: [", "is not YAML"),
        ("- 1", "must hold an object"),
        ("version: 1\nversion: 2", "stands twice"),
        ("\x00", "is not YAML"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, text: str, words: str) -> None:
    """A file that is no configuration at all says why."""
    (tmp_path / "bindery.yaml").write_text(text)
    with pytest.raises(Misconfigured, match=words):
        load(tmp_path / "bindery.yaml")
    with pytest.raises(Misconfigured, match="cannot be read"):
        load(tmp_path / "nothing.yaml")


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
    for words in ("How sure:", "Full:", "Delta:"):
        assert words in head
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
