"""What a deployment decides about binding: who owns which role, whose texts win, what unknown rights mean.

Owns: Policy and its defaults. Does not own: reading it from bindery.yaml (app/configuration.py), applying it (app/domain/bind.py).
Next stop: app/domain/bind.py; docs/decisions/ownership-of-roles.md explains the three patterns of the field.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

Owner = Literal["pim", "dam", "both"]
Unknown = Literal["hide", "show"]
Inheritance = Literal["own", "flattened"]

ANY_ROLE = "*"


@dataclass(frozen=True, slots=True)
class Include:
    """Which products count (app/domain/include.py). Empty collections ask for nothing; of a list any entry suffices. at_least: percent, in
    every one of the named channels and locales (all that the product tells, where none is named); None asks for nothing."""

    families: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    at_least: int | None = None
    channels: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """The choices that bind() needs; every mapping may leave names out, the defaults below then hold.

    ownership: role -> whose word counts, "*" for all other roles (both). texts: whose words win; "both": the PIM's, filled up by the DAM's.
    role_tag_prefix: a tag `role:packshots` names a role; "" switches that off. default_role: of claims that name none.
    when_rights_unknown: asset system -> show or hide (hide). inheritance: product system -> own (climb to the models) or flattened (own).
    include: product system -> which of its products count (all). variants_listed: product systems whose models list their variants, so that
    what a model lists no longer is gone (app/domain/variants.py).
    max_bindings_per_sku: more are cut off, visibly, so that a topic value stays below the log's message limit.
    """

    ownership: Mapping[str, Owner] = field(default_factory=lambda: {ANY_ROLE: "both"})
    texts: Owner = "both"
    role_tag_prefix: str = "role:"
    default_role: str = "asset"
    when_rights_unknown: Mapping[str, Unknown] = field(default_factory=dict)
    inheritance: Mapping[str, Inheritance] = field(default_factory=dict)
    include: Mapping[str, Include] = field(default_factory=dict)
    variants_listed: Collection[str] = frozenset()
    max_bindings_per_sku: int = 500

    def owner(self, role: str) -> Owner:
        """Whose word counts for this role."""
        return self.ownership.get(role) or self.ownership.get(ANY_ROLE, "both")

    def shows_unknown_rights(self, asset_system: str) -> bool:
        """Whether an asset of this system without any rights data may be shown (once its full state is known)."""
        return self.when_rights_unknown.get(asset_system, "hide") == "show"

    def climbs(self, product_system: str) -> bool:
        """Whether a product of this system inherits from its models here, rather than at its source."""
        return self.inheritance.get(product_system, "own") == "own"
