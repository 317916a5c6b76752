"""Which files the architecture tests look at.

Owns: listing the repository's files and parsing its modules. Does not own: any rule. Next stop: tests/architecture/imports.py.
"""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("app", "consumers", "schemas")
CODE = (*PRODUCT, "deploy", "examples", "tests")


@dataclass(frozen=True)
class Module:
    """One Python file: its path in the repository, its dotted name and its syntax tree."""

    path: str
    name: str
    source: str

    @property
    def tree(self) -> ast.Module:
        """The parsed module; parsed anew on each call, which is cheap and keeps the rules independent."""
        return ast.parse(self.source, self.path)

    @property
    def is_package(self) -> bool:
        """Whether this file is a package's __init__.py."""
        return self.path.endswith("__init__.py")


def module(path: str, source: str) -> Module:
    """Make a Module; `path` is relative to the repository and uses slashes."""
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return Module(path, name, source)


@cache
def files() -> tuple[str, ...]:
    """All files of the repository that git tracks or would track, as paths with slashes.

    Without git (an unpacked archive) every file outside hidden and generated folders is listed.
    Failure policy: git that fails counts as absent.
    """
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        found = (path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*"))
        listed = [path for path in found if not path.startswith(".") and "__pycache__" not in path and ".egg-info" not in path]
    return tuple(sorted({path for path in listed if (ROOT / path).is_file()}))


def texts() -> Iterator[tuple[str, str]]:
    """Path and content of every file that is text."""
    for path in files():
        try:
            yield path, (ROOT / path).read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue


def modules(*tops: str) -> list[Module]:
    """The Python files below these top-level folders."""
    chosen = [path for path in files() if path.endswith(".py") and path.split("/", 1)[0] in tops]
    return [module(path, (ROOT / path).read_text("utf-8")) for path in chosen]
