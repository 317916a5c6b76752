"""A local Brandfolder: one asset per call; 403 for what was deleted, 404 for what never was.

Owns: Brandfolder. Does not own: HTTP and misbehaviour (serving.py). Next stop: tests/fetchers/test_dams.py.
"""

import re

from tests.vendors.command import main
from tests.vendors.messages import Reply, Request, reply
from tests.vendors.serving import VendorServer


class Brandfolder(VendorServer):
    """states: "asset" by id. key: the one API key."""

    key = "token"

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return reply("Forbidden", 403)
        if request.method != "GET":
            self.violated(f"{request.method} {request.path}: wrong method")
        if request.path == "/api/v4/organizations":
            return self.refuse_unknown(request, frozenset({"per", "page"})) or reply({"data": []})
        found = re.fullmatch(r"/api/v4/assets/([^/]+)", request.path)
        refused = self.refuse_unknown(request, frozenset({"fields", "include"}))
        if refused or not found:
            return refused or reply("Not Found", 404)
        held = self.state("asset", found[1])
        return Reply(200, held) if held else reply("Forbidden", 403 if found[1] in self.old.get("asset", {}) else 404)


if __name__ == "__main__":
    main(lambda _: Brandfolder())
