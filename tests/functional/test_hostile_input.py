"""Input that nobody should send: each is answered, accounted for, and harms nobody beside it (promises P2, P5).

Owns: bad bodies, forged proofs, wrong types, poison on the log. Does not own: bodies and books (hostile.py), the door alone (tests/api/).
Next stop: tests/functional/test_poison.py.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.functional.deployment import SECRET, Deployment, upload
from tests.functional.hostile import (
    LIMIT,
    SECRETS,
    WRONG,
    Sender,
    balanced,
    bodies,
    books,
    configured,
    logs,
    mutants,
    nowhere,
    settled,
    signed,
)

GOOD = upload("raw", sku="RAW")


@pytest.fixture
def sender(deployment: Deployment) -> Iterator[Sender]:
    """A sender to a deployment that is configured and not running yet."""
    made = Sender(configured(deployment))
    yield made
    made.http.close()


def raw_bodies() -> dict[str, tuple[bytes, str]]:
    """Name -> (body for cloudinary-eu, what becomes of it: letter or kept)."""
    held = GOOD.decode()
    return {
        "empty": (b"", "letter"),
        "truncated": (GOOD[:-20], "letter"),
        "trailing garbage": (GOOD + b"}", "letter"),
        "null": (b"null", "letter"),
        "a number": (b"1", "letter"),
        "a list": (b"[" + GOOD + b"]", "letter"),
        "nested to the sky": (b"[" * 200_000, "letter"),
        "nested deeper than is read": (held[:-1].encode() + b',"x":' + b"[" * 300 + b"]" * 300 + b"}", "letter"),
        "nested within reason": (upload("nested", x=json.loads("[" * 90 + "]" * 90)), "kept"),
        "invalid UTF-8": (GOOD.replace(b"jpg", b"\xff\xfe"), "letter"),
        "a lone surrogate": (GOOD.replace(b'"jpg"', b'"\\ud800"'), "letter"),
        "a lone surrogate as a key": (GOOD.replace(b'"format"', b'"\\udfff"'), "letter"),
        "UTF-16": (held.encode("utf-16"), "letter"),
        "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "letter"),
        "not a number": (GOOD.replace(b"4183", b"NaN"), "letter"),
        "an id beyond 64 bit": (GOOD.replace(b'"id-raw"', b"123456789012345678901234567890"), "letter"),
        "a size beyond 64 bit": (GOOD.replace(b"4183", b"9" * 40), "letter"),
        "a version beyond every float": (GOOD.replace(b"4183", b"9" * 400), "letter"),
        "NUL in an id": (GOOD.replace(b'"id-raw"', b'"id\\u0000raw"'), "letter"),
        "NUL in a text": (upload("nul", sku="NUL", context={"custom": {"alt": "a\x00b"}}), "kept"),
        "keys of the store": (upload("keys", sku="KEYS", context={"custom": {"a.b": "c", "$set": {"$where": "1"}, "": "x"}}), "kept"),
        "tags of the store": (upload("tags", sku="TAGS", tags=["a.b", "$set", "~0", "~", ".", "../x", "\u2028", "_id"]), "kept"),
        "a SKU of the store": (upload("sku", sku="$a.b/~c"), "kept"),
        "duplicate keys": (GOOD[:-1] + b',"asset_id":"id-twice"}', "kept"),
        "an id of 100 kB": (GOOD.replace(b"id-raw", b"i" * 100_000), "letter"),
        "a type of 100 kB": (GOOD.replace(b'"upload"', b'"' + b"u" * 100_000 + b'"', 1), "letter"),
        "a SKU of 100 kB": (upload("long", sku="s" * 100_000), "letter"),
        "a type nobody knows": (GOOD.replace(b'"upload"', b'"upl\\u0000oad"', 1), "letter"),
        "as large as may be": (upload("large", sku="LARGE", filler="f" * (LIMIT - 700)), "kept"),
    }


def refusals() -> Iterator[tuple[str, str, bytes, Mapping[str, str | bytes], int]]:
    """(name, source, body, headers, status) of requests that must leave no trace."""
    eu, us = signed("cloudinary-eu", GOOD), signed("cloudinary-us", GOOD, str(int(time.time())))
    yield "no proof", "cloudinary-eu", GOOD, {}, 401
    yield "forged", "cloudinary-eu", GOOD, {**eu, "x-cld-signature": "0" * 40}, 401
    yield "of another body", "cloudinary-eu", GOOD + b" ", eu, 401
    yield "of another time", "cloudinary-eu", GOOD, {**eu, "x-cld-timestamp": "1791965553"}, 401
    yield "of one source at another", "cloudinary-us", GOOD, eu, 401
    yield "and the other way round", "cloudinary-eu", GOOD, us, 401
    yield "of one scheme at another", "akeneo-main", GOOD, eu, 401
    yield "stale", "cloudinary-us", GOOD, signed("cloudinary-us", GOOD, str(int(time.time()) - 7200)), 401
    yield "a time that is none", "cloudinary-us", GOOD, signed("cloudinary-us", GOOD, "half past nine"), 401
    yield "a signature of 30 kB", "cloudinary-eu", GOOD, {**eu, "x-cld-signature": b"\xe9" * 15_000}, 401
    yield "no token", "till", b'{"auth":{"token":["x"]}}', {}, 401
    yield "no token at all", "till", b'{"auth":', {}, 401
    yield "nobody's source", "cloudinary-mars", GOOD, eu, 404
    yield "too large", "cloudinary-eu", b"x" * (LIMIT + 1), eu, 413


def chunked(body: bytes) -> Iterator[bytes]:
    """The body in pieces, so that its length is not declared."""
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_bad_bodies_and_forged_proofs(sender: Sender) -> None:
    """A bad body is answered 200 and kept or told in one letter, an unproved request is refused without a trace; nobody is harmed."""
    service = sender.service.up()
    sender.neighbour()
    expected: dict[str, str] = {}
    for name, (body, outcome) in raw_bodies().items():
        answer = sender.post("cloudinary-eu", body)
        assert answer.status_code == 200, f"{name}: {answer.status_code} {answer.text}"
        told = answer.json()
        assert len(told["accepted"]) + len(told["dead_letters"]) == 1, f"{name}: {told}"
        expected[name] = outcome
    sender.neighbour()
    before = len(sender.accepted)
    for name, source, body, headers, status in refusals():
        answer = sender.post(source, body, headers)
        assert answer.status_code == status, f"{name}: {answer.status_code} {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json", name
        assert answer.json()["detail"], name
        assert not [held for held in headers.values() if isinstance(held, str) and len(held) > 20 and held[:20] in answer.text], (
            f"{name}: the answer repeats a proof"
        )
    endless = sender.http.post("/webhooks/cloudinary-eu", content=chunked(b"x" * (LIMIT + 1)), headers=signed("cloudinary-eu", b""))
    assert endless.status_code == 413
    assert len(sender.accepted) == before, "a refused request was accepted"
    deep = b'{"auth":{"token":"%b"},"x":%b}' % (SECRETS["TILL_TOKEN"].encode(), b"[" * 150 + b"]" * 150)
    assert sender.post("till", deep).json()["dead_letters"], "authentic, and too deep to be read"
    sender.neighbour()

    settled(service)
    sender.all_neighbours_are_bound()
    shown = {sku: service.sku(sku)["bindings"] for sku in ("NUL", "KEYS", "TAGS", "$a.b/~c", "LARGE")}
    assert all(len(one) == 1 for one in shown.values()), shown
    for body in (GOOD, GOOD):
        # Deliveries of the past, signed as they were then: accepted, and nothing changes.
        assert sender.post("cloudinary-eu", body).status_code == 200
    old = upload("good-0", sku="MOVED", at="2020-01-01T00:00:00+00:00")
    revision = service.sku("good-0")["revision"]
    assert sender.post("cloudinary-eu", old).status_code == 200
    assert service.get("/health/ready").status_code == 200
    settled(service)
    assert service.sku("good-0")["revision"] == revision
    assert service.down() == [0]

    held = await books(service)
    outcomes = balanced(sender, held)
    letters = sum(outcome == "letter" for outcome in expected.values()) + 1
    assert len(held.letters) == letters, sorted((one[0].error_class, one[0].message) for one in held.letters.values())
    assert outcomes["kept"] == len(held.events) - outcomes["letter"]
    proofs = sender.sent | set(SECRETS.values()) | {SECRET}
    nowhere(held.raw, proofs, "the topic of letters")
    nowhere(logs(service), proofs, "the log of the process")


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_wrong_types_at_every_place_that_is_read(sender: Sender) -> None:
    """Wherever a wrong value stands, the event is kept or told in one letter; no consumer dies and good neighbours are bound."""
    service = sender.service.up()
    number = 0
    for source, body in bodies().values():
        sender.neighbour()
        for mutant in mutants(body, each=5):
            number += 1
            text = json.dumps(named(mutant, number)).encode()
            answer = sender.post(source, text)
            assert answer.status_code == 200, f"{answer.status_code} {answer.text} for {text[:500]!r}"
            told = answer.json()
            assert told["accepted"] or told["dead_letters"] or b"[]" in text or b"{}" in text, f"nothing came of {text[:500]!r}"
    sender.neighbour()
    settled(service, within_s=90)
    sender.all_neighbours_are_bound()
    assert service.get("/health/ready").status_code == 200
    assert service.down() == [0]
    outcomes = balanced(sender, await books(service))
    assert number > 800
    assert outcomes["kept"] > number // 4
    assert outcomes["letter"] + outcomes["refused at the door"] > number // 10


def named(mutant: Any, number: int) -> Any:
    """The mutant about a thing of its own, so that each can be told from the others, unless the change concerns the name itself."""
    text = json.dumps(mutant)
    for mark in (
        '"id-m"',
        '"uuid": "m"',
        '"asset_id": "m"',
        '"id": "g"',
        '"id": "p"',
        '"id": "01a032fd-d117-73d9-85ce-6cad8d116ece"',
        '"id": "e"',
    ):
        text = text.replace(mark, f'{mark[:-1]}-{number}"')
    made = json.loads(text)
    return {**made, "n": number} if isinstance(made, dict) else made


def test_the_wrong_values_are_wrong_somewhere() -> None:
    """The mutants differ from the body they come from, each from the others, at every place of every body."""
    for _, body in bodies().values():
        made = [json.dumps(mutant, sort_keys=True) for mutant in mutants(body)]
        assert len(made) >= len(WRONG)
        assert sum(one == json.dumps(body, sort_keys=True) for one in made) < len(made) // 10
