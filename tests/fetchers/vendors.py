"""Every fetcher with its local vendor and a thing that it holds.

Owns: CASES, Case. Does not own: the vendors (tests/vendors/), the states (tests/sources/samples/). Next stop: test_failures.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from app.fetchers.acquia import acquia
from app.fetchers.akeneo import Akeneo as AkeneoFetcher
from app.fetchers.brandfolder import brandfolder
from app.fetchers.bynder import bynder
from app.fetchers.calls import Vendor
from app.fetchers.cloudinary import Cloudinary as CloudinaryFetcher
from app.fetchers.contentful import Contentful as ContentfulFetcher
from app.fetchers.frontify import Frontify as FrontifyFetcher
from app.fetchers.template import template
from app.sources import access
from app.sources.fetching import Fetcher
from tests.sources.builders import SAMPLES
from tests.vendors.acquia import Acquia
from tests.vendors.akeneo import Akeneo, product_state, product_uuid
from tests.vendors.brandfolder import Brandfolder
from tests.vendors.bynder import Bynder
from tests.vendors.cloudinary import Cloudinary
from tests.vendors.contentful import Contentful
from tests.vendors.frontify import Frontify
from tests.vendors.serving import VendorServer
from tests.vendors.template import Anything

SECRET = "t0p-s3cr3t"
ASSET_ID = "0123456789abcdef0123456789abcdef"


def state_of(sample: str) -> Any:
    """A sample that is an API's answer."""
    return orjson.loads((SAMPLES / f"{sample}.json").read_bytes())


def akeneo_access(server: Akeneo, **more: object) -> access.AkeneoApi:
    """Access to a local Akeneo by OAuth."""
    credentials = {"client_id": server.client, "client_secret": server.secret, "username": server.username, "password": server.password}
    return access.AkeneoApi.model_validate({"url": server.url, "timeout_s": 20.0, **credentials, **more})


@dataclass(frozen=True)
class Case:
    """server: makes the vendor, empty. name, words: the fetcher and its `api` without the address. thing, state: of number n."""

    server: Callable[[], VendorServer]
    fetcher: Callable[[Vendor, access.Api], Fetcher]
    name: str
    words: dict[str, Any]
    state: Callable[[int], Any]
    thing: Callable[[int], str]
    kind: str = "asset"

    def fetching(self, vendor: Vendor, url: str, **more: Any) -> Fetcher:
        words = {**self.words, **more}
        words["url"] = words.get("url", "").replace("ORIGIN", url) or url
        return self.fetcher(vendor, access.read(self.name, words))


def _cloudinary(number: int) -> Any:
    return {
        "asset_id": f"{number:032x}",
        "public_id": f"nordhag/a{number}",
        "version": 1,
        "resource_type": "image",
        "type": "upload",
        "secure_url": f"https://res.cloudinary.com/demo/image/upload/v1/nordhag/a{number}.jpg",
        "access_control": [{"access_type": "token"}],
        "last_updated": {"updated_at": "2026-10-14T08:12:31+00:00"},
    }


def _numbered(sample: str, *path: str) -> Callable[[int], Any]:
    def state(number: int) -> Any:
        whole = state_of(sample)
        held = whole
        for name in path[:-1]:
            held = held[name]
        held[path[-1]] = f"thing-{number}"
        return whole

    return state


def _contentful(number: int) -> Any:
    sys = {"id": f"thing-{number}", "type": "Asset", "version": 3, "publishedVersion": 2, "updatedAt": "2026-10-14T08:12:31.000Z"}
    return {"sys": sys, "fields": {"title": {"en": "Olive"}}}


def _frontify(number: int) -> Any:
    return {**state_of("frontify-asset-get")["data"]["asset"], "id": f"thing-{number}", "author": None}


def _thing(number: int) -> str:
    return f"thing-{number}"


CASES: dict[str, Case] = {
    "akeneo": Case(Akeneo, AkeneoFetcher, "akeneo", {"token": SECRET}, product_state, product_uuid, "product"),  # type: ignore[arg-type]  # access.read gives the model of its name.
    "bynder": Case(Bynder, bynder, "bynder", {"token": "token"}, _numbered("bynder-media-get", "id"), _thing),  # type: ignore[arg-type]  # As above.
    "cloudinary": Case(
        Cloudinary,
        CloudinaryFetcher,  # type: ignore[arg-type]  # As above.
        "cloudinary",
        {"cloud": "demo", "key": "key", "secret": "s3cr3t"},
        _cloudinary,
        lambda number: f"{number:032x}",
    ),
    "acquia": Case(Acquia, acquia, "acquia", {"token": "token"}, _numbered("acquia-asset-get", "id"), _thing),  # type: ignore[arg-type]  # As above.
    "brandfolder": Case(
        Brandfolder,
        brandfolder,  # type: ignore[arg-type]  # As above.
        "brandfolder",
        {"token": "token"},
        _numbered("brandfolder-asset-get", "data", "id"),
        _thing,
    ),
    "frontify": Case(Frontify, FrontifyFetcher, "frontify", {"token": "token"}, _frontify, _thing),  # type: ignore[arg-type]  # As above.
    "contentful": Case(
        Contentful,
        ContentfulFetcher,  # type: ignore[arg-type]  # As above.
        "contentful",
        {"space": "space", "token": "token"},
        _contentful,
        _thing,
    ),
    "template": Case(
        Anything,
        lambda v, a: template(v, a, "asset"),  # type: ignore[arg-type]  # As above.
        "template",
        {"url": "ORIGIN/api/asset/{id}", "headers": {"X-Api-Key": "s3cr3t"}, "item": "result", "open_at_once": 2},
        lambda number: {"id": f"thing-{number}"},
        _thing,
    ),
}
