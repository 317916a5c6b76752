"""From a configuration to its fetchers.

Owns: which class reads which vendor, how several systems share one vendor's limits. Does not own: access and its secrets
(app/sources/access.py, app/configuration.py), when to fetch (consumers/fetching.py). Next stop: app/bootstrap.py, which alone calls this.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from app.errors import Misconfigured
from app.fetchers.acquia import acquia
from app.fetchers.akeneo import Akeneo
from app.fetchers.brandfolder import brandfolder
from app.fetchers.bynder import bynder
from app.fetchers.calls import Vendor
from app.fetchers.cloudinary import Cloudinary
from app.fetchers.contentful import Contentful
from app.fetchers.frontify import Frontify
from app.fetchers.template import template
from app.ports import Clock, Outbound
from app.sources import access
from app.sources.fetching import Fetcher
from app.sources.source import Source


class Configured(Protocol):
    """What is needed of app/configuration.py: the sources, and the words of their access with its secrets."""

    @property
    def sources(self) -> Mapping[str, Source]: ...
    @property
    def api(self) -> Mapping[str, Mapping[str, Any]]: ...


# Words of `api` -> what reads that vendor. TemplateApi, which has to be told the kind of thing, is not among them.
READERS: Mapping[type[access.Api], Callable[[Vendor, Any], Fetcher]] = {
    access.AkeneoApi: Akeneo,
    access.BynderApi: bynder,
    access.CloudinaryApi: Cloudinary,
    access.AcquiaApi: acquia,
    access.BrandfolderApi: brandfolder,
    access.FrontifyApi: Frontify,
    access.ContentfulApi: Contentful,
}


def build(configuration: Configured, outbound: Outbound, clock: Clock) -> dict[str, tuple[Fetcher, str]]:
    """System -> its fetcher, and the source that reads what it brings (the first one of the system that has access).

    Systems at the same host share its limits in equal parts, fixed here, since their owners may be different processes. Raises
    Misconfigured where sources of both sides would fetch for one system: one of them could not read what the other's events ask for.
    """
    chosen: dict[str, tuple[Source, access.Api]] = {}
    for name, words in configuration.api.items():
        source = configuration.sources[name]
        before = chosen.setdefault(source.system, (source, access.read(source.fetcher or "template", words)))[0]
        if before.side != source.side:
            raise Misconfigured(
                f"sources.{name}.system: {before.name} and {name} both fetch for the system {source.system}, but are of the sides "
                f"{before.side} and {source.side}; give one of them a system of its own"
            )
    sharing = Counter(_host(api) for _, api in chosen.values())
    return {
        system: (_fetcher(Vendor(system, outbound, clock, sharing[_host(api)]), source, api), source.name)
        for system, (source, api) in chosen.items()
    }


def _host(api: access.Api) -> str:
    kinds = api.kinds if isinstance(api, access.TemplateApi) else {}
    return urlsplit(next(iter([one.url for one in kinds.values()]), "") or getattr(api, "url", "")).netloc


def _fetcher(vendor: Vendor, source: Source, api: access.Api) -> Fetcher:
    if isinstance(api, access.TemplateApi):
        return template(vendor, api, "asset" if source.side == "dam" else "product")
    return READERS[type(api)](vendor, api)
