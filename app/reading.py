"""One reading of bindery.yaml: its sources one by one, their presets, secrets and access, and every mistake on the way.

Owns: Reading, the files of presets and secrets. Does not own: what may stand in the file (app/sources/config.py), checks across sources
(app/sources/agreements.py), what is made of it all (app/configuration.py). Next stop: app/configuration.py.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.errors import Misconfigured
from app.sources import access, build, checks, config
from app.sources.config import Deployment, SourceWords
from app.sources.credentials import Credentials
from app.sources.handshakes import SharedSecretWords
from app.sources.keyring import KeyRing
from app.sources.mistakes import Mistakes
from app.sources.preset import Preset
from app.sources.rows import Spellings
from app.sources.source import Source
from app.sources.yaml_file import read_object

M = TypeVar("M", bound=BaseModel)

PRESETS = Path(__file__).parent / "sources" / "presets"


@dataclass(frozen=True, slots=True)
class Read:
    """What was understood of a source. unread: its words that were left out as mistaken. sound: nothing was."""

    words: SourceWords
    preset: Preset | None
    unread: frozenset[str]
    sound: bool


@dataclass(slots=True)
class Access:
    """Secrets and keys (PEM) as they were read, and why one of them cannot be ("" where all can). api: the words of the access to the
    vendor with its secrets, None where there is none that can be used."""

    secrets: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    broken: str = ""
    api: dict[str, Any] | None = None


def _places(wrong: ValidationError) -> frozenset[str]:
    return frozenset(str(error["loc"][0]) for error in wrong.errors(include_url=False, include_input=False) if error["loc"])


def _references(held: Any) -> list[tuple[int, str]]:
    """(number, reference) of those in a list that are references to secrets."""
    return [(n, one) for n, one in enumerate(held) if _is_reference(one)] if isinstance(held, list) else []


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("env:", "file:"))


def is_missing(file: Path) -> bool:
    """Whether a file is still to be written.

    Failure policy: what cannot be looked for (a folder without access, a name that is too long) is no file that may be written.
    """
    try:
        return not file.exists()
    except OSError:
        return False


def _is_file(file: Path) -> bool:
    """Failure policy: what cannot be looked for is none."""
    try:
        return file.is_file()
    except OSError:
        return False


@dataclass
class Reading:
    """One reading of a file: what was found wrong so far. presets: their files as data, each read once."""

    path: Path | None
    environ: Mapping[str, str]
    strict: bool
    mistakes: Mistakes
    keyring: KeyRing = field(default_factory=KeyRing)
    presets: dict[Path, dict[str, Any]] = field(default_factory=dict)

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

    def source(self, name: str, held: Any) -> Read | None:
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
        return Read(words, chosen, unread, len(self.mistakes.lines) == before)

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
        if not _is_file(file) or (not own and file.parent != PRESETS):
            known = ", ".join(sorted(known.stem for known in PRESETS.glob("*.yaml")))
            told = f"there are {known}, or the path of a .yaml file of your own{', relative to this file' if own else ''}"
            self.mistakes.add(f"{where}.preset", f"there is no preset {words.preset!r}; {told}")
            return None
        if file not in self.presets:
            # Reading the YAML is most of the time that a source takes, and many sources may share one preset.
            try:
                self.presets[file] = read_object(file)
            except Misconfigured as wrong:
                self.mistakes.add(f"{where}.preset", str(wrong))
                return None
        raw = build.merged(self.presets[file], words.overrides)
        chosen = self.validated(Preset, raw, f"{where} (preset {words.preset} with overrides)")
        for path, what in checks.within_source(words, chosen) if chosen else ():
            if path.partition(".")[0] not in unread:
                self.mistakes.add(f"{where}.{path}", what)
        return chosen

    def access(self, name: str, held: Any, read: Read | None) -> Access:
        """What proves a source's requests, and its access to the vendor. References are checked whatever else is wrong."""
        where = f"sources.{name}"
        found = Access()
        for word, kind, listed in (("secrets", "secret", found.secrets), ("keys", "key", found.keys)):
            for number, reference in _references(held.get(word)) if not held.get("retired") else ():
                try:
                    listed.append(self.secret(reference))
                except ValueError as wrong:
                    if word == "secrets" and self.comes_by_handshake(reference, read):
                        found.broken = f"it waits for the sender's first handshake, which brings the secret ({reference})"
                        continue
                    found.broken = f"the {kind} {reference} cannot be read: {wrong}"
                    self.tell(f"{where}.{word}.{number}", found.broken)
        if read and read.preset and not read.words.api and "api" not in read.unread and build.needs_access(read.preset, read.words):
            self.tell(
                f"{where}.api",
                f"the preset {read.preset.preset} has events that only say that something changed; give the access to fetch it",
            )
        api = held.get("api")
        if isinstance(api, dict) and api:
            found.api = self.api(f"{where}.api", api, read.preset if read else None)
        return found

    def api(self, where: str, held: Mapping[str, Any], preset: Preset | None) -> dict[str, Any] | None:
        """The access with its references resolved, None where it cannot be used."""
        words, broken = access.resolved(held, self.secret)
        for path, why in broken:
            self.tell(f"{where}.{path}", why)
        if preset is None:
            return None
        fetcher = build.fetcher_of(preset)
        before = len(self.mistakes.lines)
        for path, why in access.in_plain_text(fetcher, held):
            self.mistakes.add(f"{where}.{path}", why)
        try:
            access.read(fetcher, words)
        except ValidationError as wrong:
            self.mistakes.invalid(wrong, where)
        return words if not broken and len(self.mistakes.lines) == before else None

    def build(
        self, name: str, words: SourceWords, chosen: Preset, held: Access, deployment: Deployment, spellings: Spellings
    ) -> Source | None:
        """The compiled source, None (and mistakes) where it cannot be compiled."""
        keys = [key.encode() for key in held.keys]
        credentials = Credentials(keys, words.topic_arn, words.url, f"/webhooks/{name}", self.keyring)
        try:
            source = build.build(
                name,
                words,
                chosen,
                secrets=held.secrets,
                credentials=credentials,
                broken=held.broken,
                hot_fields=deployment.hot_fields,
                normalise=deployment.normalise.sku.normaliser(),
                spellings=spellings,
            )
        except ValueError as wrong:
            self.mistakes.add(f"sources.{name}", str(wrong))
            return None
        if source.broken and not held.broken:
            self.tell(f"sources.{name}.secrets", source.broken)
        return source

    def comes_by_handshake(self, reference: str, read: Read | None) -> bool:
        """Whether a secret is one that the sender tells, and its file is still to be written (app/api/first_secrets.py)."""
        if not reference.startswith("file:") or not read or not read.preset:
            return False
        file = (self.path.parent if self.path else Path()) / reference.removeprefix("file:")
        return any(isinstance(words, SharedSecretWords) for words in read.preset.answers) and is_missing(file)

    def tell(self, where: str, what: str) -> None:
        """What keeps a source from working is a mistake only for those who check; the service runs on without that source."""
        if self.strict:
            self.mistakes.add(where, what)

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
