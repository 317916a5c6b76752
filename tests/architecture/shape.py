"""The rules about size, names, docstrings and what may not stand in a file.

Owns: limits of modules and functions, forbidden names, words and places. Does not own: imports (tests/architecture/imports.py),
references to paths (tests/architecture/references.py). Next stop: tests/architecture/test_shape.py.
"""

import ast
import re

from tests.architecture.tree import Module

MODULE_LINES = 300
FUNCTION_LINES = 60
FORBIDDEN_NAMES = frozenset({"service", "services", "manager", "managers", "util", "utils", "helper", "helpers", "common", "misc"})

# Written in pieces, so that this file does not break its own rules.
NOTES = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
HOSTS = (
    *(r"(?:test\.)?pypi\.", r"files\.pythonhosted\.", r"registry\.npmjs\.", r"registry\.yarnpkg\.", r"repo1?\.maven\."),
    *(r"repo\.maven\.apache\.", r"proxy\.golang\.", r"(?:static\.)?crates\.", r"rubygems\."),
)
REGISTRIES = re.compile(rf"\b(?:{'|'.join(HOSTS)})(?:org|com|io)\b")
MACHINE = re.compile(r"(?<![\w.~/-])(?:/wo" + r"rk/|/ro" + r"ot/|/ho" + r"me/\w|/Us" + r"ers/\w|/tm" + r"p/[\w-]|/opt/wh" + r"eels)")


def size(module: Module) -> list[str]:
    """Modules and functions that are too long."""
    lines = module.source.count("\n")
    found = [f"{module.path}: {lines} lines, the ceiling is {MODULE_LINES}; split it"] if lines > MODULE_LINES else []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                found.append(f"{module.path}:{node.lineno}: {node.name} has {length} lines, the ceiling is {FUNCTION_LINES}")
    return found


def names(module: Module) -> list[str]:
    """Modules and packages named after nothing in particular."""
    bad = FORBIDDEN_NAMES.intersection(module.name.split("."))
    return [f"{module.path}: `{name}` says nothing about what is inside; name it by its subject" for name in sorted(bad)]


def docstring(module: Module) -> list[str]:
    """Modules without a docstring."""
    if ast.get_docstring(module.tree):
        return []
    return [f"{module.path}: no module docstring (what it owns, what it does not own, the next stop)"]


def notes(path: str, text: str) -> list[str]:
    """Notes to self."""
    return _found(NOTES, path, text, "a note to self; do it, or file an issue and delete it")


def hosts(path: str, text: str) -> list[str]:
    """Hosts of package registries: where packages come from is the installer's configuration, not the repository's."""
    return _found(REGISTRIES, path, text, "names a package registry's host")


def machine_paths(path: str, text: str) -> list[str]:
    """Absolute paths that exist on one machine only."""
    return _found(MACHINE, path, text, "is a path of one machine")


def _found(pattern: re.Pattern[str], path: str, text: str, why: str) -> list[str]:
    return [
        f"{path}:{number}: {match.group()!r} {why}" for number, line in enumerate(text.splitlines(), 1) for match in pattern.finditer(line)
    ]
