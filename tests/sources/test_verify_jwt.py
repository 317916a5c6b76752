"""Tokens (Ergonode): which algorithm, whose secret, for how long.

Owns: the scheme `jwt`. Does not own: its sample (tests/sources/test_verify_samples.py). Next stop: tests/sources/test_verify_sns.py.
"""

import base64
import hmac
import json
from typing import Any

import pytest

from app.sources.credentials import Credentials
from app.sources.source import Verifier
from app.sources.verify import compile_scheme
from tests.sources.signed_samples import WORDS

BODY = b'{"name":"product_updated"}'
NOW_S = 1_791_965_560.0


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _token(claims: Any, *, head: Any = None, secret: bytes = b"s3cr3t", algorithm: str = "sha256") -> dict[str, str]:
    signed = f"{_part(head or {'alg': 'HS256'})}.{_part(claims)}"
    digest = hmac.new(secret, signed.encode(), algorithm).digest()
    return {"x-app-token": f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"}


def _jwt(**more: Any) -> Verifier:
    return compile_scheme(WORDS.validate_python({"scheme": "jwt", "header": "X-APP-TOKEN", **more}), ["new", "s3cr3t"], Credentials())


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (_token({"exp": NOW_S + 60, "nbf": NOW_S}), ""),
        (_token({"exp": NOW_S - 59}), ""),
        (_token({"exp": NOW_S - 60}), "ended"),
        (_token({"exp": NOW_S + 600, "nbf": NOW_S + 61}), "begins"),
        (_token({"iat": NOW_S}), "exp"),
        (_token({"exp": True}), "exp"),
        (_token({"exp": "2027"}), "exp"),
        (_token([1]), "exp"),
        (_token({"exp": NOW_S + 60}, head={"alg": "none"}), "HS256"),
        (_token({"exp": NOW_S + 60}, head={"alg": "HS256", "crit": ["b64"], "b64": False}), "crit"),
        (_token({"exp": NOW_S + 60}, head={"alg": "HS512"}, algorithm="sha512"), "none of the configured"),
        (_token({"exp": NOW_S + 60}, secret=b"other"), "none of the configured"),
        ({"x-app-token": f"{_part({'alg': 'none'})}.{_part({'exp': NOW_S + 60})}."}, "none of the configured"),
        ({"x-app-token": "a.b"}, "none of the configured"),
        ({}, "missing"),
    ],
)
def test_tokens(headers: dict[str, str], reason: str) -> None:
    """Only an HS256 token of a configured secret counts, within its own time and a minute; one that does not end never does."""
    found = _jwt().check(headers, BODY, NOW_S)
    assert found == "" if not reason else reason in found


def test_a_token_of_ones_own_counts() -> None:
    """What `bindery send` would send is genuine; without a tolerance no date is looked at."""
    ours = _jwt(prefix="Bearer ")
    headers = ours.sign(BODY, NOW_S)
    assert headers["x-app-token"].startswith("Bearer ey")
    assert ours.check(headers, BODY, NOW_S) == ""
    assert "ended" in ours.check(headers, BODY, NOW_S + 3600)
    assert _jwt(prefix="Bearer ", tolerance_s=None).check(headers, BODY, NOW_S + 3600) == ""
