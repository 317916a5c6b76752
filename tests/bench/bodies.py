"""Signed Cloudinary uploads of about 1.4 kB, all of one length, and the products they belong to.

Owns: what the benchmarks send. Does not own: how it is sent (load.py, fill.py). Next stop: tests/bench/load.py.

The shape is that of tests/sources/samples/cloudinary-upload.json. Every number is padded, so that all bodies (and all requests) have the
same length: the load generator then cuts a file into requests without reading them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha1

from tests.functional.deployment import SECRET

SOURCE = "cloudinary-eu"
PATH = f"/webhooks/{SOURCE}"
STAMP = "1791965552"
FIRST_VERSION = 1_791_965_000

_BODY = (
    '{{"notification_type":"upload","timestamp":"2026-10-14T{clock}+00:00","request_id":"c0ffee00112233445566{number:012d}",'
    '"asset_id":"7d1f0c2e9b8a4d5f8e3c{asset:012d}","public_id":"nordhag/{sku:07d}/olive_{asset:012d}","version":{version},'
    '"version_id":"aa55bb66cc77dd88ee99{number:012d}","width":4000,"height":5000,"format":"jpg","resource_type":"image",'
    '"created_at":"2026-02-01T10:00:00Z","tags":["jacket","approved"],"pages":1,"bytes":4183344,"type":"upload",'
    '"etag":"ba659939746da0290688{number:012d}","placeholder":false,'
    '"url":"http://res.cloudinary.com/nordhag/image/upload/v{version}/nordhag/{sku:07d}/olive_{asset:012d}.jpg",'
    '"secure_url":"https://res.cloudinary.com/nordhag/image/upload/v{version}/nordhag/{sku:07d}/olive_{asset:012d}.jpg",'
    '"asset_folder":"nordhag/{sku:07d}","display_name":"Olive front","access_control":[{{"access_type":"token"}},'
    '{{"access_type":"anonymous","start":"2020-11-01T00:00:00Z","end":"2097-03-01T00:00:00Z"}}],'
    '"context":{{"custom":{{"alt":"Olive rain jacket, front","caption":"Nordhag 4711"}}}},'
    '"metadata":{{"sku_list":"NH-{sku:07d}","gtin":"{gtin}","license_end":"2097-03-01","usage_region":["eu","ch"],"asset_state":"approved"}},'
    '"original_filename":"nordhag-4711-olive-front","api_key":"112233445566778",'
    '"notification_context":{{"triggered_at":"2026-10-14T{clock}.774112Z","triggered_by":{{"source":"ui","id":"mila.sund@nordhag.example"}}}},'
    '"signature_key":"112233445566778"}}'
)


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload: which asset, of which SKU, which version of it (later versions win), the how-manieth request it is."""

    asset: int
    sku: int
    version: int
    number: int

    def body(self) -> bytes:
        """The raw bytes of the request."""
        return _BODY.format(
            asset=self.asset,
            sku=self.sku,
            number=self.number,
            version=FIRST_VERSION + self.version,
            clock=f"{self.version // 3600:02d}:{self.version // 60 % 60:02d}:{self.version % 60:02d}",
            gtin=gtin_of(self.sku),
        ).encode()


def sku_of(number: int) -> str:
    """The SKU with this number."""
    return f"NH-{number:07d}"


def gtin_of(number: int) -> str:
    """A GTIN-13 with a valid check digit, of GS1's range for examples (952)."""
    digits = f"952{number:09d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def asset_id(number: int) -> str:
    """The id at the vendor of the asset with this number."""
    return f"7d1f0c2e9b8a4d5f8e3c{number:012d}"


def uploads(assets: int, skus: Sequence[int], events: int, *, seed: int = 1) -> Iterator[Upload]:
    """`events` uploads in random order: every asset as often as any other, each time in a newer version; assets spread evenly over SKUs."""
    order = [number % assets for number in range(events)]
    random.Random(seed).shuffle(order)
    versions = [0] * assets
    for number, asset in enumerate(order):
        versions[asset] += 1
        yield Upload(asset, skus[asset % len(skus)], versions[asset], number)


def signature(body: bytes) -> str:
    """As Cloudinary signs: the digest of body, timestamp and secret."""
    return sha1(body + STAMP.encode() + SECRET.encode()).hexdigest()


def request(body: bytes) -> bytes:
    """The whole HTTP request."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nhost: bindery.test\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"x-cld-timestamp: {STAMP}\r\nx-cld-signature: {signature(body)}\r\n\r\n"
    )
    return head.encode() + body
