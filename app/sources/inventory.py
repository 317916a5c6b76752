"""What a preset tells of: kinds of records, modes of events, whose assets, what a fetch can bring.

Owns: those questions, asked of the words. Does not own: the words (preset.py), whether they make sense (checks.py, agreements.py).
Next stop: app/sources/checks.py.
"""

from collections.abc import Iterator
from typing import NamedTuple

from app.sources.fields import Fields
from app.sources.preset import STATES, EventWords, Preset, Switch


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


def every_words(preset: Preset) -> list[tuple[str, EventWords]]:
    """(type, words) of everything that is sent or fetched."""
    return [(type_, preset.words(type_)) for type_ in preset.events]


def fetched_kinds(preset: Preset) -> set[str]:
    """The kinds of records whose fetched states the preset reads."""
    return {type_.removeprefix(STATES) for type_ in preset.events if type_.startswith(STATES)}


def asked_kinds(preset: Preset) -> set[str]:
    """The kinds of records that events ask to be fetched, late fetches after deletions apart."""
    asking = [words for words in map(preset.words, preset.sent()) if words.fetch or "thin" in modes_of(words)]
    return {kind for words in asking for kind in kinds_of(words)}


def asset_systems(system: str, preset: Preset) -> set[str]:
    """The systems whose assets the sender tells of; `system` is its own."""
    every = [words for _, words in every_words(preset)]
    inside = {one.system or system for words in every for one in words.embedded or () if one.kind == "asset"}
    return inside | ({system} if preset.side == "dam" or any("asset" in kinds_of(words) for words in every) else set())


def embedded_kinds(preset: Preset) -> set[str]:
    """The kinds of records that others carry inside."""
    return {one.kind for _, words in every_words(preset) for one in words.embedded or ()}


def lists_variants(preset: Preset) -> bool:
    """Whether models come with their variants inside, so that nobody tells when one is gone."""
    return any(one.kind == "product" for _, words in every_words(preset) for one in words.embedded or ())


def fields_of(preset: Preset) -> list[Fields]:
    """The preset's own, and those of the records that its events and fetched states embed."""
    return [preset.fields, *(one.fields for _, words in every_words(preset) for one in words.embedded or ())]


class Measured(NamedTuple):
    """By what the changes of one kind of record are ordered at one place."""

    system: str
    kind: str
    measure: str
    place: str


def measures(system: str, preset: Preset) -> Iterator[Measured]:
    """What orders each kind of record, in events, fetched states and records inside them; `system` is the source's own."""
    for type_, words in every_words(preset):
        fetched = type_.startswith(STATES)
        # A fetched state without an order of its own is ordered by the start of the fetch.
        measure = words.order.measure if words.order else "time" if fetched else ""
        place = f"event {type_}" if words.order or not fetched else f"{type_}, by the start of the fetch; give it an `order` of its own"
        for kind in kinds_of(words) if measure else ():
            yield Measured(system, kind, measure, place)
        for one in words.embedded or ():
            inside = one.order.measure if one.order else measure
            if inside:
                yield Measured(one.system or system, one.kind, inside, f"the {one.kind}s inside of event {type_}")
