"""How a command fails: one sentence that says what is wrong and what to do, exit code 2, no traceback.

Owns: the decorator. Does not own: the sentences (app/errors.py's users write them). Next stop: app/cli/running.py.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from app.errors import BinderyError

P = ParamSpec("P")
T = TypeVar("T")

EXIT = 2


def explained(command: Callable[P, T]) -> Callable[P, T]:
    """Turns Bindery's own errors into a readable end of the command; a defect keeps its traceback."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except BinderyError as error:
            typer.secho(str(error), err=True, fg="red")
            raise typer.Exit(EXIT) from None

    return wrapped
