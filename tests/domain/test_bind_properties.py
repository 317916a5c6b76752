"""What holds for every answer, whatever the inputs: the order of lists, URLs, instants, positions.

Owns: properties of bind(). Does not own: single rules (tests/domain/test_bind.py). Next stop: tests/domain/test_bind.py.
"""

import dataclasses
import re
from collections import defaultdict
from typing import Any, get_args

import orjson
from hypothesis import given
from hypothesis import strategies as st

from app.domain.bind import bind, explain
from app.domain.inputs import Bound, Inputs
from app.domain.instants import rfc3339
from app.domain.policy import Policy
from app.domain.reasons import State
from tests.domain.histories import SECOND_US, SKUS, histories, stored
from tests.domain.test_histories import POLICIES, inputs_of

POLICIES_HERE = (*POLICIES, Policy(max_bindings_per_sku=2, texts="dam", inheritance={"pim": "flattened"}))


@st.composite
def situations(draw: st.DrawFn) -> tuple[Inputs, Policy, int]:
    """Inputs that some history led to, a policy, an instant."""
    records = stored([draw(histories)])
    at_us = draw(st.integers(-1, 9 * SECOND_US)) if draw(st.booleans()) else draw(st.integers(0, 9)) * SECOND_US
    return inputs_of(records, draw(st.sampled_from(SKUS))), draw(st.sampled_from(POLICIES_HERE)), at_us


@given(situations(), st.randoms(use_true_random=False))
def test_the_order_of_lists_does_not_matter(situation: tuple[Inputs, Policy, int], random: Any) -> None:
    """Shuffled lists, dictionaries and leaves give the same bytes."""
    inputs, policy, at_us = situation

    def shuffled(values: Any) -> list[Any]:
        mixed = list(values)
        random.shuffle(mixed)
        return mixed

    views = {
        id(one): dataclasses.replace(one, leaves=dict(shuffled(one.leaves.items())))
        for one in [*inputs.products, *inputs.assets, *inputs.decisions, *inputs.ancestors.values()]
    }
    other = Inputs(
        inputs.sku,
        [views[id(one)] for one in shuffled(inputs.products)],
        {key: views[id(one)] for key, one in shuffled(inputs.ancestors.items())},
        [views[id(one)] for one in shuffled(inputs.assets)],
        {gtin: shuffled(keys) for gtin, keys in shuffled(inputs.gtin_holders.items())},
        [views[id(one)] for one in shuffled(inputs.decisions)],
    )
    assert bind(other, policy, at_us).text == bind(inputs, policy, at_us).text


@given(situations())
def test_the_inputs_are_left_alone(situation: tuple[Inputs, Policy, int]) -> None:
    """Deciding and explaining change nothing of what they read, and deciding again gives the same."""
    inputs, policy, at_us = situation
    before = repr(inputs)
    text = bind(inputs, policy, at_us).text
    explain(inputs, policy, at_us)
    assert repr(inputs) == before
    assert bind(inputs, policy, at_us).text == text


@given(situations())
def test_only_what_is_live_has_a_url(situation: tuple[Inputs, Policy, int]) -> None:
    """URL and renditions stand on live bindings alone, every live one has a URL, and no explanation holds one."""
    answer = bind(*situation)
    for one in answer.content["bindings"]:
        assert (one["state"] == "live") == (one["url"] is not None)
        assert one["renditions"] == {} or one["state"] == "live"
        assert one["valid_until"] is None or one["state"] == "live"
    assert b"https://" not in orjson.dumps(explain(*situation))


@given(situations())
def test_nothing_changes_before_the_next_change(situation: tuple[Inputs, Policy, int]) -> None:
    """At every instant up to the next change the answer is the same; at it, it is another; there is an end to it."""
    inputs, policy, at_us = situation
    for _ in range(40):
        answer = bind(inputs, policy, at_us)
        following = answer.next_change_us
        if following is None:
            assert bind(inputs, policy, at_us + 1_000 * SECOND_US).text == answer.text
            return
        assert following > at_us
        for instant in {at_us + 1, (at_us + following) // 2, following - 1} - {following}:
            assert bind(inputs, policy, instant).text == answer.text
        assert bind(inputs, policy, following).text != answer.text
        at_us = following
    raise AssertionError("the next changes never end")


@given(situations())
def test_the_answer_says_when_it_changes(situation: tuple[Inputs, Policy, int]) -> None:
    """The next change is the earliest of the bindings', in the same spelling."""
    answer = bind(*situation)
    instants = sorted(one["reason"]["changes_at"] for one in answer.content["bindings"] if "changes_at" in one["reason"])
    assert answer.content["next_change_at"] == (instants[0] if instants else None)
    assert answer.content["next_change_at"] == (None if answer.next_change_us is None else rfc3339(answer.next_change_us))


@given(situations())
def test_the_shape_holds(situation: tuple[Inputs, Policy, int]) -> None:
    """Ids are unique, positions dense, states known, the text canonical, the reason one sentence in plain words."""
    answer = bind(*situation)
    bindings = answer.content["bindings"]
    assert len({one["id"] for one in bindings}) == len(bindings)
    assert all(re.fullmatch(r"[0-9a-f]{20}", one["id"]) for one in bindings)
    positions = defaultdict(list)
    for one in bindings:
        positions[one["role"], one["locale"], one["channel"]].append(one["position"])
        assert one["state"] in get_args(State)
        assert re.fullmatch(r"[A-Z][^\n]*[a-zA-Z0-9]\.", one["reason"]["text"])
        assert not re.search(r"facet|floor|claim|tombstone", one["reason"]["text"])
        assert one["origins"]
    assert all(places == list(range(len(places))) for places in positions.values())
    assert answer.text == orjson.dumps(answer.content, option=orjson.OPT_SORT_KEYS).decode()
    assert list(answer.asset_keys) == sorted(set(answer.asset_keys))


@given(situations())
def test_the_explanation_agrees_with_the_answer(situation: tuple[Inputs, Policy, int]) -> None:
    """Every binding stands in the explanation with its state; every asset that has none has a sentence that says why."""
    answer, told = bind(*situation), explain(*situation)
    assert _states(answer.content["bindings"]) == _states([one for asset in told["assets"] for one in asset["bindings"]])
    assert told["next_change_at"] == answer.content["next_change_at"]
    for asset in told["assets"]:
        assert asset["shown"] == any(one["state"] == "live" for one in asset["bindings"])
        assert asset["bindings"] or asset["not_bound"]
        assert asset == _explained(situation, asset)


def _states(bindings: list[dict[str, Any]]) -> dict[str, str]:
    return {one["id"]: one["state"] for one in bindings}


def _explained(situation: tuple[Inputs, Policy, int], asset: dict[str, Any]) -> Any:
    """The same asset, explained alone; one that is only known by its alias has no record key to ask with."""
    if "by" in asset["asset"]:
        return asset
    return explain(*situation, f"asset/{asset['asset']['system']}/{asset['asset']['id']}")["assets"][0]


@given(situations())
def test_a_greater_limit_only_adds(situation: tuple[Inputs, Policy, int]) -> None:
    """The cut keeps a part of the whole answer, unchanged, and says how much is missing."""
    inputs, policy, at_us = situation
    whole = bind(inputs, dataclasses.replace(policy, max_bindings_per_sku=500), at_us)
    for most in (0, 1, 3):
        part = bind(inputs, dataclasses.replace(policy, max_bindings_per_sku=most), at_us)
        kept = part.content["bindings"]
        assert [one for one in whole.content["bindings"] if one in kept] == kept
        dropped = len(whole.content["bindings"]) - len(kept)
        assert part.content.get("overflow") == ({"kept": len(kept), "dropped": dropped} if dropped else None)
        assert _overflow_is_cut(part, most)


def _overflow_is_cut(part: Bound, most: int) -> bool:
    return len(part.content["bindings"]) <= most
