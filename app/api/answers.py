"""JSON answers from bytes or plain data.

Owns: their headers. Does not own: problems (app/api/problems.py). Next stop: app/api/skus.py.
"""

import orjson
from fastapi import Response

# Nobody between the service and a reader may keep an answer: a right may end at any time.
FRESH = {"cache-control": "no-cache"}


def answered(value: object, status: int = 200) -> Response:
    """The response; bytes are JSON already and go out as they are."""
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    return Response(body, status, media_type="application/json", headers=FRESH)
