"""Names of the topics, and their settings out of schemas/topics.yaml; a test keeps the two in step.

Owns: names, reading the settings. Does not own: partition counts and retention (schemas/topics.yaml), creation (`bindery topics apply`).
Next stop: schemas/event.py.
"""

from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("topics.yaml")

EVENTS_DAM = "bindery.events.dam.v1"
EVENTS_PIM = "bindery.events.pim.v1"
EVENTS_SLOW = "bindery.events.slow.v1"
EVENTS_DECISIONS = "bindery.events.decisions.v1"
BIND_REQUESTS = "bindery.bind-requests.v1"
SKU_BINDINGS = "bindery.sku.bindings.v1"
DEAD_LETTERS = "bindery.dead-letters.v1"
CONTROL = "bindery.control.v1"

LIVE = (EVENTS_DAM, EVENTS_PIM, EVENTS_DECISIONS)
SLOW = (EVENTS_SLOW,)
ALL = (*LIVE, *SLOW, BIND_REQUESTS, SKU_BINDINGS, DEAD_LETTERS, CONTROL)

# Places name the version of the topic of bind requests, so that a repartitioned successor does not confuse cursors.
BIND_REQUESTS_VERSION = 1


def lane_of(side: str) -> str:
    """The live topic of a source's side."""
    return {"dam": EVENTS_DAM, "pim": EVENTS_PIM, "decision": EVENTS_DECISIONS}[side]


def settings(topic: str) -> dict[str, Any]:
    """One topic's settings out of schemas/topics.yaml, the defaults filled in. Raises KeyError for a topic that is not there."""
    declared = yaml.safe_load(FILE.read_text("utf-8"))
    own, defaults = declared["topics"][topic], declared["defaults"]
    return {**defaults, **own, "config": {**defaults["config"], **own.get("config", {})}}
