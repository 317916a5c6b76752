"""Baseline of bind: a plain aiokafka consumer that makes one upsert an event, in batches.

Owns: nothing Bindery uses. Next stop: tests/bench/bind.py.

As good as such a consumer gets: batches of a thousand, one unordered bulk write each, acknowledged by the majority, then the commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import Any

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import UpdateOne


async def consume(bootstrap: str, uri: str, database: str, topic: str, group: str) -> None:
    """Until SIGTERM."""
    client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(uri, w="majority")
    collection = client[database]["bench_plain"]
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with contextlib.suppress(asyncio.CancelledError):
        while not stop.is_set():
            batches = await consumer.getmany(timeout_ms=200, max_records=1000)
            writes = []
            for records in batches.values():
                for record in records:
                    asset = orjson.loads(record.value)
                    writes.append(UpdateOne({"_id": asset["asset_id"]}, {"$set": asset}, upsert=True))
            if writes:
                await collection.bulk_write(writes, ordered=False)
                await consumer.commit()
    await consumer.stop()


if __name__ == "__main__":
    uvloop.run(consume(*sys.argv[1:]))
