"""A local Bynder: one asset per call, OAuth client credentials, 4,500 requests in 5 minutes.

Owns: Bynder. Does not own: HTTP and misbehaviour (serving.py). Next stop: tests/fetchers/test_dams.py.
"""

import re
import uuid
from urllib.parse import parse_qs, unquote

from tests.vendors.command import main
from tests.vendors.messages import Limits, Reply, Request, reply
from tests.vendors.serving import VendorServer


class Bynder(VendorServer):
    """states: "asset" by id. permanent: tokens that never end; token_s: how long others last."""

    limits = Limits(per=((4_500, 300.0),))

    def __init__(self, **more: float) -> None:
        super().__init__(**more)  # type: ignore[arg-type]  # delay_s and the clock, as they come.
        self.permanent, self.token_s = {"token"}, 3600.0
        self._tokens: dict[str, float] = {}

    def answer(self, request: Request) -> Reply:
        if request.path == "/v6/authentication/oauth2/token" and request.method == "POST":
            return self._token(parse_qs(request.body.decode()))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            self.violated(f"{request.path}: no token")
        if token not in self.permanent and self._tokens.get(token, 0.0) <= self.monotonic_s():
            return reply({"statuscode": 401}, 401)
        found = re.fullmatch(r"/api/v4/media/([^/]+)/", request.path)
        if request.method != "GET" or not found:
            self.violated(f"{request.method} {request.path}: no such address")
            return reply({}, 404)
        held = self.state("asset", unquote(found[1]))
        return self.refuse_unknown(request, frozenset({"versions"})) or (Reply(200, held) if held else reply({}, 404))

    def _token(self, asked: dict[str, list[str]]) -> Reply:
        if (asked.get("grant_type"), asked.get("client_id"), asked.get("client_secret")) != (
            ["client_credentials"],
            ["client"],
            ["s3cr3t"],
        ):
            return reply({"error": "invalid_client"}, 401)
        self.counts["grant"] += 1
        token = uuid.uuid4().hex
        self._tokens[token] = self.monotonic_s() + self.token_s
        return reply({"access_token": token, "expires_in": int(self.token_s), "token_type": "bearer"})


if __name__ == "__main__":
    main(lambda _: Bynder())
