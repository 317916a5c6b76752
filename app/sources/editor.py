"""The JSON Schema of bindery.yaml, by which editors complete it and underline mistakes while they are typed.

Owns: for_editors(). Does not own: the words (config.py, preset.py, access.py), writing the file (schemas/generate.py). Next stop:
schemas/generate.py.

It knows the shape of every word, and what follows from the preset's name: its side, what proves a request, and whose API `api` gives
access to. What needs more
than that (systems that exist, secrets that can be read) is left to `bindery config check`.
"""

from collections.abc import Callable, Iterable
from typing import Any, get_args

from pydantic import Field, create_model

from app.sources.access import MODELS, REFERENCE
from app.sources.build import MEMBERS, fetcher_of
from app.sources.config import Deployment, Name, Overrides, SourceWords
from app.sources.preset import Preset
from app.sources.schemes import RsaScheme, SalsifyScheme, Scheme, SnsScheme, has_clock, needs_secrets, takes_secrets

Schema = dict[str, Any]
OVERRIDES = SourceWords.model_fields["overrides"].description
# Words that bindery.yaml cannot do without, although a model of a part of it may.
NEEDED = ("version", "sources")


def for_editors(presets: Iterable[Preset], schema_of: Callable[[Any], Schema]) -> Schema:
    """The schema for these presets. schema_of: a model -> its JSON Schema with `definitions`."""
    known = sorted(presets, key=lambda preset: preset.preset)
    apis: Any = {f"api_{name}": (model | None, None) for name, model in MODELS.items()}
    source = create_model(
        "OneSource", __base__=SourceWords, __doc__="One source.", overrides=(Overrides, Field(Overrides(), description=OVERRIDES)), **apis
    )
    file = create_model(
        "Bindery", __base__=Deployment, __doc__="bindery.yaml: who sends, and how it is read.", sources=(dict[Name, source], Field(...))
    )
    schema = schema_of(file)
    definitions = schema["definitions"]
    schema["required"] = [*NEEDED]
    schema["properties"]["version"] = {"type": "integer", "minimum": 1, "description": "Raise it with every change."}
    # What fits no pattern would be anything at all: a source of any other name is none.
    schema["properties"]["sources"]["additionalProperties"] = False
    one = definitions["OneSource"]
    for name, model in MODELS.items():
        _with_references(definitions[model.__name__], model.SECRETS)
        del one["properties"][f"api_{name}"]
    one["properties"]["api"] = {"type": "object", "description": one["properties"]["api"]["description"]}
    names = {"enum": [preset.preset for preset in known]}
    one["properties"]["preset"] |= {"anyOf": [names, {"type": "string", "pattern": r"\.ya?ml$"}]}
    one["allOf"] = [*_by_side(known), *_by_scheme(known), *_by_fetcher(known)]
    for fields in ("Overrides", "Fields"):
        for name in MEMBERS:
            group = definitions[fields]["properties"][name]
            group["additionalProperties"] = _or_null(group["additionalProperties"])
    overrides = definitions["Overrides"]["properties"]
    definitions["Overrides"]["properties"] = {word: _or_null(held) for word, held in overrides.items()}
    # What a verifier needs depends on the scheme, which may be the preset's.
    overrides["verify"] = _verify(schema_of)
    definitions["Overrides"]["properties"]["verify"] = overrides["verify"]
    types = definitions["Collections"]["anyOf"][-1] if "anyOf" in definitions["Collections"] else definitions["Collections"]
    types["properties"]["types"] = {"anyOf": [{"type": "array", "items": {"type": "string"}}, types["properties"]["types"]]}
    return schema


def _verify(schema_of: Callable[[Any], Schema]) -> Schema:
    """The words of all schemes together: which of them count depends on the scheme, which may be the preset's."""
    shapes: dict[str, list[Schema]] = {}
    for scheme in get_args(get_args(Scheme)[0]):
        for word, held in schema_of(scheme)["properties"].items():
            shape = {name: value for name, value in held.items() if name not in {"default", "title"}}
            shapes[word] = [*shapes.get(word, ()), *([shape] if shape not in shapes.get(word, ()) else [])]
    schemes = {"enum": [shape["const"] for shape in shapes.pop("scheme")]}
    words = {word: held[0] if len(held) == 1 else {"anyOf": held} for word, held in sorted(shapes.items())}
    return {"type": ["object", "null"], "additionalProperties": False, "properties": {"scheme": schemes, **words}}


def _with_references(api: Schema, secrets: Iterable[str]) -> None:
    """Secrets are references in the file, whatever they are once it is read."""
    for name in secrets:
        api["properties"][name] = {
            "type": "string",
            "pattern": f"^{REFERENCE.pattern.replace('?P<before>', '').replace('?P<reference>', '')}$",
        }


def _or_null(held: Schema) -> Schema:
    """Null takes a part of the preset away."""
    if {"type": "null"} in held.get("anyOf", ()):
        return held
    return {"anyOf": [held, {"type": "null"}]}


def _if_preset(names: list[str], then: Schema, unless: Schema | None = None) -> Schema:
    asked: Schema = {"required": ["preset"], "properties": {"preset": {"enum": names}}}
    return {"if": {**asked, "not": unless} if unless else asked, "then": then}


def _by_side(known: list[Preset]) -> list[Schema]:
    """A DAM source says what unknown rights mean and chooses no products."""
    dams = [preset.preset for preset in known if preset.side == "dam"]
    return [_if_preset(dams, {"required": ["when_rights_unknown"], "properties": {"include": False}})]


def _by_scheme(known: list[Preset]) -> list[Schema]:
    """What proves a request, by the preset's scheme, where the source names no other (app/sources/checks.py says the same of both)."""
    needed: tuple[tuple[str, Callable[[Scheme], bool]], ...] = (
        ("secrets", needs_secrets),
        ("keys", lambda scheme: isinstance(scheme, RsaScheme)),
        ("url", lambda scheme: isinstance(scheme, SalsifyScheme)),
    )
    useless: tuple[tuple[str, Schema, Callable[[Scheme], bool]], ...] = (
        ("secrets", {"maxItems": 0}, lambda scheme: not takes_secrets(scheme)),
        ("topic_arn", {"type": "null"}, lambda scheme: not isinstance(scheme, SnsScheme)),
        ("tolerance_s", {"type": "null"}, lambda scheme: not has_clock(scheme)),
    )

    def those(wanted: Callable[[Scheme], bool]) -> list[str]:
        return [preset.preset for preset in known if wanted(preset.verify)]

    own: Schema = {"required": ["overrides"], "properties": {"overrides": {"required": ["verify"]}}}
    retired: Schema = {"required": ["retired"], "properties": {"retired": {"const": True}}}
    some: Schema = {"minItems": 1}
    made = [_if_preset(those(asks), {"required": [word], "properties": {word: some}}, {"anyOf": [own, retired]}) for word, asks in needed]
    return made + [_if_preset(those(asks), {"properties": {word: held}}, own) for word, held, asks in useless]


def _by_fetcher(known: list[Preset]) -> list[Schema]:
    """`api` by the fetcher of the preset, where the source names no other."""
    other = {
        "required": ["overrides"],
        "properties": {"overrides": {"required": ["fetching"], "properties": {"fetching": {"required": ["fetcher"]}}}},
    }
    made = []
    for fetcher, model in MODELS.items():
        names = [preset.preset for preset in known if fetcher_of(preset) == fetcher]
        then: Schema = {"properties": {"api": {"anyOf": [{"$ref": f"#/definitions/{model.__name__}"}, {"maxProperties": 0}]}}}
        if names:
            made.append(_if_preset(names, then, other))
        chosen = {"properties": {"overrides": {"properties": {"fetching": {"properties": {"fetcher": {"const": fetcher}}}}}}}
        made.append({"if": {**other, "allOf": [chosen]}, "then": then})
    return made
