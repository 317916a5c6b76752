"""Mutated samples of every vendor, and arbitrary bytes: verified, received and projected without any surprise.

Owns: the fuzz. Does not own: known traps (tests/sources/test_receive.py, tests/sources/vendors/). Next stop: tests/sources/test_try.py.
"""

import random
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.facets import Change, Record, dump, merge
from app.domain.keys import split_key
from app.domain.order import LENGTH
from app.errors import KeyMissing, Unusable
from app.sources.fetching import Found
from app.sources.source import Source
from schemas.event import Event
from tests.sources.builders import ARRIVED_US, NOW_S, VERSION, configure
from tests.sources.expectations import goldens, homes
from tests.sources.expectations import source as vendor

GENERIC = """
  dam: {preset: generic-dam, secrets: [env:PRIMARY], when_rights_unknown: hide}
  pim: {preset: generic-pim, secrets: [env:PRIMARY], joins: {asset: {system: dam}}}
"""
SAMPLES = {golden.name: golden for golden in goldens() if "apart" not in golden.words}
REQUESTS = sorted(name for name, golden in SAMPLES.items() if golden.is_request)
STATES = sorted(set(SAMPLES) - set(REQUESTS))
MARK = 424242
DAM = """{"id": "e", "type": "asset.saved", "time": "2026-10-14T08:12:31Z", "assets": [
  {"id": "a", "sku": ["x"], "gtin": "9521101530476", "role": "r", "position": 1, "tags": ["t"], "alt": {"en": "x"}, "approval": "approved",
   "url": "https://x/y", "renditions": {"n": {"url": "https://x/n"}}, "rights": {"from": "2026-01-01", "until": 1791965551}}]}"""
PIM = """{"id": "e", "type": "product.changed", "time": "2026-10-14T08:12:31Z", "products": [
  {"id": "p", "sku": "x", "parent": "m", "name": {"en": "n"}, "links": [{"asset": "a", "role": "r", "position": 1, "alt": "x"}]}]}"""
BODIES = {"dam": DAM.encode(), "pim": PIM.encode()}
# Every vendor's samples are gone through, so each gets few examples.
FEW = settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])


@cache
def generic() -> dict[str, Source]:
    with TemporaryDirectory() as folder:
        made = configure(Path(folder), GENERIC, "hot_fields: [price]")
    return dict(made.sources)


def source_of(name: str) -> Source:
    return generic()[name] if name in BODIES else SAMPLES[name].source


def headers_of(name: str) -> Mapping[str, str]:
    return {} if name in BODIES else SAMPLES[name].headers


def body_of(name: str) -> bytes:
    return BODIES[name] if name in BODIES else SAMPLES[name].body


@cache
def systems_of(source: Source) -> frozenset[str]:
    """Whose records a source may change: its own, and those that its samples embed."""
    embedded = (
        split_key(event["key"])[1] for golden in SAMPLES.values() if golden.source is source for event in golden.words.get("events", ())
    )
    return frozenset({source.system, "tessa", *embedded})


JUNK: list[Any] = [
    None, True, False, 0, -1, 1.5, 1e300, (1 << 63) - 1, (1 << 64) - 1, "", " ", "x", "\x00", "a.b", "$x", "~", "é", "\u2028", "x" * 600,
    [], {}, [None], [[]], [{}], {"": ""}, {"x": None}, {"_body": 1, "_name": 2, "_value": 3}, {"price": MARK}, "2026-02-30", "9999-12-31",
    "0001-01-01", "[1,", '{"price": 424242}', {"date": "0001-01-01", "timezone": "+14:00"}, [["a", "b"]], "//x", "https://x/{a}", "https://x/v1/x",
]  # fmt: skip


def mutate(value: Any, chance: random.Random) -> Any:
    """A copy of the value with one place changed."""
    if chance.random() < 0.15 or not isinstance(value, dict | list) or not value:
        return chance.choice(JUNK)
    if isinstance(value, list):
        at = chance.randrange(len(value))
        changed = [mutate(each, chance) if n == at else each for n, each in enumerate(value)]
        return changed * 2 if chance.random() < 0.1 else changed
    key = chance.choice(sorted(value))
    if chance.random() < 0.2:
        return {name: each for name, each in value.items() if name != key}
    if chance.random() < 0.1:
        name = chance.choice(["price", "PRICE", "Price", "", "a.b", "$where", "\x00"])
        return {**value, name: MARK if name.lower() == "price" else 1}
    return {name: mutate(each, chance) if name == key else each for name, each in value.items()}


def words(value: Any) -> Iterator[str]:
    """Everything that stands in a body as a word: texts, the parts of delimited ones, JSON inside of texts, numbers, names of members."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield name.strip()
            yield from words(child)
    elif isinstance(value, list):
        for child in value:
            yield from words(child)
    elif isinstance(value, str):
        yield value.strip()
        yield from (part.strip() for part in re.split(r"[,;|\n]", value))
        if value.lstrip()[:1] in {"{", "["}:
            try:
                yield from words(orjson.loads(value))
            except orjson.JSONDecodeError:
                return
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)


def claimed(change: Change) -> set[str]:
    """The SKUs that a change holds or claims, as they were sent."""
    own, others = change.leaves.get("keys.sku"), change.leaves.get("claims.sku")
    return {*([own[0]] if own else ()), *(raw for raw, _ in others or ())}


def flow(source: Source, body: bytes, headers: Mapping[str, str]) -> None:
    """A body through the whole source. Nothing but Unusable may come out of project(), nothing at all out of the rest."""
    # A key that is not at hand yet is no word about the request.
    with suppress(KeyMissing):
        assert isinstance(source.verify(headers, body, NOW_S), str)
    received = source.receive(body, ARRIVED_US, headers)
    for letter in received.unread:
        assert isinstance(letter.error, Unusable)
        assert b"424242" not in letter.value
        assert "424242" not in str(letter.error)
        attempt(source, Event(letter.event_id, source.name, letter.type, letter.key, letter.value, ARRIVED_US))
    for event in received.events:
        assert b"424242" not in event.value
        assert split_key(event.key)[0] in {"asset", "product", "model"}
        assert Event.read(event.key.encode(), event.value, event.headers()) == event
        attempt(source, event)


def attempt(source: Source, event: Event) -> None:
    """An event projected: changes that can be merged and kept, about the source's own records, with no SKU that it does not hold."""
    try:
        projected = source.project(event, VERSION)
    except Unusable:
        return
    held = frozenset(words(orjson.loads(event.value))) if any(claimed(change) for change in projected.changes) else frozenset()
    for change in projected.changes:
        assert len(change.order) == LENGTH
        record = Record(change.record)
        merge(record, [change])
        assert dump(record)
        assert split_key(change.record)[1] in systems_of(source)
        assert claimed(change) <= held
    assert source.project(event, VERSION) == projected


def mutated(name: str, seed: int, times: int) -> Any:
    """The sample with a few places changed."""
    chance = random.Random(seed)
    body = orjson.loads(body_of(name))
    for _ in range(times):
        body = mutate(body, chance)
    return body


@pytest.mark.parametrize("name", [*REQUESTS, *BODIES])
@given(seed=st.integers(0, 1 << 32), times=st.integers(1, 4))
@FEW
def test_mutated_samples(name: str, seed: int, times: int) -> None:
    """A sample with a few places changed is mapped or becomes a letter."""
    flow(source_of(name), orjson.dumps(mutated(name, seed, times)), headers_of(name))


@pytest.mark.parametrize("name", STATES)
@given(seed=st.integers(0, 1 << 32), times=st.integers(1, 4))
@FEW
def test_mutated_states(name: str, seed: int, times: int) -> None:
    """A fetched state with a few places changed is mapped or becomes a letter."""
    source, wish, state = source_of(name), SAMPLES[name].words["fetched"], mutated(name, seed, times)
    event = source.fetched(Found(wish["kind"], wish["thing"], state), began_us=ARRIVED_US, at_least=0, arrived_us=ARRIVED_US)
    assert b"424242" not in event.value
    attempt(source, event)


@pytest.mark.parametrize("name", [*[name for name in REQUESTS if "akeneo" in name or "cloudinary-" in name], *BODIES])
@given(data=st.data())
@FEW
def test_damaged_bytes(name: str, data: st.DataObject) -> None:
    """A sample that is cut, doubled, overwritten or spliced with odd bytes is mapped or becomes a letter."""
    body = bytearray(body_of(name))
    at = data.draw(st.integers(0, len(body)))
    odd = data.draw(
        st.sampled_from([b"", b"\x00", b"\xff", b"\\ud800", b"\\u0000", b'"', b"{", b"[" * 200, b"1e400", b"9" * 40, b"-", b"\xef\xbb\xbf"])
    )
    end = data.draw(st.integers(at, min(len(body), at + 20)))
    flow(source_of(name), bytes(body[:at] + odd + body[end:]), headers_of(name))


@given(body=st.one_of(st.binary(max_size=60), st.sampled_from([b"[]", b"{}", b"null", b'""', b"0", b"[[]]", b"[{}]"])))
@FEW
def test_arbitrary_bytes(body: bytes) -> None:
    """Any bytes at all become a letter or an event."""
    for source in everybody():
        flow(source, body, {})


def everybody() -> list[Source]:
    """All sources that there are."""
    return [*generic().values(), *(vendor(name) for name in homes())]


HEADERS = sorted({name for golden in SAMPLES.values() for name in golden.sent_headers})


@given(headers=st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=20), max_size=6))
@FEW
def test_arbitrary_headers(headers: dict[str, str]) -> None:
    """No header makes a request genuine that is not, and none raises; only who verifies nothing takes everything."""
    for source in everybody():
        try:
            reason = source.verify(headers, b"{}", NOW_S)
        except KeyMissing:
            continue
        assert reason != "" or not source.private_headers


def test_duplicate_keys_are_read_like_any_reader_does() -> None:
    """The last of two equal keys counts, in the key and in the leaves alike."""
    source = source_of("dam")
    body = b'{"type":"asset.saved","time":"2026-10-14T08:12:31Z","assets":[{"id":"a","id":"b","sku":"x","sku":"y"}]}'
    (event,) = source.receive(body, ARRIVED_US, {}).events
    (change,) = source.project(event, VERSION).changes
    assert (change.record, change.leaves["claims.sku"]) == ("asset/dam/b", [["y", "y"]])


def test_a_wrong_sku_would_be_noticed() -> None:
    """The words of a body are those that stand in it, and no parts of them."""
    body = orjson.loads('{"a": "NH-1, NH-2", "b": ["x y"], "c": "[\\"NH-3\\"]", "d": 42}')
    assert {"NH-1", "NH-2", "NH-3", "x y", "42"} <= set(words(body))
    assert not {"NH", "x", "4"} & set(words(body))
