"""Fixed tokens and passwords: where they may stand, what counts as one.

Owns: the schemes `token` and `basic`. Does not own: taking a body's token away (tests/sources/test_receive.py).
Next stop: tests/sources/test_verify_samples.py.
"""

import json
from typing import Any

import pytest

from app.errors import Misconfigured
from tests.sources.builders import NOW_S
from tests.sources.test_verify import BODY, verifier


def test_a_token_in_the_body() -> None:
    """A token may be a member of the body; no header can carry it then, and a body that is no JSON has none."""
    ours = verifier({"scheme": "token", "field": "auth.token"})
    assert ours.check({}, json.dumps({"auth": {"token": "s3cr3t"}}).encode(), NOW_S) == ""
    for body in (b'{"auth":{"token":"s3cr3"}}', b'{"auth":{"token":7}}', b'{"auth":"s3cr3t"}', b"s3cr3t", b""):
        assert ours.check({}, body, NOW_S) != ""
    with pytest.raises(Misconfigured, match=r"auth\.token"):
        ours.sign(BODY, NOW_S)


@pytest.mark.parametrize(
    ("words", "path", "reason"),
    [
        ({"path": True}, "/webhooks/canto-main/s3cr3t%2F1", ""),
        ({"path": True}, "/webhooks/canto-main/upload/s3cr3t%2F1/", ""),
        ({"path": True}, "/behind/a/proxy/webhooks/canto-main/s3cr3t%2F1?x=1", ""),
        ({"path": True}, "/webhooks/canto-main/s3cr3t", "none of"),
        ({"path": True}, "/webhooks/s3cr3t%2F1", "missing"),
        ({"path": True}, "/webhooks/canto-main/", "missing"),
        ({"path": True}, "", "missing"),
        ({"query": "token"}, "/webhooks/canto-main?a=1&token=s3cr3t%2F1", ""),
        ({"query": "token"}, "/webhooks/canto-main?token=s3cr3t", "none of"),
        ({"query": "token"}, "/webhooks/canto-main?token=wrong&token=s3cr3t%2F1", "none of"),
        ({"query": "token"}, "/webhooks/canto-main/token=s3cr3t%2F1", "missing"),
        ({"query": "token"}, "/webhooks/canto-main?" + "a=1&" * 200 + "token=s3cr3t%2F1", "missing"),
    ],
)
def test_a_token_in_the_address(words: dict[str, Any], path: str, reason: str) -> None:
    """A token may be the last part of the path or a parameter, escaped; the source's name is none, and no header can carry it."""
    ours = verifier({"scheme": "token", **words}, ["other", "s3cr3t/1"])
    found = ours.check({":path": path}, BODY, NOW_S)
    assert found == "" if not reason else reason in found
    with pytest.raises(Misconfigured, match="no header"):
        ours.sign(BODY, NOW_S)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("Basic dXNlcjpwOncg", ""),
        ("basic  dXNlcjpwOncg", ""),
        ("Basic dXNlcjpw", "none of"),
        ("Basic %%", "base64"),
        ("Bearer dXNlcjpwOncg", "not Basic"),
        ("", "missing"),
    ],
)
def test_basic(header: str, reason: str) -> None:
    """User and password are compared as one, colons and spaces in the password included."""
    found = verifier({"scheme": "basic"}, ["a:b", "user:p:w "]).check({"authorization": header}, BODY, NOW_S)
    assert found == "" if not reason else reason in found
