"""Bodies that nobody should send, their signatures, and the books that say what became of each.

Owns: further sources beside those of deployment.py, bodies of every kind, wrong values at every place, the look behind the service's back.
Does not own: what is expected (tests/functional/test_hostile_input.py). Next stop: tests/functional/test_hostile_input.py.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha1
from hmac import new as new_hmac
from typing import Any

import httpx
import orjson

from app.bootstrap import parts
from app.domain import facets
from schemas import letter as wire
from schemas import topics
from schemas.event import Event
from schemas.letter import Letter
from tests.functional.deployment import SECRET, Deployment, eventually, upload
from tests.functional.reading import everything
from tests.functional.test_stories import akeneo, delta, packshots

# Without digits, which are hidden in bodies that cannot be read.
SECRETS = {"US_SECRET": "us-only-secret", "DAM_SECRET": "dam-only-secret", "PIM_SECRET": "pim-only-secret", "TILL_TOKEN": "till-only-token"}
LONG_SYSTEM = "a" * 63
MORE = f"""
  cloudinary-us: {{preset: cloudinary, secrets: [env:US_SECRET], tolerance_s: 3600, when_rights_unknown: show}}
  dam: {{preset: generic-dam, system: {LONG_SYSTEM}, secrets: [env:DAM_SECRET], when_rights_unknown: show}}
  pim: {{preset: generic-pim, secrets: [env:PIM_SECRET], joins: {{asset: {{system: {LONG_SYSTEM}}}}}}}
  till: {{preset: generic-pim, secrets: [env:TILL_TOKEN], overrides: {{verify: {{scheme: token, field: auth.token}}}}}}
"""
LIMIT = 786_432
LANES = (*topics.LIVE, *topics.SLOW)


def configured(service: Deployment, more: str = "") -> Deployment:
    """The deployment with the further sources and their secrets; `more` is YAML below `sources`."""
    service.environment = {**service.environment, **SECRETS}
    service.configure(more=MORE + more)
    return service


def signed(source: str, body: bytes, stamp: str = "1791965552") -> dict[str, str]:
    """Headers of a genuine sender, written independently of app/sources/verify.py."""
    if source.startswith("cloudinary"):
        secret = SECRET if source == "cloudinary-eu" else SECRETS["US_SECRET"]
        return {"x-cld-timestamp": stamp, "x-cld-signature": sha1(body + stamp.encode() + secret.encode()).hexdigest()}
    if source == "till":
        return {}
    name, secret = {
        "akeneo-main": ("x-akeneo-signature-primary", SECRET),
        "dam": ("x-signature", SECRETS["DAM_SECRET"]),
        "pim": ("x-signature", SECRETS["PIM_SECRET"]),
        "shop": ("x-signature", SECRETS["PIM_SECRET"]),
    }[source]
    return {name: new_hmac(secret.encode(), body, "sha256").hexdigest()}


def bodies() -> dict[str, tuple[str, Any]]:
    """Name -> (source, body) that between them hold every place that the presets' mappings read."""
    asset = {
        "id": "g", "sku": ["G-1"], "gtin": "9521101530476", "role": "packshots", "position": 1, "locale": "en_GB", "channel": "shop",
        "tags": ["t"], "alt": {"en": "x"}, "caption": "c", "title": "t", "credit": "c", "approval": "approved", "url": "https://x/y",
        "checksum": "c", "version": 1, "width": 1, "height": 1, "bytes": 1, "format": "jpg", "media_type": "image",
        "renditions": {"n": {"url": "https://x/n", "width": 1}}, "rights": {"from": "2026-01-01", "until": "2036-01-01"},
    }  # fmt: skip
    product = {
        "id": "p", "sku": "G-1", "gtin": "9521101530476", "parent": "m", "name": {"en": "n"},
        "links": [{"asset": "g", "role": "front", "locale": "en", "channel": "shop", "position": 1, "alt": "x", "caption": "c"}],
    }  # fmt: skip
    whole = json.loads(
        upload(
            "m",
            sku="M-1",
            tags=["role:front"],
            context={"custom": {"alt": "x", "caption": "y"}},
            eager=[{"transformation": "t", "secure_url": "https://x/v1/m.jpg"}],
            access_control=[{"access_type": "anonymous", "start": "2026-01-01T00:00:00Z", "end": "2036-01-01T00:00:00Z"}],
            moderation=[{"status": "approved"}],
            display_name="m",
            notification_context={"triggered_at": "2026-10-14T08:12:31.5+00:00", "triggered_by": {"source": "UI", "id": "somebody"}},
        )
    )
    deleted = {"notification_type": "delete", "timestamp": "2026-10-14T08:12:32+00:00", "resources": [{"asset_id": "m", "public_id": "m"}]}
    time = "2026-10-14T08:12:31Z"
    return {
        "upload": ("cloudinary-eu", whole),
        "delete": ("cloudinary-eu", deleted),
        "tags": ("cloudinary-eu", _by_id("resource_tags_changed", {"asset_id": "m", "added": ["a"], "removed": ["b"]})),
        "context": ("cloudinary-eu", _by_id("resource_context_changed", {"asset_id": "m", "added": {"alt": "a"}, "removed": ["caption"]})),
        "created": ("akeneo-main", json.loads(akeneo("product.created", {"product": {"uuid": "m", "identifier": "A-1"}}))),
        "delta": ("akeneo-main", json.loads(delta("m", packshots("m"), time, "A-1"))),
        "gone": ("akeneo-main", json.loads(akeneo("product.deleted", {"product": {"uuid": "m", "identifier": "A-1"}}))),
        "asset": ("dam", {"id": "e", "type": "asset.saved", "time": time, "assets": [asset]}),
        "product": ("pim", {"id": "e", "type": "product.changed", "time": time, "products": [product]}),
    }


def _by_id(kind: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {"notification_type": kind, "timestamp": "2026-10-14T08:12:32+00:00", "resources": {"m": resource}}


WRONG: tuple[Any, ...] = (
    None, True, -1, 1.5, 1e300, 1 << 70, -(1 << 63), "", "\x00", "x" * 100_000, "2026-99-99", "9999-12-31", "[1,", "~.$", "//", "{a}",
    [], {}, [None], [[1]], [{}], {"": 1}, {"a.b": {"$set": 1}}, {"date": "0001-01-01", "timezone": "+14:00"},
)  # fmt: skip


def mutants(body: Any, each: int = len(WRONG)) -> Iterator[Any]:
    """Copies of the body with one place missing, or holding a wrong value: `each` of them a place, all of them in turn."""
    turn = 0
    for place in _places(body):
        for _ in range(each):
            wrong = WRONG[turn % len(WRONG)]
            turn += 1
            yield _with(body, place, lambda holder, last, wrong=wrong: holder.__setitem__(last, wrong))
        # The next place begins elsewhere in the list, so that no value always meets the same places.
        turn += 1
        yield _with(body, place, lambda holder, last: holder.__delitem__(last))


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*place, key)
        yield from _places(value[key], (*place, key))


def _with(body: Any, place: tuple[Any, ...], change: Any) -> Any:
    copy = deepcopy(body)
    holder = copy
    for step in place[:-1]:
        holder = holder[step]
    change(holder, place[-1])
    return copy


@dataclass
class Sender:
    """Posts over one connection and keeps the books: what was accepted, every signature that was sent."""

    service: Deployment
    accepted: dict[tuple[str, str], str] = field(default_factory=dict)  # (source, event or letter id) -> "event" or "letter"
    sent: set[str] = field(default_factory=set)
    neighbours: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.service.url, timeout=20)

    def post(self, source: str, body: bytes, headers: Mapping[str, str | bytes] | None = None) -> httpx.Response:
        """Posts a body, signed as its sender would unless headers are given."""
        proof: Mapping[str, Any] = signed(source, body) if headers is None else headers
        self.sent.update(value for name, value in proof.items() if "signature" in name and isinstance(value, str))
        answer = self.http.post(f"/webhooks/{source}", content=body, headers={"content-type": "application/json", **proof})
        if answer.status_code == 200:
            for kind, ids in (("event", answer.json()["accepted"]), ("letter", answer.json()["dead_letters"])):
                self.accepted.update({(source, one): kind for one in ids})
        return answer

    def neighbour(self) -> None:
        """A good event, so that nobody can say later that only the bad ones were looked at."""
        name = f"good-{len(self.neighbours)}"
        assert self.post("cloudinary-eu", upload(name, sku=name)).status_code == 200
        self.neighbours.append(name)

    def all_neighbours_are_bound(self) -> None:
        for name in self.neighbours:
            held = eventually(lambda name=name: self.service.sku(name), within_s=30, says=f"the neighbour {name}")  # type: ignore[misc]
            assert [one["asset"]["id"] for one in held["bindings"]] == [f"id-{name}"]


def settled(service: Deployment, within_s: float = 60) -> None:
    """Waits until every consumer has read everything, twice in a row (a batch may append for the next consumer)."""
    for _ in range(2):
        eventually(lambda: sum(item["records"] for item in service.get("/v1/lag").json()["items"]) == 0, within_s=within_s, says="no lag")


@dataclass
class Books:
    """What the log and the store hold in the end."""

    events: list[Event]
    letters: dict[str, list[Letter]]  # by letter id, every entry of the topic
    known: set[str]  # record keys
    refs: set[tuple[str, str]]  # (source, event id) of what some leaf was said by
    tasks: set[str]
    raw: bytes  # keys, values and headers of every letter


@asynccontextmanager
async def behind(service: Deployment) -> Any:
    """The log and the store of a service; on the embedded engines it has to be down."""
    made = parts(service.settings())
    await made.store.start()
    await made.log.start()
    try:
        yield made
    finally:
        await made.log.stop()
        await made.store.stop()
        if made.lock:
            made.lock.close()


async def books(service: Deployment) -> Books:
    """Reads everything there is."""
    async with behind(service) as made:
        events = [Event.read(one.key, one.value, one.headers) for one in await everything(made.log, *LANES)]
        letters: dict[str, list[Letter]] = {}
        raw = []
        for one in await everything(made.log, topics.DEAD_LETTERS):
            said = wire.read(one.key, one.value, one.headers)
            raw += [one.key or b"", one.value or b"", *(value for _, value in one.headers)]
            if isinstance(said, Letter):
                letters.setdefault(said.id, []).append(said)
        known: set[str] = set()
        refs: set[tuple[str, str]] = set()
        after = ""
        while docs := await made.store.records.page(after=after, limit=500):
            after = docs[-1].id
            for doc in docs:
                known.add(doc.id)
                refs.update((ref.source, ref.id) for _, _, ref in facets.load(doc.id, doc.body, 1).leaves.values())
        tasks = {orjson.loads(doc.body)["thing"] for doc in await made.store.tasks.page(limit=10_000)}
        return Books(events, letters, known, refs, tasks, b"\n".join(raw))


def balanced(sender: Sender, held: Books) -> Counter[str]:
    """Every accepted event is in a record or a task, or in exactly one letter; every letter is one that was earned. Counts by outcome."""
    outcomes: Counter[str] = Counter()
    by_event = Counter((one[0].source, one[0].event_id[:500]) for one in held.letters.values() if one[0].stage != "ingress")
    on_the_log = {(event.source, event.id) for event in held.events}
    told_letters = {one for (_, one), kind in sender.accepted.items() if kind == "letter"}
    for (source, one), kind in sender.accepted.items():
        if kind == "letter":
            assert one in held.letters, f"{source}: the letter {one} of an answer is nowhere"
            continue
        assert (source, one) in on_the_log, f"{source}: the accepted event {one} is not on the log"
    for event in held.events:
        lettered = by_event[event.source, event.id[:500]]
        kept = event.key in held.known or event.key.split("/", 2)[-1] in held.tasks
        assert lettered <= 1, f"{event.source} {event.id}: {lettered} letters"
        assert lettered or kept, f"{event.source} {event.id} ({event.key[:80]}): in no record, no task and no letter"
        assert not (lettered and (event.source, event.id) in held.refs), f"{event.source} {event.id}: in a record and in a letter"
        outcomes["letter" if lettered else "kept"] += 1
    for id_, entries in held.letters.items():
        assert entries[0].stage != "ingress" or id_ in told_letters, f"the letter {id_} was announced to nobody"
        outcomes["refused at the door"] += entries[0].stage == "ingress"
    return outcomes


def nowhere(held: bytes, secrets: set[str], where: str) -> None:
    """None of these texts stands in these bytes."""
    found = [secret for secret in secrets if secret.encode() in held]
    assert not found, f"{where} holds {found}"


def logs(service: Deployment) -> bytes:
    """What the processes have printed."""
    return b"".join(path.read_bytes() for path in sorted(service.folder.glob("process-*.log")))
