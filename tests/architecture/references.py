"""The rule that documents and docstrings name only what exists.

Owns: finding paths and dotted names of this repository in prose, and resolving them. Does not own: whether links to other sites work.
Next stop: tests/architecture/test_references.py.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from tests.architecture.tree import ROOT, Module, files, module

TOPS = r"(?:app|consumers|schemas|deploy|tests|docs|examples|\.ci)"
# A path ends in a letter, a digit, a slash or a star, so that the sentence's own full stop is not part of it.
PATH = re.compile(rf"(?<![\w./:-]){TOPS}/(?:[\w.*<>{{}}-]+/)*(?:[\w.*<>{{}}-]*[\w*>}}])?")
DOTTED = re.compile(r"`((?:app|consumers|schemas|deploy)(?:\.[A-Za-z_]\w*)+)(?:\(\))?`")
LINE_LINK = re.compile(r"\.py(?::\d+|#L\d+)")
PLACEHOLDER = re.compile(r"[<>{}]")


def prose(module: Module) -> Iterator[str]:
    """The docstrings of a module: its own and those of its classes and functions."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield text


def path_exists(path: str) -> bool:
    """Whether a path named in prose is a file, a folder or a pattern that fits a file. Placeholders (`<vendor>`) fit anything."""
    pattern = PLACEHOLDER.sub("*", re.sub(r"<[^<>]*>|\{[^{}]*\}", "*", path))
    if "*" in pattern:
        return any(PurePosixPath(file).match(pattern.rstrip("/")) for file in files())
    return (ROOT / path).exists()


def dotted_exists(name: str) -> bool:
    """Whether a dotted name is a module, or a name defined at a module's top level or in one of its classes."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        stem = "/".join(parts[:length])
        for path in (f"{stem}.py", f"{stem}/__init__.py"):
            if (ROOT / path).is_file():
                return _defines(module(path, (ROOT / path).read_text("utf-8")), parts[length:])
        if (ROOT / stem).is_dir():
            return length == len(parts)
    return False


def _defines(module: Module, rest: list[str]) -> bool:
    body: list[ast.stmt] = module.tree.body
    for name in rest:
        found = next((node for node in body if name in _names(node)), None)
        if found is None:
            return False
        body = found.body if isinstance(found, ast.ClassDef) else []
    return True


def _names(node: ast.stmt) -> set[str]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return {name}
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {(alias.asname or alias.name).split(".")[0] for alias in names}
        case _:
            return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def references(path: str, text: str) -> list[str]:
    """Paths and dotted names in prose that name nothing, and links to line numbers."""
    checks: list[tuple[re.Pattern[str], Callable[[str], bool], str]] = [
        (PATH, path_exists, "does not exist"),
        (DOTTED, dotted_exists, "is defined nowhere"),
        (LINE_LINK, lambda _: False, "links to a line number, which moves; name the function"),
    ]
    found = []
    for pattern, exists, why in checks:
        for match in pattern.finditer(text):
            name = match.group(1) if match.groups() else match.group()
            if not exists(name):
                found.append(f"{path}: {name} {why}")
    return sorted(set(found))
