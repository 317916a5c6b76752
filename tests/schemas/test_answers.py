"""What bind() really decides is what the contract describes, in every state, and never with a URL that may not be shown.

Owns: real answers against the model, the JSON Schema and the binder's bytes. Does not own: whether an answer is right (tests/domain/).
Next stop: tests/schemas/test_documents.py.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any, get_args

import orjson
import pytest
from pydantic import ValidationError

from app.api.shown import shown
from app.domain import reasons
from app.domain.bind import bind
from app.domain.facets import Change, EventRef, Json, Record, merge
from app.domain.fitting import fitted
from app.domain.inputs import Bound, Inputs
from app.domain.order import order
from app.domain.policy import Include, Policy
from app.domain.view import View, view
from app.ports import Doc
from consumers.binder import entry_of
from schemas.binding import MEANINGS, SkuBindings, SkuContent, State
from tests.schemas.contract import validator, with_a_stranger

SKU, GTIN = "NH-4711", "09521101530476"
PRODUCT, TWIN, MODEL = "product/pim/1", "product/pim/2", "model/pim/jackets"
NOW_US, HOUR_US = 1_790_000_000_000_001, 3_600_000_000
FULL_RIGHTS: dict[str, Json] = {"rights.from": NOW_US - HOUR_US, "rights.until": NOW_US + HOUR_US}


def known(key: str, *, full: bool = True, **leaves: Json) -> View:
    """A record as the rules see it; `__` in a name stands for a dot."""
    record = Record(key)
    said = {name.replace("__", "."): value for name, value in leaves.items()}
    made = order(era=0, source=1, rank=0, event_hash="ab", version=1)
    merge(record, [Change(key, made, {"status": "active", **said}, EventRef("s", "e", "t"), ("",) if full else ())])
    return view(record)


def asset(name: str, **leaves: Json) -> View:
    """An asset that names the SKU and has a URL, unless the leaves say otherwise."""
    url = "https://dam.example.com/{public_id}.jpg"
    base: dict[str, Json] = {"claims__sku": [[SKU, SKU]], "url": url, "part__public_id": name, "role": name}
    base |= {"checksum": "c0", "content_version": 7}
    return known(f"asset/dam/{name}", **(base | leaves))


def assets() -> list[View]:
    """One asset for each state that an asset of a known product can be in."""
    fine = {name.replace(".", "__"): value for name, value in FULL_RIGHTS.items()}
    rendition = {"url": "https://dam.example.com/s/{public_id}", "width": 300, "height": None, "format": "webp"}
    return [
        asset("live", **fine, renditions__small=rendition, texts__alt__en_GB="Front", locale="en_GB", channel="shop", position=3),
        asset("live-by-gtin", **fine, claims__sku=[], claims__gtin=[["9521101530476", GTIN]], content_version="v2"),
        asset(
            "live-by-ids", rights__until=NOW_US + HOUR_US, claims__product=[["pim", "1"]], claims__model=[["pim", "jackets"]], checksum=None
        ),
        asset("embargoed", rights__from=NOW_US + HOUR_US),
        asset("expired", rights__until=NOW_US),
        asset("withdrawn", **fine, approval="archived"),
        asset("suspect", rights__until="soon"),
        asset("pending-review", **fine, approval="pending"),
        asset("rejected", **fine),
        asset("rights-unknown"),
        asset("no-public-url", **fine, url=None),
    ]


def everything() -> Inputs:
    """A SKU with assets in every state, two products, a shared GTIN and a parent that is not known."""
    links: dict[str, Json] = {
        "links__front__en_GB__shop": [["dam", "id", "live"], ["dam", "id", "unheard-of"]],
        "links__back__*__*": [["dam", "public_id", "nobody's"]],
    }
    product = known(
        PRODUCT, keys__sku=[SKU, SKU], keys__gtin=[["9521101530476", GTIN]], name={"en_GB": "Jacket"}, parent="jackets", **links
    )
    model = known(MODEL, parent="gone", asset_texts__dam__live__alt__de_DE="Vorn", links__care__de_DE__shop=[["dam", "id", "expired"]])
    about = [PRODUCT, "asset/dam/rejected"]
    reject = known("decision/people/1", about=about, verdict="reject", by="mila", why="Last season's colour.", at_us=1, place=0)
    twin = known(TWIN, keys__sku=[SKU, SKU])
    return Inputs(SKU, [product, twin], {MODEL: model}, assets(), {GTIN: [PRODUCT, "product/pim/3"]}, [reject])


def answers() -> Iterator[tuple[str, Bound]]:
    """(what, answer) for inputs of every kind."""
    all_of_it = everything()
    yield "everything", bind(all_of_it, Policy(), NOW_US)
    yield "cut off", bind(all_of_it, Policy(max_bindings_per_sku=3), NOW_US)
    yield "rights not asked for", bind(all_of_it, Policy(when_rights_unknown={"dam": "show"}), NOW_US)
    yield "only the PIM decides", bind(all_of_it, Policy(ownership={"*": "pim"}, texts="pim"), NOW_US)
    yield "only the DAM decides", bind(all_of_it, Policy(ownership={"*": "dam"}, texts="dam"), NOW_US)
    off = known(
        PRODUCT, keys__sku=[SKU, SKU], enabled=False, links__front__en_GB__shop=[["dam", "id", "live"], ["dam", "id", "unheard-of"]]
    )
    yield "a product that is off", bind(replace(all_of_it, products=[off]), Policy(), NOW_US)
    only = Policy(include={"pim": Include(families=frozenset({"shoes"}))})
    yield "a product that does not count", bind(replace(all_of_it, products=[off]), only, NOW_US)
    yield "no product", bind(replace(all_of_it, products=[]), Policy(), NOW_US)
    yield "nothing", bind(Inputs(SKU), Policy(), NOW_US)
    looped = known(MODEL, parent="jackets")
    yield "a parent of itself", bind(replace(all_of_it, ancestors={MODEL: looped}), Policy(), NOW_US)
    chain = {f"model/pim/{name}": known(f"model/pim/{name}", parent=parent) for name, parent in _chain()}
    yield "too deep", bind(replace(all_of_it, ancestors=chain), Policy(), NOW_US)
    yield "shortened", fitted(all_of_it, Policy(), NOW_US, len(bind(all_of_it, Policy(), NOW_US).text) - 1)
    yield "emptied", fitted(replace(all_of_it, products=[known(PRODUCT, keys__sku=[SKU, SKU])]), Policy(), NOW_US, 10)
    yield "the end of time", bind(all_of_it, Policy(), 1 << 62)


def _chain() -> list[tuple[str, str]]:
    names = ["jackets", *(f"level-{number}" for number in range(8))]
    return list(pairwise(names))


ALL = list(answers())
every_answer = pytest.mark.parametrize("bound", [bound for _, bound in ALL], ids=[what for what, _ in ALL])


def schema_errors(value: Any) -> list[str]:
    """What the published schema says against an answer."""
    return [f"{error.json_path}: {error.message}" for error in validator("sku-bindings.v1.schema.json").iter_errors(value)]


@every_answer
def test_an_answer_is_as_described(bound: Bound) -> None:
    """The model and the published schema accept what bind() decides and what the binder publishes."""
    SkuContent.model_validate_json(bound.text)
    entry = entry_of(Doc(SKU, bound.text, numbers={"revision": 12}))
    assert SkuBindings.model_validate_json(entry.value).revision == 12
    assert schema_errors(orjson.loads(entry.value)) == []


@every_answer
def test_an_answer_that_ran_out_is_as_described(bound: Bound) -> None:
    """What the API serves of an answer whose rights have ended meanwhile is as described, too."""
    numbers = {"revision": 12, "due_us": NOW_US}
    served = shown(Doc(SKU, bound.text, numbers=numbers), NOW_US + 2 * HOUR_US)
    SkuBindings.model_validate_json(served)
    assert schema_errors(orjson.loads(served)) == []


def test_the_answers_cover_the_contract() -> None:
    """The answers above show every state, every flag, every optional member, so that none of it is only believed."""
    contents = [bound.content for _, bound in ALL]
    bindings = [binding for content in contents for binding in content["bindings"]]
    assert {binding["state"] for binding in bindings} == set(State)
    assert {flag["code"] for content in contents for flag in content["flags"]} == set(_flag_codes())
    assert {origin["by"] for binding in bindings for origin in binding["origins"]} == {"link", "product", "model", "sku", "gtin"}
    assert any("overflow" in content for content in contents)
    assert any("by" in binding["asset"] for binding in bindings)
    assert any("why" in binding["reason"] for binding in bindings)
    assert any("changes_at" in binding["reason"] for binding in bindings)
    assert any(binding["renditions"] and binding["texts"] for binding in bindings)


def _flag_codes() -> list[str]:
    made = validator("sku-bindings.v1.schema.json").schema["definitions"]["Flag"]["properties"]["code"]["enum"]
    return [str(code) for code in made]


def test_the_states_are_those_of_the_rules() -> None:
    """The contract knows the states that bind() knows, and has a sentence for each."""
    assert [state.value for state in State] == list(get_args(reasons.State))
    assert set(MEANINGS) == set(State)


def test_an_unknown_member_anywhere_is_refused() -> None:
    """Had bind() one member more, anywhere, these tests would notice."""
    value = {"revision": 1, **orjson.loads(bind(everything(), Policy(max_bindings_per_sku=9), NOW_US).text)}
    places = list(with_a_stranger(value))
    assert len(places) > 40
    for where, changed in places:
        assert schema_errors(changed), where
        with pytest.raises(ValidationError):
            SkuBindings.model_validate_json(orjson.dumps(changed))


@pytest.mark.parametrize("member", [{"url": "https://dam.example.com/x"}, {"renditions": {"s": {"url": "https://dam.example.com/s"}}}])
def test_a_url_outside_live_is_refused(member: dict[str, Any]) -> None:
    """Promise P6 on the wire: neither the model nor the published schema lets a URL out beside any other state."""
    value = {"revision": 1, **orjson.loads(ALL[0][1].text)}
    for binding in value["bindings"]:
        if binding["state"] != "live":
            changed = {**value, "bindings": [{**binding, **member}]}
            assert schema_errors(changed)
            with pytest.raises(ValidationError):
                SkuBindings.model_validate_json(orjson.dumps(changed))


def test_a_live_binding_without_a_url_is_refused() -> None:
    """Live means that there is a URL."""
    value = {"revision": 1, **orjson.loads(ALL[0][1].text)}
    live = next(binding for binding in value["bindings"] if binding["state"] == "live")
    changed = {**value, "bindings": [{**live, "url": None}]}
    assert schema_errors(changed)
    with pytest.raises(ValidationError):
        SkuBindings.model_validate_json(orjson.dumps(changed))
