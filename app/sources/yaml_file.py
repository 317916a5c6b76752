"""A YAML file of the configuration as data.

Owns: read_object(). Does not own: what may stand in it (app/sources/config.py, app/sources/preset.py). Next stop: app/configuration.py.
"""

from pathlib import Path
from typing import Any

import yaml

from app.errors import Misconfigured


def read_object(path: Path) -> dict[str, Any]:
    """The object in a YAML file, empty where the file is. Raises Misconfigured where it cannot be read at all.

    Failure policy: refuses; nothing can be said about the rest of a file that does not parse.
    """
    try:
        parsed = yaml.load(path.read_bytes(), _Loader)  # noqa: S506 -- _Loader is a SafeLoader: plain data, no objects, no calls
    except (OSError, UnicodeDecodeError) as wrong:
        raise Misconfigured(f"{path} cannot be read ({type(wrong).__name__}); name the file with --config or BINDERY_CONFIG") from None
    except yaml.YAMLError as wrong:
        told = str(wrong).replace('in "<byte string>", ', "at ")
        raise Misconfigured(f"{path} is not YAML: {' '.join(told.split())}") from None
    except RecursionError:
        raise Misconfigured(f"{path} is nested too deeply to be read; no configuration needs that") from None
    if parsed is not None and not isinstance(parsed, dict):
        raise Misconfigured(f"{path} must hold an object, words with values")
    return parsed or {}


class _Loader(yaml.SafeLoader):
    """YAML without surprises: a key that stands twice is a mistake, not a silent choice of the last, and what cannot be read
    is told with its line."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            # At once, not later as by default: so an alias inside of what it stands for is a mistake, not a structure without end.
            return super().construct_object(node, deep=True)
        except (ValueError, LookupError, AttributeError, TypeError):
            # What a loader makes of a date such as 2026-13-01, or of `!!map [x]`, is Python's error, without a place.
            raise yaml.constructor.ConstructorError(None, None, "this value cannot be read; put it in quotes", node.start_mark) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)
