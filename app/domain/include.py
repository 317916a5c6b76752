"""Which products count: by family, category and completeness, as the configuration says (`include:`).

Owns: the rule and which of its conditions fails. Does not own: the words of bindery.yaml (app/sources/config.py), what becomes of a product
that does not count (app/domain/case.py). Next stop: app/domain/family.py; docs/decisions/variants-and-includes.md argues it.

What a product does not tell, the nearest model above it tells; categories of both count. A product about which a condition knows nothing
does not match: it is shown once it does.
"""

from collections.abc import Sequence

from app.domain import reasons
from app.domain.facets import segments
from app.domain.keys import ANY, split_key
from app.domain.policy import Include
from app.domain.view import View

Told = dict[tuple[str, str], int]


def exclusion(members: Sequence[View], include: Include) -> str:
    """The sentence that says which condition fails, "" where all hold. members: the product, then its models upwards."""
    pim = split_key(members[0].key)[1]
    if include.families:
        family = next((member.leaves["family"] for member in members if "family" in member.leaves), None)
        if family not in include.families:
            return reasons.excluded_family(pim, family, sorted(include.families))
    if include.categories:
        held = {segments(leaf)[1] for member in members for leaf in member.leaves if leaf.startswith("categories.")}
        if not held & include.categories:
            return reasons.excluded_category(pim, sorted(held), sorted(include.categories))
    if include.at_least is not None:
        return _incomplete(pim, _completeness(members), include, include.at_least)
    return ""


def _completeness(members: Sequence[View]) -> Told:
    """(channel, locale) -> percent, of the nearest member that tells any."""
    for member in members:
        told = {tuple(segments(leaf)[1:3]): value for leaf, value in member.leaves.items() if leaf.startswith("completeness.")}
        if told:
            return {(where[0], where[1]): percent for where, percent in told.items() if len(where) == 2}
    return {}


def _incomplete(pim: str, told: Told, include: Include, at_least: int) -> str:
    for channel in include.channels or (ANY,):
        for locale in include.locales or (ANY,):
            counting = [(percent, where) for where, percent in told.items() if _is_in(channel, where[0]) and _is_in(locale, where[1])]
            if not counting:
                return reasons.excluded_unknown(pim, channel, locale, at_least)
            percent, where = min(counting)
            if percent < at_least:
                return reasons.excluded_incomplete(pim, percent, *where, at_least)
    return ""


def _is_in(wanted: str, told: str) -> bool:
    return ANY in (wanted, told) or wanted == told
