"""A local Acquia DAM: one asset per call, 50 requests a second.

Owns: Acquia. Does not own: HTTP and misbehaviour (serving.py). Next stop: tests/fetchers/test_dams.py.
"""

import re
from urllib.parse import unquote

from tests.vendors.command import main
from tests.vendors.messages import Limits, Reply, Request, reply
from tests.vendors.serving import VendorServer


class Acquia(VendorServer):
    """states: "asset" by id."""

    limits = Limits(per=((50, 1.0),))

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != "Bearer token":
            return reply({"message": "unauthorized"}, 401)
        found = re.fullmatch(r"/v2/assets/([^/]+)", request.path)
        if request.method != "GET" or not found:
            self.violated(f"{request.method} {request.path}: no such address")
            return reply({}, 404)
        held = self.state("asset", unquote(found[1]))
        return self.refuse_unknown(request, frozenset({"expand"})) or (Reply(200, held) if held else reply({}, 404))


if __name__ == "__main__":
    main(lambda _: Acquia())
