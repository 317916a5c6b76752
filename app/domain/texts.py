"""Texts of an asset (alt, caption, title, credit), merged from both sides.

Owns: the merge by policy. Does not own: where texts come from (app/domain/family.py, app/domain/details.py). Next stop: app/domain/bind.py.
"""

from app.domain.family import Texts
from app.domain.policy import Owner


def merged(pim: Texts | None, dam: Texts, owner: Owner) -> Texts:
    """Kind -> locale -> text. `pim` and `dam` take one side alone; `both` takes the PIM's text where it has one, else the DAM's."""
    if owner == "dam" or (owner == "both" and not pim):
        return dam
    if owner == "pim" or not dam:
        return pim or {}
    assert pim is not None
    return {kind: {**dam.get(kind, {}), **pim.get(kind, {})} for kind in {**dam, **pim}}
