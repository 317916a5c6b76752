"""The mistakes of a configuration, collected and told in one go.

Owns: Mistakes, the line for each. Does not own: finding them (app/reading.py, app/sources/checks.py). Next stop:
app/configuration.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from app.errors import Misconfigured
from app.sources import config, fields, preset, schemes

# What pydantic calls by names of Python: kind of mistake -> the same for people who write YAML.
_PLAIN = {
    **dict.fromkeys(("tuple_type", "list_type", "set_type"), "expected a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "expected an object, words with values"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "expected true or false"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "expected a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "expected a number"),
    "string_type": "expected a text",
}

# Parts of pydantic's paths that are no words of the file.
_INNER = ("function-", "lax", "dict[", "list[", "tuple[", "literal[", "[key]", "Spec", "Switch")
# Kinds of mistake that only say which form a value has not.
_FORMS = {"string_type", "list_type", "tuple_type", "dict_type", "model_type", "model_attributes_type"}


@dataclass
class Mistakes:
    """What was found wrong in a file so far. path: the file, for the heading."""

    path: Path | None
    lines: list[str] = field(default_factory=list)

    def add(self, where: str, what: str) -> None:
        self.lines.append(f"{where or 'the file'}: {what}")

    def invalid(self, wrong: ValidationError, where: str) -> None:
        """Everything that a model says is wrong, each once."""
        errors = wrong.errors(include_url=False)
        found = (_explained(error, where) for error in errors if not _of_another_form(error, errors))
        self.lines += [line for line in dict.fromkeys(found) if line not in self.lines]

    def tell(self) -> None:
        """Raises Misconfigured with every mistake, where there is any."""
        if self.lines:
            number = "one mistake" if len(self.lines) == 1 else f"{len(self.lines)} mistakes"
            listed = "".join(f"\n  {line}" for line in self.lines)
            raise Misconfigured(f"{self.path} has {number}; `bindery config check` looks again once mended:{listed}")


def _words_of(model: type[BaseModel]) -> set[str]:
    return {known.alias or name for name, known in model.model_fields.items()}


def _words() -> set[str]:
    models = [vars(module).values() for module in (config, fields, preset, schemes)]
    return {word for held in models for m in held if isinstance(m, type) and issubclass(m, BaseModel) for word in _words_of(m)}


def _of_another_form(error: Any, errors: Sequence[Any]) -> bool:
    """Whether it only says that a value is not what may stand there as well, and another mistake is in the form that it has: in an entry
    of a list where a text may stand, too, or in a word where a list may."""
    loc = error["loc"]
    if error["type"] not in _FORMS or not loc or not _is_inner(loc[-1]):
        return False
    depth = len(loc) - 1
    beside = [other for other in errors if other["loc"][:depth] == loc[:depth] and _is_inner((*other["loc"], "")[depth])]
    return any(len(other["loc"]) > len(loc) or other["type"] not in _FORMS for other in beside)


def _is_inner(part: Any) -> bool:
    return part == "str" or str(part).startswith(_INNER)


def _explained(error: Any, where: str) -> str:
    """One mistake in a line: the path, what was expected, what to do. Never the value itself: it may be a secret."""
    parts = [str(part) for part in error["loc"] if not str(part).startswith(_INNER)]
    path = ".".join(parts[:-1] if parts[-1:] == ["str"] else parts)
    place = ".".join(part for part in (where, path) if part) or "the file"
    if error["type"] == "extra_forbidden":
        return f"{place}: {_unknown(str(error['loc'][-1]), place)}"
    if error["type"] == "missing":
        return f"{place}: is missing; add it"
    if error["type"] == "string_type" and isinstance(error["input"], bool | int | float):
        read = "true or false" if isinstance(error["input"], bool) else "a number"
        return f"{place}: expected a text; YAML reads this one as {read}, so put it in quotes"
    if error["type"] in _PLAIN:
        return f"{place}: {_PLAIN[error['type']]}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message[:1].lower()}{message[1:]}"


def _unknown(word: str, place: str) -> str:
    """A word that stands where nobody reads it: one that is known elsewhere is no misspelling."""
    known = _words()
    if word in known:
        moved = place.startswith("sources.") and "overrides" not in place.split(".")[2:] and word in _words_of(config.Overrides)
        return f"this word is not read here; {'move it under `overrides`' if moved else 'move it to where it belongs'} or take it out"
    close = get_close_matches(word, sorted(known), 1)
    return f"unknown word{f', did you mean {close[0]}?' if close else ''}; correct it or take it out"
