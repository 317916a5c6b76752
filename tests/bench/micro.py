"""What reading and mapping a sample costs, in units of parsing the same body with orjson.

Owns: the loop. Does not own: the samples (tests/sources/samples/). Next stop: app/sources/receive.py and app/sources/project.py.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from app.configuration import load
from app.sources.source import Source
from tests.bench.report import Row
from tests.bench.site import Bench
from tests.functional.deployment import Deployment
from tests.sources.signed_samples import NOW_S, request, verifier_of, words_of

TITLE = "Mapping: what the door and the projector do with a sample, beside orjson.loads of the same body"
SAMPLES = Path("tests/sources/samples")
# Sample -> the source that reads it.
CHOSEN = {
    "cloudinary-upload": "cloudinary-eu",
    "cloudinary-resource_context_changed": "cloudinary-eu",
    "akeneo-eventplatform-product-updated-delta": "akeneo-main",
}
# One sample per way of signing.
SCHEMES = (
    "akeneo-eventplatform-product-updated-delta",
    "imagekit-file.updated",
    "cloudinary-upload",
    "contentful-asset.publish",
    "ergonode-product-updated",
    "canto-delete_asset",
    "bynder-asset_bank.media.updated",
    "salsify-product-change",
    "aem-metadata_updated",
    "pimcore-sintra-postupdate",
)
ARRIVED_US = 1_791_965_553_000_000
ROUNDS = 5


def run(bench: Bench) -> list[Row]:
    """The table."""
    sources = load(Deployment(bench.folder / "micro").folder / "bindery.yaml").sources
    mapped = [row for sample, name in CHOSEN.items() for row in _rows(sample, sources[name], bench.sizes.micro_s)]
    return mapped + [_verified(sample, bench.sizes.micro_s) for sample in SCHEMES]


def _verified(sample: str, seconds: float) -> Row:
    """The signature alone, with the key at hand."""
    headers, body = request(sample)
    verifier = verifier_of(sample)
    assert verifier.check(headers, body, NOW_S) == "", sample
    parsed = cost_us(lambda: orjson.loads(body), seconds)
    cost = cost_us(lambda: verifier.check(headers, body, NOW_S), seconds)
    return Row(f"{sample}: signature ({words_of(sample)['scheme']})", cost, "µs", parsed, "orjson.loads")


def _rows(sample: str, source: Source, seconds: float) -> list[Row]:
    body = (SAMPLES / f"{sample}.json").read_bytes()
    described = json.loads((SAMPLES / f"{sample}.headers.json").read_bytes())["headers"]
    headers = {name.lower(): value for name, value in described.items()}
    now_s = ARRIVED_US / 1e6
    assert source.verify(headers, body, now_s) == "", sample
    (event,) = source.receive(body, ARRIVED_US, headers).events
    assert source.project(event, 1).changes
    parsed = cost_us(lambda: orjson.loads(body), seconds)

    def door() -> None:
        source.verify(headers, body, now_s)
        source.receive(body, ARRIVED_US, headers)

    a = "orjson.loads"
    return [
        Row(f"{sample}: verify and receive", cost_us(door, seconds), "µs", parsed, a),
        Row(f"{sample}: project", cost_us(lambda: source.project(event, 1), seconds), "µs", parsed, a),
    ]


def cost_us(work: Callable[[], object], seconds: float) -> float:
    """Microseconds of processor time per call, the best of some rounds that last `seconds` together."""
    best, calls = float("inf"), 1
    for _ in range(ROUNDS):
        used = 0.0
        while used < seconds / ROUNDS:
            began = time.process_time()
            for _ in range(calls):
                work()
            took = time.process_time() - began
            used += took
            best = min(best, took / calls if took > 0.001 else best)
            calls = calls * 2 if took < 0.002 else calls
    return best * 1e6
