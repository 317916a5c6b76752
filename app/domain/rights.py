"""May this asset be shown at an instant, and until when: approval, periods, access, rights data, a URL to give.

Owns: which state applies and the instants at which time alone changes them. Does not own: the sentences (app/domain/reasons.py), who
binds what (app/domain/placements.py). Next stop: app/domain/reasons.py.

Periods are half-open [from, until) in microseconds, UTC. Whatever cannot be read as a right is not a right.
"""

from collections.abc import Mapping, Sequence

from app.domain import reasons
from app.domain.facets import Json
from app.domain.keys import split_key
from app.domain.policy import Policy
from app.domain.reasons import Verdict
from app.domain.territories import ALL
from app.domain.urls import expand, missing
from app.domain.view import View

ALLOW, DENY = "rights.territories.allow", "rights.territories.deny"
BEGINNING, END = -(1 << 63), (1 << 63) - 1

Period = tuple[int, int]


def judge(asset: View, decision: View | None, policy: Policy, at_us: int) -> Verdict:
    """The state of an asset on a known product. The first that applies: a person's word, the DAM's, time, the URL."""
    word = decision.leaves.get("verdict") if decision else None
    if decision and word == "reject":
        return Verdict("rejected", "rejected-by-person", reasons.REJECTED, why=decision.leaves.get("why"))
    system = split_key(asset.key)[1]
    if asset.deleted:
        return Verdict("withdrawn", "deleted", reasons.deleted(system))
    approval = asset.leaves.get("approval", "approved")
    if approval in {"rejected", "archived"}:
        return Verdict("withdrawn", approval, reasons.not_approved(system, approval))
    if approval != "approved" and word != "approve":
        return Verdict("pending-review", "pending-review", reasons.pending_review(system))
    return _rights(asset, system, policy, at_us)


def _rights(asset: View, system: str, policy: Policy, at_us: int) -> Verdict:
    leaves = asset.leaves
    from_us, until_us, access = leaves.get("rights.from"), leaves.get("rights.until"), leaves.get("rights.access")
    allow, deny = leaves.get(ALLOW), leaves.get(DENY)
    if from_us is None and until_us is None and access is None and allow is None and deny is None:
        return _unknown(asset, system, policy)
    if not (_is_instant(from_us) and _is_instant(until_us) and _is_access(access) and _is_list(allow) and _is_list(deny)):
        return Verdict("suspect", "rights-unreadable", reasons.unreadable(system))
    if (allow is not None or deny is not None) and not (ALL if allow is None else set(allow)) - set(deny or ()):
        return Verdict("withdrawn", "nowhere", reasons.nowhere(system))
    if access == []:
        return Verdict("no-public-url", "access-never", reasons.access_never(system))
    periods = open_periods(from_us, until_us, access)
    for start, end in periods:
        if at_us < start:
            return Verdict("embargoed", "embargoed", reasons.embargoed(system, start), changes_us=start)
        if at_us < end:
            return _url(asset, system, "known", None if end == END else end)
    if not periods:
        return Verdict("expired", "never-open", reasons.never_open(system))
    return Verdict("expired", "expired", reasons.expired(system, periods[-1][1]))


def _unknown(asset: View, system: str, policy: Policy) -> Verdict:
    if not policy.shows_unknown_rights(system):
        return Verdict("rights-unknown", "rights-hidden", reasons.rights_hidden(system))
    if not asset.whole:
        return Verdict("rights-unknown", "rights-not-whole", reasons.rights_not_whole(system))
    return _url(asset, system, "unknown", None)


def _url(asset: View, system: str, rights: str, until_us: int | None) -> Verdict:
    template = asset.leaves.get("url")
    if not template:
        return Verdict("no-public-url", "no-url", reasons.no_url(system), until_us)
    url = expand(template, asset.leaves)
    if not url:
        return Verdict("no-public-url", "url-incomplete", reasons.url_incomplete(system, missing(template, asset.leaves)), until_us)
    return Verdict("live", "live", reasons.shown(system, rights, until_us), changes_us=until_us, url=url)


def open_periods(from_us: int | None, until_us: int | None, access: Sequence[Sequence[int | None]] | None) -> list[Period]:
    """The periods in which both the rights and (where there is any) one of the access intervals hold: sorted, disjoint, not touching."""
    start = BEGINNING if from_us is None else from_us
    end = END if until_us is None else until_us
    if access is None:
        return [(start, end)] if start < end else []
    clipped = ((max(start, BEGINNING if one is None else one), min(end, END if other is None else other)) for one, other in access)
    merged: list[Period] = []
    for opens, closes in sorted(period for period in clipped if period[0] < period[1]):
        if merged and opens <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], closes))
        else:
            merged.append((opens, closes))
    return merged


def _is_instant(value: Json) -> bool:
    return value is None or type(value) is int


def _is_list(value: Json) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def territories_of(leaves: Mapping[str, Json]) -> dict[str, Json] | None:
    """{allow, deny}, codes of two letters each, where `allow` is null for everywhere; None where nothing is said about territories."""
    allow, deny = leaves.get(ALLOW), leaves.get(DENY)
    if (allow is None and deny is None) or not (_is_list(allow) and _is_list(deny)):
        return None
    return {"allow": None if allow is None or set(allow) >= ALL else allow, "deny": deny}


def _is_access(value: Json) -> bool:
    if value is None:
        return True
    if not isinstance(value, list):
        return False
    return all(isinstance(one, list) and len(one) == 2 and _is_instant(one[0]) and _is_instant(one[1]) for one in value)
