"""The sentences that say why an asset is shown or not: one plain sentence each, naming the side and the source, and the instant if any.

Owns: the states, the wording. Does not own: which of them applies (app/domain/rights.py, app/domain/placements.py).
Next stop: app/domain/bind.py.

A sentence never says what time it is, so that an answer stays the same until the instant at which it says it changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.domain.facets import Json
from app.domain.instants import rfc3339
from app.domain.keys import ANY

REJECTED = "A person rejected it for this product."


# What a binding is; only `live` ones carry a URL.
State = Literal[
    "live",
    "embargoed",
    "expired",
    "withdrawn",
    "suspect",
    "pending-asset",
    "pending-product",
    "pending-review",
    "rejected",
    "rights-unknown",
    "no-public-url",
]


@dataclass(slots=True)
class Verdict:
    """A state, why (a code for programs, a sentence for people), when time alone ends it, the URL where it may be given.

    `text` of a live asset begins in lower case: the words of app/domain/reasons.py on who placed it go in front.
    """

    state: State
    code: str
    text: str
    changes_us: int | None = None
    url: str | None = None
    why: str | None = None


def deleted(system: str) -> str:
    return f"The DAM ({system}) deleted it."


def not_approved(system: str, approval: str) -> str:
    return f"The DAM ({system}) marks it as {approval}."


def pending_review(system: str) -> str:
    return f"The DAM ({system}) says that it is not approved yet."


def rights_hidden(system: str) -> str:
    return f"The DAM ({system}) gives no rights data for it, and such assets of this system are hidden by configuration."


def rights_not_whole(system: str) -> str:
    return f"The DAM ({system}) has told only a part of this asset so far, so its rights are not known."


def unreadable(system: str) -> str:
    return f"The DAM ({system}) gives rights data for it that cannot be understood."


def access_never(system: str) -> str:
    return f"The DAM ({system}) gives the public no access to it."


def never_open(system: str) -> str:
    return f"The DAM ({system}) gives periods for it that leave no time at all at which it may be shown."


def embargoed(system: str, from_us: int) -> str:
    return f"The DAM ({system}) lets it be shown only from {rfc3339(from_us)}."


def expired(system: str, until_us: int) -> str:
    return f"The DAM ({system}) let it be shown only until {rfc3339(until_us)}."


def no_url(system: str) -> str:
    return f"The DAM ({system}) gives no public URL for it."


def url_incomplete(system: str, missing: Iterable[str]) -> str:
    return f"The DAM ({system}) gives a URL that needs {' and '.join(missing)}, which it has not told."


def shown(system: str, rights: str, until_us: int | None) -> str:
    """The second half of a live asset's sentence."""
    if rights == "unknown":
        return f"the DAM ({system}) gives no rights data for it, and such assets of this system are shown by configuration."
    if until_us is None:
        return f"the DAM ({system}) lets it be shown without an end."
    return f"the DAM ({system}) lets it be shown until {rfc3339(until_us)}."


def pending_product(sku: str, system: str) -> str:
    return f"The DAM ({system}) names the SKU {sku}, which no product of a PIM has."


def product_disabled(pim: str, model: str) -> str:
    """model: where it is one above the product that is off."""
    return f"The PIM ({pim}) has switched {f'the model {model} above this product' if model else 'this product'} off."


def _scope(channel: str, locale: str) -> str:
    return ("" if channel == ANY else f" for {channel}") + ("" if locale == ANY else f" in {locale}")


def _some(names: Sequence[str]) -> str:
    """Names for a sentence, five at most."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def excluded_family(pim: str, family: str | None, wanted: Sequence[str]) -> str:
    has = f"gives this product the family {family}" if family else "gives this product no family"
    return f"The PIM ({pim}) {has}, and by configuration only {_some(wanted)} count."


def excluded_category(pim: str, held: Sequence[str], wanted: Sequence[str]) -> str:
    has = f"files this product under {_some(held)}" if held else "files this product under no category"
    return f"The PIM ({pim}) {has}, and by configuration only what is under {_some(wanted)} counts."


def excluded_unknown(pim: str, channel: str, locale: str, at_least: int) -> str:
    asked = f"by configuration it counts from {at_least} % on"
    return f"The PIM ({pim}) has not told how complete this product is{_scope(channel, locale)}, and {asked}."


def excluded_incomplete(pim: str, percent: int, channel: str, locale: str, at_least: int) -> str:
    asked = f"by configuration it counts from {at_least} % on"
    return f"The PIM ({pim}) says that this product is {percent} % complete{_scope(channel, locale)}, and {asked}."


def variant_gone(pim: str, model: str, deleted_: bool) -> str:
    return f"The PIM ({pim}) {'has deleted' if deleted_ else 'lists the variants of'} {model}{'' if deleted_ else ' without it'}."


def nowhere(system: str) -> str:
    return f"The DAM ({system}) lets it be shown in no territory at all."


def pending_asset(pim: str, system: str, by: str, value: str) -> str:
    if by == "id":
        return f"The PIM ({pim}) links the asset {value} of {system}, about which nothing is known yet."
    return f"The PIM ({pim}) links the asset of {system} whose {by} is {value}, and no known asset has it."


def placed(origins: Iterable[Mapping[str, Json]]) -> str:
    """The first half of a live asset's sentence: who put it on this product."""
    words = [
        f"the PIM ({origin['system']}) links it" + (f" to {origin['record']}" if origin["record"][0] == "m" else "")
        if origin["side"] == "pim"
        else f"the DAM ({origin['system']}) names {_NAMED[origin['by']]}"
        for origin in origins
    ]
    return " and ".join(words)


_NAMED = {"product": "this product", "model": "its model", "sku": "this SKU", "gtin": "its GTIN"}
