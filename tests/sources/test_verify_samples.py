"""Every signed sample is genuine by its vendor's scheme, and one changed byte is noticed wherever the scheme signs.

Owns: the schemes against the vendors' own examples. Does not own: presets (tests/sources/test_golden.py), traps.
Next stop: tests/sources/test_verify_contentful.py.
"""

import json

import pytest

from app.sources.credentials import Credentials
from app.sources.verify import compile_scheme
from tests.sources.signed_samples import NOW_S, SANITY, SCHEMES, SIGNED, UNBOUND, WORDS, described, request, verifier_of, words_of


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
