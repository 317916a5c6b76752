"""A local Cloudinary Admin API: lists by asset ids, details, 500 calls an hour.

Owns: Cloudinary. Does not own: HTTP and misbehaviour (serving.py). Next stop: tests/fetchers/test_dams.py.
"""

import base64
import re
from urllib.parse import unquote

import orjson

from tests.vendors.command import main
from tests.vendors.messages import Limits, Reply, Request, reply
from tests.vendors.serving import VendorServer

LISTED = ("asset_id", "public_id", "version", "resource_type", "type", "format", "secure_url", "created_at")


class Cloudinary(VendorServer):
    """states: "asset" by asset_id. Lists show little of an asset: no access windows, no derived files."""

    limits = Limits(per=((500, 3_600.0),))

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != "Basic " + base64.b64encode(b"key:s3cr3t").decode():
            return reply({"error": {"message": "unknown api_key"}}, 401)
        if request.method != "GET":
            self.violated(f"{request.method} {request.path}: wrong method")
        path = request.path.removeprefix("/v1_1/demo/resources/")
        if path == "by_asset_ids":
            return self._list(request)
        if re.fullmatch(r"[0-9a-f]{32}", path):
            held = self.state("asset", path)
            return self.refuse_unknown(request, frozenset()) or (Reply(200, held) if held else reply({"error": {}}, 404))
        named = [unquote(part) for part in path.split("/")]
        for state in self.states.get("asset", {}).values():
            asset = orjson.loads(state)
            if [asset["resource_type"], asset["type"], asset["public_id"]] == named:
                return Reply(200, state)
        return reply({"error": {"message": "Resource not found"}}, 404)

    def _list(self, request: Request) -> Reply:
        ids = request.query.get("asset_ids[]", [])
        if len(ids) > 100:
            self.violated(f"{len(ids)} asset ids in a call")
            return reply({"error": {"message": "too many"}}, 400)
        if not all(re.fullmatch(r"[0-9a-f]{32}", one) for one in ids):
            return reply({"error": {"message": "invalid asset id"}}, 400)
        held = [orjson.loads(state) for one in ids if (state := self.state("asset", one))]
        shown = [{name: asset[name] for name in LISTED if name in asset} for asset in held]
        return self.refuse_unknown(request, frozenset({"asset_ids", "tags", "context", "metadata"})) or reply({"resources": shown})


if __name__ == "__main__":
    main(lambda _: Cloudinary())
