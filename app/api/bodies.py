"""Bodies of /v1: bounded, and JSON that every engine can hold.

Owns: the check in front of the routes. Does not own: what a body must say (the models). Next stop: app/api/application.py.

The parser of the framework lets lone surrogates through, which nothing behind it can encode, and reads without a bound. So the body is read
here, parsed strictly and handed on.
"""

from typing import Any

import orjson

from app.api.problems import Problem

MOST_BYTES = 1 << 20
WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


async def checked(scope: Any, receive: Any) -> Any:
    """A receive() that gives the same body again. Raises Problem (413, 400).

    Failure policy: a sender that goes away is left to the framework, which stops reading.
    """
    if scope["method"] not in WITH_BODY:
        return receive
    pieces: list[bytes] = []
    size = 0
    last: dict[str, Any] = {"more_body": True}
    while last.get("more_body"):
        last = await receive()
        pieces.append(last.get("body", b""))
        size += len(pieces[-1])
        if size > MOST_BYTES:
            text = f"A body may have {MOST_BYTES} bytes here. Ask for less at a time."
            raise Problem("body-too-large", text, headers={"connection": "close"})
    body = b"".join(pieces)
    if body and last["type"] == "http.request":
        try:
            orjson.loads(body)
        except orjson.JSONDecodeError as wrong:
            raise Problem("bad-request", f"The body is not JSON: {wrong}. Send a JSON object as UTF-8.") from None
    messages = [{**last, "body": body, "more_body": False} if last["type"] == "http.request" else last]

    async def again() -> Any:
        return messages.pop() if messages else await receive()

    return again
