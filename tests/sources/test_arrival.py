"""Order and duplication do not matter (promise P3), from events on the log to answers: with records inside others, fetched states, variants
that are gone and joins that spell aliases in several ways.

Owns: the property over real mappings. Does not own: the same over plain changes (tests/domain/test_histories.py).
Next stop: tests/sources/test_include.py.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from hypothesis import given
from hypothesis import strategies as st

from app.configuration import Configuration
from app.domain.bind import bind
from app.domain.facets import Change, dump
from app.sources.fetching import Found
from tests.domain.histories import arrivals, stored
from tests.domain.test_histories import inputs_of
from tests.sources.builders import ARRIVED_US, VERSION, configure

SHOP = """
  shop:
    preset: generic-pim
    secrets: [env:PRIMARY]
    when_rights_unknown: show
    api: {url: "https://pim.example.com/{id}"}
    joins: {photo: {system: media, by: code, normalise: {case: lower, hyphens: drop}}}
    overrides:
      kind: model
      variants: items[].sku
      links: {photo: "photos[].code"}
      embedded: &inside
        - {kind: product, path: items, key: sku, fields: {sku: sku, parent: "_piece.id"}}
        - {kind: asset, path: photos, key: id, system: media, fields: {url: src, aliases: {code: code}}}
      events: {fetched.model: {order: {time: updated_at}, embedded: *inside}}
"""
START = 1_791_965_551


@cache
def configuration() -> Configuration:
    with TemporaryDirectory() as folder:
        return configure(Path(folder), SHOP)


def a_model(second: int, skus: list[str], photos: list[str]) -> dict[str, object]:
    pictures = [{"id": name.strip("-").lower(), "code": name, "src": f"https://m.example/{name}"} for name in photos]
    return {"id": "M", "items": [{"sku": sku} for sku in skus], "photos": pictures, "updated_at": START + second}


models = st.builds(
    a_model,
    st.integers(0, 3),
    st.lists(st.sampled_from(["S-1", "S-2"]), unique=True),
    st.lists(st.sampled_from(["A", "a-", "b"]), unique=True, max_size=2),
)


def sent(type_: str, model: dict[str, object]) -> list[Change]:
    """What a request changes."""
    source = configuration().sources["shop"]
    received = source.receive(orjson.dumps({"type": type_, "products": [model]}), ARRIVED_US, {})
    assert received.unread == []
    return [change for event in received.events for change in source.project(event, VERSION).changes]


def fetched(model: dict[str, object] | None, second: int) -> list[Change]:
    """What a fetched state changes, or that there is none."""
    source = configuration().sources["shop"]
    began_us = (START + second) * 1_000_000
    event = source.fetched(Found("model", "M", model), began_us=began_us, at_least=0, arrived_us=ARRIVED_US)
    return list(source.project(event, VERSION).changes)


histories = st.lists(
    st.one_of(
        st.builds(sent, st.sampled_from(["product.saved", "product.saved", "product.changed", "product.deleted"]), models),
        st.builds(fetched, st.one_of(st.none(), models), st.integers(0, 4)),
    ),
    min_size=1,
    max_size=6,
)


@given(st.data())
def test_an_answer_does_not_depend_on_arrival(data: st.DataObject) -> None:
    """Every shuffle, repetition and batching of the changes stores the same bytes and answers the same, for every SKU."""
    history = [change for changes in data.draw(histories) for change in changes]
    one, other = stored(data.draw(arrivals(history))), stored([[change] for change in history])
    assert {key: dump(record) for key, record in one.items()} == {key: dump(record) for key, record in other.items()}
    for sku in ("S-1", "S-2"):
        policy = configuration().policy
        assert bind(inputs_of(one, sku), policy, ARRIVED_US).text == bind(inputs_of(other, sku), policy, ARRIVED_US).text


def test_what_a_model_lists_no_longer_is_gone() -> None:
    """The story that the property is about: two variants, then one; then both again."""
    both, alone = a_model(0, ["S-1", "S-2"], ["A"]), a_model(1, ["S-1"], ["a-"])
    again = a_model(2, ["S-1", "S-2"], ["A"])
    for history, expected in (([both], True), ([both, alone], False), ([alone, both], False), ([again, alone, both], True)):
        records = stored([[change] for model in history for change in sent("product.saved", model)])
        answer = bind(inputs_of(records, "S-2"), configuration().policy, ARRIVED_US)
        assert (answer.content["product"] is not None) is expected
        assert [one["state"] for one in answer.content["bindings"]] == (["live"] if expected else [])
