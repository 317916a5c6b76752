"""bindery.yaml, read and compiled: sources, policy, version.

Owns: load(), Configuration. Does not own: what may stand in the file (app/sources/config.py), process settings (app/settings.py).
Next stop: app/bootstrap.py builds the service from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.domain.policy import Policy
from app.sources.source import Sources


@dataclass(frozen=True, slots=True)
class Configuration:
    """What is in force.

    version: a number that only rises; numbered: False where the file names none and the embedded mode counts by itself. hash: 32
    hexadecimal digits of the file's content (comments and layout apart). hot_fields: names dropped at every source. raw: the file as data,
    secrets as references. path: where it was read.
    """

    version: int
    numbered: bool
    sources: Sources
    policy: Policy
    hash: str
    hot_fields: tuple[str, ...]
    raw: Mapping[str, Any]
    path: Path | None = None


def load(path: Path | None, *, environ: Mapping[str, str] | None = None, strict: bool = False) -> Configuration:
    """Reads bindery.yaml; without a path: no sources at all, default policy.

    environ: where `env:` references are looked up (default: the process environment). strict: a secret that cannot be resolved is a
    mistake too, rather than a broken source; `bindery config check` asks for that. Raises Misconfigured listing every mistake.
    Failure policy: a file that cannot be read is Misconfigured.
    """
    raise NotImplementedError
