"""The rules about who may import whom.

Owns: the layer table, the packages that may use a driver, the names the pure domain and the code outside the clock may not touch.
Does not own: shape rules (tests/architecture/shape.py). Next stop: tests/architecture/test_imports.py.

Every rule is a function from one module to a list of violations, so that a test can feed it a wrong module.
"""

import ast
from collections.abc import Iterator

from tests.architecture.tree import Module

# A module obeys the longest prefix that fits it, and may import the prefixes on the right (and its own) of this repository.
INNER = ("schemas", "app.domain", "app.ports", "app.errors")
LAYERS: dict[str, tuple[str, ...]] = {
    "schemas": (),
    # A tool: the words of bindery.yaml, for which it makes a schema, are the code of app.sources.
    "schemas.generate": ("schemas", "app.sources"),
    "app.errors": (),
    "app.domain": ("schemas", "app.errors"),
    "app.ports": ("schemas", "app.domain", "app.errors"),
    "app.backends": INNER,
    "app.sources": INNER,
    "app.outbound": INNER,
    "app.fetchers": (*INNER, "app.sources"),
    "app.api": (*INNER, "app.sources", "app"),
    "consumers": (*INNER, "app.sources", "app"),
    "app.bootstrap": ("app", "consumers", "schemas"),
    "app": ("app", "consumers", "schemas"),
}
# Whatever the table allows, only app.bootstrap names a concrete backend, and the doors do not know each other.
NEVER: dict[str, tuple[str, ...]] = {
    "app.bootstrap": (),
    "app.backends": ("app.bootstrap",),
    "app.outbound": ("app.backends", "app.bootstrap", "app.fetchers"),
    "app.fetchers": ("app.backends", "app.bootstrap", "app.outbound"),
    "app.api": ("app.backends", "app.bootstrap", "app.cli", "consumers"),
    "consumers": ("app.backends", "app.bootstrap", "app.cli", "app.api"),
    "": ("app.backends", "app.outbound", "app.fetchers"),
}
DRIVERS = ("aiokafka", "motor", "pymongo", "bson", "gridfs", "sqlite3")
IMPURE = (
    *("aiokafka", "asyncio", "concurrent", "httpx", "io", "logging", "motor", "multiprocessing", "os", "pathlib", "pymongo", "queue"),
    *("random", "requests", "secrets", "selectors", "shutil", "signal", "socket", "sqlite3", "structlog", "subprocess", "sys"),
    *("tempfile", "threading", "time", "urllib.request", "uvloop"),
)
IMPURE_CALLS = frozenset({"open", "print", "input", "exec", "eval", "breakpoint"})
NOW = frozenset({"now", "utcnow", "today"})
ASYNC = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)


def within(name: str, prefix: str) -> bool:
    """Whether a dotted name is this prefix or lies below it. The empty prefix holds everything."""
    return not prefix or name == prefix or name.startswith(prefix + ".")


def longest(name: str, table: dict[str, tuple[str, ...]]) -> str | None:
    """The longest prefix of the table that holds this name."""
    return max((prefix for prefix in table if within(name, prefix)), key=len, default=None)


def imported(module: Module) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a module imports, also inside functions, `TYPE_CHECKING` and import_module("…")."""
    package = module.name.split(".") if module.is_package else module.name.split(".")[:-1]
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=base, names=names, level=level):
                head = ".".join([*package[: len(package) - level + 1], *([base] if base else [])]) if level else (base or "")
                # `from app import backends` imports app.backends: the name may be a module, so both readings are reported.
                yield from ((node.lineno, f"{head}.{alias.name}") for alias in names)
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[ast.Constant(value=str(target)), *_]):
                if called in {"import_module", "__import__"}:
                    yield node.lineno, target


def layers(module: Module) -> list[str]:
    """Imports within the repository that the layer table does not allow."""
    own = longest(module.name, LAYERS)
    if own is None:
        return [f"{module.path}: no layer is defined for {module.name}; add it to tests/architecture/imports.py"]
    found = []
    for line, target in imported(module):
        if target.split(".")[0] not in {"app", "consumers", "schemas", "deploy", "tests", "examples"}:
            continue
        # `from app.domain import X` in app.domain's own package is `app.domain.X`; `app` alone is only a docstring.
        allowed = any(within(target, prefix) for prefix in (own, *LAYERS[own])) or target == "app.__version__"
        never = longest(module.name, NEVER) or ""
        if not allowed or any(within(target, prefix) for prefix in NEVER[never]):
            found.append(f"{module.path}:{line}: {own} may not import {target} (layers: tests/architecture/imports.py)")
    return found


def drivers(module: Module) -> list[str]:
    """Imports of an engine's driver outside app.backends."""
    if within(module.name, "app.backends"):
        return []
    return [
        f"{module.path}:{line}: {target} is a driver; only app/backends may import it, others use app/ports.py"
        for line, target in imported(module)
        if any(within(target, driver) for driver in DRIVERS)
    ]


def purity(module: Module) -> list[str]:
    """What the pure domain may not contain: async code, and modules or calls that reach outside."""
    if not within(module.name, "app.domain"):
        return []
    found = [
        f"{module.path}:{line}: the domain is pure and may not import {target}"
        for line, target in imported(module)
        if any(within(target, banned) for banned in IMPURE) or target in {"uuid.uuid1", "uuid.uuid4"}
    ]
    for node in ast.walk(module.tree):
        if isinstance(node, ASYNC) or (isinstance(node, ast.comprehension) and node.is_async):
            found.append(f"{module.path}:{getattr(node, 'lineno', '?')}: the domain is pure and may not be asynchronous")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            found.append(f"{module.path}:{node.lineno}: the domain is pure and may not call {node.func.id}()")
        elif isinstance(node, ast.Attribute) and node.attr in {"uuid1", "uuid4"}:
            found.append(f"{module.path}:{node.lineno}: the domain is pure and may not draw a {node.attr}")
    return found + instants(module)


def instants(module: Module) -> list[str]:
    """Uses of `datetime.now()` and its kin (`date.today()`, `datetime.utcnow()`)."""
    return [
        f"{module.path}:{node.lineno}: {node.value.attr if isinstance(node.value, ast.Attribute) else node.value.id}.{node.attr} "
        "reads the wall clock; take the instant from the Clock port"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
        and node.attr in NOW
        and (
            (isinstance(node.value, ast.Name) and node.value.id in {"datetime", "date", "dt"})
            or (isinstance(node.value, ast.Attribute) and node.value.attr in {"datetime", "date"})
        )
    ]


def is_clock(module: Module) -> bool:
    """Whether a module may read real time: the Clock backend and the bootstrap."""
    return within(module.name, "app.bootstrap") or (within(module.name, "app.backends") and "clock" in module.name.split(".")[-1])


def real_time(module: Module) -> list[str]:
    """Uses of `time`, `random` and the wall clock outside the Clock backend and the bootstrap."""
    if is_clock(module):
        return []
    return [
        f"{module.path}:{line}: {target} is only for the Clock backend and app/bootstrap.py; use the Clock port"
        for line, target in imported(module)
        if any(within(target, banned) for banned in ("time", "random"))
    ] + instants(module)
