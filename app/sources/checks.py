"""Checks that need more than one word of a source: an event without order, a fetch that nothing reads, words for the other side.

Owns: those checks, as a function to (path, message) pairs. Does not own: the shape of single words (config.py, preset.py), checks between
sources (agreements.py), reporting (app/reading.py). Next stop: app/sources/agreements.py.
"""

from collections.abc import Collection, Iterator

from app.sources.config import SourceWords
from app.sources.inventory import asked_kinds, asset_systems, embedded_kinds, fetched_kinds, fields_of, modes_of
from app.sources.preset import STATES, EventWords, Preset
from app.sources.schemes import RsaScheme, SalsifyScheme, SnsScheme, has_clock, needs_secrets, takes_secrets

Mistake = tuple[str, str]
_NO_ORDER = (
    "expected `order` (time, sequence or header): without one, nobody can tell which of two changes is newer. "
    "An event without any is `mode: thin`, so that the state is fetched"
)


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
    elif words.secrets and not takes_secrets(preset.verify):
        does = "verifies nothing" if preset.verify.scheme == "none" else "verifies by keys"
        yield "secrets", f"this source {does} (scheme {preset.verify.scheme}), so it has no use for secrets; leave them out"
    if words.tolerance_s is not None and not has_clock(preset.verify):
        yield "tolerance_s", "this sender signs no time, so its age cannot be checked; leave this out"
    yield from _asymmetric(words, preset)
    yield from _embedded(words, preset)
    yield from _include(words, preset)
    yield from _fetches(words, preset)
    if preset.type.segment is not None and not preset.receive.below:
        yield (
            "overrides.receive",
            "the type stands in the path, and no path below /webhooks/{source} belongs to this source; say `below: true`",
        )
    # Where states are fetched and nothing else writes, the arrival of a deletion is order enough: what is fetched after it comes later.
    orderless = {"thin", "deletion"} if all(modes_of(preset.words(one)) <= {"thin", "deletion"} for one in preset.sent()) else {"thin"}
    for type_, own in preset.events.items():
        # `order: null` at a deletion says that its sender tells no time at all: then its arrival has to do.
        arrives = {"deletion"} if "order" in own.model_fields_set else set()
        yield from _event(type_, preset.words(type_), orderless | arrives)


def _asymmetric(words: SourceWords, preset: Preset) -> Iterator[tuple[str, str]]:
    if isinstance(preset.verify, RsaScheme) and not words.keys and not words.retired:
        yield "keys", "expected the sender's public key or certificate, as file:PATH to a PEM file"
    if isinstance(preset.verify, SalsifyScheme) and words.url is None:
        yield "url", "expected the address that Salsify calls, exactly as it is registered there: Salsify signs it"
    if words.topic_arn is not None and not isinstance(preset.verify, SnsScheme):
        yield "topic_arn", f"this source does not receive from Amazon SNS (scheme {preset.verify.scheme}); leave it out"


def _embedded(words: SourceWords, preset: Preset) -> Iterator[Mistake]:
    """Fields that are written over those of records which nothing embeds would never be read."""
    inside = embedded_kinds(preset)
    for kind in words.overrides.get("embedded_fields") or ():
        if kind not in inside:
            told = f"only records of the kind {' and '.join(sorted(inside))} are" if inside else "nothing is"
            yield f"overrides.embedded_fields.{kind}", f"{told} embedded in what {preset.preset} sends; leave this out"


def _event(type_: str, words: EventWords, orderless: Collection[str]) -> Iterator[Mistake]:
    if type_.startswith(STATES):
        return
    for name in ("kind", "mode", "key"):
        if getattr(words, name) is None:
            yield f"overrides.events.{type_}", f"expected `{name}`, here or for all events (overrides.{name})"
    if words.order is None and words.mode is not None and not modes_of(words) <= set(orderless):
        yield f"overrides.events.{type_}", _NO_ORDER


def _include(words: SourceWords, preset: Preset) -> Iterator[Mistake]:
    if words.include is None:
        return
    if preset.side == "dam":
        yield "include", "products are chosen at the source that sends them; write this at a PIM"
        return
    every = fields_of(preset)
    asked = (("family", words.include.family), ("category", words.include.category), ("completeness", words.include.completeness))
    for word, wanted in asked:
        field = "categories" if word == "category" else word
        if wanted and not any(getattr(fields, field) for fields in every):
            told = f"no product would ever match: nothing says where its {field} stand{'' if field == 'categories' else 's'}"
            yield f"include.{word}", f"{told}; name it under `overrides: {{{field}: …}}`"


def _fetches(words: SourceWords, preset: Preset) -> Iterator[Mistake]:
    """With access to the vendor, what is asked for has to be readable once it comes."""
    if not words.api:
        return
    read, asked = fetched_kinds(preset), asked_kinds(preset)
    for kind in sorted(asked - read):
        yield (
            "overrides.events",
            f"events ask for the state of a {kind}, and nothing says how it is read; add `fetched.{kind}: {{key: …, view: …}}`",
        )
    if not read and not asked:
        yield (
            "api",
            f"nothing of the preset {preset.preset} is ever fetched; leave this out, or say how a state is read (`fetched.asset: …`)",
        )
