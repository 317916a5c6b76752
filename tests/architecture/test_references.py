"""Documents and docstrings name only what exists.

Owns: running tests/architecture/references.py. Does not own: the rule itself. Next stop: tests/architecture/test_startup.py.
"""

import pytest

from tests.architecture.references import prose, references
from tests.architecture.tree import CODE, modules, texts


def test_documents_name_only_what_exists() -> None:
    """Every path and dotted name of this repository in a Markdown file exists."""
    violations = [violation for path, text in texts() if path.endswith(".md") for violation in references(path, text)]
    assert not violations, "\n" + "\n".join(violations)


def test_docstrings_name_only_what_exists() -> None:
    """Every path and dotted name of this repository in a docstring exists."""
    violations = [violation for each in modules(*CODE) for text in prose(each) for violation in references(each.path, text)]
    assert not violations, "\n" + "\n".join(violations)


@pytest.mark.parametrize(
    "text",
    [
        "see app/domain/gone.py.",
        "see `docs/nowhere/`",
        "see [this](tests/gone/)",
        "see `app.domain.gone`",
        "see `tests/*/gone_*.py`",
        "see tests/conftest.py:12",
        "see `deploy/gone/<name>.yaml`",
        "see `schemas.nothing.at_all()`",
    ],
)
def test_a_missing_reference_is_noticed(text: str) -> None:
    """A name that names nothing is reported."""
    assert references("README.md", text)


@pytest.mark.parametrize(
    "text",
    [
        "see tests/conftest.py.",
        "see `tests/architecture/`, then",
        "see tests/architecture/*.py",
        "see `tests/architecture/<rule>.py`",
        "https://example.com/app/gone.py and /app/gone and my-app/gone",
        "the app.state of nothing",
        "either/or, docs or tests",
    ],
)
def test_what_exists_passes(text: str) -> None:
    """A name that exists, and text that only looks like one, pass."""
    assert references("README.md", text) == []
