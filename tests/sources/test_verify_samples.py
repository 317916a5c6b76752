"""Every signed sample is genuine by its vendor's scheme, and one changed byte is noticed wherever the scheme signs.

Owns: the schemes against the vendors' own examples. Does not own: presets (tests/sources/test_golden.py), traps (test_verify_rsa.py).
Next stop: tests/sources/test_verify_rsa.py.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
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


def test_all_signed_vendors_are_here() -> None:
    """No scheme of the table is without a sample."""
    assert {start for start in SCHEMES if not any(name.startswith(start) for name in SIGNED)} == set()
    assert len(SIGNED) >= 45


@pytest.mark.parametrize("name", SIGNED)
def test_a_sample_is_genuine(name: str) -> None:
    """The vendor's own signature fits."""
    headers, body = request(name)
    assert verifier_of(name).check(headers, body, NOW_S) == ""


@pytest.mark.parametrize("name", [name for name in SIGNED if words_of(name)["scheme"] not in UNBOUND])
def test_a_changed_byte_is_noticed(name: str) -> None:
    """Wherever one bit of what is signed is flipped, the request is refused; of SNS, that is the signed members of the envelope."""
    headers, body = request(name)
    ours, passed = verifier_of(name), []
    for at in range(len(body)):
        changed = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        if ours.check(headers, changed, NOW_S) == "":
            passed.append(changed)
    if words_of(name)["scheme"] != "sns":
        assert passed == []
        return
    signed = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
    whole = json.loads(body)
    for changed in passed:
        assert {part: json.loads(changed).get(part) for part in signed} == {part: whole.get(part) for part in signed}


@pytest.mark.parametrize("name", [name for name in SIGNED if words_of(name)["scheme"] in UNBOUND])
def test_a_token_is_all_that_counts(name: str) -> None:
    """Schemes without a signature over the body refuse another token, and say nothing about the body: that is documented, not hidden."""
    headers, body = request(name)
    other = {key: value.replace("s3cr3t", "s3cr4t").replace(".eyJhcH", ".eyJhcI") for key, value in headers.items()}
    assert verifier_of(name).check(other, body.replace(b"s3cr3t", b"s3cr4t"), NOW_S) != ""
    assert verifier_of(name).check(headers, body.replace(b"id", b"ID"), NOW_S) == ""


@pytest.mark.parametrize("name", SIGNED)
def test_headers_of_another_sample_prove_nothing(name: str) -> None:
    """Without its headers and its body's signature no sample is genuine."""
    _, body = request(name)
    if words_of(name)["scheme"] in {"sns"} or name.startswith("canto-"):
        body = b"{}"
    assert verifier_of(name).check({":method": "POST", ":path": "/webhooks/any"}, body, NOW_S) != ""


def test_contentful_with_a_whole_secret() -> None:
    """Contentful's real secrets have 64 characters; the sample holds the signature with one of them, too."""
    headers, body = request("contentful-asset.publish")
    signing = described("contentful-asset.publish")["signing"]
    ours = compile_scheme(WORDS.validate_python({"scheme": "contentful"}), [signing["secret_64"]], Credentials())
    assert ours.check({**headers, "x-contentful-signature": signing["signature_with_secret_64"]}, body, NOW_S) == ""


def test_imagekits_older_header() -> None:
    """The older signature is hexadecimal, in a header with a time in milliseconds."""
    _, body = request("imagekit-file.updated")
    legacy = described("imagekit-file.updated")["signing"]["legacy_headers"]
    words = {**SANITY, "headers": ["x-ik-signature"], "encoding": "hex"}
    ours = compile_scheme(WORDS.validate_python(words), ["s3cr3t"], Credentials())
    assert ours.check(legacy, body, NOW_S) == ""
    assert ours.check(legacy, body + b" ", NOW_S) != ""


def test_sanitys_header_with_a_space_between() -> None:
    """Sanity's own pattern allows spaces for the comma."""
    headers, body = request("sanity-asset.update")
    spaced = headers["sanity-webhook-signature"].replace(",", "  ")
    assert verifier_of("sanity-asset.update").check({**headers, "sanity-webhook-signature": spaced}, body, NOW_S) == ""


@pytest.mark.parametrize("prefix", ["", "sha256="])
def test_bluestones_prefix_may_be_there_or_not(prefix: str) -> None:
    """The prefix `sha256=` is taken off where it stands, and not asked for."""
    headers, body = request("bluestone-product-created")
    given = prefix + headers["x-bs-signature"]
    assert verifier_of("bluestone-product-created").check({**headers, "x-bs-signature": given}, body, NOW_S) == ""


def test_frontify_signs_bytes() -> None:
    """A body beyond ASCII is signed as the bytes that it is."""
    ours = verifier_of("frontify-asset_updated")
    body = '{"event":{"title":"Grüße, 東京"}}'.encode()
    headers = ours.sign(body, NOW_S)
    assert ours.check(headers, body, NOW_S) == ""
    assert ours.check(headers, body.decode().encode("ascii", "replace"), NOW_S) != ""
