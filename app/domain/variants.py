"""Variants that their model does not have any more: senders that tell a model with all of its variants inside never say that one is gone.

Owns: which product counts as deleted by its model's word. Does not own: reading that word (app/sources/embedded.py), who speaks for a SKU
(app/domain/family.py). Next stop: app/domain/family.py; docs/decisions/variants-and-includes.md argues it.
"""

from collections.abc import Mapping

from app.domain.keys import record_key, split_key
from app.domain.policy import Policy
from app.domain.view import View

STATUS, VARIANTS = "status", "variants"


def gone_by(product: View, models: Mapping[str, View], policy: Policy) -> View | None:
    """The model that is deleted, or lists its variants without this one, and said so after the product's own state; None where none did.

    models: record key -> view, at least the product's parent.
    """
    if not policy.variants_listed or "parent" not in product.leaves:
        return None
    _, system, thing = split_key(product.key)
    if system not in policy.variants_listed:
        return None
    model = models.get(record_key("model", system, product.leaves["parent"]))
    if model is None or (not model.deleted and thing in model.leaves.get(VARIANTS, (thing,))):
        return None
    said = model.orders[STATUS if model.deleted else VARIANTS]
    # A product that was told anew since then, be it by itself, is not gone.
    return model if said > product.orders.get(STATUS, "") else None
