"""The page for readers of the topic says what the code says.

Owns: states, topic and file names in docs/wire-contract.md. Does not own: paths in it (tests/architecture/test_references.py).
Next stop: docs/wire-contract.md.
"""

import re

from schemas import topics
from schemas.binding import MEANINGS
from schemas.messages import BY_NAME
from tests.schemas.contract import ROOT

PAGE = ROOT.parent / "docs/wire-contract.md"


def stated(text: str) -> dict[str, str]:
    """State -> sentence, from the page's table of states."""
    return dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", text.partition("## States")[2], re.MULTILINE))


def test_the_page_explains_the_states() -> None:
    """The table of states is the one of the models, sentence by sentence."""
    text = PAGE.read_text("utf-8")
    assert stated(text) == {str(state): sentence for state, sentence in MEANINGS.items()}
    assert stated(text.replace("| `expired` |", "| `gone` |")) != {str(state): sentence for state, sentence in MEANINGS.items()}


def test_the_page_names_the_topic_and_its_headers() -> None:
    """The topic and each header that its messages carry are on the page."""
    text = PAGE.read_text("utf-8")
    headers = BY_NAME["sku-bindings"].headers
    assert headers is not None
    assert [
        name for name in (topics.SKU_BINDINGS, *(field.alias for field in headers.model_fields.values())) if f"`{name}`" not in text
    ] == []
