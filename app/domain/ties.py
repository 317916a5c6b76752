"""Changes of one time: whether the order of two of them, which nobody knows, makes a difference.

Owns: contradicts(). Does not own: the merge, which takes one of them all the same, everywhere the same one (facets.py), the fetch that
tells which was right (consumers/projector.py). Next stop: app/tasks/documents.py.

Two changes tie where everything in their orders is equal up to the hash of the event. A deletion and a change do not: their ranks differ.
"""

from app.domain.facets import ROOT, Change, Record, floor_above
from app.domain.order import CHANGE, EVENT, RANK, TIE


def contradicts(record: Record, change: Change) -> bool:
    """Whether the record would look different, had this change another place among those of its time that the record holds.

    To be asked before the change is merged; what the change itself has left in the record does not count.
    """
    if change.order[RANK] != str(CHANGE):
        return False
    said, mine = change.order[:TIE], change.order[:EVENT]

    def ties(order: str) -> bool:
        return order.startswith(said) and not order.startswith(mine)

    for leaf, value in change.leaves.items():
        held = record.leaves.get(leaf)
        if held is None:
            if value is not None and ties(floor_above(record.floors, leaf)):
                return True
        elif ties(held[0]) and held[1] != value:
            return True
    return bool(change.full) and any(
        value is not None and leaf not in change.leaves and ties(order) and any(_within(leaf, subtree) for subtree in change.full)
        for leaf, (order, value, _) in record.leaves.items()
    )


def _within(leaf: str, subtree: str) -> bool:
    return subtree in (ROOT, leaf) or leaf.startswith(f"{subtree}.")
