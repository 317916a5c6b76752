"""bindery.yaml, read and compiled: sources, policy, version.

Owns: load(), Configuration, presets' and secrets' files. Does not own: what may stand in the file (app/sources/config.py), process settings
(app/settings.py). Next stop: app/bootstrap.py builds the service from it.

Every mistake is reported in one go, with the file, the path in it, what was expected and what to do.
"""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from app.domain.policy import Policy
from app.sources import build, checks, config
from app.sources.config import Deployment, SourceWords
from app.sources.credentials import Credentials
from app.sources.keyring import KeyRing
from app.sources.mistakes import Mistakes
from app.sources.preset import Preset
from app.sources.source import Source, Sources
from app.sources.yaml_file import read_object

M = TypeVar("M", bound=BaseModel)

PRESETS = Path(__file__).parent / "sources" / "presets"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is in force.

    version: a number that only rises; numbered: False where the file names none and the embedded mode counts by itself. hash: 32
    hexadecimal digits of the file's content (comments and layout apart). hot_fields: names dropped at every source. normalise_sku: a SKU
    as sent -> as compared. raw: the file as data, secrets as references. path: where it was read. keyring: public keys that are downloaded.
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


def load(path: Path | None, *, environ: Mapping[str, str] | None = None, strict: bool = False) -> Configuration:
    """Reads bindery.yaml; without a path: no sources at all, default policy.

    environ: where `env:` references are looked up (default: the process environment). strict: what only keeps one source from working (a
    secret that cannot be resolved, missing access to a vendor's API) is a mistake too; `bindery config check` asks for that. Raises
    Misconfigured listing every mistake.
    Failure policy: a file that cannot be read is Misconfigured.
    """
    reading = _Reading(path, os.environ if environ is None else environ, strict, Mistakes(path))
    raw = read_object(path) if path else {}
    if path:
        reading.whole(raw)
    deployment = reading.validated(Deployment, raw, "")
    held = _sources_of(raw)
    read = {name: one for name, words in held.items() if (one := reading.source(name, words))}
    configured = {name: (one.words, one.preset) for name, one in read.items() if one.preset}
    unread = {name: read[name].unread if name in configured else frozenset({"preset"}) for name in held}
    for where, what in checks.across_sources(configured, _systems(held), unread):
        reading.mistakes.add(where, what)
    sources = {}
    for name, words in held.items():
        access = reading.access(name, words, read.get(name)) if isinstance(words, dict) else _Access()
        if name in configured and read[name].sound:
            built = reading.build(name, *configured[name], access, deployment or Deployment())
            sources.update({name: built} if built else {})
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
    )


def _sources_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    held = raw.get("sources")
    return held if isinstance(held, dict) else {}


def _systems(held: Mapping[str, Any]) -> dict[str, str]:
    """Source name -> the system that it speaks for, also where its other words are mistaken."""
    said = {name: words.get("system") if isinstance(words, dict) else None for name, words in held.items()}
    return {name: system if isinstance(system, str) else str(name) for name, system in said.items()}


def _policy(deployment: Deployment, configured: checks.Configured) -> Policy:
    binding = deployment.binding
    systems = {name: words.system or name for name, (words, _) in configured.items()}
    return Policy(
        ownership=binding.ownership,
        texts=binding.texts,
        role_tag_prefix=binding.role_tag_prefix,
        default_role=binding.default_role,
        when_rights_unknown={
            systems[name]: words.when_rights_unknown for name, (words, _) in configured.items() if words.when_rights_unknown is not None
        },
        inheritance={
            systems[name]: build.inheritance_of(chosen, words) for name, (words, chosen) in configured.items() if chosen.side == "pim"
        },
        max_bindings_per_sku=binding.max_bindings_per_sku,
    )


@dataclass(frozen=True, slots=True)
class _Read:
    """What was understood of a source. unread: its words that were left out as mistaken. sound: nothing was."""

    words: SourceWords
    preset: Preset | None
    unread: frozenset[str]
    sound: bool


@dataclass(slots=True)
class _Access:
    """Secrets and keys (PEM) as they were read, and why one of them cannot be ("" where all can)."""

    secrets: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    broken: str = ""


def _places(wrong: ValidationError) -> frozenset[str]:
    return frozenset(str(error["loc"][0]) for error in wrong.errors(include_url=False, include_input=False) if error["loc"])


def _references(held: Any) -> list[tuple[int, str]]:
    """(number, reference) of those in a list that are references to secrets."""
    return [(n, one) for n, one in enumerate(held) if _is_reference(one)] if isinstance(held, list) else []


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("env:", "file:"))


@dataclass
class _Reading:
    """One reading of a file: what was found wrong so far."""

    path: Path | None
    environ: Mapping[str, str]
    strict: bool
    mistakes: Mistakes
    keyring: KeyRing = field(default_factory=KeyRing)

    def whole(self, raw: Mapping[str, Any]) -> None:
        """A file that is empty or cut off is a mistake: a service without sources answers every sender that they are unknown."""
        if raw.get("version") is None:
            self.mistakes.add("version", "is missing; write a whole number that rises with every change, `version: 1` at first")
        if "sources" not in raw:
            self.mistakes.add("sources", "is missing; name the senders, or write `sources: {}` where there are none yet")

    def validated(self, model: type[M], data: Any, where: str) -> M | None:
        """The model of the data, None (and mistakes) where it does not fit."""
        try:
            return model.model_validate(data)
        except ValidationError as wrong:
            self.mistakes.invalid(wrong, where)
            return None

    def source(self, name: str, held: Any) -> _Read | None:
        """What can be understood of one source: words with mistakes are left out, so that they hide no mistake elsewhere."""
        where, before = f"sources.{name}", len(self.mistakes.lines)
        try:
            config.checked_name(str(name))
        except ValueError as wrong:
            self.mistakes.add(where, str(wrong))
        if not isinstance(held, dict):
            return None
        words, unread = self.words(held, where)
        if words is None:
            return None
        try:
            build.check_overrides(words.overrides)
        except ValidationError as wrong:
            self.mistakes.invalid(wrong, f"{where}.overrides")
            kept = {key: value for key, value in words.overrides.items() if key not in _places(wrong)}
            words, unread = words.model_copy(update={"overrides": kept}), unread | {"overrides"}
        chosen = self.preset(name, words, unread)
        return _Read(words, chosen, unread, len(self.mistakes.lines) == before)

    def words(self, held: dict[str, Any], where: str) -> tuple[SourceWords | None, frozenset[str]]:
        """The words of a source, and the names of those that had to be left out."""
        try:
            return SourceWords.model_validate(held), frozenset()
        except ValidationError as wrong:
            self.mistakes.invalid(wrong, where)
            unread = _places(wrong)
        try:
            return SourceWords.model_validate({key: value for key, value in held.items() if str(key) not in unread}), unread
        except ValidationError:
            return None, unread  # Without a preset nothing more can be said, and that it is missing is said already.

    def preset(self, name: str, words: SourceWords, unread: Collection[str]) -> Preset | None:
        """The preset with the source's overrides."""
        where = f"sources.{name}"
        own = words.preset.endswith((".yaml", ".yml"))
        file = (self.path.parent if self.path and own else PRESETS) / (words.preset if own else f"{words.preset}.yaml")
        if not file.is_file() or (not own and file.parent != PRESETS):
            known = ", ".join(sorted(known.stem for known in PRESETS.glob("*.yaml")))
            self.mistakes.add(
                f"{where}.preset", f"there is no preset {words.preset!r}; there are {known}, or the path of a .yaml file of your own"
            )
            return None
        raw = build.merged(read_object(file), words.overrides)
        chosen = self.validated(Preset, raw, f"{where} (preset {words.preset} with overrides)")
        for path, what in checks.within_source(words, chosen) if chosen else ():
            if path.partition(".")[0] not in unread:
                self.mistakes.add(f"{where}.{path}", what)
        return chosen

    def access(self, name: str, held: Any, read: _Read | None) -> _Access:
        """What proves a source's requests. References are checked whatever else is wrong."""
        where = f"sources.{name}"
        access = _Access()
        for word, kind, found in (("secrets", "secret", access.secrets), ("keys", "key", access.keys)):
            for number, reference in _references(held.get(word)) if not held.get("retired") else ():
                try:
                    found.append(self.secret(reference))
                except ValueError as wrong:
                    access.broken = f"the {kind} {reference} cannot be read: {wrong}"
                    self.tell(f"{where}.{word}.{number}", access.broken)
        api = held.get("api")
        for key, value in api.items() if isinstance(api, dict) and self.strict else ():
            if _is_reference(value):
                self.check_api(f"{where}.api.{key}", value)
        if read and read.preset and not read.words.api and "api" not in read.unread and build.fetching_of(read.preset, read.words):
            self.tell(
                f"{where}.api",
                f"the preset {read.preset.preset} has events that only say that something changed; give the access to fetch it",
            )
        return access

    def build(self, name: str, words: SourceWords, chosen: Preset, access: _Access, deployment: Deployment) -> Source | None:
        keys = [key.encode() for key in access.keys]
        credentials = Credentials(keys, words.topic_arn, words.url, f"/webhooks/{name}", self.keyring)
        try:
            source = build.build(
                name,
                words,
                chosen,
                secrets=access.secrets,
                credentials=credentials,
                broken=access.broken,
                hot_fields=deployment.hot_fields,
                normalise=deployment.normalise.sku.normaliser(),
            )
        except ValueError as wrong:
            self.mistakes.add(f"sources.{name}", str(wrong))
            return None
        if source.broken and not access.broken:
            self.tell(f"sources.{name}.secrets", source.broken)
        return source

    def tell(self, where: str, what: str) -> None:
        """What keeps a source from working is a mistake only for those who check; the service runs on without that source."""
        if self.strict:
            self.mistakes.add(where, what)

    def check_api(self, where: str, reference: str) -> None:
        try:
            self.secret(reference)
        except ValueError as wrong:
            self.mistakes.add(where, f"{reference} cannot be read: {wrong}")

    def secret(self, reference: str) -> str:
        """The secret behind a reference. Raises ValueError saying why there is none.

        Failure policy: refuses; the source is then broken and answers 503, which senders try again.
        """
        kind, _, name = reference.partition(":")
        if kind == "env":
            if not self.environ.get(name):
                raise ValueError(f"the environment variable {name} is not set; set it, or name a file")
            return self.environ[name]
        file = (self.path.parent if self.path else Path()) / name
        try:
            secret = file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as wrong:
            raise ValueError(f"the file {file} cannot be read ({type(wrong).__name__}); make it readable for the service") from None
        if not secret:
            raise ValueError(f"the file {file} is empty; write the secret into it")
        return secret
