"""Which assets belong to a SKU, in which role, locale and channel, and on whose word.

Owns: resolving the PIM's links, recognising what the DAM names, ownership of roles, the union of both sides.
Does not own: which product speaks (app/domain/family.py), whether an asset may be shown (app/domain/rights.py).
Next stop: app/domain/ranking.py.

docs/decisions/ownership-of-roles.md explains the rules and the three patterns of the field.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from app.domain.details import Details, details_of, roles_of
from app.domain.facets import Json, segments
from app.domain.family import Family
from app.domain.keys import ANY, split_key
from app.domain.policy import Policy
from app.domain.view import View

Origin = dict[str, Json]
Spot = tuple[str, str, str]  # role, locale, channel
UNRANKED = 1 << 62


@dataclass(slots=True)
class Placement:
    """An asset in a role, locale and channel. key: its record key, or what stands for it while an alias leads nowhere. rank: in the PIM's
    display order. refs: the aliases by which the PIM links it."""

    key: str
    asset: View | None
    spot: Spot
    rank: int
    origins: list[Origin]
    refs: tuple[str, ...] = ()
    unresolved: tuple[str, str, str] | None = None  # system, by, value


class Board:
    """All placements of one SKU; one for each asset, role, locale and channel. `refused`, where given, collects (asset key, sentence)."""

    def __init__(self, family: Family, assets: Mapping[str, View], policy: Policy, refused: list[tuple[str, str]] | None = None) -> None:
        self._family, self._assets, self._policy, self._refused = family, assets, policy, refused
        self._placed: dict[tuple[str, Spot], Placement] = {}
        self._linked: dict[str, list[Placement]] = {}
        self._holders: dict[tuple[str, str], dict[str, View]] = {}
        self._details: dict[str, Details] = {}
        self._members = frozenset(member.key for member in family.members)

    def placements(self, sku: str, decisions: Mapping[str, View]) -> list[Placement]:
        """What both sides say together, in no particular order."""
        for member, leaf, links in self._family.links():
            self._place_links(member, leaf, links)
        for asset in self._assets.values():
            origins = self._named(asset, sku)
            if origins:
                self._place_named(asset, origins, decisions.get(asset.key))
        return list(self._placed.values())

    def details(self, asset: View) -> Details:
        """What the asset's record says by name; read once."""
        held = self._details.get(asset.key)
        if held is None:
            held = self._details[asset.key] = details_of(asset)
        return held

    def _place_links(self, member: View, leaf: str, links: list[list[str]]) -> None:
        _, role, locale, channel = (*(segments(leaf) if "~" in leaf else leaf.split(".")), ANY, ANY, ANY)[:4]
        pim = split_key(member.key)[1]
        owner, spot = self._policy.owner(role), (role, locale, channel)
        for rank, (system, by, value) in enumerate(links):
            if by == "id":
                key = f"asset/{system}/{value}"
                asset = self._assets.get(key)
            else:
                asset = self._holder(system, by, value)
                name = _told(by, value)
                key = asset.key if asset else f"alias/{system}/{by}/{name}"
            if owner == "dam":
                self._refuse(key, f"The PIM ({pim}) links it as {role}, and by configuration only the DAM decides about that role.")
                continue
            placement = self._placed.get((key, spot))
            if placement is None:
                origin: Origin = {"side": "pim", "system": pim, "by": "link", "record": member.key}
                placement = self._placed[key, spot] = Placement(key, asset, spot, rank, [origin])
                if asset is None:
                    placement.unresolved = (system, by, _told(by, value))
                self._linked.setdefault(key, []).append(placement)
            if by != "id":
                placement.refs += (value,)

    def _holder(self, system: str, by: str, value: str) -> View | None:
        holders = self._holders.get((system, by))
        if holders is None:
            holders = self._holders[system, by] = current_holders(self._assets, system, by)
        return holders.get(value)

    def _named(self, asset: View, sku: str) -> list[Origin]:
        """The ways in which the asset's own record names this SKU, one of its GTINs, its product or a model above; [] for none."""
        leaves, members = asset.leaves, self._members
        ways: list[tuple[str, str]] = []
        if "claims.product" in leaves:
            ways += [("product", thing) for system, thing in leaves["claims.product"] if f"product/{system}/{thing}" in members][:1]
        if "claims.model" in leaves:
            ways += [("model", thing) for system, thing in leaves["claims.model"] if f"model/{system}/{thing}" in members][:1]
        if "claims.sku" in leaves and (raw := asset.claimed_sku(sku)) is not None:
            ways.append(("sku", raw))
        if "claims.gtin" in leaves:
            ways += [("gtin", raw) for raw, norm in leaves["claims.gtin"] if norm in self._family.gtins][:1]
        if not ways:
            return []
        system = split_key(asset.key)[1]
        return [{"side": "dam", "system": system, "by": by, "value": value} for by, value in ways]

    def _place_named(self, asset: View, origins: list[Origin], decision: View | None) -> None:
        leaves = asset.leaves
        locale, channel = leaves.get("locale"), leaves.get("channel")
        chosen = decision.leaves.get("role") if decision else None
        roles = [chosen] if chosen else roles_of(asset, self.details(asset), self._policy.role_tag_prefix)
        spots = [(role, locale or ANY, channel or ANY) for role in roles] or self._adopted(asset.key, locale, channel)
        for spot in spots or [(self._policy.default_role, locale or ANY, channel or ANY)]:
            if self._policy.owner(spot[0]) == "pim":
                words = f"The DAM ({origins[0]['system']}) names this SKU for it as {spot[0]}"
                self._refuse(asset.key, f"{words}, and by configuration only the PIM decides about that role.")
                continue
            placement = self._placed.get((asset.key, spot))
            if placement is None:
                placement = self._placed[asset.key, spot] = Placement(asset.key, asset, spot, UNRANKED, [])
            placement.origins += origins

    def _adopted(self, key: str, locale: str | None, channel: str | None) -> list[Spot]:
        """Where an asset that names no role of its own stands: where the PIM links it, as far as its own locale and channel agree."""
        linked = [placement.spot for placement in self._linked.get(key, ())]
        if locale is None and channel is None:
            return linked
        agreeing = [spot for spot in linked if (locale is None or spot[1] == locale) and (channel is None or spot[2] == channel)]
        return agreeing or [(role, locale or ANY, channel or ANY) for role in sorted({spot[0] for spot in linked})]

    def _refuse(self, key: str, sentence: str) -> None:
        if self._refused is not None:
            self._refused.append((key, sentence))


def _told(by: str, value: str) -> str:
    """An asset that is linked by URL and not known is named by a digest: nobody has said that the URL may be handed out."""
    return blake2b(value.encode(), digest_size=10).hexdigest() if by == "url" else value


def current_holders(assets: Mapping[str, View], system: str, by: str) -> dict[str, View]:
    """Alias -> the asset that holds it: not deleted, the greatest order of that leaf, then the smallest key."""
    leaf, prefix = f"aliases.{by}", f"asset/{system}/"
    candidates = [asset for key, asset in assets.items() if key.startswith(prefix) and not asset.deleted and leaf in asset.leaves]
    candidates.sort(key=lambda asset: asset.key, reverse=True)
    candidates.sort(key=lambda asset: asset.orders[leaf])
    return {alias: asset for asset in candidates for alias in asset.leaves[leaf]}
