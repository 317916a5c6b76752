"""`make demo`: posts signed requests of two DAMs and two PIMs to a running service, and shows the bindings that result.

Owns: the story. Does not own: the service (`make run`), the sources (bindery.yaml beside this file). Next stop: README.md.

It can be run again and again: what was posted before changes nothing.
"""

import argparse
import json
import shlex
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from app.cli.client import DATA_DIR
from app.cli.remote import bindings
from app.configuration import load
from app.sources.source import Sources

NOW = datetime.now(UTC).replace(microsecond=0)
JACKET = "7c2d9b1e-4a53-4f0e-9d7c-2f6b1a8e3c41"
# Ids of the assets in the answer. The lining was never uploaded, so it goes by what the PIM calls it.
ASSETS = {"demo-front", "demo-side", "jackets/lining", "mood-1"}
EMBARGO = NOW.replace(minute=0, second=0) + timedelta(days=30)


def instant(ago_h: float) -> str:
    """RFC 3339, this many hours ago; the same for the whole hour, so that a second run repeats the first."""
    return (NOW.replace(minute=0, second=0) - timedelta(hours=ago_h)).isoformat().replace("+00:00", "Z")


def upload(name: str, hours_ago: float, **more: Any) -> dict[str, Any]:
    """A Cloudinary upload notification."""
    return {
        "notification_type": "upload",
        "timestamp": instant(hours_ago),
        "request_id": f"demo-{name}",
        "asset_id": f"demo-{name}",
        "public_id": f"jackets/{name}",
        "version": 1791965551,
        "width": 4000,
        "height": 5000,
        "format": "jpg",
        "resource_type": "image",
        "type": "upload",
        "tags": ["jacket"],
        "bytes": 4183344,
        "etag": f"etag-{name}",
        "secure_url": f"https://res.cloudinary.com/demo/image/upload/v1791965551/jackets/{name}.jpg",
        "context": {"custom": {"alt": f"Olive rain jacket, {name}"}},
        **more,
    }


def akeneo(nth: int, kind: str, product: dict[str, Any], hours_ago: float) -> dict[str, Any]:
    """An Akeneo Event Platform event about a product; each has an id of its own, the same in every run."""
    return {
        "specversion": "1.0",
        "id": f"01a032fd-d117-73d9-85ce-6cad8d116e{nth:02x}",
        "source": "akeneo-event-platform",
        "type": f"com.akeneo.pim.v1.{kind}",
        "subject": "0198e0c4-7a1f-7c3e-9b52-4d0f6a8e2b17",
        "datacontenttype": "application/json",
        "time": instant(hours_ago),
        "data": {"product": product, "author": {"identifier": "demo", "type": "user"}},
    }


def story() -> list[tuple[str, str, Any]]:
    """(what happens, source, body), in the order of posting; nothing depends on that order."""
    linked = {"previous": None, "new": ["jackets/front", "jackets/side", "jackets/lining"], "type": "pim_catalog_asset_collection"}
    stamp = instant(4).replace("T", " ").replace("Z", ".000000")
    changes = {"values": {"packshots": [{**linked, "locale": None, "scope": None}]}}
    released = {"asset_state": "approved"}
    embargo = [{"access_type": "anonymous", "start": EMBARGO.isoformat()}]
    delta = {"uuid": JACKET, "identifier": "NH-4711", "updated_at": {"date": stamp, "timezone": "UTC"}, "changes": changes}
    mood = {
        "id": "mood-1",
        "article_numbers": ["NH-4711"],
        "role": "mood",
        "url": "https://dam.example.com/mood-1.jpg",
        "state": "released",
        "licence_end": (NOW + timedelta(days=200)).date().isoformat(),
        "checksum": "c0ffee",
    }
    saved = {"id": "demo-1", "type": "asset.saved", "time": instant(3), "assets": [mood]}
    return [
        ("Cloudinary: the front view, approved", "cloudinary-eu", upload("front", 6, metadata=released)),
        ("Cloudinary: the side view, under embargo", "cloudinary-eu", upload("side", 6, metadata=released, access_control=embargo)),
        ("Akeneo: the product NH-4711", "akeneo-main", akeneo(1, "product.created", {"uuid": JACKET, "identifier": "NH-4711"}, 5)),
        ("Akeneo: its packshots, in display order", "akeneo-main", akeneo(2, "product.updated.delta", delta, 4)),
        ("Activo: a mood picture that names the SKU", "activo", saved),
        ("Akeneo: a thin event, which waits for a fetch", "akeneo-main", akeneo(3, "product.updated", {"uuid": JACKET}, 2)),
        ("Activo: an asset whose date cannot be read", "activo", saved | {"id": "demo-2", "time": "yesterday"}),
    ]


def post(url: str, sources: Sources, source: str, body: Any) -> str:
    """Posts one signed request and says how it was answered; ends the demo where nobody answers."""
    raw = json.dumps(body, separators=(",", ":")).encode()
    headers = {"content-type": "application/json", **sources[source].sign(raw, time.time())}
    try:
        answer = httpx.post(f"{url}/webhooks/{source}", content=raw, headers=headers, timeout=10)
    except httpx.TransportError as error:
        sys.exit(f"{url} does not answer ({error}). Start the service in another terminal: make run")
    return f"{answer.status_code} {answer.text.strip()}"


def settled(url: str) -> dict[str, Any]:
    """The answer for the jacket once all of the story has arrived."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        answer = httpx.get(f"{url}/v1/skus", params={"sku": "NH-4711"}, timeout=10)
        if answer.status_code == httpx.codes.OK:
            held: dict[str, Any] = answer.json()
            if held["product"] and {one["asset"]["id"] for one in held["bindings"]} >= ASSETS:
                return held
        time.sleep(0.1)
    sys.exit(f"The bindings of NH-4711 are not complete after 20 s: look at {url}/health/ready and at the lines of the service.")


def main() -> None:
    """Posts the story, waits for the answer, shows it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=8000)
    options.add_argument("--data-dir", type=Path, default=DATA_DIR, help="data directory of the service, for the commands at the end")
    given = options.parse_args()
    url = f"http://127.0.0.1:{given.port}"
    sources = load(Path(__file__).with_name("bindery.yaml")).sources
    console = Console()
    for what, source, body in story():
        console.print(
            f"[bold]{what}[/bold]\n  POST /webhooks/{source} -> {post(url, sources, source, body)}", highlight=False, soft_wrap=True
        )
    answer = settled(url)
    console.print(
        f"\n[bold]GET /v1/skus/{answer['sku']}[/bold]", f"revision {answer['revision']}, changes by itself at {answer['next_change_at']}"
    )
    console.print(bindings(answer), soft_wrap=True)
    print(f"\nWhat could not be read waits as a dead letter:\n  {command('dlq list', url, given.data_dir)}")
    print(f"What waits for a vendor:\n  {command('tasks list', url, given.data_dir)}")


def command(words: str, url: str, data_dir: Path) -> str:
    """A command of `bindery` that can be run here as it is printed."""
    program = Path(sys.executable).with_name("bindery")
    if program.is_relative_to(Path.cwd()):
        program = program.relative_to(Path.cwd())
    more = [] if data_dir == DATA_DIR else ["--data-dir", str(data_dir)]
    return shlex.join([str(program), *words.split(), "--url", url, *more])


if __name__ == "__main__":
    main()
