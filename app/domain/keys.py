"""Names of records and the tokens by which records find each other.

Owns: record keys, tokens, which leaves make tokens, normalisation of shared IDs. Does not own: GTIN arithmetic (app/sources/transforms.py
uses biip), the search itself (app/ports.py: Documents.matching). Next stop: consumers/projector.py.

A record is named "kind/system/id"; kinds are `asset`, `product`, `model`, `decision`. A token says that a record *holds* a key ("=…")
or *points* at one (">…"; "^…" for a parent); two records meet where one holds what the other points at:

    =sku/NH-1      product        >sku/NH-1            asset that claims the SKU
    =gtin/0952…    product        >gtin/0952…          asset that claims the GTIN
    =p/akeneo/7c…  product        >p/akeneo/7c…        asset that claims the product's own id
    =m/akeneo/LMP  model          >m/akeneo/LMP        asset that claims the model
                                  ^m/akeneo/LMP        variant or sub-model of it: apart, since there may be thousands
    =a/cld/id/7d1  asset          >a/cld/id/7d1        product or model that links it by id
    =a/cld/public_id/x  asset     >a/cld/public_id/x   … that links it by an alias
                                  >d/product/akeneo/7c decision about that product

Leaves that make tokens (shapes fixed here, filled by app/sources/project.py and app/api/decisions.py):
    product, model  keys.sku = [raw, key] · keys.gtin = [[raw, key], …] · parent = code
                    links.<role>.<locale>.<channel> = [[system, by, value], …]
    asset           claims.sku, claims.gtin = [[raw, key], …] · claims.product, claims.model = [[system, id], …]
                    aliases.<by> = [value, …]
    decision        about = [product record key, asset record key]
"""

from collections.abc import Mapping
from typing import Any

ANY = "*"  # locale or channel of a link that holds for all

KINDS = ("asset", "product", "model", "decision")


def record_key(kind: str, system: str, thing: str) -> str:
    """Names a record. `thing` is the id at its system and may hold any character, slashes too; `system` holds none."""
    return f"{kind}/{system}/{thing}"


def split_key(key: str) -> tuple[str, str, str]:
    """The inverse of record_key()."""
    kind, system, thing = key.split("/", 2)
    return kind, system, thing


def sku_of(token: str) -> str | None:
    """The SKU that a token holds or points at, None for a token of another sort."""
    return token[5:] if token.startswith("sku/", 1) else None


def partners(token: str) -> tuple[str, ...]:
    """The tokens by which the other side of this one is found: what is pointed at for a pointer, who points at it for a holder.

    Not the variants of a model (there may be thousands: a sweep pages through them).
    """
    if token[0] in ">^":
        return ("=" + token[1:],)
    return (">" + token[1:],)


def own_token(key: str) -> str:
    """The token every record holds by being itself."""
    kind, system, thing = split_key(key)
    match kind:
        case "asset":
            return f"=a/{system}/id/{thing}"
        case "product":
            return f"=p/{system}/{thing}"
        case "model":
            return f"=m/{system}/{thing}"
        case "decision":
            return f"=d/{system}/{thing}"
        case _:
            pass
    raise ValueError(f"there is no kind of record called {kind!r}")


def tokens_of(key: str, leaves: Mapping[str, Any]) -> set[str]:
    """All tokens that these leaves make for this record, its own included. Leaves that were taken away (None) make none."""
    kind, system, _ = split_key(key)
    tokens = {own_token(key)}
    if kind == "asset":
        for leaf, value in leaves.items():
            # The prefix is tested here rather than in a table of leaves: this runs for every leaf of every event.
            if leaf.startswith(("claims.", "aliases.")) and value is not None:
                tokens.update(_asset_tokens(system, leaf, value))
    elif kind == "decision":
        about = leaves.get("about")
        if about is not None:
            tokens.add(f">d/{about[0]}")
    else:
        for leaf, value in leaves.items():
            if leaf.startswith(("keys.", "links.", "parent")) and value is not None:
                tokens.update(_product_tokens(system, leaf, value))
    return tokens


def _asset_tokens(system: str, leaf: str, value: Any) -> list[str]:
    match leaf:
        case "claims.sku":
            return [f">sku/{norm}" for _, norm in value]
        case "claims.gtin":
            return [f">gtin/{norm}" for _, norm in value]
        case "claims.product":
            return [f">p/{other}/{thing}" for other, thing in value]
        case "claims.model":
            return [f">m/{other}/{thing}" for other, thing in value]
        case _ if leaf.startswith("aliases."):
            by = leaf[8:]
            return [f"=a/{system}/{by}/{alias}" for alias in value]
        case _:
            return []


def _product_tokens(system: str, leaf: str, value: Any) -> list[str]:
    if leaf.startswith("links."):
        return [f">a/{other}/{by}/{ref}" for other, by, ref in value]
    match leaf:
        case "keys.sku":
            return [f"=sku/{value[1]}"]
        case "keys.gtin":
            return [f"=gtin/{norm}" for _, norm in value]
        case "parent":
            return [f"^m/{system}/{value}"]
        case _:
            return []
