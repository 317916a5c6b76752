"""bindery.yaml, read and compiled: sources, policy, version.

Owns: load(), Configuration, presets' and secrets' files. Does not own: what may stand in the file (app/sources/config.py), process settings
(app/settings.py). Next stop: app/bootstrap.py builds the service from it.

Every mistake is reported in one go, with the file, the path in it, what was expected and what to do.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import orjson
import yaml
from pydantic import BaseModel, ValidationError

from app.domain.policy import Policy
from app.errors import Misconfigured
from app.sources import build, checks, config, fields, preset, schemes
from app.sources.config import Deployment, SourceWords
from app.sources.preset import Preset
from app.sources.source import Source, Sources

M = TypeVar("M", bound=BaseModel)

PRESETS = Path(__file__).parent / "sources" / "presets"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is in force.

    version: a number that only rises; numbered: False where the file names none and the embedded mode counts by itself. hash: 32
    hexadecimal digits of the file's content (comments and layout apart). hot_fields: names dropped at every source. normalise_sku: a SKU
    as sent -> as compared. raw: the file as data, secrets as references. path: where it was read.
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


def load(path: Path | None, *, environ: Mapping[str, str] | None = None, strict: bool = False) -> Configuration:
    """Reads bindery.yaml; without a path: no sources at all, default policy.

    environ: where `env:` references are looked up (default: the process environment). strict: what only keeps one source from working (a
    secret that cannot be resolved, missing access to a vendor's API) is a mistake too; `bindery config check` asks for that. Raises
    Misconfigured listing every mistake.
    Failure policy: a file that cannot be read is Misconfigured.
    """
    reading = _Reading(path, os.environ if environ is None else environ, strict)
    raw = reading.yaml(path) if path else {}
    deployment = reading.validated(Deployment, raw, "")
    read = {name: words for name, held in _sources_of(raw).items() if (words := reading.source(name, held))}
    configured = {name: (words, chosen) for name, words in read.items() if (chosen := reading.preset(name, words))}
    if len(configured) == len(_sources_of(raw)):
        for where, what in checks.across_sources(configured):
            reading.mistake(where, what)
    sources = {}
    if deployment is not None:
        sources = {name: built for name, (words, chosen) in configured.items() if (built := reading.build(name, words, chosen, deployment))}
    reading.raise_mistakes()
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
    )


def _sources_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    held = raw.get("sources")
    return held if isinstance(held, dict) else {}


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
            systems[name]: words.inheritance or chosen.inheritance for name, (words, chosen) in configured.items() if chosen.side == "pim"
        },
        max_bindings_per_sku=binding.max_bindings_per_sku,
    )


@dataclass
class _Reading:
    """One reading of a file: what was found wrong so far."""

    path: Path | None
    environ: Mapping[str, str]
    strict: bool
    mistakes: list[str] = field(default_factory=list)

    def mistake(self, where: str, what: str) -> None:
        self.mistakes.append(f"{where or 'the file'}: {what}")

    def raise_mistakes(self) -> None:
        if self.mistakes:
            number = "one mistake" if len(self.mistakes) == 1 else f"{len(self.mistakes)} mistakes"
            listed = "".join(f"\n  {line}" for line in self.mistakes)
            raise Misconfigured(f"{self.path} has {number}; `bindery config check` looks again once mended:{listed}")

    def yaml(self, path: Path) -> dict[str, Any]:
        """A YAML file that holds an object. Raises Misconfigured where it cannot be read at all.

        Failure policy: refuses; nothing can be said about the rest of a file that does not parse.
        """
        try:
            parsed = yaml.load(path.read_bytes(), _Loader)  # noqa: S506  # _Loader is a SafeLoader.
        except (OSError, UnicodeDecodeError) as wrong:
            raise Misconfigured(f"{path} cannot be read ({type(wrong).__name__}); name the file with --config or BINDERY_CONFIG") from None
        except yaml.YAMLError as wrong:
            raise Misconfigured(f"{path} is not YAML: {' '.join(str(wrong).split())}") from None
        if parsed is not None and not isinstance(parsed, dict):
            raise Misconfigured(f"{path} must hold an object with `version` and `sources`")
        return parsed or {}

    def validated(self, model: type[M], data: Any, where: str) -> M | None:
        """The model of the data, None (and mistakes) where it does not fit."""
        try:
            return model.model_validate(data)
        except ValidationError as wrong:
            self.invalid(wrong, where)
            return None

    def invalid(self, wrong: ValidationError, where: str) -> None:
        for line in dict.fromkeys(_explained(error, where) for error in wrong.errors(include_url=False, include_input=False)):
            self.mistakes.append(line)

    def source(self, name: str, held: Any) -> SourceWords | None:
        where = f"sources.{name}"
        before = len(self.mistakes)
        try:
            config._name(str(name))  # noqa: SLF001  # The rule for names, applied to a key rather than to a value.
        except ValueError as wrong:
            self.mistake(where, str(wrong))
        words = self.validated(SourceWords, held, where)
        if words is not None:
            try:
                build.check_overrides(words.overrides)
            except ValidationError as wrong:
                self.invalid(wrong, f"{where}.overrides")
        return words if len(self.mistakes) == before else None

    def preset(self, name: str, words: SourceWords) -> Preset | None:
        """The preset with the source's overrides."""
        where = f"sources.{name}"
        own = words.preset.endswith((".yaml", ".yml"))
        file = (self.path.parent if self.path and own else PRESETS) / (words.preset if own else f"{words.preset}.yaml")
        if not file.is_file() or (not own and file.parent != PRESETS):
            known = ", ".join(sorted(known.stem for known in PRESETS.glob("*.yaml")))
            self.mistake(
                f"{where}.preset", f"there is no preset {words.preset!r}; there are {known}, or the path of a .yaml file of your own"
            )
            return None
        raw = build.merged(self.yaml(file), words.overrides)
        chosen = self.validated(Preset, raw, f"{where} (preset {words.preset} with overrides)")
        if chosen is None:
            return None
        found = list(checks.within_source(words, chosen))
        for path, what in found:
            self.mistake(f"{where}.{path}", what)
        return None if found else chosen

    def build(self, name: str, words: SourceWords, chosen: Preset, deployment: Deployment) -> Source | None:
        where = f"sources.{name}"
        secrets, broken = [], ""
        for number, reference in enumerate(words.secrets if not words.retired else ()):
            try:
                secrets.append(self.secret(reference))
            except ValueError as wrong:
                broken = f"the secret {reference} cannot be read: {wrong}"
                self.tell(f"{where}.secrets.{number}", broken)
        for key, value in words.api.items():
            if isinstance(value, str) and value.startswith(("env:", "file:")) and self.strict:
                self.check_api(f"{where}.api.{key}", value)
        try:
            source = build.build(
                name,
                words,
                chosen,
                secrets=secrets,
                broken=broken,
                hot_fields=deployment.hot_fields,
                normalise=deployment.normalise.sku.normaliser(),
            )
        except ValueError as wrong:
            self.mistake(where, str(wrong))
            return None
        if source.broken and not broken:
            self.tell(f"{where}.secrets", source.broken)
        if source.fetches and not words.api:
            self.tell(
                f"{where}.api", f"the preset {chosen.preset} has events that only say that something changed; give the access to fetch it"
            )
        return source

    def tell(self, where: str, what: str) -> None:
        """What keeps a source from working is a mistake only for those who check; the service runs on without that source."""
        if self.strict:
            self.mistake(where, what)

    def check_api(self, where: str, reference: str) -> None:
        try:
            self.secret(reference)
        except ValueError as wrong:
            self.mistake(where, f"{reference} cannot be read: {wrong}")

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


def _words() -> list[str]:
    models = [vars(module).values() for module in (config, fields, preset, schemes)]
    return sorted({n for held in models for m in held if isinstance(m, type) and issubclass(m, BaseModel) for n in m.model_fields})


def _explained(error: Any, where: str) -> str:
    """One mistake in a line: the path, what was expected, what to do. Never the value itself: it may be a secret."""
    path = ".".join(str(part) for part in error["loc"] if not str(part).startswith(("function-", "lax", "dict[", "list[")))
    place = ".".join(part for part in (where, path) if part) or "the file"
    if error["type"] == "extra_forbidden":
        close = get_close_matches(str(error["loc"][-1]), _words(), 1)
        return f"{place}: unknown word{f', did you mean {close[0]}?' if close else ''}; correct it or take it out"
    if error["type"] == "missing":
        return f"{place}: is missing; add it"
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message[:1].lower()}{message[1:]}"


class _Loader(yaml.SafeLoader):
    """YAML without surprises: a key that stands twice is a mistake, not a silent choice of the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)
