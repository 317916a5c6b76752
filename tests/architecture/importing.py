"""Imports every module alone, with an empty environment, no network and no side effect. Run as a script by test_startup.py.

Owns: one forked process per module, and what an import may not do. Does not own: which modules.
Next stop: tests/architecture/test_startup.py.

Arguments: the modules' names. Prints one line per module that cannot be imported; exits 1 if there is one. Heavy libraries are loaded
once before the forks, which makes a module cost milliseconds; no module of this repository is, so that each import stands for itself.
A module that its own package has imported already is not imported again: Python imports the package first, whoever asks for the module.
"""

import gc
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

PRELOADED = (
    "fastapi",
    "pydantic_settings",
    "aiokafka",
    "motor.motor_asyncio",
    "httpx",
    "typer",
    "rich.console",
    "yaml",
    "structlog",
    "uvicorn",
    "uvloop",
    "httptools",
    "httpcore",
    "prometheus_client",
    "cryptography.x509",
    "biip",
    "jmespath",
)
FORBIDDEN = (
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "subprocess.Popen",
    "os.system",
    "os.mkdir",
    "os.remove",
    "sqlite3.connect",
)


class WorkAtImport(RuntimeError):
    """An import did more than define names."""


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event in FORBIDDEN:
        raise WorkAtImport(f"{event}{args!r} while importing; do it in a function that bootstrap calls")
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        raise WorkAtImport(f"opens {args[0]!r} for writing while importing")


def imported(name: str) -> tuple[str | None, frozenset[str]]:
    """Imports one module in a forked process: the last lines of its error, or None; and what was imported with it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 0
        sys.addaudithook(_hook)
        try:
            importlib.import_module(name)
            told = "\n".join(sys.modules)
        except BaseException:  # noqa: BLE001  # Whatever an import raises, SystemExit included, is the finding; the process ends right here.
            told = "".join(traceback.format_exc().splitlines(keepends=True)[-3:])[:4000]
            status = 1
        words = memoryview(told.encode())
        while words:
            words = words[os.write(writer, words) :]
        os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    if status:
        return f"{name}: {said.strip() or f'ended with status {status}'}", frozenset()
    return None, frozenset(said.splitlines())


def main(names: Sequence[str]) -> int:
    """Import each module; print the problems. Returns the exit status."""
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()  # Otherwise each fork's garbage collection copies the pages of all these libraries.
    problems, with_package = [], dict[str, frozenset[str]]()
    for name in sorted(names):
        package = name.rpartition(".")[0]
        if name in with_package.get(package, ()):
            continue
        found, with_package[name] = imported(name)
        problems += [found] if found else []
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
