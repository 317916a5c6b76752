"""`python -m schemas.generate [--check]`: writes schemas/json/ and schemas/asyncapi.yaml, or says how the files differ from the code.

Owns: rendering, writing, comparing. Does not own: what is rendered (schemas/messages.py, schemas/asyncapi.py; app/sources/editor.py for
bindery.yaml, whose words are the code's own: of this package only this tool looks outside).
Next stop: docs/wire-contract.md tells readers of the topic what the files mean for them.

JSON Schema draft-07, because it is the newest that every AsyncAPI tool has to read.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, NoDefault

from app.sources.editor import for_editors
from app.sources.preset import Preset
from app.sources.yaml_file import read_object
from schemas.asyncapi import document, schema_file
from schemas.messages import MESSAGES, examples

ROOT = Path(__file__).parent
PRESETS = ROOT.parent / "app" / "sources" / "presets"
DIALECT = "http://json-schema.org/draft-07/schema#"


class _Draft07(GenerateJsonSchema):
    """Pydantic's generator without titles of fields, which would only repeat their names, and without null for what may be absent."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def get_default_value(self, schema: Any) -> Any:
        default = super().get_default_value(schema)
        return NoDefault if default is None else default


def schema_of(value: type[BaseModel] | Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a model (or the one given) in draft-07."""
    if not isinstance(value, type):
        return {"$schema": DIALECT, **value}
    made = value.model_json_schema(by_alias=True, ref_template="#/definitions/{model}", schema_generator=_Draft07)
    definitions = made.pop("$defs", None)
    return {"$schema": DIALECT, **made} | ({"definitions": definitions} if definitions else {})


def rendered() -> dict[str, str]:
    """Path below schemas/ -> text, for every generated file."""
    files: dict[str, str] = {}
    for message in MESSAGES:
        parts = {"value": message.value} | ({"headers": message.headers} if message.headers else {})
        for part, value in parts.items():
            files[f"json/{schema_file(message, part)}"] = json.dumps(schema_of(value), indent=2, ensure_ascii=False) + "\n"
    notice = "# Made by `python -m schemas.generate` (make schemas); change schemas/messages.py and its neighbours instead.\n"
    presets = [Preset.model_validate(read_object(file)) for file in sorted(PRESETS.glob("*.yaml"))]
    files["json/bindery.yaml.schema.json"] = json.dumps(for_editors(presets, schema_of), indent=2, ensure_ascii=False) + "\n"
    files["asyncapi.yaml"] = notice + yaml.dump(document(examples()), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=140)
    return files


class _Plain(yaml.SafeDumper):
    """YAML without anchors: what occurs twice is written twice, for readers and for tools that know no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def difference(root: Path, files: Mapping[str, str]) -> str:
    """What would change on disk, as a unified difference; "" for nothing. Files of schemas/json/ that nothing makes count, too."""
    on_disk = {f"json/{path.name}" for path in (root / "json").glob("*")}
    lines: list[str] = []
    for name in sorted(on_disk | files.keys()):
        path = root / name
        held, made = path.read_bytes().decode() if path.is_file() else "", files.get(name, "")
        if held != made:
            told = unified_diff(held.splitlines(), made.splitlines(), f"{name} on disk", f"{name} made", lineterm="")
            lines += list(told) or [f"{name}: only the ends of lines differ"]
    return "\n".join(lines)


def write(root: Path, files: Mapping[str, str]) -> None:
    """Writes every file and removes what nothing makes any more from schemas/json/. Failure policy: OSError passes through."""
    (root / "json").mkdir(exist_ok=True)
    for path in (root / "json").glob("*"):
        if f"json/{path.name}" not in files:
            path.unlink()
    for name, text in files.items():
        (root / name).write_text(text, "utf-8", newline="\n")


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> str | None:
    """None where all is well (exit status 0), else what is wrong (status 1)."""
    parser = argparse.ArgumentParser(prog="python -m schemas.generate", description="Writes schemas/json/ and schemas/asyncapi.yaml.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail where the files differ from the code")
    if not parser.parse_args(arguments).check:
        write(root, rendered())
        return None
    found = difference(root, rendered())
    return f"{found}\n\nThe files in schemas/ differ from the code. Run `make schemas` and commit what it changes." if found else None


if __name__ == "__main__":
    sys.exit(main())
