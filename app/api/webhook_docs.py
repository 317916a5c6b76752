"""The webhook door in the OpenAPI, written by hand: it is raw ASGI, so no framework can read it off.

Owns: its description, by path. Does not own: its behaviour (app/api/webhooks.py; tests/api/test_openapi.py holds the two together).
Next stop: app/api/webhooks.py.
"""

from typing import Any

from app.api.models import WebhookAnswer
from app.api.problems import documented

PATH = "/webhooks/{source}"
BELOW = PATH + "/{below}"
STATUSES = (400, 401, 404, 405, 408, 413, 429, 503)


def _problems() -> dict[str, Any]:
    answers: dict[str, Any] = {str(status): entry for status, entry in documented(*STATUSES).items()}
    retry = {"Retry-After": {"description": "Seconds after which to send it again.", "schema": {"type": "integer"}}}
    for status in ("429", "503"):
        answers[status] = {**answers[status], "headers": retry}
    return answers


EXAMPLE = {"accepted": ["018f3c1e-6d2a-7b1c-9a53-0f2f6f0c2a11"], "dead_letters": []}
SOURCE = {"name": "source", "in": "path", "required": True, "schema": {"type": "string"}, "example": "cloudinary-eu"}
BELOW_OF = {"name": "below", "in": "path", "required": True, "schema": {"type": "string"}, "example": "consume"}


def described() -> dict[str, dict[str, Any]]:
    """Path -> its item."""
    about = (
        "The source is chosen by the path alone; with and without a slash at the end are one. The body is verified byte for byte "
        "as the source's scheme demands, split into events and made durable before the answer. What is authentic but cannot be "
        "understood is accepted too, and becomes a dead letter. A sender that is answered 503, 429, 408 or not at all sends again. "
        "Confirmations and test calls are acknowledged with empty lists; so are requests that a source with `quarantine` keeps apart."
    )
    below = "For sources whose sender adds to the path: an event's name, a token, `handshake`. Others answer 404."
    return {
        PATH: {
            "get": _challenge(),
            "post": _operation("receive_webhook", "A DAM or PIM says that something changed", about, [SOURCE]),
            "put": _operation(
                "put_webhook", "The same, from senders that put", "For sources whose sender puts; others answer 405.", [SOURCE]
            ),
        },
        BELOW: {
            "post": _operation("receive_webhook_below", "A webhook to a path below", below, [SOURCE, BELOW_OF]),
            "put": _operation("put_webhook_below", "A webhook that is put to a path below", below, [SOURCE, BELOW_OF]),
        },
    }


def _operation(name: str, summary: str, about: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    schema = WebhookAnswer.model_json_schema()
    return {
        "tags": ["Webhooks"],
        "operationId": name,
        "summary": summary,
        "description": about,
        "parameters": parameters,
        "requestBody": {
            "description": "Whatever the vendor sends, byte for byte.",
            "content": {"application/json": {"schema": {}, "example": {"notification_type": "upload", "asset_id": "7d1f0a"}}},
        },
        "responses": {
            "200": {"description": "Durable.", "content": {"application/json": {"schema": schema, "example": EXAMPLE}}},
            **_problems(),
        },
    }


def _challenge() -> dict[str, Any]:
    return {
        "tags": ["Webhooks"],
        "operationId": "answer_challenge",
        "summary": "A sender asks whether this address is meant",
        "description": "Echoes the parameter that the source's sender uses (Adobe: `challenge`); other sources answer 405.",
        "parameters": [SOURCE, {"name": "challenge", "in": "query", "required": False, "schema": {"type": "string", "maxLength": 1000}}],
        "responses": {
            "200": {"description": "The challenge.", "content": {"text/plain": {"schema": {"type": "string"}}}},
            **{status: entry for status, entry in _problems().items() if status in {"404", "405", "503"}},
        },
    }
