"""The words of `api`: what is missing is named, secrets are references and stay unseen."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.sources import access

AKENEO = {"url": "https://acme.cloud.akeneo.com"}
OAUTH = {"client_id": "a", "client_secret": "b", "username": "c", "password": "d"}


def told(fetcher: str, words: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as wrong:
        access.read(fetcher, words)
    return "; ".join(f"{'.'.join(map(str, error['loc']))} {error['msg']}" for error in wrong.value.errors())


@pytest.mark.parametrize(
    ("fetcher", "words", "said"),
    [
        ("akeneo", AKENEO, "missing credentials: token or client_id, client_secret"),
        ("akeneo", {**AKENEO, **OAUTH, "password": None}, "username and password go together"),
        ("akeneo", {**AKENEO, **OAUTH, "token": "t"}, "not several"),
        ("akeneo", {**AKENEO, "token": "t", "batch": 101}, "less than or equal to 100"),
        ("akeneo", {"url": "acme.cloud.akeneo.com", "token": "t"}, "expected an address such as"),
        ("akeneo", {"url": "https://me:pw@acme.example.com", "token": "t"}, "without user name and password"),
        ("akeneo", {"url": "https://me:pa55", "token": "t"}, "url Value error, expected an address whose port is a number up to 65535"),
        ("template", {"url": "https://dam.example.com:99999/{id}"}, "port is a number"),
        ("bynder", {"url": "https://acme.bynder.com", "client_id": "a"}, "missing credentials: client_secret"),
        ("cloudinary", {"cloud": "demo", "key": "a"}, "secret Field required"),
        ("cloudinary", {"cloud": "a/b", "key": "a", "secret": "b"}, "cloud String should match"),
        ("acquia", {}, "token Field required"),
        ("contentful", {"token": "t"}, "space Field required"),
        ("frontify", {"url": "https://acme.frontify.com", "token": "t", "tokken": "t"}, "tokken Extra inputs"),
        ("template", {}, "url is missing"),
        ("template", {"url": "https://dam.example.com/api"}, "expected {id}"),
        ("template", {"url": "https://{id}.example.com/"}, "expected {id}"),
        ("template", {"url": "https://a.example.com/{id}", "kinds": {"model": {"url": "https://b.example.com/{id}"}}}, "several hosts"),
        ("template", {"url": "https://a.example.com/{id}", "item": "a..b"}, "no JMESPath"),
    ],
)
def test_what_is_wrong_is_named(fetcher: str, words: dict[str, Any], said: str) -> None:
    """Missing, doubled and mistaken words say what they should be."""
    assert said in told(fetcher, words)


def test_references_are_resolved_wherever_they_stand() -> None:
    """Alone, behind `Bearer`, in nested words; one that leads nowhere is told with its path."""
    held = {"env:TOKEN": "t0ken", "file:key": "k3y"}

    def secret(reference: str) -> str:
        if reference not in held:
            raise ValueError("it is not set")
        return held[reference]

    words = {
        "url": "https://a.example.com/{id}",
        "headers": {"Authorization": "Bearer env:TOKEN", "X-Api-Key": "file:key", "Accept": "a/b"},
    }
    found, broken = access.resolved(words, secret)
    assert found["headers"] == {"Authorization": "Bearer t0ken", "X-Api-Key": "k3y", "Accept": "a/b"}
    assert not broken
    assert access.resolved({"kinds": {"model": {"x": "env:NONE"}}}, secret)[1] == [
        ("kinds.model.x", "env:NONE cannot be read: it is not set")
    ]


def test_secrets_in_plain_text_are_mistakes() -> None:
    """A secret's word and a header that sounds like one want a reference."""
    headers = {"Authorization": "Bearer abc", "X-Api-Key": "env:KEY", "API-VERSION": 1}
    assert [path for path, _ in access.in_plain_text("template", {"headers": headers})] == ["headers.Authorization"]
    assert [path for path, _ in access.in_plain_text("akeneo", {"token": "abc", "username": "env:USER"})] == ["token"]


def test_secrets_are_not_seen() -> None:
    """No repr of an access, nor of what is made of it, shows what it holds."""
    api = access.read("akeneo", {**AKENEO, **OAUTH, "client_secret": "s3cr3t-value"})
    shown = repr(api) + str(api) + str(api.model_dump())
    assert "s3cr3t-value" not in shown


def test_a_client_alone_is_enough() -> None:
    """Without user name and password the access is that of the client itself."""
    api = access.read("akeneo", {**AKENEO, "client_id": "a", "client_secret": "b"})
    assert isinstance(api, access.AkeneoApi)
    assert api.username is None
