"""Hot data stays out (promise P8): planted markers are looked for in every byte that a service leaves behind.

Owns: where markers are planted, where they are looked for. Does not own: finding hot fields in one body (tests/sources/test_receive.py).
Next stop: app/sources/hot.py.

The same run looks for authors, proofs and secrets, and for a harmless control, so that a search that cannot find anything is noticed.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import bson
import pymongo
import pytest
from bson.raw_bson import RawBSONDocument

from schemas import topics
from tests.functional.deployment import SECRET, Deployment, eventually, upload
from tests.functional.hostile import LIMIT, SECRETS, Sender, behind, configured, logs, settled, signed
from tests.functional.reading import everything
from tests.functional.test_stories import LAMP, akeneo, delta

NUMBER, WORD = "7031415926535", "hot-marker-in-words"
PERSON, CONTROL = "mila.petrova@example.com", "control-that-is-kept"
HOT = "\nhot_fields: [price, Stock, unit price, prix €, net.price, $cost]\n"
SHOP = "  shop: {preset: generic-pim, secrets: [env:PIM_SECRET], hot_fields: [margin]}\n"
NAMES = ("price", "PRICE", "stock", "Unit Price", "prix €", "net.price", "$cost")


def hot(depth: int = 3) -> dict[str, Any]:
    """Every way in which a hot member may stand in JSON that can be read."""
    held: dict[str, Any] = dict.fromkeys(NAMES, NUMBER)
    held |= {"shown": {"price": {"amount": int(NUMBER), "text": WORD}}, "listed": [{"stock": [WORD, {"x": WORD}]}, [[{"price": WORD}]]]}
    held |= {"json": json.dumps({"a": [{"price": WORD}]}), "twice": json.dumps({"inner": json.dumps({"Stock": NUMBER})})}
    held |= {"almost": '{"price": ' + NUMBER, "padded": ' \n[{"price":' + NUMBER + "}]"}
    return {**held, "deeper": hot(depth - 1)} if depth else held


def text_of(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def planted() -> Iterator[tuple[str, bytes]]:
    """(source, body) of authentic requests: kept, split, unusable, unreadable."""
    by = {"triggered_at": "2026-10-14T08:12:31.5+00:00", "triggered_by": {"source": "UI", "id": PERSON}}
    whole = json.loads(upload("hot", sku="HOT", context={"custom": {"alt": CONTROL}}, notification_context=by))
    whole["metadata"] |= hot()
    whole["context"]["custom"] |= hot()
    yield "cloudinary-eu", text_of(whole | hot())
    yield "cloudinary-eu", text_of(whole | hot()).replace(b'"price"', b'"\\u0070rice"').replace(b'"stock"', b'"st\\u006Fck"')
    yield (
        "cloudinary-eu",
        text_of(whole)[:-1] + f',"price":"{NUMBER}","price":"x","metadata":{{"stock":{NUMBER}}},"metadata":{{}}}}'.encode(),
    )
    many = [{"asset_id": f"hot-{n}", "public_id": f"hot-{n}", "added": {"alt": CONTROL, "price": NUMBER}, **hot()} for n in range(3)]
    changed = {"notification_type": "resource_context_changed", "timestamp": "2026-10-14T09:00:00+00:00", "notification_context": by}
    yield "cloudinary-eu", text_of({**changed, "resources": many, **hot()})
    price = [{"previous": {"amount": NUMBER}, "new": {"amount": NUMBER, "word": WORD}, "type": "pim_catalog_price_collection"}]
    kept = [{"previous": None, "new": CONTROL, "type": "pim_catalog_text", "locale": None, "scope": None}]
    told = json.loads(delta(LAMP, {"values": {"list_price": price, "title": kept, "price": price}}, "2026-10-14T09:00:00Z", "HOT"))
    told["data"]["author"] = {"identifier": PERSON, "type": "user"}
    yield "akeneo-main", text_of(told)
    yield "akeneo-main", text_of(json.loads(akeneo("product.created", {"product": {"uuid": LAMP, "identifier": "HOT", **hot()}})))
    product = {"id": "p", "sku": "HOT-P", "name": CONTROL, **hot()}
    both = [product | {"margin": NUMBER, "Margin": {"x": WORD}}, {**product, "id": "q"}]
    saved = {"id": "e1", "type": "product.saved", "time": "2026-10-14T08:12:31Z", "products": both, **hot()}
    yield "shop", text_of(saved)
    # Letters: of a type that nobody knows, without an order, a piece without an id.
    yield "shop", text_of({**saved, "id": "e2", "type": "product.unheard-of"})
    yield "shop", text_of({**saved, "id": "e3", "time": "half past nine"})
    yield "shop", text_of({**saved, "id": "e4", "products": [{"sku": CONTROL, **hot()}, product]})
    yield "cloudinary-eu", text_of({**whole, **hot(), "timestamp": "half past nine"})
    yield "till", text_of({**saved, "products": [product], "auth": {"token": SECRETS["TILL_TOKEN"]}, "id": "e5"})
    # Bodies that are not JSON: only what is a number counts as hot there, but no person is named either.
    digits = f'{{"notification_type":"upload","control":"{CONTROL}","price":{NUMBER},"triggered_by":{{"id":"{PERSON}"}},"stock":"{NUMBER}'
    yield "cloudinary-eu", digits.encode()
    yield "cloudinary-eu", digits.encode("utf-16")
    yield "cloudinary-eu", b"\xff\xfe" + digits.encode() + b"\x00"
    yield "cloudinary-eu", f"price={NUMBER}&stock={NUMBER}".encode()
    yield "shop", b"[" * 300 + NUMBER.encode() + b"]" * 300


def refused() -> Iterator[tuple[str, bytes, dict[str, str]]]:
    """(source, body, headers) of requests that are turned away."""
    body = text_of({**json.loads(upload("no")), **hot(), "secret": SECRET})
    yield "cloudinary-eu", body, {"x-cld-timestamp": "1791965552", "x-cld-signature": "f0f1" * 10}
    yield "cloudinary-us", body, signed("cloudinary-us", body)
    yield "cloudinary-eu", body + b" " * LIMIT, signed("cloudinary-eu", body)
    yield "nobody", body, signed("cloudinary-eu", body)
    yield "till", text_of({"auth": {"token": "of-somebody-else"}, **hot()}), {}


def spellings(text: str) -> set[bytes]:
    """The text as it may stand on a disk: plain, in UTF-16, within base64 at any offset."""
    plain = text.encode()
    inner = {b64encode(b"x" * lead + plain)[(lead * 8 + 5) // 6 :].rstrip(b"=")[:-2] for lead in range(3)}
    return {plain, text.encode("utf-16-le"), text.encode("utf-16-be"), plain.upper(), plain[::-1], *inner}


async def left_behind(service: Deployment) -> Iterator[tuple[str, bytes]]:
    """(where, bytes) of everything that the service has written, looked at while it is down."""
    found: list[tuple[str, bytes]] = [("the log of the processes", logs(service))]
    found += [(path.name, path.read_bytes()) for path in sorted((service.folder / "data").rglob("*")) if path.is_file()]
    async with behind(service) as made:
        for record in await everything(made.log, *topics.ALL):
            headers = b"\n".join(name.encode() + b"=" + value for name, value in record.headers)
            topic = record.topic.removeprefix(service.environment.get("BINDERY_KAFKA_NAMESPACE", ""))
            found.append((f"{topic}/{record.offset}", b"\n".join((record.key or b"", record.value or b"", headers))))
    if service.environment.get("BINDERY_MONGODB_URI"):
        found += documents(service)
    return iter(found)


def documents(service: Deployment) -> list[tuple[str, bytes]]:
    """Every document of the deployment's database as it lies in MongoDB."""
    with pymongo.MongoClient(service.environment["BINDERY_MONGODB_URI"], document_class=RawBSONDocument) as client:
        database = client[service.environment["BINDERY_MONGODB_DATABASE"]]
        names = database.list_collection_names()
        return [(name, bson.encode(document)) for name in names for document in database[name].find()]


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_planted_markers_are_nowhere(deployment: Deployment) -> None:
    """Whatever is kept, split, refused, told in a letter or replayed: no hot value, author, proof or secret is in any byte left behind."""
    service = configured(deployment, more=SHOP + HOT)
    service.start("run", "--host", "127.0.0.1", "--port", str(service.port), environment={"BINDERY_LOG_LEVEL": "debug"})
    service.ready()
    sender = Sender(service)
    answers = [sender.post(source, body) for source, body in planted()]
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers if answer.status_code != 200]
    said = [answer.content for answer in answers]
    for source, body, headers in refused():
        answer = sender.post(source, body, headers)
        assert answer.status_code in (401, 404, 413)
        said.append(answer.content)
    settled(service)
    letters = service.get("/v1/dead-letters", limit=100).json()["items"]
    assert len(letters) == sum(len(answer.json()["dead_letters"]) for answer in answers) + unmapped(letters)
    replay(service)
    said += [service.get(path).content for path in ("/metrics", "/health/ready", "/v1/dead-letters", "/v1/tasks")]
    said += [service.get(f"/v1/dead-letters/{letter['id']}").content for letter in letters]
    said += [service.get("/v1/skus", sku=sku).content for sku in ("HOT", "HOT-P")]
    said += [path.read_bytes() for path in (service.folder / "data").rglob("*") if path.is_file()]
    sender.http.close()
    assert service.down() == [0]

    places = [*((f"answer {n}", one) for n, one in enumerate(said)), *await left_behind(service)]
    controlled = {where.partition("/")[0] for where, held in places if CONTROL.encode() in held}
    store = {"records", "letters"} if service.environment.get("BINDERY_MONGODB_URI") else {"log.db", "store.db"}
    lanes = {"bindery.events.dam.v1", "bindery.events.pim.v1", "bindery.events.slow.v1", "bindery.dead-letters.v1"}
    assert lanes | store <= controlled, "the search is blind somewhere"
    forbidden = {NUMBER, WORD, PERSON, SECRET, *SECRETS.values(), *sender.sent, "of-somebody-else", service.token}
    for text in forbidden:
        for spelling in spellings(text):
            found = [where for where, held in places if spelling in held]
            assert not found, f"{spelling!r} is in {found[:5]}"


def unmapped(letters: list[dict[str, Any]]) -> int:
    """How many letters were written after the door, which tells nobody of those."""
    return sum(letter["stage"] != "ingress" for letter in letters)


def replay(service: Deployment) -> None:
    """Replays every letter that can be, and waits until each has its outcome."""
    job = service.post("/v1/dead-letters/replay", {"filter": {"state": "waiting"}, "why": "hot fields"})
    assert job.status_code == 202, job.text
    told = eventually(lambda: (told := service.get(f"/v1/replays/{job.json()['id']}").json())["phase"] == "finished" and told)
    assert isinstance(told, dict)
    assert told["reopened"] > 3, told
    settled(service)


def test_the_search_finds_what_is_there() -> None:
    """A marker is found in each of the spellings that are looked for."""
    for text in (NUMBER, WORD):
        wide = f"ä{text}".encode("utf-16-le")
        assert any(spelling in wide for spelling in spellings(text))
        for lead in range(3):
            packed = b64encode(b"y" * lead + b"abc" + text.encode() + b"trailing")
            assert any(spelling in packed for spelling in spellings(text)), lead
