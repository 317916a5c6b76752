"""The display order of a SKU's assets: one dense sequence in each role, locale and channel.

Owns: positions and the cut where there are too many. Does not own: who is in (app/domain/placements.py). Next stop: app/domain/bind.py.

People come first (pinned to the front, or placed at an index), then the PIM's order, then the DAM's position, then the asset's key.
"""

from collections.abc import Iterable, Mapping

from app.domain.placements import UNRANKED, Placement, Spot
from app.domain.view import View

Ranked = tuple[int, Placement]


def ranked(placements: Iterable[Placement], decisions: Mapping[str, View]) -> list[Ranked]:
    """(position, placement), positions 0..n-1 within each role, locale and channel; sorted by these, then by position."""
    groups: dict[Spot, list[Placement]] = {}
    for placement in placements:
        groups.setdefault(placement.spot, []).append(placement)
    return [ranked for spot in sorted(groups) for ranked in enumerate(_in_order(groups[spot], decisions))]


def cut(everything: list[Ranked], most: int) -> list[Ranked]:
    """The `most` with the lowest positions, so that every role keeps its first ones; time plays no part in it. Sorted as before."""
    if len(everything) <= most:
        return everything
    order = sorted(range(len(everything)), key=lambda index: (everything[index][0], index))
    return [everything[index] for index in sorted(order[:most])]


def _in_order(group: list[Placement], decisions: Mapping[str, View]) -> list[Placement]:
    group.sort(key=_natural)
    if not decisions:
        return group
    pinned: list[Placement] = []
    placed: list[tuple[int, Placement]] = []
    rest: list[Placement] = []
    for placement in group:
        decision = decisions.get(placement.key)
        leaves = decision.leaves if decision else {}
        if "place" in leaves:
            placed.append((leaves["place"], placement))
        else:
            (pinned if leaves.get("pin") else rest).append(placement)
    placed.sort(key=lambda one: one[0])
    result = pinned + rest
    index = -1
    for place, placement in placed:
        index = max(place, index + 1)  # two on one place: the second one stands right behind
        result.insert(index, placement)
    return result


def _natural(placement: Placement) -> tuple[int, int, str]:
    position = placement.asset.leaves.get("position") if placement.asset else None
    return placement.rank, UNRANKED if position is None else position, placement.key
