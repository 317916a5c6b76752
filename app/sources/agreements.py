"""Checks between sources: words that contradict each other, joins to nowhere, orders that do not compare.

Owns: those checks, as a function to (path, message) pairs. Does not own: checks within one source (checks.py), reporting
(app/configuration.py). Next stop: app/configuration.py.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from app.sources.config import SourceWords, Spelling
from app.sources.inventory import asset_systems, fields_of, measures
from app.sources.preset import Preset

Mistake = tuple[str, str]
Configured = Mapping[str, tuple[SourceWords, Preset]]


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
    yield from _measures({name: one for name, one in sources.items() if "overrides" not in unread[name]})
    yield from _spellings(sources)
    yield from _unknown_rights(sources, unread)
    for name, (words, preset) in sources.items():
        for system in asset_systems(words.system or name, preset):
            if name not in systems[system]:
                systems[system].append(name)
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
    kept = ["id", *sorted({alias for preset in presets for fields in fields_of(preset) for alias in fields.aliases})]
    if by not in kept:
        yield (
            where,
            f"the mapping of {system} keeps no {by!r} of assets, only {', '.join(kept)}; name one of them, or add it there (`aliases`)",
        )


def _agreement(system: str, names: list[str], sources: Configured, unread: Mapping[str, Collection[str]]) -> Iterator[Mistake]:
    for word in ("era", "inheritance", "include"):
        said = {name: getattr(sources[name][0], word) for name in names if word not in unread[name]}
        stated = {value for value in said.values() if value is not None}
        if len(stated) > 1:
            who = ", ".join(name if word == "include" else f"{name}: {value}" for name, value in said.items())
            yield f"sources.{[*said][-1]}.{word}", f"the sources of the system {system} must agree ({who}); write the same value at each"


def _unknown_rights(sources: Configured, unread: Mapping[str, Collection[str]]) -> Iterator[Mistake]:
    """One answer for the assets of a system, whoever tells of them."""
    said: dict[str, dict[str, str]] = defaultdict(dict)
    for name, (words, preset) in sources.items():
        if words.when_rights_unknown is not None and "when_rights_unknown" not in unread[name]:
            for system in asset_systems(words.system or name, preset):
                said[system][name] = words.when_rights_unknown
    for system, told in said.items():
        if len({*told.values()}) > 1:
            who = ", ".join(f"{name}: {value}" for name, value in told.items())
            text = f"the sources of assets of the system {system} must agree ({who}); write the same value at each"
            yield f"sources.{[*told][-1]}.when_rights_unknown", text


def _measures(sources: Configured) -> Iterator[Mistake]:
    seen: dict[tuple[str, str], dict[str, tuple[str, str]]] = defaultdict(dict)
    for name, (words, preset) in sources.items():
        for one in measures(words.system or name, preset):
            seen[one.system, one.kind].setdefault(one.measure, (name, one.place))
    for (system, kind), places in seen.items():
        if len(places) > 1:
            where = "; ".join(f"{measure} at {name}, {place}" for measure, (name, place) in places.items())
            text = f"the {kind}s of {system} are ordered by time in one place and by sequence in another ({where}): these do not compare. "
            yield f"sources.{[*places.values()][-1][0]}", text + "Use one of them for all events of a kind, or another `system`"


def _spellings(sources: Configured) -> Iterator[Mistake]:
    """An alias is compared in one way by all who name it, or an asset would be found by one join and missed by the other."""
    seen: dict[tuple[str, str], tuple[str, Spelling | None]] = {}
    for name, (words, _) in sources.items():
        for link, join in words.joins.items():
            where = f"sources.{name}.joins.{link}"
            if join.by == "id":
                if join.normalise:
                    yield f"{where}.normalise", "ids of a system are exact; say `by:` and an alias that may be spelled in several ways"
                continue
            first, rule = seen.setdefault((join.system, join.by), (where, join.normalise))
            if rule != join.normalise:
                yield f"{where}.normalise", f"{first} names {join.by} of {join.system} too; write the same `normalise` at both"


def _named_systems(words: SourceWords, preset: Preset) -> Iterator[tuple[str, str]]:
    for link, join in words.joins.items():
        yield f"joins.{link}.system", join.system
    for fields in fields_of(preset):
        for name, owned in (("product", fields.product), ("model", fields.model)):
            if owned is not None:
                yield f"overrides.{name}.system", owned.system
        for label, told in fields.links.items():
            if told.system:
                yield f"overrides.links.{label}.system", told.system
        for kind, named in fields.collections.types.items() if fields.collections else ():
            if named.system:
                yield f"overrides.collections.types.{kind}.system", named.system
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
