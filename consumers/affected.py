"""Whom a written record may concern: the SKUs to decide again and the models whose variants follow.

Owns: the look after the write. Does not own: the write (consumers/projector.py), the paging through variants (consumers/sweeps.py).
Next stop: consumers/binder.py.

A product or model asks the SKUs it ever claimed, and those of products that share a GTIN it ever had. An asset asks the SKUs it ever
claimed and, by the keys it ever claimed or held, the products that hold or link them now. A decision asks the SKUs that its
product ever claimed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.domain import facets, keys
from app.domain.facets import Record
from app.ports import StoreView
from consumers.sweeps import VARIANTS

PAGE = 2000


@dataclass(slots=True)
class Affected:
    """skus: normalised SKUs. models: keys of sweeps ("variants/model/…")."""

    skus: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)


async def look(store: StoreView, records: Iterable[Record]) -> Affected:
    """Two queries, whatever the number of records; more only where thousands of products are concerned.

    Failure policy: StoreUnavailable passes through.
    """
    found = Affected()
    search: set[str] = set()
    about: set[str] = set()
    for record in records:
        kind = record.key.partition("/")[0]
        found.skus.update(sku for token in record.ever if (sku := keys.sku_of(token)))
        if kind == "asset":
            search.update(*(keys.partners(token) for token in record.ever if not token.startswith(">sku/")))
        elif kind == "decision":
            about.add(facets.visible(record)["about"][0])
        else:
            search.update(token for token in record.ever if token.startswith("=gtin/"))
            if kind == "model":
                found.models.add(VARIANTS + record.key)
    after = ""
    while search:
        # In pages: a logo may be linked by a hundred thousand products.
        docs = await store.records.matching(search, after=after, limit=PAGE, bodies=False)
        for doc in docs:
            kind = doc.id.partition("/")[0]
            if kind == "model":
                found.models.add(VARIANTS + doc.id)
            elif kind == "product":
                found.skus.update(sku for token in doc.tokens if (sku := keys.sku_of(token)))
        if len(docs) < PAGE:
            break
        after = docs[-1].id
    if about:
        for doc in (await store.records.load(about)).values():
            ever = facets.load(doc.id, doc.body, doc.version).ever
            found.skus.update(sku for token in ever if (sku := keys.sku_of(token)))
    return found
