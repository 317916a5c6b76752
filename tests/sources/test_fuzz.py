"""Mutated samples and arbitrary bytes: verified, received and projected without any surprise.

Owns: the fuzz. Does not own: known traps (tests/sources/test_receive.py). Next stop: tests/sources/test_try.py.
"""

import random
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.facets import Record, dump, merge
from app.domain.keys import split_key
from app.domain.order import LENGTH
from app.errors import Unusable
from app.sources.source import Source
from schemas.event import Event
from tests.sources.builders import AKENEO, ARRIVED_US, CLOUDINARY, NOW_S, SAMPLES, VERSION, configure, sample

GENERIC = """
  dam: {preset: generic-dam, secrets: [env:PRIMARY], when_rights_unknown: hide}
  pim: {preset: generic-pim, secrets: [env:PRIMARY], joins: {asset: {system: dam}}}
"""
NAMES = sorted(path.name.removesuffix(".json") for path in SAMPLES.glob("*.json") if "headers" not in path.name)
MARK = 424242
DAM = """{"id": "e", "type": "asset.saved", "time": "2026-10-14T08:12:31Z", "assets": [
  {"id": "a", "sku": ["x"], "gtin": "9521101530476", "role": "r", "position": 1, "tags": ["t"], "alt": {"en": "x"}, "approval": "approved",
   "url": "https://x/y", "renditions": {"n": {"url": "https://x/n"}}, "rights": {"from": "2026-01-01", "until": 1791965551}}]}"""
PIM = """{"id": "e", "type": "product.changed", "time": "2026-10-14T08:12:31Z", "products": [
  {"id": "p", "sku": "x", "parent": "m", "name": {"en": "n"}, "links": [{"asset": "a", "role": "r", "position": 1, "alt": "x"}]}]}"""
BODIES = {"dam": DAM.encode(), "pim": PIM.encode()}


@cache
def sources() -> dict[str, Source]:
    with TemporaryDirectory() as folder:
        made = configure(Path(folder), CLOUDINARY + AKENEO + GENERIC, "hot_fields: [price]")
    return dict(made.sources)


def source_of(name: str) -> Source:
    if name in BODIES:
        return sources()[name]
    return sources()["cloudinary-eu" if name.startswith("cloudinary") else "akeneo-main"]


def body_of(name: str) -> bytes:
    return BODIES[name] if name in BODIES else sample(name)[1]


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


def flow(source: Source, body: bytes) -> None:
    """A body through the whole source. Nothing but Unusable may come out of project(), nothing at all out of the rest."""
    assert isinstance(source.verify({}, body, NOW_S), str)
    received = source.receive(body, ARRIVED_US, {})
    for letter in received.unread:
        assert isinstance(letter.error, Unusable)
        assert b"424242" not in letter.value
        assert "424242" not in str(letter.error)
        replayed = Event(letter.event_id, source.name, letter.type, letter.key, letter.value, ARRIVED_US)
        attempt(source, replayed)
    for event in received.events:
        assert b"424242" not in event.value
        assert split_key(event.key)[0] in {"asset", "product", "model"}
        assert Event.read(event.key.encode(), event.value, event.headers()) == event
        attempt(source, event)


def attempt(source: Source, event: Event) -> None:
    try:
        projected = source.project(event, VERSION)
    except Unusable:
        return
    for change in projected.changes:
        assert len(change.order) == LENGTH
        record = Record(change.record)
        merge(record, [change])
        assert dump(record)
        assert split_key(change.record)[1] == source.system
    again = source.project(event, VERSION)
    assert again == projected


@pytest.mark.parametrize("name", [*NAMES, *BODIES])
@given(seed=st.integers(0, 1 << 32), times=st.integers(1, 4))
def test_mutated_samples(name: str, seed: int, times: int) -> None:
    """A sample with a few places changed is mapped or becomes a letter."""
    chance = random.Random(seed)
    body = orjson.loads(body_of(name))
    for _ in range(times):
        body = mutate(body, chance)
    flow(source_of(name), orjson.dumps(body))


@pytest.mark.parametrize("name", ["cloudinary-upload", "cloudinary-delete", "akeneo-eventplatform-product-updated-delta", "dam", "pim"])
@given(data=st.data())
def test_damaged_bytes(name: str, data: st.DataObject) -> None:
    """A sample that is cut, doubled, overwritten or spliced with odd bytes is mapped or becomes a letter."""
    body = bytearray(body_of(name))
    at = data.draw(st.integers(0, len(body)))
    odd = data.draw(
        st.sampled_from([b"", b"\x00", b"\xff", b"\\ud800", b"\\u0000", b'"', b"{", b"[" * 200, b"1e400", b"9" * 40, b"-", b"\xef\xbb\xbf"])
    )
    end = data.draw(st.integers(at, min(len(body), at + 20)))
    flow(source_of(name), bytes(body[:at] + odd + body[end:]))


@given(body=st.binary(max_size=60))
def test_arbitrary_bytes(body: bytes) -> None:
    """Any bytes at all become a letter or an event."""
    for source in sources().values():
        flow(source, body)


@given(
    headers=st.dictionaries(st.sampled_from(["x-cld-signature", "x-cld-timestamp", "x-signature", "x-akeneo-signature-primary"]), st.text())
)
def test_arbitrary_headers(headers: dict[str, str]) -> None:
    """No header makes a request genuine that is not, and none raises."""
    for source in sources().values():
        assert source.verify(headers, b"{}", NOW_S) != ""


def test_duplicate_keys_are_read_like_any_reader_does() -> None:
    """The last of two equal keys counts, in the key and in the leaves alike."""
    source = source_of("dam")
    body = b'{"type":"asset.saved","time":"2026-10-14T08:12:31Z","assets":[{"id":"a","id":"b","sku":"x","sku":"y"}]}'
    (event,) = source.receive(body, ARRIVED_US, {}).events
    (change,) = source.project(event, VERSION).changes
    assert (change.record, change.leaves["claims.sku"]) == ("asset/dam/b", [["y", "y"]])
