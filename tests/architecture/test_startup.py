"""Importing a module does nothing but define names; tests cannot reach other machines; version and changelog agree.

Owns: running tests/architecture/importing.py and probing tests/architecture/network.py.
Does not own: what start-up does (app/bootstrap.py). Next stop: tests/README.md.
"""

import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import app
from tests.architecture import network
from tests.architecture.tree import PRODUCT, ROOT, modules

SCRIPT = ROOT / "tests/architecture/importing.py"


def import_all(names: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Import these modules, each alone, in a process with an empty environment."""
    command = [sys.executable, "-B", "-c", f"import sys, runpy; sys.path.insert(0, {str(cwd)!r}); sys.argv = ['x', *{names!r}]; "]
    command[-1] += f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    return subprocess.run(command, env={}, cwd=cwd, capture_output=True, text=True, check=False, timeout=100)


@pytest.mark.timeout(120)
def test_every_module_imports_alone_without_environment_network_or_side_effect() -> None:
    """Each module of the product can be imported first, in an empty environment, and does no work."""
    done = import_all([each.name.removesuffix(".__init__") for each in modules(*PRODUCT)], ROOT)
    assert done.returncode == 0, "\n" + done.stdout + done.stderr


WORK = (
    "import os\nos.environ['SECRET']",
    "import socket\nsocket.create_connection(('127.0.0.1', 9))",
    "open('side_effect', 'w')",
    "import sqlite3\nsqlite3.connect(':memory:')",
    "import subprocess\nsubprocess.Popen(['true'])",
    "raise SystemExit(0)",
    "import import_probe_0.missing",
)


def test_work_at_import_is_noticed(tmp_path: Path) -> None:
    """Modules that need their environment or work while they are imported are reported by name, also below a package that is fine."""
    for number, source in enumerate(WORK):
        (tmp_path / f"import_probe_{number}.py").write_text(source)
    package = tmp_path / "import_probe_package"
    package.mkdir()
    (package / "__init__.py").write_text("from import_probe_package import fine")
    (package / "fine.py").write_text("")
    (package / "broken.py").write_text("open('side_effect', 'w')")
    good = ["import_probe_package", "import_probe_package.fine"]
    broken = [*(f"import_probe_{number}" for number in range(len(WORK))), "import_probe_package.broken"]
    done = import_all([*good, *broken], tmp_path)
    assert done.returncode == 1
    reported = [line.partition(": ")[0] for line in done.stdout.splitlines() if line.startswith("import_probe_")]
    assert reported == broken
    assert not (tmp_path / "side_effect").exists()


@pytest.mark.parametrize("address", [("192.0.2.1", 9), ("2001:db8::1", 9)])
def test_other_machines_are_refused_and_remembered(address: tuple[str, int]) -> None:
    """A connection to another machine raises, and is on record even where the error is swallowed."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as probe, pytest.raises(network.NetworkForbidden):
        probe.connect(address)
    assert network.take_refused()


def test_names_of_other_machines_are_refused() -> None:
    """A look-up of another machine's name is refused before it leaves."""
    with pytest.raises(network.NetworkForbidden):
        socket.getaddrinfo("bindery.invalid", 443)
    assert network.take_refused()


def test_this_machine_is_reachable() -> None:
    """Loopback stays open, for servers that tests start."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=5):
        pass
    assert network.take_refused() == []


def newest_release(changelog: str) -> str | None:
    """The version of the newest entry of a changelog, which may say `unreleased` behind it."""
    found = re.search(r"^## (\d+\.\d+\.\d+)\b", changelog, re.MULTILINE)
    return found.group(1) if found else None


def test_the_version_is_the_newest_in_the_changelog() -> None:
    """pyproject.toml, app/__init__.py and CHANGELOG.md name one version."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert app.__version__ == version
    assert newest_release((ROOT / "CHANGELOG.md").read_text()) == version
    assert newest_release("# Changelog\n\n## 9.9.9 (unreleased)\n") != version
