"""Size, names, docstrings, notes, hosts and machine paths: the tree obeys, and each rule notices a violation.

Owns: running tests/architecture/shape.py. Does not own: the rules themselves. Next stop: tests/architecture/test_references.py.
"""

from collections.abc import Callable

import pytest

from tests.architecture import shape
from tests.architecture.tree import CODE, Module, module, modules, texts

Rule = Callable[[Module], list[str]]
TextRule = Callable[[str, str], list[str]]


@pytest.mark.parametrize("rule", [shape.size, shape.names, shape.docstring], ids=lambda rule: rule.__name__)
def test_the_code_obeys(rule: Rule) -> None:
    """No Python file, tests included, breaks the rule."""
    violations = [violation for each in modules(*CODE) for violation in rule(each)]
    assert not violations, "\n" + "\n".join(violations)


@pytest.mark.parametrize("rule", [shape.notes, shape.hosts, shape.machine_paths], ids=lambda rule: rule.__name__)
def test_the_files_obey(rule: TextRule) -> None:
    """No text file of the repository breaks the rule."""
    violations = [violation for path, text in texts() for violation in rule(path, text)]
    assert not violations, "\n" + "\n".join(violations)


VIOLATIONS = [
    (shape.size, "app/x.py", '"""d"""\n' + "x = 1\n" * shape.MODULE_LINES),
    (shape.size, "app/x.py", "def f():\n" + "    x = 1\n" * shape.FUNCTION_LINES),
    (shape.size, "app/x.py", "class C:\n    async def f(self):\n" + "        x = 1\n" * shape.FUNCTION_LINES),
    (shape.names, "app/utils.py", ""),
    (shape.names, "app/service/__init__.py", ""),
    (shape.names, "app/helpers/dates.py", ""),
    (shape.docstring, "app/x.py", "x = 1\n"),
    (shape.docstring, "app/x/__init__.py", ""),
]


@pytest.mark.parametrize(("rule", "path", "source"), VIOLATIONS, ids=lambda value: getattr(value, "__name__", None))
def test_a_violation_is_noticed(rule: Rule, path: str, source: str) -> None:
    """Each rule reports the wrong module it is fed, with its path."""
    violations = rule(module(path, source))
    assert violations
    assert violations[0].startswith(path)


def test_the_limits_are_inclusive() -> None:
    """A module and a function of exactly the ceiling pass."""
    assert shape.size(module("app/x.py", "x = 1\n" * shape.MODULE_LINES)) == []
    assert shape.size(module("app/x.py", "def f():\n" + "    x = 1\n" * (shape.FUNCTION_LINES - 1))) == []


WORDS = [
    (shape.notes, "# TO" + "DO: later"),
    (shape.notes, "FIX" + "ME"),
    (shape.hosts, "--index-url https://py" + "pi.org/simple"),
    (shape.hosts, "files.python" + "hosted.org"),
    (shape.hosts, "https://repo.maven.apache." + "org/maven2"),
    (shape.machine_paths, "see /wo" + "rk/shared"),
    (shape.machine_paths, 'Path("/tm' + 'p/data")'),
    (shape.machine_paths, "/ho" + "me/somebody/x"),
]


@pytest.mark.parametrize(("rule", "text"), WORDS, ids=lambda value: getattr(value, "__name__", None))
def test_a_forbidden_text_is_noticed(rule: TextRule, text: str) -> None:
    """Each rule reports the wrong line it is fed, with its number."""
    assert rule("README.md", "fine\n" + text)[0].startswith("README.md:2: ")


@pytest.mark.parametrize("text", ["https://example.com/work/x", "a/tmp/x", "the todo list", "mastodon", "/srv/bindery/work"])
def test_innocent_text_passes(text: str) -> None:
    """No rule cries wolf."""
    assert [violation for rule in (shape.notes, shape.hosts, shape.machine_paths) for violation in rule("README.md", text)] == []
