"""How much of everything: the full run takes a quarter of an hour, `--quick` under two minutes and proves little.

Owns: the sizes. Next stop: tests/bench/__main__.py.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Seconds of load, and numbers of things. `rounds`: each server of ingest is measured so often, in turns, and its best round counts."""

    ingest_s: int = 8
    rounds: int = 2
    requests: int = 50_000
    events: int = 100_000
    assets: int = 50_000
    skus: int = 10_000
    latency_s: float = 20
    warm_s: float = 4
    most_per_s: int = 1_000
    few_skus: int = 10_000
    many_skus: int = 300_000
    scale_events: int = 20_000
    fetched: int = 20_000
    micro_s: float = 1.0


FULL = Sizes()
QUICK = Sizes(
    ingest_s=2,
    rounds=1,
    requests=5_000,
    events=5_000,
    assets=2_500,
    skus=500,
    latency_s=4,
    warm_s=2,
    most_per_s=200,
    few_skus=500,
    many_skus=5_000,
    scale_events=4_000,
    fetched=4_000,
    micro_s=0.1,
)
SMOKE = Sizes(
    ingest_s=1,
    rounds=1,
    requests=1_000,
    events=500,
    assets=250,
    skus=50,
    latency_s=1,
    warm_s=0.5,
    most_per_s=50,
    few_skus=50,
    many_skus=200,
    scale_events=100,
    fetched=400,
    micro_s=0.01,
)
