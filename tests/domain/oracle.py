"""What must come out, written a second time in the simplest way that works and without a look at the product's code.

Owns: folding changes in the order of their orders; a slow bind that knows no times but by trying them.
Does not own: texts, renditions, flags. Next stop: tests/domain/test_histories.py.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import orjson

from app.domain.facets import Change
from app.domain.keys import tokens_of
from app.domain.policy import Policy

Leaves = dict[str, tuple[str, Any]]


class Folded:
    """One record after its changes were applied one after the other, the smallest order first."""

    def __init__(self, key: str, changes: Iterable[Change]) -> None:
        self.key = key
        self.leaves: Leaves = {}
        self.floors: dict[str, str] = {}
        self.ever: set[str] = set()
        for order, tied in groupby(sorted(changes, key=lambda change: change.order), key=lambda change: change.order):
            self._apply(order, list(tied))

    def _apply(self, order: str, tied: Sequence[Change]) -> None:
        """Changes of one order: all subtrees are emptied first, then all leaves set; of two values the greater text stays."""
        for subtree in sorted({subtree for change in tied for subtree in change.full}):
            self.leaves = {leaf: held for leaf, held in self.leaves.items() if not lies_in(leaf, subtree)}
            covered = any(lies_in(subtree, other) and self.floors[other] == order for other in self.floors)
            self.floors = {other: floor for other, floor in self.floors.items() if not lies_in(other, subtree)}
            if not covered:
                self.floors[subtree] = order
        for leaf in {leaf for change in tied for leaf in change.leaves}:
            values = [change.leaves[leaf] for change in tied if leaf in change.leaves]
            self.leaves[leaf] = (order, max(values, key=lambda value: orjson.dumps(value, option=orjson.OPT_SORT_KEYS)))
        for change in tied:
            self.ever |= tokens_of(self.key, change.leaves)

    def __getitem__(self, leaf: str) -> Any:
        return self.leaves.get(leaf, ("", None))[1]

    def order(self, leaf: str) -> str:
        return self.leaves[leaf][0]

    @property
    def deleted(self) -> bool:
        return bool(self["status"] == "deleted")


def lies_in(leaf: str, subtree: str) -> bool:
    """Whether a path is a subtree or lies below it."""
    return subtree in {"", leaf} or leaf.startswith(subtree + ".")


def folded(history: Iterable[Change]) -> dict[str, Folded]:
    """Record key -> the record."""
    changes = list(history)
    return {key: Folded(key, [change for change in changes if change.record == key]) for key in {change.record for change in changes}}


Row = dict[str, Any]


def decide(records: dict[str, Folded], sku: str, policy: Policy, at_us: int) -> list[Row]:
    """The bindings of a SKU: asset, role, locale, channel, position, state, sides, url, changes_us."""
    holders = [r for r in records.values() if r.key.startswith("product/") and not r.deleted and (r["keys.sku"] or ["", ""])[1] == sku]
    holders = [holder for holder in holders if not is_gone(records, holder, policy)]
    newest = max((holder.order("keys.sku") for holder in holders), default="")
    product = min((h for h in holders if h.order("keys.sku") == newest), key=lambda h: h.key, default=None)
    chain = climb(records, product, policy) if product else []
    rows = pim_rows(records, chain, policy)
    add_dam_rows(rows, records, chain, sku, policy)
    words = decided_by_people(records, product)
    off = product is not None and (any(member["enabled"] is False for member in chain) or not counts(chain, policy))
    for row in rows:
        word = words.get(row["asset"])
        row["state"] = "withdrawn" if off else state_of(records.get(row["asset"]), product, word, policy, at_us)
        row["changes_us"] = None if off else next_other_state(records.get(row["asset"]), product, word, policy, at_us)
        row["url"] = url_of(records[row["asset"]]) if row["state"] == "live" else None
        row["sides"] = sorted(row["sides"])
    set_positions(rows, records, words)
    return rows


def climb(records: dict[str, Folded], product: Folded, policy: Policy) -> list[Folded]:
    chain = [product]
    while policy.inheritance.get("pim") != "flattened" and chain[-1]["parent"] and len(chain) < 6:
        above = records.get(f"model/pim/{chain[-1]['parent']}")
        if above is None or above.deleted or above in chain:
            break
        chain.append(above)
    return chain


def is_gone(records: dict[str, Folded], product: Folded, policy: Policy) -> bool:
    """Whether the model above said last of all that it has no such variant."""
    model = records.get(f"model/pim/{product['parent']}")
    if "pim" not in policy.variants_listed or model is None:
        return False
    born = product.order("status") if product["status"] else ""
    if model.deleted:
        return model.order("status") > born
    return model["variants"] is not None and product.key.split("/")[2] not in model["variants"] and model.order("variants") > born


def counts(chain: list[Folded], policy: Policy) -> bool:
    """Whether family, categories and completeness are what is asked for."""
    include = policy.include.get("pim")
    if include is None:
        return True
    if include.families and next((one["family"] for one in chain if one["family"]), None) not in include.families:
        return False
    if include.categories and not any(one[f"categories.{wanted}"] for one in chain for wanted in include.categories):
        return False
    if include.at_least is None:
        return True
    told = [{leaf: one[leaf] for leaf in one.leaves if leaf.startswith("completeness.") and one[leaf] is not None} for one in chain]
    nearest = next((each for each in told if each), {})
    asked = [leaf for leaf in nearest if not include.locales or leaf.split(".")[2] in include.locales]
    missing = [locale for locale in include.locales if f"completeness.web.{locale}" not in nearest]
    return bool(asked) and not missing and min(nearest[leaf] for leaf in asked) >= include.at_least


def pim_rows(records: dict[str, Folded], chain: list[Folded], policy: Policy) -> list[Row]:
    rows: list[Row] = []
    for leaf in {leaf for one in chain for leaf in one.leaves if leaf.startswith("links.")}:
        _, role, locale, channel = leaf.split(".")
        said: list[list[str]] = next((one[leaf] for one in chain if one[leaf] is not None), [])
        if policy.owner(role) == "dam":
            continue
        for rank, (system, by, value) in enumerate(said):
            asset = f"asset/{system}/{value}" if by == "id" else holder_of(records, system, by, value)
            if all((row["asset"], row["spot"]) != (asset, (role, locale, channel)) for row in rows):
                rows.append({"asset": asset, "spot": (role, locale, channel), "rank": rank, "sides": {"pim"}})
    return rows


def holder_of(records: dict[str, Folded], system: str, by: str, value: str) -> str:
    leaf = f"aliases.{by}"
    holders = [r for r in records.values() if r.key.startswith(f"asset/{system}/") and not r.deleted and value in (r[leaf] or [])]
    newest = max((holder.order(leaf) for holder in holders), default="")
    return min((h.key for h in holders if h.order(leaf) == newest), default=f"alias/{system}/{by}/{value}")


def add_dam_rows(rows: list[Row], records: dict[str, Folded], chain: list[Folded], sku: str, policy: Policy) -> None:
    gtins = {norm for _, norm in (chain[0]["keys.gtin"] or [])} if chain else set()
    by_pim = [(row["asset"], row["spot"]) for row in rows]
    for asset in [r for r in records.values() if r.key.startswith("asset/")]:
        named = {norm for _, norm in asset["claims.sku"] or []} & {sku} or {norm for _, norm in asset["claims.gtin"] or []} & gtins
        for kind in ("product", "model"):
            named = named or {f"{kind}/{s}/{i}" for s, i in asset[f"claims.{kind}"] or []} & {one.key for one in chain}
        if not named:
            continue
        locale, channel = asset["locale"], asset["channel"]
        roles = [asset["role"]] if asset["role"] else [leaf[10:] for leaf in asset.leaves if leaf.startswith("tags.role:") and asset[leaf]]
        linked = [spot for key, spot in by_pim if key == asset.key]
        spots = [(role, locale or "*", channel or "*") for role in roles]
        if not roles:
            spots = [spot for spot in linked if locale in {None, spot[1]} and channel in {None, spot[2]}]
            spots = spots or [(role, locale or "*", channel or "*") for role in {spot[0] for spot in linked} or {policy.default_role}]
        for spot in [spot for spot in spots if policy.owner(spot[0]) != "pim"]:
            row = next((row for row in rows if (row["asset"], row["spot"]) == (asset.key, spot)), None)
            if row is None:
                row = {"asset": asset.key, "spot": spot, "rank": 10**6, "sides": set()}
                rows.append(row)
            row["sides"].add("dam")


def decided_by_people(records: dict[str, Folded], product: Folded | None) -> dict[str, Folded]:
    words = [r for r in records.values() if r.key.startswith("decision/") and not r.deleted and product and r["about"][0] == product.key]
    return {word["about"][1]: word for word in words}


def state_of(asset: Folded | None, product: Folded | None, word: Folded | None, policy: Policy, at_us: int) -> str:
    verdict = word["verdict"] if word else None
    if product is None or verdict == "reject" or asset is None:
        return "pending-product" if product is None else "rejected" if verdict == "reject" else "pending-asset"
    if asset.deleted or asset["approval"] == "rejected":
        return "withdrawn"
    if asset["approval"] == "pending" and verdict != "approve":
        return "pending-review"
    allow, deny = asset["rights.territories.allow"], asset["rights.territories.deny"]
    known = [asset[leaf] for leaf in ("rights.from", "rights.until", "rights.access")]
    if allow is not None and not [code for code in allow if code not in (deny or [])]:
        return "withdrawn"
    if [*known, allow, deny] == [None] * 5:
        if policy.when_rights_unknown.get("dam" if "/dam/" in asset.key else "other") != "show" or "" not in asset.floors:
            return "rights-unknown"
    elif asset["rights.access"] == []:
        return "no-public-url"
    elif not is_open(asset, at_us):
        return "embargoed" if any(is_open(asset, later) for later in instants(asset) if later > at_us) else "expired"
    return "live" if url_of(asset) else "no-public-url"


def is_open(asset: Folded, at_us: int) -> bool:
    """Whether the asset's rights hold at this very instant."""
    spans = [[asset["rights.from"], asset["rights.until"]]]
    inside = [(a is None or a <= at_us) and (b is None or at_us < b) for a, b in spans + (asset["rights.access"] or [])]
    return inside[0] and (asset["rights.access"] is None or any(inside[1:]))


def instants(asset: Folded) -> list[int]:
    """Every instant that the asset's rights mention, in order."""
    spans = [[asset["rights.from"], asset["rights.until"]], *(asset["rights.access"] or [])]
    return sorted({instant for span in spans for instant in span if instant is not None})


def next_other_state(asset: Folded | None, product: Folded | None, word: Folded | None, policy: Policy, at_us: int) -> int | None:
    """The first instant after this one at which the state is another one."""
    now = state_of(asset, product, word, policy, at_us)
    later = [instant for instant in instants(asset) if instant > at_us] if asset else []
    return next((instant for instant in later if state_of(asset, product, word, policy, instant) != now), None)


def url_of(asset: Folded) -> str | None:
    url, part = asset["url"], asset["part.public_id"]
    if not url or ("{" in url and not part):
        return None
    return str(url).replace("{public_id}", part or "")


def set_positions(rows: list[Row], records: dict[str, Folded], words: dict[str, Folded]) -> None:
    def natural(row: Row) -> Any:
        asset, word = records.get(row["asset"]), words.get(row["asset"])
        position = asset["position"] if asset and asset["position"] is not None else 10**6
        return not (word and word["pin"]), row["rank"], position, row["asset"]

    for spot in {row["spot"] for row in rows}:
        group = sorted((row for row in rows if row["spot"] == spot), key=natural)
        places = {id(row): words[row["asset"]]["place"] for row in group if row["asset"] in words}
        placed = [row for row in group if places.get(id(row)) is not None]
        group.sort(key=lambda row: words[row["asset"]]["pin"] is None if row["asset"] in words else True)
        placed.sort(key=lambda row: places[id(row)])
        seats, last = {}, -1
        for number, row in enumerate(placed):
            last = max(places[id(row)], last + 1)
            seats[min(last, len(group) - len(placed) + number)] = row
        others = iter([row for row in group if row not in placed])
        for index in range(len(group)):
            (seats[index] if index in seats else next(others))["position"] = index
