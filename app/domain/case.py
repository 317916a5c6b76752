"""One SKU at one instant, being decided: every part of the decision, in the order in which they are needed.

Owns: Case, what a binding is made of, its id. Does not own: the parts (family.py, placements.py, ranking.py, rights.py in app/domain).
Next stop: app/domain/bind.py.
"""

from dataclasses import dataclass
from hashlib import blake2b

from app.domain import reasons, texts
from app.domain.details import renditions_of
from app.domain.facets import Json
from app.domain.family import Family, Texts, family_of
from app.domain.inputs import Inputs
from app.domain.instants import optional, rfc3339
from app.domain.keys import split_key
from app.domain.placements import Board, Placement
from app.domain.policy import Policy
from app.domain.ranking import cut, ranked
from app.domain.reasons import Verdict
from app.domain.rights import judge, territories_of
from app.domain.view import View

NO_RIGHTS: dict[str, Json] = {"from": None, "until": None, "territories": None}


@dataclass(slots=True)
class Shown:
    """What is the same for an asset wherever it stands on this SKU."""

    verdict: Verdict
    texts: Texts
    content: dict[str, Json]
    rights: dict[str, Json]
    renditions: dict[str, Json]


class Case:
    """A decision under way. Reads its inputs, changes nothing of them; `refused`, where given, collects (asset key, sentence)."""

    def __init__(self, inputs: Inputs, policy: Policy, at_us: int, refused: list[tuple[str, str]] | None = None) -> None:
        self.policy, self.at_us = policy, at_us
        self.family: Family = family_of(inputs, policy)
        self.assets = {asset.key: asset for asset in inputs.assets}
        self.decisions = _decisions(inputs.decisions, self.family.product)
        self.sku = inputs.sku
        self.board = Board(self.family, self.assets, policy, refused)
        self.everything = ranked(self.board.placements(inputs.sku, self.decisions), self.decisions)
        self._pim_texts = self.family.texts() if policy.texts != "dam" else {}
        self._shown: dict[str, Shown] = {}
        self._withdrawn = self._of_product()

    def bindings(self) -> tuple[list[dict[str, Json]], list[int]]:
        """The bindings, and the instants at which time alone changes one of them."""
        rendered, instants = [], []
        for position, placement in cut(self.everything, self.policy.max_bindings_per_sku):
            verdict, rendered_one = self.binding(position, placement)
            rendered.append(rendered_one)
            if verdict.changes_us is not None:
                instants.append(verdict.changes_us)
        return rendered, instants

    def shown(self, asset: View) -> Shown:
        """Judged once, however many places the asset has."""
        held = self._shown.get(asset.key)
        if held is None:
            leaves = asset.leaves
            if self.family.product is None:
                verdict = self._without_product(asset)
            elif self._withdrawn is not None:
                verdict = self._withdrawn
            else:
                verdict = judge(asset, self.decisions.get(asset.key), self.policy, self.at_us)
            ends = {"from": _instant(leaves.get("rights.from")), "until": _instant(leaves.get("rights.until"))}
            rights: dict[str, Json] = {**ends, "territories": territories_of(leaves)}
            content = {"checksum": leaves.get("checksum"), "version": leaves.get("content_version")}
            details = self.board.details(asset)
            renditions = renditions_of(asset, details) if verdict.state == "live" else {}
            held = self._shown[asset.key] = Shown(verdict, details.texts, content, rights, renditions)
        return held

    def _without_product(self, asset: View) -> Verdict:
        return Verdict("pending-product", "pending-product", reasons.pending_product(self.sku, split_key(asset.key)[1]))

    def _of_product(self) -> Verdict | None:
        """A product that is off, or does not count, shows nothing, whatever may be said about each of its assets."""
        product = self.family.product
        if product is None:
            return None
        system = split_key(product.key)[1]
        off = self.family.disabled
        if off is not None:
            model = "" if off is product else split_key(off.key)[2]
            return Verdict("withdrawn", "product-disabled", reasons.product_disabled(system, model))
        why = self.family.excluded
        return Verdict("withdrawn", "product-excluded", why) if why else None

    def _without_asset(self, placement: Placement) -> Verdict:
        if self._withdrawn is not None:
            return self._withdrawn
        decision = self.decisions.get(placement.key)
        if decision and decision.leaves.get("verdict") == "reject":
            return Verdict("rejected", "rejected-by-person", reasons.REJECTED, why=decision.leaves.get("why"))
        assert placement.unresolved is not None
        return Verdict("pending-asset", "pending-asset", reasons.pending_asset(placement.origins[0]["system"], *placement.unresolved))

    def binding(self, position: int, placement: Placement) -> tuple[Verdict, dict[str, Json]]:
        if placement.asset is not None:
            _, system, thing = split_key(placement.key)
            name: dict[str, Json] = {"system": system, "id": thing}
            shown = self.shown(placement.asset)
        else:
            assert placement.unresolved is not None
            system, by, thing = placement.unresolved
            name = {"system": system, "id": thing} if by == "id" else {"system": system, "id": thing, "by": by}
            shown = Shown(self._without_asset(placement), {}, {"checksum": None, "version": None}, dict(NO_RIGHTS), {})
        verdict = shown.verdict
        live = verdict.state == "live"
        role, locale, channel = placement.spot
        return verdict, {
            "id": self._id(placement),
            "asset": name,
            "role": role,
            "position": position,
            "locale": locale,
            "channel": channel,
            "state": verdict.state,
            "reason": _reason(verdict, placement),
            "url": verdict.url,
            "content": shown.content,
            "renditions": shown.renditions,
            "texts": texts.merged(self._texts_for(system, thing, placement), shown.texts, self.policy.texts),
            "rights": shown.rights,
            "origins": placement.origins,
            "valid_until": optional(verdict.changes_us) if live else None,
        }

    def _texts_for(self, system: str, thing: str, placement: Placement) -> Texts | None:
        """The PIM may name an asset by its id or by the alias it links it with; the id goes first."""
        if not self._pim_texts:
            return None
        found: Texts = {}
        for name in (thing, *sorted(placement.refs)):
            for kind, by_locale in self._pim_texts.get((system, name), {}).items():
                found[kind] = {**by_locale, **found.get(kind, {})}
        return found

    def _id(self, placement: Placement) -> str:
        anchor = self.family.product.key if self.family.product else self.sku
        return blake2b("\0".join((anchor, placement.key, *placement.spot)).encode(), digest_size=10).hexdigest()


def _decisions(decisions: list[View], product: View | None) -> dict[str, View]:
    """Asset key -> what people decided about it on this product: the decision set last, then the one with the smallest key."""
    if product is None or not decisions:
        return {}
    chosen: dict[str, tuple[str, View]] = {}
    for one in sorted(decisions, key=lambda one: one.key):
        about = one.leaves.get("about")
        if one.deleted or not about or about[0] != product.key:
            continue
        order = one.orders["about"]
        if about[1] not in chosen or order > chosen[about[1]][0]:
            chosen[about[1]] = (order, one)
    return {asset: one for asset, (_, one) in chosen.items()}


def _reason(verdict: Verdict, placement: Placement) -> dict[str, Json]:
    text = verdict.text
    if verdict.state == "live":
        text = f"T{reasons.placed(placement.origins)[1:]}, and {text}"
    reason: dict[str, Json] = {"code": verdict.code, "text": text}
    if verdict.changes_us is not None:
        reason["changes_at"] = rfc3339(verdict.changes_us)
    if verdict.why:
        reason["why"] = verdict.why
    return reason


def _instant(value: Json) -> str | None:
    return rfc3339(value) if type(value) is int else None
