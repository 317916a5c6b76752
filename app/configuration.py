"""bindery.yaml, read and compiled: sources, policy, version.

Owns: load(), Configuration, the policy. Does not own: reading the sources (app/reading.py), what may stand in the file
(app/sources/config.py), process settings (app/settings.py). Next stop: app/bootstrap.py builds the service from it.

Every mistake is reported in one go, with the file, the path in it, what was expected and what to do.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from app.domain.policy import Inheritance, Policy, Unknown
from app.reading import PRESETS, Access, Reading
from app.sources import agreements, build, inventory
from app.sources.config import Deployment
from app.sources.keyring import KeyRing
from app.sources.mistakes import Mistakes
from app.sources.source import Sources
from app.sources.yaml_file import read_object

__all__ = ["PRESETS", "Configuration", "load"]


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is in force.

    version: a number that only rises; numbered: False where the file names none and the embedded mode counts by itself. hash: 32
    hexadecimal digits of the file's content (comments and layout apart). hot_fields: names dropped at every source. normalise_sku: a SKU
    as sent -> as compared. raw: the file as data, secrets as references. path: where it was read. keyring: public keys that are downloaded.
    api: source -> the words of its access to the vendor, secrets resolved (app/sources/access.py reads them); sources whose access cannot
    be used are not in it.
    """

    version: int
    numbered: bool
    sources: Sources
    policy: Policy
    hash: str
    hot_fields: tuple[str, ...]
    normalise_sku: Callable[[str], str]
    raw: Mapping[str, Any]
    path: Path | None = None
    keyring: KeyRing = field(default_factory=KeyRing)
    api: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)


def load(path: Path | None, *, environ: Mapping[str, str] | None = None, strict: bool = False) -> Configuration:
    """Reads bindery.yaml; without a path: no sources at all, default policy.

    environ: where `env:` references are looked up (default: the process environment). strict: what only keeps one source from working (a
    secret that cannot be resolved, missing access to a vendor's API) is a mistake too; `bindery config check` asks for that. Raises
    Misconfigured listing every mistake.
    Failure policy: a file that cannot be read is Misconfigured.
    """
    reading = Reading(path, os.environ if environ is None else environ, strict, Mistakes(path))
    raw = read_object(path) if path else {}
    if path:
        reading.whole(raw)
    deployment = reading.validated(Deployment, raw, "")
    held = _sources_of(raw)
    read = {name: one for name, words in held.items() if (one := reading.source(name, words))}
    configured = {name: (one.words, one.preset) for name, one in read.items() if one.preset}
    unread = {name: read[name].unread if name in configured else frozenset({"preset"}) for name in held}
    for where, what in agreements.across_sources(configured, _systems(held), unread):
        reading.mistakes.add(where, what)
    sources, apis = {}, {}
    spellings = build.spellings_of(words for words, _ in configured.values())
    for name, words in held.items():
        access = reading.access(name, words, read.get(name)) if isinstance(words, dict) else Access()
        if name in configured and read[name].sound:
            built = reading.build(name, *configured[name], access, deployment or Deployment(), spellings)
            sources.update({name: built} if built else {})
            apis.update({name: access.api} if built and access.api else {})
    reading.mistakes.tell()
    assert deployment is not None
    text = orjson.dumps(raw, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return Configuration(
        version=deployment.version or 1,
        numbered=deployment.version is not None,
        sources=Sources(sources),
        policy=_policy(deployment, configured),
        hash=blake2b(text, digest_size=16).hexdigest(),
        hot_fields=deployment.hot_fields,
        normalise_sku=deployment.normalise.sku.normaliser(),
        raw=raw,
        path=path,
        keyring=reading.keyring,
        api=apis,
    )


def _sources_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    held = raw.get("sources")
    return held if isinstance(held, dict) else {}


def _systems(held: Mapping[str, Any]) -> dict[str, str]:
    """Source name -> the system that it speaks for, also where its other words are mistaken."""
    said = {name: words.get("system") if isinstance(words, dict) else None for name, words in held.items()}
    return {name: system if isinstance(system, str) else str(name) for name, system in said.items()}


def _policy(deployment: Deployment, configured: agreements.Configured) -> Policy:
    binding = deployment.binding
    unknown: dict[str, Unknown] = {}
    inheritance: dict[str, Inheritance] = {}
    stated = {words.system or name for name, (words, _) in configured.items() if words.inheritance}
    for name, (words, chosen) in configured.items():
        system = words.system or name
        if words.when_rights_unknown is not None:
            unknown.update(dict.fromkeys(inventory.asset_systems(system, chosen), words.when_rights_unknown))
        if chosen.side == "pim" and (words.inheritance or system not in stated):
            # Where nobody says, one source that brings inherited values is enough: climbing would inherit twice.
            one = build.inheritance_of(chosen, words)
            inheritance[system] = one if one == "flattened" else inheritance.get(system, one)
    return Policy(
        ownership=binding.ownership,
        texts=binding.texts,
        role_tag_prefix=binding.role_tag_prefix,
        default_role=binding.default_role,
        when_rights_unknown=unknown,
        inheritance=inheritance,
        include={words.system or name: words.include.policy() for name, (words, _) in configured.items() if words.include},
        variants_listed=frozenset(words.system or name for name, (words, chosen) in configured.items() if inventory.lists_variants(chosen)),
        max_bindings_per_sku=binding.max_bindings_per_sku,
    )
