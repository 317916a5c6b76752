"""Random but repeatable traffic of a DAM and a PIM, and the answer that it must lead to.

Owns: the events, the oracle (merge and bind without log, store or processes), the checks of the topic. Does not own: killing anything.
Next stop: tests/crash/test_crash.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson

from app.configuration import load
from app.domain import facets, keys
from app.domain.bind import bind
from app.domain.facets import Record
from app.ports import Doc, Documents, EventLog
from consumers.inputs import load_inputs
from consumers.projector import document
from schemas import topics
from tests.functional.deployment import SECRET, Deployment, upload
from tests.functional.reading import everything
from tests.functional.test_stories import akeneo, delta, packshots

Posted = tuple[str, bytes]

ASSETS, PRODUCTS = 12, 8
ARRIVED_US = 1_792_000_000_000_000


class Traffic:
    """Events of a few assets and products that keep meeting: uploads, deletions, links, renames, deletions and re-creations of products."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._second = 0

    def next(self) -> Posted:
        """(source, body) of the next event. Times jump back and forth, so that arrival and source order differ."""
        pick = self._random
        self._second += 1
        moment = max(self._second + pick.randint(-5, 0), 0)
        at = f"2026-10-14T{8 + moment // 3600:02d}:{moment // 60 % 60:02d}:{moment % 60:02d}"
        asset = f"a{pick.randrange(ASSETS)}"
        uuid = f"00000000-0000-4000-8000-{pick.randrange(PRODUCTS):012d}"
        sku = f"S-{pick.randrange(PRODUCTS)}"
        made: Sequence[Posted] = (
            ("cloudinary-eu", upload(asset, sku=sku, at=at + "+00:00", version=1791965551 + moment)),
            ("cloudinary-eu", upload(asset, at=at + "+00:00", version=1791965551 + moment)),
            ("cloudinary-eu", deletion(asset, at + "+00:00")),
            ("akeneo-main", akeneo("product.created", {"product": {"uuid": uuid, "identifier": sku}}, at + "Z")),
            ("akeneo-main", delta(uuid, packshots(asset, f"a{pick.randrange(ASSETS)}"), at + "Z")),
            ("akeneo-main", akeneo("product.deleted", {"product": {"uuid": uuid, "identifier": sku}}, at + "Z")),
        )
        return pick.choices(made, weights=(6, 2, 1, 4, 5, 1))[0]


def deletion(asset: str, at: str) -> bytes:
    """A Cloudinary delete notification."""
    return orjson.dumps(
        {
            "notification_type": "delete",
            "timestamp": at,
            "request_id": "c0ffee",
            "resources": [{"resource_type": "image", "type": "upload", "asset_id": f"id-{asset}", "public_id": asset}],
        }
    )


class _Memory:
    """Just enough of Documents for load_inputs: a dict and a look through it."""

    def __init__(self, docs: Iterable[Doc]) -> None:
        self._docs = sorted(docs, key=lambda doc: doc.id)

    async def matching(self, tokens: Iterable[str], **_: Any) -> list[Doc]:
        wanted = set(tokens)
        return [doc for doc in self._docs if wanted.intersection(doc.tokens)]


class _View:
    def __init__(self, records: Documents) -> None:
        self.records = records


async def oracle(events: Iterable[Posted], configuration_file: Path, version: int) -> dict[str, dict[str, Any]]:
    """SKU -> content that these events must lead to, in whatever order they are given."""
    configuration = load(configuration_file, environ={"TEST_SECRET": SECRET})
    records: dict[str, Record] = {}
    for name, body in events:
        source = configuration.sources[name]
        for event in source.receive(body, ARRIVED_US, {}).events:
            for change in source.project(event, version).changes:
                facets.merge(records.setdefault(change.record, Record(change.record)), [change])
    skus = {sku for record in records.values() for token in record.ever if (sku := keys.sku_of(token))}
    memory: Any = _View(_Memory(document(record) for record in records.values()))  # type: ignore[arg-type]
    inputs = await load_inputs(memory, skus, configuration.policy)
    return {sku: bind(one, configuration.policy, ARRIVED_US).content for sku, one in inputs.items()}


def stored(service: Deployment, skus: Iterable[str]) -> dict[str, dict[str, Any] | None]:
    """SKU -> the stored answer, None where there is none."""
    answers: dict[str, dict[str, Any] | None] = {}
    with httpx.Client(base_url=service.url, headers=service.ops, timeout=20) as client:
        for sku in skus:
            answer = client.get("/v1/skus", params={"sku": sku})
            answers[sku] = answer.json() if answer.status_code == 200 else None
    return answers


async def published(log: EventLog) -> list[tuple[str, dict[str, Any]]]:
    """(SKU, value) of everything that readers of the topic of bindings see, in the order of its partitions."""
    return [((record.key or b"").decode(), orjson.loads(record.value or b"null")) for record in await everything(log, topics.SKU_BINDINGS)]


def check_topic(values: Iterable[tuple[str, dict[str, Any]]], answers: dict[str, dict[str, Any] | None]) -> None:
    """No revision names two contents, and the topic ends on what is stored."""
    named: dict[tuple[str, int], dict[str, Any]] = {}
    last: dict[str, dict[str, Any]] = {}
    for sku, value in values:
        assert named.setdefault((sku, value["revision"]), value) == value, f"revision {value['revision']} of {sku} names two contents"
        last[sku] = value
    for sku, answer in answers.items():
        assert (answer is None) == (sku not in last), f"{sku}: stored {answer is not None}, published {sku in last}"
        if answer is not None:
            assert last[sku] == answer, f"the topic does not end on what is stored for {sku}"
