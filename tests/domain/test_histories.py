"""Order and duplication do not matter (promise P3): every arrival of the same changes gives the same bytes, and what the oracle says.

Owns: the properties of merge and bind over random histories. Does not own: the proof that these tests can fail
(tests/domain/test_mutations.py). Next stop: tests/domain/test_mutations.py.
"""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from app.domain import facets
from app.domain.bind import bind
from app.domain.facets import Change, Record, dump, load, merge
from app.domain.inputs import Bound, Inputs
from app.domain.policy import Include, Policy
from app.domain.view import view
from tests.domain import oracle
from tests.domain.histories import SECOND_US, SKUS, arrivals, histories, histories_of_one, stored

POLICIES = (
    Policy(when_rights_unknown={"dam": "show"}),
    Policy(ownership={"packshots": "pim", "hero": "dam"}, when_rights_unknown={"other": "show"}),
    Policy(ownership={"*": "dam", "hero": "both"}),
    Policy(when_rights_unknown={"dam": "show"}, variants_listed={"pim"}),
    Policy(variants_listed={"pim"}, inheritance={"pim": "flattened"}),
    Policy(include={"pim": Include(frozenset({"shoes"}), at_least=100, locales=("en_GB",))}),
    Policy(include={"pim": Include(categories=frozenset({"summer", "winter"}), at_least=50)}, inheritance={"pim": "flattened"}),
)


def inputs_of(records: Mapping[str, Record], sku: str) -> Inputs:
    """Everything that is known, found the slow way."""
    views = [view(record) for record in records.values()]
    products = [one for one in views if one.key.startswith("product/") and (one.leaves.get("keys.sku") or ("", ""))[1] == sku]
    holders: dict[str, list[str]] = {}
    for one in views:
        if one.key.startswith("product/") and not one.deleted:
            for _, gtin in one.leaves.get("keys.gtin") or ():
                holders.setdefault(gtin, []).append(one.key)
    return Inputs(
        sku,
        products,
        {one.key: one for one in views if one.key.startswith("model/")},
        [one for one in views if one.key.startswith("asset/")],
        holders,
        [one for one in views if one.key.startswith("decision/")],
    )


def check_merge(history: Sequence[Change], first: list[list[Change]], second: list[list[Change]]) -> None:
    """Both arrivals leave the same bytes in the store, and they are what the oracle folds."""
    one, other = stored(first), stored(second)
    assert {key: dump(record) for key, record in one.items()} == {key: dump(record) for key, record in other.items()}
    expected = oracle.folded(history)
    assert one.keys() == expected.keys()
    for key, record in one.items():
        held = {leaf: (record.leaves[leaf][0], record.leaves[leaf][1]) for leaf in record.leaves}
        assert held == expected[key].leaves
        assert record.floors == expected[key].floors
        assert record.ever == expected[key].ever


def check_bind(history: Sequence[Change], arrival: list[list[Change]], policy: Policy, at_us: int) -> None:
    """The answers for all SKUs are those of an undisturbed arrival, and those of the oracle."""
    shuffled, straight = stored(arrival), stored([[change] for change in history])
    for sku in SKUS:
        answer = bind(inputs_of(shuffled, sku), policy, at_us)
        assert answer.text == bind(inputs_of(straight, sku), policy, at_us).text
        assert rows_of(answer) == rows_expected(oracle.decide(oracle.folded(history), sku, policy, at_us))
        changes = [row["changes_us"] for row in oracle.decide(oracle.folded(history), sku, policy, at_us)]
        assert answer.next_change_us == min((instant for instant in changes if instant is not None), default=None)


def rows_of(answer: Bound) -> list[tuple[object, ...]]:
    """A comparable shape of the answer."""
    rows: list[tuple[object, ...]] = []
    for one in answer.content["bindings"]:
        asset = one["asset"]
        name = f"alias/{asset['system']}/{asset['by']}/{asset['id']}" if "by" in asset else f"asset/{asset['system']}/{asset['id']}"
        sides = sorted({origin["side"] for origin in one["origins"]})
        rows.append((one["role"], one["locale"], one["channel"], one["position"], name, one["state"], one["url"], sides))
    return rows


def rows_expected(rows: list[oracle.Row]) -> list[tuple[object, ...]]:
    """The same shape of the oracle's answer."""
    return sorted((*row["spot"], row["position"], row["asset"], row["state"], row["url"], row["sides"]) for row in rows)


@given(st.data())
def test_a_record_does_not_depend_on_arrival(data: st.DataObject) -> None:
    """Every shuffle, repetition and batching of one record's changes dumps to the same bytes, equal to the oracle."""
    history = data.draw(histories_of_one)
    check_merge(history, data.draw(arrivals(history)), data.draw(arrivals(history)))


@given(st.data())
def test_an_answer_does_not_depend_on_arrival(data: st.DataObject) -> None:
    """Every shuffle, repetition and batching of the changes of many records binds to the same bytes, equal to the oracle."""
    history = data.draw(histories)
    policy, at_us = data.draw(st.sampled_from(POLICIES)), data.draw(st.integers(0, 9)) * SECOND_US
    check_merge(history, data.draw(arrivals(history)), data.draw(arrivals(history)))
    check_bind(history, data.draw(arrivals(history)), policy, at_us)


@given(histories_of_one)
def test_merging_again_changes_nothing(history: list[Change]) -> None:
    """A change that was merged before is reported as making no difference."""
    record = Record(history[0].record)
    merge(record, history)
    text = dump(record)
    for change in history:
        assert not merge(record, [change])
    assert dump(record) == text


@given(histories_of_one)
def test_a_dump_loads_to_itself(history: list[Change]) -> None:
    """Loading a dump and dumping it again gives the same text, and the same leaves count."""
    record = Record(history[0].record)
    merge(record, history)
    again = load(record.key, dump(record), 7)
    assert dump(again) == dump(record)
    assert facets.visible(again) == facets.visible(record)
    assert again.version == 7


@given(histories_of_one)
def test_what_was_ever_named_stays(history: list[Change]) -> None:
    """The keys that a record ever named only grow, whatever is deleted later."""
    record = Record(history[0].record)
    for change in history:
        before = set(record.ever)
        merge(record, [change])
        assert before <= record.ever
