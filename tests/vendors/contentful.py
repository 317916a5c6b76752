"""A local Contentful, Management or Delivery API: lists of assets by id.

Owns: Contentful. Does not own: HTTP and misbehaviour (serving.py). Next stop: tests/fetchers/test_dams.py.
"""

import argparse

import orjson

from tests.vendors.command import main
from tests.vendors.messages import Limits, Reply, Request, reply
from tests.vendors.serving import VendorServer


class Contentful(VendorServer):
    """states: "asset" by sys.id. 7 requests a second, the free plan's limit; 55 for the Delivery API, which shows what is published."""

    def __init__(self, *, delivery: bool = False, **more: float) -> None:
        self.limits = Limits(per=((55 if delivery else 7, 1.0),))
        self.delivery = delivery
        super().__init__(**more)  # type: ignore[arg-type]  # delay_s and the clock, as they come.

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != "Bearer token":
            return reply({"sys": {"type": "Error", "id": "AccessTokenInvalid"}}, 401)
        if request.method != "GET" or request.path != "/spaces/space/environments/master/assets":
            self.violated(f"{request.method} {request.path}: no such address")
            return reply({"sys": {"type": "Error", "id": "NotFound"}}, 404)
        ids = request.query.get("sys.id[in]", [""])[0].split(",")
        limit = int(request.query.get("limit", ["100"])[0])
        if limit > 1_000 or len(ids) > limit or (self.delivery and request.query.get("locale") != ["*"]):
            self.violated(f"limit {limit} for {len(ids)} ids, or no locale=* at the Delivery API")
        known = frozenset({"sys.id", "limit", "skip", "order", *(["locale"] if self.delivery else [])})
        held = [state for one in ids if (state := self.state("asset", one))]
        shown = [state for state in held if not self.delivery or orjson.loads(state)["sys"].get("publishedVersion")]
        body = b'{"sys":{"type":"Array"},"total":%d,"skip":0,"limit":%d,"items":[%s]}' % (len(shown), limit, b",".join(shown))
        return self.refuse_unknown(request, known) or Reply(200, body)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--delivery", action="store_true", help="the Delivery API")


if __name__ == "__main__":
    main(lambda arguments: Contentful(delivery=arguments.delivery), _arguments)
