"""Any API that gives one thing at one address.

Owns: filling in addresses, finding the state in an answer. Does not own: which vendor that is: `api` in bindery.yaml says
(app/sources/access.py: TemplateApi). Next stop: singles.py.

Nothing is known about the vendor's limits but what `api` says; 429 without a time is followed by a minute's rest.
"""

from typing import Any
from urllib.parse import quote, urlsplit

from app.errors import VendorDown
from app.fetchers.calls import Calls, Fixed, Limits, Vendor
from app.fetchers.singles import Singles
from app.ports import Answer
from app.sources.access import TemplateApi
from app.sources.expressions import compile_expression
from app.sources.fields import KindName

BUSY_S = 60.0


def template(vendor: Vendor, api: TemplateApi, kind: KindName) -> Singles:
    """The fetcher. kind: of what the common address names."""
    urls: dict[str, str] = {name: words.url for name, words in api.kinds.items()}
    items: dict[str, str | None] = {name: words.item or api.item for name, words in api.kinds.items()}
    if api.url:
        urls, items = {kind: api.url} | urls, {kind: api.item} | items
    origin = urlsplit(next(iter(urls.values())))
    headers = {name: value.get_secret_value() for name, value in api.headers.items()}
    limits = Limits(api.open_at_once, api.per_s, max(1, int(api.per_s) // 4), BUSY_S, timeout_s=api.timeout_s, missing=api.missing)
    calls = Calls(vendor, f"{origin.scheme}://{origin.netloc}", Fixed(headers), limits)
    found = {name: compile_expression(item) for name, item in items.items() if item}
    own_time = compile_expression(api.updated).get if api.updated else lambda _: None

    async def ask(kind: str, thing: str) -> Answer:
        return await calls.call("GET", _filled(urls[kind], thing))

    def state(kind: str, _: str, data: Any) -> Any:
        """What says nothing is no absence: the member that `item` names has to be there, if only as null."""
        try:
            state = found[kind].get(data) if kind in found else data
        except ValueError as failed:
            raise VendorDown(f"{vendor.system} answers in another shape than `api.item` expects: {failed}") from None
        mentions = found[kind].mentions if kind in found else None
        if state is None and mentions is not None and mentions(data):
            return None
        if not isinstance(state, dict) or not state:
            raise VendorDown(f"{vendor.system} answers without the state that `api` describes ({type(state).__name__} in its place)")
        return state

    def updated(state: Any) -> Any:
        """A time that cannot be told is none: the start of the call stands in."""
        try:
            return own_time(state)
        except ValueError:
            return None

    return Singles(calls, list(urls), ask, updated=updated, state=state)


def _filled(url: str, thing: str) -> str:
    """The address of a thing. In a path its slashes stay: ids such as `family/code` are two segments of it."""
    path, mark, query = url.partition("?")
    return path.replace("{id}", quote(thing, safe="/")) + mark + query.replace("{id}", quote(thing, safe=""))
