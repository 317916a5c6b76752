"""The webhook door in the OpenAPI, written by hand: it is raw ASGI, so no framework can read it off.

Owns: its description. Does not own: its behaviour (app/api/webhooks.py; tests/api/test_openapi.py holds the two together).
Next stop: app/api/webhooks.py.
"""

from typing import Any

from app.api.models import WebhookAnswer
from app.api.problems import documented

PATH = "/webhooks/{source}"
STATUSES = (400, 401, 404, 405, 408, 413, 429, 503)


def _problems() -> dict[str, Any]:
    answers: dict[str, Any] = {str(status): entry for status, entry in documented(*STATUSES).items()}
    retry = {"Retry-After": {"description": "Seconds after which to send it again.", "schema": {"type": "integer"}}}
    for status in ("429", "503"):
        answers[status] = {**answers[status], "headers": retry}
    return answers


def described() -> dict[str, Any]:
    """The path item."""
    schema = WebhookAnswer.model_json_schema()
    example = {"accepted": ["018f3c1e-6d2a-7b1c-9a53-0f2f6f0c2a11"], "dead_letters": []}
    return {
        "post": {
            "tags": ["Webhooks"],
            "operationId": "receive_webhook",
            "summary": "A DAM or PIM says that something changed",
            "description": (
                "The source is chosen by the path alone; with and without a slash at the end are one. The body is verified byte for byte "
                "as the source's scheme demands, split into events and made durable before the answer. What is authentic but cannot be "
                "understood is accepted too, and becomes a dead letter. A sender that is answered 503, 429, 408 or not at all sends again."
            ),
            "parameters": [
                {"name": "source", "in": "path", "required": True, "schema": {"type": "string"}, "example": "cloudinary-eu"},
            ],
            "requestBody": {
                "description": "Whatever the vendor sends, byte for byte.",
                "content": {"application/json": {"schema": {}, "example": {"notification_type": "upload", "asset_id": "7d1f0a"}}},
            },
            "responses": {
                "200": {"description": "Durable.", "content": {"application/json": {"schema": schema, "example": example}}},
                **_problems(),
            },
        }
    }
