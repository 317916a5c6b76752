"""Random histories of changes: several sources, kinds and ties, full and partial states, deletions, re-creations, renames, swapped SKUs.

Owns: the changes that histories are made of, and the ways in which one set of changes may arrive.
Does not own: what must come out (tests/domain/oracle.py). Next stop: tests/domain/test_histories.py.

Changes are drawn from a pool that is made once: a hundred times faster than drawing every leaf, and a counter-example still shrinks to
the few changes that matter.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import strategies as st

from app.domain import order
from app.domain.facets import Change, EventRef, Record, dump, load, merge

SKUS = ("S1", "S2")
PRODUCTS = ("product/pim/1", "product/pim/2")
MODELS = ("model/pim/M", "model/pim/N")
ASSETS = ("asset/dam/a", "asset/dam/b", "asset/other/a")
GTINS = ("00000000000017", "00000000000024")
SECOND_US = 1_000_000

POOL = 6_000

Draw = Callable[[Random], Any]


def _one(*values: Any) -> Draw:
    return lambda random: random.choice(values)


def _some(most: int, *values: Any) -> Draw:
    return lambda random: random.sample(values, random.randint(0, min(most, len(values))))


def _instant(random: Random) -> int:
    return random.randint(0, 8) * SECOND_US


def _intervals(random: Random) -> list[list[int | None]]:
    return [[random.choice([None, _instant(random)]), random.choice([None, _instant(random)])] for _ in range(random.randint(0, 2))]


_links = _some(
    3,
    ["dam", "id", "a"],
    ["dam", "id", "b"],
    ["dam", "id", "unknown"],
    ["other", "id", "a"],
    ["dam", "public_id", "x"],
    ["dam", "public_id", "y"],
)

_PRODUCT: dict[str, Draw] = {
    "keys.sku": _one(*[[sku.lower(), sku] for sku in SKUS]),
    "keys.gtin": _some(2, *[[gtin.lstrip("0"), gtin] for gtin in GTINS]),
    "parent": _one("M", "N"),
    "name": _one("Chair", {"en_GB": "Chair"}),
    "name.de_DE": _one("Stuhl"),
    "links.packshots.*.*": _links,
    "links.packshots.en_GB.web": _links,
    "links.hero.*.*": _links,
    "asset_texts.dam.a.alt.en_GB": _one("a chair", "the chair"),
    "family": _one("shoes", "shoes", "socks"),
    "categories.summer": _one(True),
    "completeness.web.en_GB": lambda random: random.choice([100, 100, 80]),
    "completeness.web.de_DE": lambda random: random.choice([100, 100, 20]),
    # Rarely off: a product that is hides every other difference.
    "enabled": _one(*[True] * 9, False),
}
_MODEL = {leaf: draw for leaf, draw in _PRODUCT.items() if leaf not in {"keys.sku", "keys.gtin"}}
_MODEL["variants"] = _one(["1"], ["1", "2"], ["1", "2"], [])
_ASSET: dict[str, Draw] = {
    "claims.sku": _some(2, *[[sku, sku] for sku in SKUS]),
    "claims.gtin": _some(1, *[[gtin, gtin] for gtin in GTINS]),
    "claims.product": _some(1, ["pim", "1"], ["pim", "2"]),
    "claims.model": _some(1, ["pim", "M"], ["pim", "N"]),
    "aliases.public_id": _one(["x"], ["y"], ["x", "y"]),
    "role": _one("packshots", "hero"),
    "locale": _one("en_GB"),
    "position": lambda random: random.randint(0, 3),
    "tags.summer": _one(True),
    "tags.role:hero": _one(True),
    "approval": _one("approved", "approved", "pending", "rejected"),
    "url": _one("https://dam.example/a", "https://dam.example/{public_id}"),
    "part.public_id": _one("x", "y"),
    "checksum": _one("c1", "c2"),
    "rights.from": _instant,
    "rights.until": _instant,
    "rights.access": _intervals,
    "rights.territories.allow": _one(["DE", "SE"], ["SE"], []),
    "rights.territories.deny": _one(["DE"], ["DE", "SE"]),
    "texts.alt.en_GB": _one("chair"),
}
_DECISION: dict[str, Draw] = {"verdict": _one("approve", "reject"), "pin": _one(True), "place": lambda random: random.randint(0, 2)}
_LEAVES = {"product": _PRODUCT, "model": _MODEL, "asset": _ASSET, "decision": _DECISION}
_SUBTREES = {"product": ["links", "links.packshots"], "model": ["links"], "asset": ["tags", "rights", "claims"], "decision": []}
DECISIONS = {f"decision/people/{p[-1]}{a[-1]}": [p, a] for p in PRODUCTS for a in ASSETS[:2]}
RECORDS = (*PRODUCTS, *PRODUCTS, *MODELS, *ASSETS, *ASSETS, *DECISIONS)


def _order(random: Random, rank: int) -> str:
    """Orders that tie often: few seconds, few ties, few hashes, two configuration versions."""
    return order.order(
        era=random.choice([0, 0, 0, 0, 1]),
        source=random.randint(0, 2) * SECOND_US,
        rank=rank,
        tie=random.choice([0, 0, 1]),
        event_hash=random.choice("aab"),
        version=random.choice([1, 1, 1, 2]),
    )


def _change(random: Random, record: str) -> Change:
    """One change of a record: a partial state, a full one, one that is full for a subtree, or a deletion."""
    kind = record.partition("/")[0]
    fixed = {"about": DECISIONS[record]} if kind == "decision" else {}
    event = EventRef(random.choice(["source-1", "source-2"]), random.choice(["e1", "e2", "e3"]), "saved")
    mode = random.choice(["delta", "delta", "full", "full", "full", "subtree", "deletion"])
    if mode == "deletion":
        return Change(record, _order(random, order.DELETION), {"status": "deleted", **fixed}, event, ("",))
    share = random.random()
    some = {leaf: draw(random) for leaf, draw in _LEAVES[kind].items() if random.random() < share}
    if mode == "full":
        rank = random.choice([order.CHANGE, order.FETCHED])
        return Change(record, _order(random, rank), {"status": "active", **some, **fixed}, event, ("",))
    taken = dict.fromkeys(random.sample(sorted(_LEAVES[kind]), random.randint(0, 1)))
    full = (random.choice(_SUBTREES[kind]),) if mode == "subtree" and _SUBTREES[kind] else ()
    return Change(record, _order(random, order.CHANGE), {**some, **taken, **fixed}, event, full)


_random = Random(20260301)
_pool = [_change(_random, _random.choice(RECORDS)) for _ in range(POOL)]
_pool_of_one = [[change for change in _pool if change.record == key] for key in ("product/pim/1", "asset/dam/a", "decision/people/1a")]

histories = st.lists(st.sampled_from(_pool), min_size=1, max_size=20)
histories_of_one = st.one_of([st.lists(st.sampled_from(pool), min_size=1, max_size=8) for pool in _pool_of_one])


@st.composite
def arrivals(draw: st.DrawFn, history: Sequence[Change]) -> list[list[Change]]:
    """One way in which these changes may arrive: shuffled, some repeated, split into batches."""
    repeated = draw(st.lists(st.sampled_from(list(history)), max_size=4))
    sequence = draw(st.permutations([*history, *repeated]))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(sequence) - 1)), max_size=4)))
    bounds = [0, *cuts, len(sequence)]
    return [list(sequence[start:end]) for start, end in pairwise(bounds) if start < end]


def stored(batches: Sequence[Sequence[Change]]) -> dict[str, Record]:
    """What the projector would leave in the store: every batch loads, merges and dumps the records that it touches."""
    texts: dict[str, str] = {}
    for batch in batches:
        for key in {change.record for change in batch}:
            record = load(key, texts[key], 1) if key in texts else Record(key)
            merge(record, [change for change in batch if change.record == key])
            texts[key] = dump(record)
    return {key: load(key, text, 1) for key, text in texts.items()}
