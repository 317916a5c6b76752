"""A record as the rules read it: what counts, in which order it was set, whether it is whole or deleted.

Owns: View. Does not own: what counts (app/domain/facets.py). Next stop: app/domain/bind.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.domain.facets import Json, Leaf, Record, is_whole, visible

DELETED = "deleted"


@dataclass(slots=True)
class View:
    """The visible side of one record.

    key: record key. leaves: path -> value of every leaf that counts. orders: path -> order of each of these. whole: a full state of the
    whole record is known. deleted: the source says that it is gone. held: all leaves with their orders and events, for explanations.
    """

    key: str
    leaves: dict[str, Json]
    orders: dict[str, str]
    whole: bool
    deleted: bool
    held: Mapping[str, Leaf] = field(default_factory=dict)
    _skus: dict[str, str] | None = field(default=None, init=False, repr=False, compare=False)

    def claimed_sku(self, sku: str) -> str | None:
        """The spelling under which an asset claims this SKU, None where it does not.

        A size chart may claim every SKU of a catalogue and is then asked once for each, so the answers are kept.
        """
        if self._skus is None:
            self._skus = {norm: raw for raw, norm in reversed(self.leaves.get("claims.sku") or ())}
        return self._skus.get(sku)


def view(record: Record) -> View:
    """The view of a record; the record is not kept, its values are shared."""
    leaves = visible(record)
    held = record.leaves
    return View(record.key, leaves, {leaf: held[leaf][0] for leaf in leaves}, is_whole(record), leaves.get("status") == DELETED, held)
