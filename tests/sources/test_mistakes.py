"""The mistakes of bindery.yaml: every one at once, each with its place and what to do.

Owns: what is refused, and in which words. Does not own: what loads (tests/sources/test_configuration.py). Next stop:
app/sources/mistakes.py.
"""

import re
from pathlib import Path

import pytest

from app.configuration import load
from app.errors import Misconfigured
from tests.sources.builders import AKENEO, CLOUDINARY, mistakes

PIM = "\n  erp:\n    preset: generic-pim\n    secrets: [env:PRIMARY]\n"


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
        "sources.list": "expected an object",
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
  erp:
    preset: generic-pim
    secrets: [env:PRIMARY]
    joins: {asset: {system: elsewhere}}
    api: {url: "https://erp.example/{id}", headers: {authorization: "Bearer env:TOKEN"}}
    overrides: {events: {fetched.product: {key: id}}}
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
        "sources.erp.api.headers.authorization",
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


API = "    api: {url: 'https://erp.example/{id}', headers: {authorization: env:PRIMARY}}\n"
ORDERLESS = "    overrides: {order: null}\n"
OTHER = CLOUDINARY.replace("cloudinary-eu:", "other:")


@pytest.mark.parametrize(
    ("sources", "path", "words"),
    [
        (CLOUDINARY.replace("    when_rights_unknown: hide\n", ""), "sources.cloudinary-eu.when_rights_unknown", "hide or show"),
        (PIM + "    when_rights_unknown: hide\n", "sources.erp.when_rights_unknown", "leave this out"),
        (CLOUDINARY.replace("    secrets: [env:PRIMARY]\n", ""), "sources.cloudinary-eu.secrets", "at least one secret"),
        (CLOUDINARY + "    side: pim\n", "sources.cloudinary-eu.side", "leave `side` out"),
        (CLOUDINARY + ORDERLESS, "sources.cloudinary-eu.overrides.events.upload", "expected `order`"),
        (AKENEO + "    tolerance_s: 5\n", "sources.akeneo-main.tolerance_s: ", "signs no time"),
        (AKENEO + "    quarantine: perhaps\n", "sources.akeneo-main.quarantine", "expected true or false"),
        (
            CLOUDINARY + "    overrides: {rights: {territories: {allow: {path: a, lookup: {home: NO}}}}}\n",
            "sources.cloudinary-eu.overrides.rights.territories.allow.lookup.home: ",
            "expected a text; YAML reads this one as true or false, so put it in quotes",
        ),
        (
            CLOUDINARY + "    overrides: {approval: {path: a, lookup: {1: approved}}}\n",
            "sources.cloudinary-eu.overrides.approval.lookup.1: ",
            "YAML reads this one as a number",
        ),
        (CLOUDINARY + "    overrides: {texts: {alt: {en: 5}}}\n", "sources.cloudinary-eu.overrides.texts.alt.en: ", "expected an object"),
        (AKENEO + "    hot_fields: price\n", "sources.akeneo-main.hot_fields", "expected a list"),
        (AKENEO + "    overrides: {sku: 5}\n", "sources.akeneo-main.overrides.sku", "expected an object"),
        (
            CLOUDINARY + "    overrides: {approval: {path: a, lookup: {ok: fine}}}\n",
            "sources.cloudinary-eu.overrides.approval.lookup.ok",
            "'approved', 'pending', 'archived' or 'rejected'",
        ),
        (
            PIM + "    overrides: {enabled: {path: a, lookup: {active: enabled}}}\n",
            "sources.erp.overrides.enabled.lookup.active",
            "'true' or 'false'",
        ),
        (
            CLOUDINARY + "    overrides: {rights: {territories: {deny: {path: a, lookup: {home: [SE, Sweden]}}}}}\n",
            "sources.cloudinary-eu.overrides.rights.territories.deny.lookup",
            "the meaning of 'home' is no territory",
        ),
        (
            CLOUDINARY + "    overrides: {embedded_fields: {product: {sku: a}}}\n",
            "sources.cloudinary-eu.overrides.embedded_fields.product",
            "nothing is embedded",
        ),
        (
            "\n  shop: {preset: shopify, secrets: [env:PRIMARY], overrides: {embedded_fields: {model: {name: a}}}}\n",
            "sources.shop.overrides.embedded_fields.model",
            "only records of the kind asset and product are",
        ),
        (
            "\n  shop: {preset: shopify, secrets: [env:PRIMARY], overrides: {embedded_fields: {thing: {name: a}}}}\n",
            "sources.shop.overrides.embedded_fields.thing: ",
            "'asset', 'product' or 'model'",
        ),
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
        (CLOUDINARY + "    overrides: {sku: 'a['}\n", "sources.cloudinary-eu.overrides.sku.path", "expression: Incomplete expression"),
        (
            CLOUDINARY + "    overrides: {sku: 'lenght(a)'}\n",
            "sources.cloudinary-eu.overrides.sku.path",
            "no function; did you mean length()?",
        ),
        (
            CLOUDINARY + "    overrides: {sku: 'a || b[?join(c)]'}\n",
            "sources.cloudinary-eu.overrides.sku.path",
            "with 1 arguments, it takes 2",
        ),
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
        (
            CLOUDINARY + PIM + "    joins: {x: {system: cloudinary-eu, normalise: {case: lower}}}\n",
            "sources.erp.joins.x.normalise",
            "ids of a system are exact",
        ),
        (
            CLOUDINARY
            + PIM
            + "    joins:\n      x: {system: cloudinary-eu, by: public_id, normalise: {case: lower}}\n"
            + "      y: {system: cloudinary-eu, by: public_id}\n",
            "sources.erp.joins.y.normalise",
            "sources.erp.joins.x names public_id of cloudinary-eu too",
        ),
        (
            PIM + API + "    overrides: {fetch: true, events: {fetched.product: null, fetched.model: null}}\n",
            "sources.erp.overrides.events",
            "nothing says how it is read; add `fetched.product:",
        ),
        (PIM + "    overrides: {events: {fetched.thing: {}}}\n", "sources.erp", "fetched.asset, fetched.product and fetched.model"),
        (PIM + API.replace("url:", "uri:"), "sources.erp.api.uri", "unknown word, did you mean url?"),
        (PIM + API.replace("env:PRIMARY", "s3cr3t"), "sources.erp.api.headers.authorization", "a secret itself never stands in this file"),
        (PIM + "    overrides: {type: {segment: 1}}\n", "sources.erp.overrides.receive", "say `below: true`"),
        (PIM + "    overrides: {type: {segment: 0}}\n", "sources.erp", "exactly one of path, header, segment"),
        ("\n  x: {preset: cloudinary.yaml}\n", "sources.x.preset", "there is no preset"),
        ("\n  x: {preset: ../presets/cloudinary}\n", "sources.x.preset", "there is no preset"),
    ],
)
def test_a_mistake(tmp_path: Path, sources: str, path: str, words: str) -> None:
    """Each rule names the place and what was expected."""
    report = "\n".join(mistakes(tmp_path, sources))
    assert re.search(rf"^{re.escape(path)}.*{re.escape(words)}", report, re.M), report


def test_a_list_with_a_mistake_is_not_blamed_for_being_a_list(tmp_path: Path) -> None:
    """Where one word or several may stand, only the wrong one is told: YAML reads Norway's code as false."""
    (told,) = mistakes(tmp_path, CLOUDINARY + "    overrides: {rights: {territories: {allow: {path: a, lookup: {Norden: [SE, NO]}}}}}\n")
    assert told.startswith("sources.cloudinary-eu.overrides.rights.territories.allow.lookup.Norden.1: ")
    assert "put it in quotes" in told
