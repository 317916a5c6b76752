"""A local Akeneo: OAuth, products, product models, assets, with the limits of pim.md 3.1 and 3.2.

Owns: Akeneo, product_uuid(), product_state(). Does not own: HTTP, limits, misbehaviour (serving.py).
Next stop: tests/fetchers/test_akeneo.py.

Watched: 4 requests at once, 100 a second, 100 items a page, 800 values in a filter, addresses up to 8,000 characters, a token with every
call, undocumented query parameters and methods. `without`: what an older version does not know: "search" (POST products-uuid/search, 404),
"models.code", "models.identifier", "assets.code" (filters, 422).
"""

import argparse
import base64
import re
import uuid
from urllib.parse import quote

import orjson

from tests.vendors.command import main
from tests.vendors.messages import Limits, Reply, Request, reply
from tests.vendors.serving import VendorServer

API = "/api/rest/v1"
PAGE = 100
PAGING = frozenset({"pagination_type", "search_after", "limit", "with_count"})
WITH = frozenset(
    {"with_asset_share_links", "with_completenesses", "with_attribute_options", "with_quality_scores", "with_enabled_assets_only"}
)
LISTED = re.compile(rf"{API}/(products-uuid|products|product-models|asset-families/[^/]+/assets)(/[^/]+)?")
KEYS = {"products-uuid": ("product", "uuid"), "products": ("product", "identifier"), "product-models": ("model", "code")}


def product_uuid(number: int) -> str:
    """The uuid of a generated product."""
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def product_state(number: int, *, updated: str = "2026-08-24T09:15:40+00:00", **more: object) -> dict:
    """A product as the REST API gives it (pim.md 3.4), SKU-<number>, with two assets. The asset's name ends in the number."""
    assets = [f"asset_{number}_front", f"asset_{number}_detail"]
    shares = {
        code: {"share_links": [{"attribute": "media", "scope": None, "locale": None, "_links": {"self": {"href": f"https://acme.asset.akeneo.com/packshots/media/{code}.jpg"}}}]}
        for code in assets
    }  # fmt: skip
    return {
        "uuid": product_uuid(number),
        "enabled": True,
        "family": "lighting",
        "categories": ["master_lighting_desk", "web_new_in"],
        "groups": [],
        "parent": None,
        "values": {
            "sku": [{"locale": None, "scope": None, "data": f"SKU-{number}", "attribute_type": "pim_catalog_identifier"}],
            "name": [{"locale": "en_GB", "scope": None, "data": f"Arc desk lamp {number}", "attribute_type": "pim_catalog_text"}],
            "packshots": [
                {
                    "locale": None,
                    "scope": None,
                    "data": assets,
                    "attribute_type": "pim_catalog_asset_collection",
                    "reference_data_name": "packshots",
                    "linked_data": shares,
                }
            ],
        },
        "created": "2025-11-03T10:22:05+00:00",
        "updated": updated,
        "associations": {},
        "quantified_associations": {},
        "completenesses": [{"scope": "ecommerce", "locale": "en_GB", "data": 100}],
        "metadata": {"workflow_status": "working_copy"},
        **more,
    }


class Akeneo(VendorServer):
    """states: "product" by uuid, "model" by code, "asset" by "family/code".

    token_s: how long a token lasts. permanent: tokens that never end. underscore: lists assets below `_items`, as the documentation has it,
    instead of `items`. poison: values that make a filter 422. next_host: what links to the next page name instead of this server.
    families: asset families beside those of the assets; families_gone: it has none at all.
    gateway: gives tokens to a client alone, which Akeneo itself does not.
    """

    limits = Limits(open_at_once=4, per=((100, 1.0),))

    def __init__(self, products: int = 0, *, without: frozenset[str] = frozenset(), **more: float) -> None:
        super().__init__(**more)  # type: ignore[arg-type]  # delay_s and the clock, as they come.
        self.without, self.underscore = without, False
        self.client, self.secret, self.username, self.password = "client", "s3cr3t", "bindery", "pa55word"
        self.token_s = 3600.0
        self.permanent: set[str] = set()
        self.poison: set[str] = set()
        self.next_host = ""
        self.gateway = False
        self.families: set[str] = set()
        self.families_gone = False
        self._tokens: dict[str, float] = {}
        self._refresh: set[str] = set()
        self._parents: dict[str, str | None] = {}
        for number in range(products):
            self.states.setdefault("product", {})[product_uuid(number)] = orjson.dumps(product_state(number))

    def revoke(self) -> None:
        """Ends all tokens that were given out, refresh tokens too."""
        self._tokens.clear()
        self._refresh.clear()

    def answer(self, request: Request) -> Reply:
        if request.path == "/api/oauth/v1/token":
            return self._token(request)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            self.violated(f"{request.method} {request.path}: no token")
        if token not in self.permanent and self._tokens.get(token, 0.0) <= self.monotonic_s():
            return reply({"code": 401, "message": "The access token provided has expired."}, 401)
        if len(request.path) + sum(len(quote(value)) for values in request.query.values() for value in values) > 8_000:
            self.violated("an address of more than 8,000 characters")
            return reply({"code": 414, "message": "Request-URI Too Long"}, 414)
        if request.path == f"{API}/products-uuid/search" and "search" not in self.without:
            return self._search(request)
        if request.path == f"{API}/products-uuid/search":
            # An older version knows products-uuid/{uuid}, which is not for POST.
            return reply({"code": 405, "message": "Method Not Allowed"}, 405)
        if found := re.fullmatch(rf"{API}/asset-families(/[^/]+)?", request.path):
            return self._families(found[1] or "")
        found = LISTED.fullmatch(request.path)
        if request.method != "GET" or not found:
            if found or request.method != "POST":
                self.violated(f"{request.method} {request.path}: no such address")
            return reply({"code": 404, "message": "No route found"}, 404)
        return self._one(request, found[1], found[2][1:]) if found[2] else self._list(request, found[1])

    def _token(self, request: Request) -> Reply:
        basic = base64.b64encode(f"{self.client}:{self.secret}".encode()).decode()
        if request.method != "POST" or request.headers.get("authorization") != f"Basic {basic}":
            return reply({"code": 422, "message": 'Parameter "client_id" is missing or does not match any client'}, 422)
        asked = request.json()
        password = asked.get("grant_type") == "password" and (asked.get("username"), asked.get("password")) == (
            self.username,
            self.password,
        )
        client = self.gateway and asked.get("grant_type") == "client_credentials"
        if not password and not client and not (asked.get("grant_type") == "refresh_token" and asked.get("refresh_token") in self._refresh):
            return reply({"code": 422, "message": "No user found for the given username and password"}, 422)
        self._refresh.discard(asked.get("refresh_token", ""))
        self.counts[f"grant {asked['grant_type']}"] += 1
        token, again = uuid.uuid4().hex, uuid.uuid4().hex
        self._tokens[token] = self.monotonic_s() + self.token_s
        self._refresh.add(again)
        given = {"access_token": token, "expires_in": int(self.token_s), "token_type": "bearer", "scope": None, "refresh_token": again}
        return reply(given)

    def _search(self, request: Request) -> Reply:
        if request.method != "POST":
            self.violated(f"{request.method} {request.path}: wrong method")
            return reply({"code": 405, "message": "Method Not Allowed"}, 405)
        asked = request.json()
        unknown = set(asked) - {"search", "scope", "locales", "attributes", *WITH}
        if unknown:
            self.violated(f"POST {request.path}: unknown {sorted(unknown)}")
        return self.refuse_unknown(request, PAGING) or self._filtered(request, "products-uuid", asked.get("search", {}))

    def _list(self, request: Request, what: str) -> Reply:
        search = orjson.loads(request.query.get("search", ["{}"])[0])
        return self.refuse_unknown(request, PAGING | WITH | {"search", "locales"}) or self._filtered(request, what, search)

    def _families(self, named: str) -> Reply:
        families = {thing.partition("/")[0] for thing in self.states.get("asset", {})} | self.families
        if self.families_gone or (named and named[1:] not in families):
            return reply({"code": 404, "message": "not found"}, 404)
        return reply({"code": named[1:]} if named else {"_embedded": {"items": [{"code": one} for one in sorted(families)]}})

    def _one(self, request: Request, what: str, thing: str) -> Reply:
        family = what.split("/")[1] if "/" in what else ""
        kind, named = ("asset", "code") if family else KEYS[what]
        refused = self.refuse_unknown(request, WITH)
        held = self.state(kind, f"{family}/{thing}" if family else thing)
        if named == "identifier":
            held = next(iter(self._by_identifier({thing})), None)
        return refused or (reply({"code": 404, "message": "Resource does not exist"}, 404) if held is None else Reply(200, held))

    def _by_identifier(self, wanted: set[str]) -> list[bytes]:
        states = [
            (state, orjson.loads(state)) for thing in sorted(self.states.get("product", ())) if (state := self.state("product", thing))
        ]
        return [state for state, parsed in states if parsed.get("identifier") in wanted]

    def _filtered(self, request: Request, what: str, search: dict) -> Reply:
        limit = int(request.query.get("limit", ["10" if "/" not in what else "100"])[0])
        if limit > PAGE or request.query.get("pagination_type", ["search_after"])[0] != "search_after":
            self.violated(f"{request.method} {request.path}: a page of {limit}, or paged by number")
            return reply({"code": 422, "message": "You cannot request more than 100 items."}, 422)
        family = what.split("/")[1] if "/" in what else ""
        if family and self._families(f"/{family}").status == 404:
            return reply({"code": 404, "message": "not found"}, 404)
        kind, named = ("asset", "code") if family else KEYS[what]
        ((name, (one, *_)), *_) = search.items() if search else (("", ({},)),)
        value = one.get("value", [])
        known = {"products-uuid": ("uuid", "identifier", "parent"), "products": ("identifier", "parent")}
        allowed = known.get(what, ("code",) if family else ("code", "identifier", "parent"))
        if name not in allowed or f"{kind}s.{name}" in self.without:
            return reply({"code": 422, "message": f'Filter on property "{name}" is not supported'}, 422)
        if isinstance(value, list) and len(value) > 800:
            self.violated("more than 800 values in a filter")
            return reply({"code": 422, "message": "too many values"}, 422)
        if name == "uuid" and not all(re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", one) for one in value):
            return reply({"code": 422, "message": "Uuid is not valid"}, 422)
        if self.poison.intersection(value if isinstance(value, list) else [value]):
            return reply({"code": 422, "message": "This value is not valid."}, 422)
        things = self._matching(kind, named, family, name, one.get("operator"), value)
        return self._page(request, kind, things, limit)

    def _matching(self, kind: str, named: str, family: str, name: str, operator: str, value: object) -> list[str]:
        if name == "parent":
            wanted = {value} if isinstance(value, str) else set(value)  # type: ignore[call-overload]  # A list of codes.
            children = sorted(thing for thing, state in self.states.get(kind, {}).items() if orjson.loads(state).get("parent") in wanted)
            below = self._matching("model", "code", "", "parent", "IN", value) if operator == "=" and kind == "product" else []
            return sorted({*children, *(self._matching("product", named, "", "parent", "IN", below) if below else ())})
        assert isinstance(value, list)
        if name == "identifier" and kind == "product":
            return sorted(orjson.loads(state)["uuid"] for state in self._by_identifier(set(value)))
        held = [f"{family}/{one}" if family else one.lower() if name == "uuid" else one for one in value]
        return sorted(thing for thing in set(held) if self.state(kind, thing) is not None)

    def _page(self, request: Request, kind: str, things: list[str], limit: int) -> Reply:
        after = request.query.get("search_after", [""])[0]
        shown = [thing for thing in things if thing > after][:limit]
        items = b",".join(state for thing in shown if (state := self.state(kind, thing)) is not None)
        links = b'{"self":{"href":"' + f"{self.url}{request.path}".encode() + b'"}'
        if len(shown) == limit:
            kept = "&".join(f"{name}={quote(value)}" for name, (value, *_) in request.query.items() if name != "search_after")
            links += b',"next":' + orjson.dumps(
                {"href": f"{self.next_host or self.url}{request.path}?{kept}&search_after={quote(shown[-1])}"}
            )
        name = b"_items" if kind == "asset" and self.underscore else b"items"
        return Reply(200, b'{"_links":' + links + b'},"_embedded":{"' + name + b'":[' + items + b"]}}")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--products", type=int, default=0, help="products that it holds, product_uuid(0) and so on")
    parser.add_argument("--token", default="", help="a token that never ends, beside OAuth")


def _make(arguments: argparse.Namespace) -> Akeneo:
    server = Akeneo(arguments.products)
    server.permanent.update([arguments.token] if arguments.token else [])
    return server


if __name__ == "__main__":
    main(_make, _arguments)
