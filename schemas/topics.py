"""Names of the topics; schemas/topics.yaml holds their settings, and a test keeps the two in step.

Owns: names. Does not own: partition counts and retention (schemas/topics.yaml), creation (`bindery topics apply`).
Next stop: schemas/event.py.
"""

EVENTS_DAM = "bindery.events.dam.v1"
EVENTS_PIM = "bindery.events.pim.v1"
EVENTS_SLOW = "bindery.events.slow.v1"
EVENTS_DECISIONS = "bindery.events.decisions.v1"
BIND_REQUESTS = "bindery.bind-requests.v1"
SKU_BINDINGS = "bindery.sku.bindings.v1"
DEAD_LETTERS = "bindery.dead-letters.v1"

LIVE = (EVENTS_DAM, EVENTS_PIM, EVENTS_DECISIONS)
SLOW = (EVENTS_SLOW,)
ALL = (*LIVE, *SLOW, BIND_REQUESTS, SKU_BINDINGS, DEAD_LETTERS)

# Places name the version of the topic of bind requests, so that a repartitioned successor does not confuse cursors.
BIND_REQUESTS_VERSION = 1


def lane_of(side: str) -> str:
    """The live topic of a source's side."""
    return {"dam": EVENTS_DAM, "pim": EVENTS_PIM, "decision": EVENTS_DECISIONS}[side]
