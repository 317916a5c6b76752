"""A whole service as real processes, on either pair of engines, for stories told over real HTTP.

Owns: starting, stopping, killing, asking. Does not own: the stories. Next stop: tests/functional/test_life_of_one_event.py.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha1
from hmac import new as new_hmac
from pathlib import Path
from typing import Any, TypeVar

import httpx

from app.settings import Settings

SECRET = "s3cr3t"
T = TypeVar("T")
# httpx makes one for each request otherwise, which takes longer than the request.
TLS = ssl.create_default_context()

CONFIGURATION = """
version: {version}
sources:
  cloudinary-eu:
    preset: cloudinary
    secrets: [env:TEST_SECRET]
    tolerance_s: null
    when_rights_unknown: show
    overrides: {overrides}
  akeneo-main:
    preset: akeneo-event-platform
    system: akeneo
    secrets: [env:TEST_SECRET]
    joins: {{packshots: {{system: cloudinary-eu, by: public_id}}}}
{more}
"""


# Below the ports that systems hand out by themselves (Linux: from 32,768), each once: nobody takes one between its choice and its use,
# nor while the process behind it is down for a moment. Each run of pytest has an order of its own.
_ports = itertools.cycle(random.Random(os.getpid()).sample(range(15_000, 32_000), 17_000))


def free_port() -> int:
    """A loopback port that nobody listens on, and that no other caller is given."""
    while True:
        port = next(_ports)
        with socket.socket() as held:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                held.bind(("127.0.0.1", port))
                return port


def eventually(ask: Callable[[], T], *, within_s: float = 30.0, says: str = "") -> T:
    """The first truthy answer. Fails with the last answer or error when there is none in time."""
    deadline = time.monotonic() + within_s
    last: object = None
    while time.monotonic() < deadline:
        try:
            answer = ask()
        except (httpx.TransportError, AssertionError, KeyError, IndexError) as error:
            last = error
        else:
            if answer:
                return answer
            last = answer
        time.sleep(0.05)
    raise AssertionError(f"{says or 'nothing came'} within {within_s} s; last: {last!r}")


def on_engines(bootstrap: str, uri: str, **more: str) -> dict[str, str]:
    """The variables of a deployment on Kafka and MongoDB, with a name space and database of its own."""
    name = f"t{secrets.token_hex(4)}"
    return {
        "BINDERY_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "BINDERY_MONGODB_URI": uri,
        "BINDERY_MONGODB_DATABASE": name,
        "BINDERY_KAFKA_NAMESPACE": f"{name}.",
        **more,
    }


@dataclass
class Deployment:
    """Processes of one deployment and how to talk to them. `environment` chooses the engines (empty: embedded in `folder`)."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    entry: Sequence[str] = (sys.executable, "-m", "app.cli")
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    port: int = field(default_factory=free_port)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "tokens").write_text(f"ops,catalogue,reader tester {self.token}\n")
        self.configure()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def configure(self, version: int = 1, more: str = "", *, overrides: str = "{}") -> None:
        """Writes bindery.yaml; `more` is further sources, `overrides` those of cloudinary-eu."""
        (self.folder / "bindery.yaml").write_text(CONFIGURATION.format(version=version, more=more, overrides=overrides))

    def settings(self) -> Settings:
        """Those of the processes, for a look behind their back."""
        named = {name.removeprefix("BINDERY_").lower(): value for name, value in self.environment.items()}
        return Settings(config=self.folder / "bindery.yaml", data_dir=self.folder / "data", **named)  # type: ignore[arg-type]  # read as text

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Starts a process with these arguments (default: `run`) and does not wait for it."""
        command = [*self.entry, *(arguments or ("run", "--host", "127.0.0.1", "--port", str(self.port)))]
        env = {
            **os.environ,
            "TEST_SECRET": SECRET,
            "BINDERY_CONFIG": str(self.folder / "bindery.yaml"),
            "BINDERY_DATA_DIR": str(self.folder / "data"),
            "BINDERY_TOKENS_FILE": str(self.folder / "tokens"),
            "BINDERY_LOG_FORMAT": "json",
            **self.environment,
            **(environment or {}),
        }
        output = (self.folder / f"process-{len(self.processes)}.log").open("ab")
        process = subprocess.Popen(command, env=env, stdout=output, stderr=output)
        output.close()
        self.processes.append(process)
        return process

    def up(self) -> Deployment:
        """Starts `bindery run` and waits until it is ready."""
        self.start()
        self.ready()
        return self

    def ready(self) -> None:
        """Waits until readiness is green."""
        eventually(lambda: self.get("/health/ready").status_code == 200, within_s=60, says=f"readiness (logs in {self.folder})")

    def down(self, number: signal.Signals = signal.SIGTERM, *, within_s: float = 20.0) -> list[int]:
        """Stops every process and returns the exit codes."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(number)
        codes = [process.wait(within_s) for process in self.processes]
        self.processes.clear()
        return codes

    def get(self, path: str, **params: Any) -> httpx.Response:
        return httpx.get(self.url + path, params=params or None, headers=self.ops, timeout=30, verify=TLS)

    def post(self, path: str, body: Any = None) -> httpx.Response:
        return httpx.post(self.url + path, json=body, headers=self.ops, timeout=30, verify=TLS)

    @property
    def ops(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def webhook(self, source: str, body: bytes, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Posts a body, signed as the source's sender would."""
        signed = headers if headers is not None else signature(source, body)
        headers = {"content-type": "application/json", **signed}
        return httpx.post(f"{self.url}/webhooks/{source}", content=body, headers=headers, timeout=30, verify=TLS)

    def sku(self, sku: str) -> dict[str, Any]:
        """The stored answer; an AssertionError where there is none yet, so that eventually() goes on."""
        answer = self.get("/v1/skus", sku=sku)
        assert answer.status_code == 200, answer.text
        held: dict[str, Any] = answer.json()
        return held


def signature(source: str, body: bytes) -> dict[str, str]:
    """Headers as the vendors' own senders make them, written independently of app/sources/verify.py."""
    if source.startswith("cloudinary"):
        stamp = "1791965552"
        return {"x-cld-timestamp": stamp, "x-cld-signature": sha1(body + stamp.encode() + SECRET.encode()).hexdigest()}
    if source.startswith("akeneo"):
        return {"x-akeneo-signature-primary": new_hmac(SECRET.encode(), body, "sha256").hexdigest()}
    raise AssertionError(f"no signature is known for {source}")


def upload(asset: str, *, sku: str = "", at: str = "2026-10-14T08:12:31+00:00", version: int = 1791965551, **more: Any) -> bytes:
    """A Cloudinary upload notification; field names and nesting as in the vendor's documentation."""
    url = f"https://res.cloudinary.com/demo/image/upload/v{version}/{asset}.jpg"
    body = {
        "notification_type": "upload",
        "timestamp": at,
        "request_id": "c0ffee",
        "asset_id": f"id-{asset}",
        "public_id": asset,
        "version": version,
        "width": 40,
        "height": 50,
        "format": "jpg",
        "resource_type": "image",
        "type": "upload",
        "tags": [],
        "bytes": 4183,
        "etag": f"etag-{version}",
        "secure_url": url,
        "metadata": {"sku_list": sku} if sku else {},
        **more,
    }
    return json.dumps(body, separators=(",", ":")).encode()
