"""Checks that need more than one word of bindery.yaml: an event without order, sources that contradict each other, joins to nowhere.

Owns: those checks, as functions to (path, message) pairs. Does not own: the shape of single words (config.py, preset.py), reporting
(app/configuration.py). Next stop: app/configuration.py.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from app.sources.config import SourceWords
from app.sources.fields import Fields, Link
from app.sources.preset import STATES, EventWords, Preset, Switch
from app.sources.schemes import RsaScheme, SalsifyScheme, SnsScheme, needs_secrets

Mistake = tuple[str, str]
_NO_ORDER = (
    "expected `order` (time, sequence or header): without one, nobody can tell which of two changes is newer. "
    "An event without any is `mode: thin`, so that the state is fetched"
)
Configured = Mapping[str, tuple[SourceWords, Preset]]


def within_source(words: SourceWords, preset: Preset) -> Iterator[Mistake]:
    """Mistakes of one source; paths are relative to it."""
    if words.side is not None and words.side != preset.side:
        yield "side", f"the preset {preset.preset} is of the side {preset.side}; leave `side` out or choose another preset"
    if preset.side == "dam" and words.when_rights_unknown is None:
        yield (
            "when_rights_unknown",
            "expected hide or show: may an asset be shown about whose rights nothing at all is known? Every DAM source has to say",
        )
    if preset.side == "pim" and words.when_rights_unknown is not None and not asset_systems("", preset):
        yield "when_rights_unknown", "this PIM sends no assets, so their rights are another source's word; leave this out"
    if needs_secrets(preset.verify):
        if not words.secrets and not words.retired:
            yield "secrets", f"expected at least one secret for the scheme {preset.verify.scheme}, as env:NAME or file:PATH"
    elif words.secrets:
        does = "verifies nothing" if preset.verify.scheme == "none" else "verifies by keys"
        yield "secrets", f"this source {does} (scheme {preset.verify.scheme}), so it has no use for secrets; leave them out"
    yield from _asymmetric(words, preset)
    # Where states are fetched and nothing else writes, the arrival of a deletion is order enough: what is fetched after it comes later.
    orderless = {"thin", "deletion"} if all(modes_of(preset.words(one)) <= {"thin", "deletion"} for one in preset.sent()) else {"thin"}
    for type_ in preset.events:
        yield from _event(type_, preset.words(type_), orderless)


def _asymmetric(words: SourceWords, preset: Preset) -> Iterator[tuple[str, str]]:
    if isinstance(preset.verify, RsaScheme) and not words.keys and not words.retired:
        yield "keys", "expected the sender's public key or certificate, as file:PATH to a PEM file"
    if isinstance(preset.verify, SalsifyScheme) and words.url is None:
        yield "url", "expected the address that Salsify calls, exactly as it is registered there: Salsify signs it"
    if words.topic_arn is not None and not isinstance(preset.verify, SnsScheme):
        yield "topic_arn", f"this source does not receive from Amazon SNS (scheme {preset.verify.scheme}); leave it out"


def asset_systems(system: str, preset: Preset) -> set[str]:
    """The systems whose assets the sender tells of; `system` is its own."""
    every = [preset.words(type_) for type_ in preset.events]
    inside = {one.system or system for words in every for one in words.embedded or () if one.kind == "asset"}
    return inside | ({system} if preset.side == "dam" or any("asset" in kinds_of(words) for words in every) else set())


def lists_variants(preset: Preset) -> bool:
    """Whether models come with their variants inside, so that nobody tells when one is gone."""
    return any(one.kind == "product" for type_ in preset.events for one in preset.words(type_).embedded or ())


def _event(type_: str, words: EventWords, orderless: Collection[str]) -> Iterator[Mistake]:
    if type_.startswith(STATES):
        return
    for name in ("kind", "mode", "key"):
        if getattr(words, name) is None:
            yield f"overrides.events.{type_}", f"expected `{name}`, here or for all events (overrides.{name})"
    if words.order is None and words.mode is not None and not modes_of(words) <= set(orderless):
        yield f"overrides.events.{type_}", _NO_ORDER


def modes_of(words: EventWords) -> set[str]:
    """Every mode that events of this type can have."""
    mode = words.mode
    if isinstance(mode, Switch):
        return {*mode.lookup.values(), *([mode.otherwise] if mode.otherwise else [])}
    return {"delta"} if isinstance(mode, list) else {mode} if mode else set()


def kinds_of(words: EventWords) -> set[str]:
    """Every kind of record that events of this type can be about."""
    kind = words.kind
    if isinstance(kind, Switch):
        return {*kind.lookup.values(), *([kind.otherwise] if kind.otherwise else [])}
    return {kind} if kind else set()


def across_sources(sources: Configured, systems_of: Mapping[str, str], unread: Mapping[str, Collection[str]]) -> Iterator[Mistake]:
    """Mistakes between sources; paths start at the root.

    sources: those that could be read, be it in part. systems_of: every source in the file -> its system. unread: source -> its words that
    could not be read, about which nothing is said here.
    """
    systems: dict[str, list[str]] = defaultdict(list)
    for name, system in systems_of.items():
        systems[system].append(name)
    for system, names in systems.items():
        readable = [name for name in names if name in sources]
        yield from _agreement(system, readable, sources, unread)
        yield from _measures(system, [name for name in readable if "overrides" not in unread[name]], sources)
    for name, (words, preset) in sources.items():
        for path, system in _named_systems(words, preset):
            if system not in systems:
                known = ", ".join(sorted(systems))
                yield (
                    f"sources.{name}.{path}",
                    f"no source speaks for the system {system!r}; there are {known}. Name one of them, or add it",
                )
        for path, system, by in _named_aliases(words.system or name, words, preset):
            if system in systems and not any({"preset", "overrides"} & {*unread[other]} for other in systems[system]):
                yield from _kept(f"sources.{name}.{path}", system, by, [sources[other][1] for other in systems[system]])


def _kept(where: str, system: str, by: str, presets: list[Preset]) -> Iterator[Mistake]:
    """A link by an alias that no asset has would wait for its asset for ever."""
    kept = ["id", *sorted({alias for preset in presets for fields in _fields_of(preset) for alias in fields.aliases})]
    if by not in kept:
        yield (
            where,
            f"the mapping of {system} keeps no {by!r} of assets, only {', '.join(kept)}; name one of them, or add it there (`aliases`)",
        )


def _fields_of(preset: Preset) -> list[Fields]:
    """The preset's own, and those of the records that its events and fetched states embed."""
    every = [preset.words(type_) for type_ in preset.events]
    return [preset.fields, *(one.fields for words in every for one in words.embedded or ())]


def _agreement(system: str, names: list[str], sources: Configured, unread: Mapping[str, Collection[str]]) -> Iterator[Mistake]:
    for word in ("era", "when_rights_unknown", "inheritance"):
        said = {name: getattr(sources[name][0], word) for name in names if word not in unread[name]}
        stated = {value for value in said.values() if value is not None}
        if len(stated) > 1:
            who = ", ".join(f"{name}: {value}" for name, value in said.items())
            yield f"sources.{[*said][-1]}.{word}", f"the sources of the system {system} must agree ({who}); write the same value at each"


def _measures(system: str, names: list[str], sources: Configured) -> Iterator[Mistake]:
    seen: dict[str, dict[str, str]] = defaultdict(dict)
    for name in names:
        preset = sources[name][1]
        for type_ in preset.events:
            words = preset.words(type_)
            for kind in kinds_of(words) if words.order else ():
                assert words.order is not None
                seen[kind].setdefault(words.order.measure, f"{name}, event {type_}")
    for kind, measures in seen.items():
        if len(measures) > 1:
            where = "; ".join(f"{measure} at {place}" for measure, place in measures.items())
            text = f"the {kind}s of {system} are ordered by time in one place and by sequence in another ({where}): these do not compare. "
            yield f"sources.{names[-1]}", text + "Use one of them for all events of a kind, or another `system`"


def _named_systems(words: SourceWords, preset: Preset) -> Iterator[tuple[str, str]]:
    for link, join in words.joins.items():
        yield f"joins.{link}.system", join.system
    fields = preset.fields
    for name, owned in (("product", fields.product), ("model", fields.model)):
        if owned is not None:
            yield f"overrides.{name}.system", owned.system
    links: Mapping[str, Link] = fields.links
    for label, link_words in links.items():
        if link_words.system:
            yield f"overrides.links.{label}.system", link_words.system
    if fields.asset_texts and fields.asset_texts.system:
        yield "overrides.asset_texts.system", fields.asset_texts.system


def _named_aliases(own: str, words: SourceWords, preset: Preset) -> Iterator[tuple[str, str, str]]:
    """(path, system, alias) of every word that says by what assets are named."""
    for link, join in words.joins.items():
        yield f"joins.{link}.by", join.system, join.by
    for label, link_words in preset.fields.links.items():
        if link_words.by:
            join_system = words.joins[label].system if label in words.joins else own
            yield f"overrides.links.{label}.by", link_words.system or join_system, link_words.by
