"""What an event costs with few and with many SKUs in the store.

Owns: the two stores. Does not own: filling (catalogue.py), timing (drain.py). Next stop: consumers/inputs.py and consumers/affected.py,
whose queries must not grow with the store.

The same number of events over the same number of SKUs, which lie spread among all of them; each event is a new version of the SKU's image.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson

from app.bootstrap import Parts
from tests.bench import bodies, catalogue
from tests.bench.bind import PIPELINE, ROLES
from tests.bench.bodies import Upload
from tests.bench.drain import Drained, drain, lags_of
from tests.bench.report import Row
from tests.bench.site import Bench, Site
from tests.bench.sizes import Sizes

TITLE = "Scale: what an event costs, by the number of SKUs in the store (a product, an asset and a binding each)"


def run(bench: Bench) -> list[Row]:
    """The table."""
    sizes = bench.sizes
    few, many = (_measured(bench, skus) for skus in (sizes.few_skus, sizes.many_skus))
    against, what = f"{sizes.few_skus:,} SKUs", f"{sizes.many_skus:,} SKUs"
    return [
        Row(f"time per event, {what}", 1e6 / many.per_s, "µs", 1e6 / few.per_s, against, 1.25, at_least=False),
        Row(f"processor time per event, {what}", many.cpu_us, "µs", few.cpu_us, against),
        Row(f"MongoDB's processor time per event, {what}", many.engines_cpu_us[1], "µs", few.engines_cpu_us[1], against),
        Row(f"peak memory of the process, {what}", many.peaks_mb[0], "MB", few.peaks_mb[0], against),
    ]


def _measured(bench: Bench, skus: int) -> Drained:
    with bench.site() as where:
        return asyncio.run(_drained(where, skus, bench.sizes))


async def _drained(where: Site, skus: int, sizes: Sizes) -> Drained:
    touched = range(0, skus, skus // sizes.few_skus)
    async with where.open() as made:
        await catalogue.fill_store(made, range(skus))
        uploads = bodies.uploads(len(touched), touched, sizes.scale_events)
        spread = (Upload(touched[upload.asset], upload.sku, upload.version, upload.number) for upload in uploads)
        total = await catalogue.fill_log(made, spread)
        await asyncio.to_thread(where.settle)
        process = where.deployment.start("consume", *ROLES)
        drained = await drain(lags_of(made, PIPELINE), total, [process], where.engine_pids())
        where.stop()
        await _check(made, touched, sizes)
    return drained


async def _check(made: Parts, touched: Sequence[int], sizes: Sizes) -> None:
    """Every SKU that was touched shows the last version of its image."""
    version = bodies.FIRST_VERSION + sizes.scale_events // len(touched)
    for page in catalogue.pages(touched):
        held = await made.store.bindings.load([bodies.sku_of(number) for number in page])
        assert len(held) == len(page)
        for doc in held.values():
            told = [(binding["state"], binding["content"]["version"]) for binding in orjson.loads(doc.body)["bindings"]]
            assert told == [("live", version)], f"{doc.id}: {told}"
