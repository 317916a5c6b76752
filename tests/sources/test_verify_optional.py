"""Senders that cannot prove themselves well: a token behind a user's id, and no proof at all where the preset permits that.

Owns: those two. Does not own: the schemes themselves (tests/sources/test_verify.py). Next stop: app/sources/schemes.py.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import TypeAdapter

from app.sources.credentials import Credentials
from app.sources.schemes import Scheme
from app.sources.source import Verifier
from app.sources.verify import compile_scheme
from tests.sources.builders import NOW_S

SCHEME: TypeAdapter[Any] = TypeAdapter(Scheme)


def verifier(words: dict[str, Any], secrets: Sequence[str] = ("s3cr3t",)) -> Verifier:
    return compile_scheme(SCHEME.validate_python(words), secrets, Credentials())


def test_a_users_id_may_stand_before_a_token() -> None:
    """Where the sender writes user and token in one, the secret may be either the token or both."""
    words = {"scheme": "token", "header": "x-token", "user": True}
    for secret in ("s3cr3t", "17:s3cr3t"):
        assert verifier(words, [secret]).check({"x-token": "17:s3cr3t"}, b"", NOW_S) == ""
        for wrong in ("17:s3cr3", "18s3cr3t", ":", "s3cr3t:17", ""):
            assert verifier(words, [secret]).check({"x-token": wrong}, b"", NOW_S) != ""
    assert verifier({**words, "user": False}).check({"x-token": "17:s3cr3t"}, b"", NOW_S) != ""


@pytest.mark.parametrize("scheme", [{"scheme": "token", "header": "x-token"}, {"scheme": "hmac", "headers": ["x-sig"]}])
def test_without_a_secret_only_an_optional_scheme_opens(scheme: dict[str, Any]) -> None:
    """A sender that cannot prove anything is let in by name; a secret that is configured is asked for all the same."""
    optional = SCHEME.validate_python({**scheme, "optional": True})
    assert compile_scheme(optional, [], Credentials()).check({}, b"{}", NOW_S) == ""
    assert compile_scheme(optional, ["s3cr3t"], Credentials()).check({}, b"{}", NOW_S) != ""
    with pytest.raises(ValueError, match="no secret is configured"):
        compile_scheme(SCHEME.validate_python(scheme), [], Credentials())
