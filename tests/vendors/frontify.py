"""A local Frontify: GraphQL that is parsed, validated and executed against the fields that the vendor documents.

Owns: Frontify. Does not own: HTTP and misbehaviour (serving.py). Next stop: tests/fetchers/test_dams.py.
"""

from typing import Any

import orjson
from graphql import build_schema, graphql_sync

from tests.vendors.command import main
from tests.vendors.messages import Reply, Request, reply
from tests.vendors.serving import VendorServer

_SHARED = """id: ID! createdAt: DateTime! modifiedAt: DateTime title: String! description: String alternativeText: String externalId: ID
  tags: [Tag] copyright: Copyright availability: DateTimeRange! expiresAt: DateTime licenses: [License] author: String
  status: AssetStatusType! customMetadata: [CustomMetadata!]!"""
_FILE = "filename: String! extension: String! size: BigInt! previewUrl: Url! downloadUrl(validityInDays: Int, permanent: Boolean): Url"
SCHEMA = build_schema(f"""
scalar DateTime scalar Url scalar BigInt
type Tag {{ value: String! }} type License {{ id: ID! title: String! license: String! }}
enum CopyrightStatus {{ UNKNOWN COPYRIGHTED PUBLIC }} type Copyright {{ status: CopyrightStatus! notice: String }}
enum AssetStatusType {{ FINISHED PROCESSING PROCESSING_FAILED }}
type DateTimeRange {{ from: DateTime to: DateTime }} type Property {{ id: ID! name: String! }}
interface CustomMetadata {{ property: Property! }}
type CustomMetadataValue implements CustomMetadata {{ property: Property! value: String }}
type CustomMetadataValues implements CustomMetadata {{ property: Property! values: [String!] }}
interface Asset {{ {_SHARED} }}
type Image implements Asset {{ {_SHARED} {_FILE} width: Int height: Int }}
type Video implements Asset {{ {_SHARED} {_FILE} width: Int height: Int }}
type Document implements Asset {{ {_SHARED} {_FILE} }}
type Audio implements Asset {{ {_SHARED} {_FILE} }}
type File implements Asset {{ {_SHARED} {_FILE} }}
type EmbeddedContent implements Asset {{ {_SHARED} }}
type Query {{ asset(id: ID!): Asset assets(ids: [ID!]!): [Asset] }}
""")
for _name in ("Asset", "CustomMetadata"):
    _type: Any = SCHEMA.type_map[_name]
    _type.resolve_type = lambda held, *_: held["__typename"]


class Frontify(VendorServer):
    """states: "asset" by id, with `__typename` (Image by default). poison: ids at which the query fails."""

    poison: frozenset[str] = frozenset()

    def answer(self, request: Request) -> Reply:
        if request.method != "POST" or request.path != "/graphql":
            self.violated(f"{request.method} {request.path}: no such address")
            return reply({}, 404)
        if request.headers.get("authorization") != "Bearer token":
            wrong = {"message": "policy 'authenticated' not fulfilled", "extensions": {"category": "permission"}}
            return reply({"errors": [wrong], "data": {"assets": None}})
        asked = request.json()
        outcome = graphql_sync(SCHEMA, asked["query"], {"assets": self._assets, "asset": self._asset}, variable_values=asked["variables"])
        if outcome.errors and outcome.data is None:
            self.violated(f"the query is wrong: {outcome.errors[0].message}")
            return reply({"errors": [{"message": "Invalid query"}]}, 400)
        errors = (
            {"errors": [{"message": one.message, "extensions": {"category": "graphql"}} for one in outcome.errors]}
            if outcome.errors
            else {}
        )
        return reply({"data": outcome.data, "extensions": {"complexityScore": 3}, **errors})

    def _asset(self, info: Any, id: str) -> Any:  # noqa: A002 -- the schema's name
        held = self._assets(info, [id])[0]
        if isinstance(held, Exception):
            raise held
        return held

    def _assets(self, _: Any, ids: list[str]) -> list[Any]:
        held = [self.state("asset", one) for one in ids]
        found: list[Any] = [_typed(orjson.loads(state)) if state else None for state in held]
        return [ValueError("no such id") if one in self.poison else asset for one, asset in zip(ids, found, strict=True)]


def _typed(asset: dict) -> dict:
    for one in asset.get("customMetadata", ()):
        one.setdefault("__typename", "CustomMetadataValues" if "values" in one else "CustomMetadataValue")
    return {"__typename": "Image", **asset}


if __name__ == "__main__":
    main(lambda _: Frontify())
