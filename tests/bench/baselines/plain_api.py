"""Baseline (b) of ingest: what people write. A FastAPI handler that verifies, parses and awaits aiokafka's send_and_wait.

Owns: nothing Bindery uses. Next stop: tests/bench/ingest.py.
"""

from __future__ import annotations

import hmac
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha1

import orjson
import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, HTTPException, Request

from tests.bench.bodies import PATH
from tests.functional.deployment import SECRET


def app_for(bootstrap: str, topic: str) -> FastAPI:
    """The application; its producer is idempotent with acks=all, as Bindery's."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, acks="all")
        await producer.start()
        app.state.producer = producer
        yield
        await producer.stop()

    app = FastAPI(lifespan=lifespan)

    @app.post(PATH)
    async def webhook(request: Request) -> dict[str, str]:
        body = await request.body()
        expected = sha1(body + request.headers["x-cld-timestamp"].encode() + SECRET.encode()).hexdigest()
        if not hmac.compare_digest(expected, request.headers["x-cld-signature"]):
            raise HTTPException(401)
        event = orjson.loads(body)
        await app.state.producer.send_and_wait(topic, value=body, key=event["asset_id"].encode())
        return {"accepted": event["request_id"]}

    return app


if __name__ == "__main__":
    port, bootstrap, topic = sys.argv[1:]
    uvicorn.run(
        app_for(bootstrap, topic), port=int(port), loop="uvloop", http="httptools", access_log=False, log_level="warning", backlog=4096
    )
