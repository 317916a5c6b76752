"""The decision: which assets may be shown for a SKU at an instant, in which order, and why.

Owns: putting the parts of the decision together. Does not own: the parts (family.py, links.py, rights.py, …), loading the inputs and
storing the answer (consumers/binder.py). Next stop: consumers/binder.py.
"""

from app.domain.facets import Json
from app.domain.inputs import Bound, Inputs
from app.domain.policy import Policy

__all__ = ["Bound", "Inputs", "bind", "explain"]


def bind(inputs: Inputs, policy: Policy, at_us: int) -> Bound:
    """Decides about one SKU at an instant (µs, UTC). The same inputs in any order give the same bytes."""
    raise NotImplementedError


def explain(inputs: Inputs, policy: Policy, at_us: int, asset_key: str | None = None) -> dict[str, Json]:
    """Says for each asset (or the one with this record key) why it is shown or not, what decided, and when it changes by itself."""
    raise NotImplementedError
