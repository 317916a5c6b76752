"""The vendors' signed samples with the words of their schemes and the keys beside them.

Owns: SCHEMES, SIGNED, verifier_of(), request(). Does not own: presets, any expectation. Next stop: tests/sources/test_verify_samples.py.
"""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter

from app.sources.credentials import Credentials
from app.sources.schemes import Scheme
from app.sources.source import Verifier
from app.sources.verify import compile_scheme
from tests.sources.builders import SAMPLES, sample

NOW_S = 1_791_965_560.0
WORDS: TypeAdapter[Any] = TypeAdapter(Scheme)


def _hmac(header: str, **more: Any) -> dict[str, Any]:
    return {"scheme": "hmac", "headers": [header], **more}


AKENEO = {"scheme": "hmac", "headers": ["x-akeneo-signature-primary", "x-akeneo-signature-secondary"]}
EVENTS_API = _hmac("x-akeneo-request-signature", template="{timestamp}.{body}", timestamp="x-akeneo-request-timestamp", tolerance_s=None)
SANITY = _hmac(
    "sanity-webhook-signature",
    prefix="v1=",
    separator=",",
    template="{timestamp}.{body}",
    timestamp_field="t",
    timestamp_unit="ms",
    encoding="base64url",
    tolerance_s=None,
)
# First letters of samples -> the words of the scheme. The first that fits counts.
SCHEMES: dict[str, dict[str, Any]] = {
    "akeneo-events-api": EVENTS_API,
    "akeneo-": AKENEO,
    "aem-": {"scheme": "adobe", "recipient": "0f1e2d3c4b5a69788796a5b4c3d2e1f0"},
    "adobe-commerce-": {"scheme": "adobe"},
    "bluestone-": _hmac("x-bs-signature", prefix="sha256="),
    "bynder-": {"scheme": "sns"},
    "canto-": {"scheme": "token", "field": "secure_token"},
    "cloudinary-": {"scheme": "cloudinary", "tolerance_s": None},
    "contentful-": {"scheme": "contentful"},
    "ergonode-": {"scheme": "jwt", "header": "X-APP-TOKEN", "tolerance_s": None},
    "frontify-": _hmac("X-Frontify-Webhook-Signature", encoding="base64"),
    "imagekit-": {"scheme": "standard-webhooks", "key": "utf8", "tolerance_s": None},
    "magento-": _hmac("x-magento-signature"),
    "pimcore-sintra-": {"scheme": "rsa", "header": "webhook-signature", "algorithm": "sha1"},
    "salsify-": {"scheme": "salsify", "tolerance_s": None},
    "sanity-": SANITY,
    "shopify-": _hmac("x-shopify-hmac-sha256", encoding="base64"),
    "tessa-product": {"scheme": "token", "header": "Tessa-Api-Token", "prefix": "17:"},
}
# Schemes that bind no body: whoever sees one request can make others.
UNBOUND = ("token", "jwt")


def described(name: str) -> dict[str, Any]:
    """What stands beside a sample."""
    found = json.loads((SAMPLES / f"{name}.headers.json").read_text())
    assert isinstance(found, dict)
    return found


def words_of(name: str) -> dict[str, Any]:
    """The words of the scheme that signs a sample."""
    return next(words for start, words in SCHEMES.items() if name.startswith(start))


def pems(held: Any) -> Iterator[bytes]:
    """All PEM texts in a sidecar."""
    if isinstance(held, str) and "-----BEGIN" in held:
        yield held.encode()
    for value in held.values() if isinstance(held, dict) else ():
        yield from pems(value)


def verifier_of(name: str) -> Verifier:
    """The verifier of a sample, with the keys beside it."""
    beside = described(name)
    given = Credentials(list(pems(beside)), url=beside.get("url"))
    if name.startswith("bynder-"):
        given.topics.add(json.loads(sample(name)[1])["TopicArn"])
    return compile_scheme(WORDS.validate_python(words_of(name)), ["s3cr3t"], given)


def request(name: str) -> tuple[dict[str, str], bytes]:
    """Headers as the door gives them, and the body."""
    headers, body = sample(name)
    beside = described(name)
    return {**headers, ":method": beside["method"], ":path": beside.get("path", "/webhooks/any")}, body


def _signed() -> list[str]:
    names = sorted(file.name.removesuffix(".headers.json") for file in SAMPLES.glob("*.headers.json"))
    beside = {name: described(name) for name in names if name.startswith(tuple(SCHEMES)) and "-get" not in name}
    kinds = {name: (one.get("signing") or one.get("signature") or {}).get("algorithm", "none") for name, one in beside.items()}
    return [name for name, kind in kinds.items() if kind != "none"]


SIGNED = _signed()
