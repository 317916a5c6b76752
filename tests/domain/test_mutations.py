"""The properties of tests/domain/test_histories.py can fail: each wrong merge and each wrong bind below is caught by them.

Owns: the wrong variants. Does not own: the properties. Next stop: tests/domain/test_bind_properties.py.
"""

from collections.abc import Callable, Iterable, Mapping

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from app.domain import facets, family, keys, placements, rights
from app.domain.facets import Change, Record
from app.domain.inputs import Inputs
from app.domain.policy import Policy
from app.domain.view import View
from tests.domain import histories
from tests.domain.test_histories import POLICIES, check_bind, check_merge

Patch = Callable[[pytest.MonkeyPatch], None]


def drop_the_floor(patch: pytest.MonkeyPatch) -> None:
    """A full state sets what it mentions and leaves the rest as it was."""
    patch.setattr(facets, "_raise_floors", lambda record, change: False)


def compare_by_arrival(patch: pytest.MonkeyPatch) -> None:
    """What arrives last wins."""

    def set_leaves(record: Record, change: Change) -> bool:
        record.leaves.update({leaf: (change.order, value, change.event) for leaf, value in change.leaves.items()})
        return True

    patch.setattr(facets, "_set_leaves", set_leaves)


def ties_by_arrival(patch: pytest.MonkeyPatch) -> None:
    """Of two changes with one order, the one that arrives last wins."""
    patch.setattr(facets, "_wins_tie", lambda value, event, held: True)


def ties_without_the_event(patch: pytest.MonkeyPatch) -> None:
    """Two events that say the same with one order: the first to arrive is remembered."""
    patch.setattr(facets, "_wins_tie", lambda value, event, held: facets._canonical(value) > facets._canonical(held[1]))


def forget_what_was_ever_named(patch: pytest.MonkeyPatch) -> None:
    """Only the keys named now are kept."""

    def merge(record: Record, changes: Iterable[Change]) -> bool:
        touched = facets.merge(record, changes)
        record.ever = keys.tokens_of(record.key, facets.visible(record))
        return touched

    patch.setattr(histories, "merge", merge)


def keep_what_lies_below(patch: pytest.MonkeyPatch) -> None:
    """A later full state leaves older leaves in the record."""
    patch.setattr(facets, "_drop_what_is_below", lambda record: None)


def floors_of_subtrees_only_at_the_root(patch: pytest.MonkeyPatch) -> None:
    """A full state of one subtree empties the whole record."""
    original = facets._raise_floors
    patch.setattr(
        facets,
        "_raise_floors",
        lambda record, change: original(
            record, Change(change.record, change.order, change.leaves, change.event, ("",) * bool(change.full))
        ),
    )


def the_smallest_key_wins_the_sku(patch: pytest.MonkeyPatch) -> None:
    """The winner of a SKU is not the product whose SKU was set last."""
    original = family.contenders

    def contenders(inputs: Inputs, policy: Policy) -> list[View]:
        return sorted(original(inputs, policy), key=lambda one: one.key)

    patch.setattr(family, "contenders", contenders)


def the_first_holder_keeps_the_alias(patch: pytest.MonkeyPatch) -> None:
    """An alias that was taken over still leads to the asset that held it first."""

    def holders(assets: Mapping[str, View], system: str, by: str) -> dict[str, View]:
        held = [one for one in assets.values() if one.key.startswith(f"asset/{system}/") and f"aliases.{by}" in one.leaves]
        return {alias: one for one in held for alias in one.leaves[f"aliases.{by}"]}

    patch.setattr(placements, "current_holders", holders)


def the_deleted_speak(patch: pytest.MonkeyPatch) -> None:
    """A deletion is not looked at."""
    patch.setattr("tests.domain.test_histories.view", lambda record: View(*_undeleted(record)))


def _undeleted(record: Record) -> tuple[str, dict[str, object], dict[str, str], bool, bool]:
    leaves = facets.visible(record)
    return record.key, leaves, {leaf: record.leaves[leaf][0] for leaf in leaves}, facets.is_whole(record), False


def gone_variants_speak(patch: pytest.MonkeyPatch) -> None:
    """A variant that its model does not list any more holds its SKU."""
    patch.setattr(family, "gone_by", lambda product, models, policy: None)


def an_older_list_ends_a_variant(patch: pytest.MonkeyPatch) -> None:
    """A model that lists its variants without this one ends it, also where the variant was told anew since then."""

    def gone_by(product: View, models: Mapping[str, View], policy: Policy) -> View | None:
        _, system, thing = keys.split_key(product.key)
        model = models.get(f"model/{system}/{product.leaves.get('parent')}")
        listed = system in policy.variants_listed and model is not None
        return model if listed and model and (model.deleted or thing not in model.leaves.get("variants", [thing])) else None

    patch.setattr(family, "gone_by", gone_by)


def everything_counts(patch: pytest.MonkeyPatch) -> None:
    """`include` is not looked at."""
    patch.setattr(family, "exclusion", lambda members, include: "")


def allowed_is_allowed(patch: pytest.MonkeyPatch) -> None:
    """What is allowed and denied everywhere is shown all the same."""
    patch.setattr(rights, "ALL", frozenset({"SE"}))
    patch.setattr(rights, "DENY", "rights.territories.none")


WRONG_MERGES = (
    *(drop_the_floor, compare_by_arrival, ties_by_arrival, ties_without_the_event, forget_what_was_ever_named, keep_what_lies_below),
    floors_of_subtrees_only_at_the_root,
)
WRONG_BINDS = (
    *(the_smallest_key_wins_the_sku, the_first_holder_keeps_the_alias, the_deleted_speak),
    *(gone_variants_speak, an_older_list_ends_a_variant, everything_counts, allowed_is_allowed),
)

# More histories than usual, the same ones each time; the first failure ends the search and is not shrunk.
SEARCH = settings(settings.get_profile("bindery"), max_examples=12_000, derandomize=True, database=None, phases=[Phase.generate])


@SEARCH
@given(st.data())
def check_merges(data: st.DataObject) -> None:
    """The property of records."""
    history = data.draw(histories.histories_of_one)
    check_merge(history, data.draw(histories.arrivals(history)), data.draw(histories.arrivals(history)))


@SEARCH
@given(histories.histories, st.sampled_from(POLICIES), st.integers(0, 9))
def check_binds(history: list[Change], policy: Policy, second: int) -> None:
    """The property of answers, for changes that arrive backwards."""
    check_bind(history, [history[::-1]], policy, second * histories.SECOND_US)


@pytest.mark.parametrize("mutant", WRONG_MERGES, ids=lambda mutant: mutant.__name__)
def test_a_wrong_merge_is_caught(mutant: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The property of records fails under the wrong variant."""
    mutant(monkeypatch)
    with pytest.raises(AssertionError):
        check_merges()


@pytest.mark.parametrize("mutant", WRONG_BINDS, ids=lambda mutant: mutant.__name__)
def test_a_wrong_bind_is_caught(mutant: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The property of answers fails under the wrong variant."""
    mutant(monkeypatch)
    with pytest.raises(AssertionError):
        check_binds()
