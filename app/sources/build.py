"""From words to a compiled source: preset and overrides become one preset, and that a Source.

Owns: merging overrides, compiling. Does not own: reading files and secrets (app/configuration.py), checks (checks.py, agreements.py).
Next stop: app/sources/source.py.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.policy import Inheritance
from app.sources.config import Overrides, SourceWords
from app.sources.credentials import Credentials
from app.sources.events import Router
from app.sources.fields import Fields
from app.sources.handshakes import compile_handshakes
from app.sources.hot import HotFields
from app.sources.mapping import compile_fields
from app.sources.payload import Place
from app.sources.preset import Fetch, FetcherName, Preset
from app.sources.project import EventProjector, Fetching
from app.sources.receive import BodyReceiver
from app.sources.rows import Context, Join, Spellings
from app.sources.schemes import Scheme, TokenScheme, has_clock
from app.sources.source import Source, Verifier
from app.sources.verify import Refusing, compile_scheme, unwrap_of

# Fields that are groups of fields: overriding one member leaves the others as they are.
MEMBERS = frozenset({"aliases", "texts", "parts", "media", "links"})
_GROUPS = MEMBERS | {"rights"}


def merged(preset: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The preset's YAML with the overrides written over it. Null takes a part away."""
    result = {**preset, "fields": dict(preset.get("fields") or {})}
    for name, value in overrides.items():
        if name == "embedded_fields":
            continue
        holder = result["fields"] if name in Fields.model_fields else result
        held = holder.get(name)
        if value is None:
            holder.pop(name, None)
        elif isinstance(held, dict) and isinstance(value, dict) and _adds(name, held, value):
            holder[name] = _without_null(name, {**held, **value})
        elif name == "events" and isinstance(held, dict):
            written = {type_: {**held.get(type_, {}), **words} for type_, words in value.items() if words is not None}
            holder[name] = {**{type_: words for type_, words in held.items() if type_ not in value}, **written}
        else:
            holder[name] = _without_null(name, value)
    inside = overrides.get("embedded_fields")
    return _with_fields_inside(result, inside) if isinstance(inside, dict) else result


def _without_null(name: str, value: Any) -> Any:
    """A group of fields without those that null takes away."""
    if name not in MEMBERS or not isinstance(value, dict):
        return value
    return {member: held for member, held in value.items() if held is not None}


def _with_fields_inside(preset: dict[str, Any], inside: Mapping[str, Any]) -> dict[str, Any]:
    """The preset with fields written over those of its embedded records, by their kind, wherever they are embedded."""

    def written(words: Any) -> Any:
        if not isinstance(words, dict) or not isinstance(words.get("embedded"), list | tuple):
            return words
        return {**words, "embedded": [_with_own_fields(one, inside) for one in words["embedded"]]}

    return {**written(preset), "events": {type_: written(words) for type_, words in (preset.get("events") or {}).items()}}


def _with_own_fields(one: Any, inside: Mapping[str, Any]) -> Any:
    own = inside.get(str(one.get("kind"))) if isinstance(one, dict) else None
    return {**one, "fields": merged({"fields": one.get("fields")}, own)["fields"]} if isinstance(own, dict) else one


def _adds(name: str, held: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """Whether an override adds to what is held rather than replacing it."""
    if name == "verify":
        return bool(value.get("scheme", held.get("scheme")) == held.get("scheme"))
    return name in _GROUPS or name == "fetching"


def check_overrides(overrides: Mapping[str, Any]) -> None:
    """Raises pydantic's ValidationError for words that no preset knows."""
    kept = {name: _without_null(name, value) for name, value in overrides.items() if value is not None}
    inside = kept.get("embedded_fields")
    if isinstance(inside, dict):
        kept["embedded_fields"] = {kind: _given(fields) for kind, fields in inside.items()}
    Overrides.model_validate(kept)


def _given(fields: Any) -> Any:
    """Fields without those that null takes away."""
    return {name: _without_null(name, value) for name, value in fields.items()} if isinstance(fields, dict) else fields


def with_tolerance(scheme: Scheme, words: SourceWords) -> Scheme:
    """The scheme with the source's own tolerance. Raises ValueError where the scheme signs no time."""
    if "tolerance_s" not in words.model_fields_set:
        return scheme
    if not has_clock(scheme):
        if words.tolerance_s is None:
            return scheme
        raise ValueError("this sender signs no time, so its age cannot be checked; leave tolerance_s out")
    return scheme.model_copy(update={"tolerance_s": words.tolerance_s})


def context_of(name: str, words: SourceWords, normalise: Callable[[str], str], spellings: Spellings) -> Context:
    """What the fields of a source take from its configuration."""
    joins = {link: Join(join.system, join.by) for link, join in words.joins.items()}
    return Context(words.system or name, normalise, ZoneInfo(words.timezone), joins, words.roles, spellings)


def spellings_of(sources: Iterable[SourceWords]) -> Spellings:
    """How aliases are compared, by all joins of all sources together (agreements.py refuses two that disagree)."""
    joins = (join for words in sources for join in words.joins.values())
    return {(join.system, join.by): join.normalise.normaliser() for join in joins if join.normalise}


def build(
    name: str,
    words: SourceWords,
    preset: Preset,
    *,
    secrets: Sequence[str],
    credentials: Credentials,
    broken: str,
    hot_fields: Sequence[str],
    normalise: Callable[[str], str],
    spellings: Spellings,
) -> Source:
    """Compiles one source. broken: why it has no secrets, "" where it has. Raises ValueError for what cannot be compiled."""
    context = context_of(name, words, normalise, spellings)
    router = Router(preset, context)
    scheme = with_tolerance(preset.verify, words)
    verifier: Verifier = Refusing(broken or "the source is retired")
    if not broken and not words.retired:
        try:
            verifier = compile_scheme(scheme, secrets, credentials)
        except ValueError as wrong:
            broken, verifier = str(wrong), Refusing(str(wrong))
    maps = {kind: compile_fields(preset.fields, kind, context) for kind in ("asset", "product", "model")}
    fetching = fetching_of(preset, words)
    return Source(
        name=name,
        side=preset.side,
        system=context.system,
        preset=preset.preset,
        verifier=verifier,
        receiver=_receiver(name, words, preset, context, router, hot_fields),
        projector=EventProjector(name, context.system, preset.preset, router=router, maps=maps, fetching=fetching),
        era=words.era,
        retired=words.retired,
        broken=broken,
        max_body_bytes=words.max_body_bytes,
        rate_per_s=words.rate_per_s,
        fetches=fetching is not None,
        fetcher=fetcher_of(preset) if words.api else "",
        topics=credentials.topics,
        unwrap=unwrap_of(scheme),
        methods=frozenset(preset.receive.methods),
        below=preset.receive.below or bool(getattr(scheme, "path", None)),
        wants_request=wants_request(preset),
        quarantine=words.quarantine,
        handshakes=compile_handshakes(preset.answers, secrets, pinned=words.topic_arn is not None),
        private_headers=private_headers(scheme),
    )


def _receiver(name: str, words: SourceWords, preset: Preset, context: Context, router: Router, hot_fields: Sequence[str]) -> BodyReceiver:
    scheme = preset.verify
    return BodyReceiver(
        name,
        context.system,
        words.era,
        preset.preset,
        router=router,
        hot=HotFields({*hot_fields, *preset.hot_fields, *words.hot_fields}, preset.hot_types, preset.hot_shapes),
        authors=[Place(path) for path in preset.authors],
        token=Place(scheme.field) if isinstance(scheme, TokenScheme) and scheme.field else None,
        fetched_authors=[Place(path) for path in preset.fetched_authors],
    )


def wants_request(preset: Preset) -> bool:
    """Whether the verifier or the type looks at a request's method or path; the door makes them only then."""
    scheme, taken = preset.verify, (preset.type, preset.id)
    reads = scheme.scheme == "contentful" or any(getattr(scheme, name, None) for name in ("path", "query"))
    return reads or any(each.segment is not None for each in taken if each)


def private_headers(scheme: Scheme) -> frozenset[str]:
    """The headers (lower-case) in which this scheme's signatures or tokens stand, ":path" among them where the path's last part is one."""
    named = (getattr(scheme, "header", None), *getattr(scheme, "headers", ()), ":path" if getattr(scheme, "path", None) else None)
    return frozenset(name.lower() for name in named if isinstance(name, str))


def fetching_of(preset: Preset, words: SourceWords) -> Fetching | None:
    """When this source's events ask for a fetch (deletions do wherever there is access); None where none of them ever does."""
    every = [preset.words(type_) for type_ in preset.sent()]
    variants = bool(words.api) and inheritance_of(preset, words) == "flattened"
    asks = any(event.fetch or event.mode == "thin" or "thin" in getattr(event.mode, "lookup", {}).values() for event in every)
    fetch = preset.fetching or Fetch()
    if not words.api and (not asks or fetch.optional):
        return None
    return Fetching(int(fetch.delay_s * 1_000_000), int(fetch.late_s * 1_000_000) if words.api else None, variants)


def needs_access(preset: Preset, words: SourceWords) -> bool:
    """Whether events ask for states that somebody could read, given access."""
    return fetching_of(preset, words) is not None and not (preset.fetching and preset.fetching.wishes)


def fetcher_of(preset: Preset) -> FetcherName:
    """Who reads the vendor's API where `api` gives access to it: the preset's own fetcher, else one GET per thing."""
    return (preset.fetching.fetcher if preset.fetching else None) or "template"


def inheritance_of(preset: Preset, words: SourceWords) -> Inheritance:
    """Who inherits, by the source's own word, else (with access to fetch) by what fetches bring, else by what events bring."""
    fetched = preset.fetching.inheritance if preset.fetching and words.api else None
    return words.inheritance or fetched or preset.inheritance
