"""Any API that gives one thing at one address.

Owns: filling in addresses, finding the state in an answer. Does not own: which vendor that is: `api` in bindery.yaml says
(app/sources/access.py: TemplateApi). Next stop: singles.py.

Nothing is known about the vendor's limits but what `api` says; 429 without a time is followed by a minute's rest.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from app.errors import VendorDown
from app.fetchers.calls import Calls, Fixed, Limits
from app.fetchers.singles import Singles
from app.ports import Answer, Clock, Outbound
from app.sources.access import TemplateApi, TemplateKind
from app.sources.expressions import ExpressionFailed, compile_expression

BUSY_S = 60.0


def template(system: str, api: TemplateApi, outbound: Outbound, clock: Clock, *, kinds: Mapping[str, TemplateKind]) -> Singles:
    """The fetcher. kinds: kind -> address and where the state stands, what all kinds share filled in (build.py does)."""
    origin = urlsplit(next(iter(kinds.values())).url)
    headers = {name: value.get_secret_value() for name, value in api.headers.items()}
    # The burst is what a second allows, at least one.
    limits = Limits(api.open_at_once, api.per_s, max(1, int(api.per_s) // 4), BUSY_S, timeout_s=api.timeout_s, missing=api.missing)
    calls = Calls(system, f"{origin.scheme}://{origin.netloc}", Fixed(headers), limits, outbound, clock)
    found = {kind: compile_expression(words.item).get for kind, words in kinds.items() if words.item}
    updated = compile_expression(api.updated).get if api.updated else lambda _: None

    async def ask(kind: str, thing: str) -> Answer:
        return await calls.call("GET", _filled(kinds[kind].url, thing))

    def state(kind: str, data: Any) -> Any:
        try:
            return found[kind](data) if kind in found else data
        except ExpressionFailed as failed:
            raise VendorDown(f"{system} answers in another shape than `api.item` expects: {failed}") from None

    return Singles(calls, list(kinds), api.open_at_once, ask, updated=updated, state=state)


def _filled(url: str, thing: str) -> str:
    """The address of a thing. In a path its slashes stay: ids such as `family/code` are two segments of it. Dots alone are escaped, so that
    no id leads to another address."""
    path, mark, query = url.partition("?")
    segments = "/".join(quote(one, safe="") if one.strip(".") else one.replace(".", "%2E") for one in thing.split("/"))
    return path.replace("{id}", segments) + mark + query.replace("{id}", quote(thing, safe=""))
