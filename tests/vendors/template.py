"""A local vendor of no name: one thing per address, whatever the address looks like.

Owns: Anything. Does not own: HTTP and misbehaviour (serving.py). Next stop: tests/fetchers/test_template.py.
"""

from urllib.parse import unquote

from tests.vendors.command import main
from tests.vendors.messages import Limits, Reply, Request, reply
from tests.vendors.serving import VendorServer


class Anything(VendorServer):
    """states: kind -> id -> state, at /api/{kind}/{id} and /api/{kind}?id={id}, as {"result": state}. Wants `X-Api-Key: s3cr3t`."""

    limits = Limits(open_at_once=2, per=((20, 1.0),))

    def answer(self, request: Request) -> Reply:
        if request.headers.get("x-api-key") != "s3cr3t":
            return reply({}, 401)
        kind, _, thing = request.path.removeprefix("/api/").partition("/")
        held = self.state(kind, request.query["id"][0] if "id" in request.query else unquote(thing))
        return Reply(200, b'{"result":' + held + b"}") if held else reply({"result": None}, 404)


if __name__ == "__main__":
    main(lambda _: Anything())
