"""The words of `api:`, the access to a vendor's API: one model per fetcher.

Owns: the models, `read()`, `resolved()`, `in_plain_text()`. Does not own: the calls (app/fetchers/), where secrets come from
(app/configuration.py). Next stop: app/fetchers/build.py.

Every secret is a reference in the file (`env:NAME`, `file:PATH`), a SecretStr here: no repr, log line or error shows it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, model_validator

from app.sources.fields import Expr, KindName, Strict


def _parts(text: str) -> SplitResult:
    parts = urlsplit(text)
    try:
        _ = parts.port
    except ValueError:
        # Its own words quote the port, where a password may stand.
        raise ValueError("expected an address whose port is a number up to 65535") from None
    return parts


def _base(text: str) -> str:
    """A base address: nothing after the path, nobody's password in it."""
    parts = _parts(text)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("expected an address such as https://acme.cloud.akeneo.com")
    if parts.username or parts.password:
        raise ValueError("expected an address without user name and password; give them as words of their own")
    if parts.query or parts.fragment:
        raise ValueError("expected an address without query and fragment")
    return text.rstrip("/")


def _template(text: str) -> str:
    parts = _parts(text)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.password:
        raise ValueError("expected an address such as https://dam.example.com/api/assets/{id}, without user name and password")
    if "{id}" not in text or "{" in text.replace("{id}", "") or "{id}" in parts.netloc:
        raise ValueError("expected {id}, and no other name in braces, in the path or the query")
    return text


Base = Annotated[str, AfterValidator(_base)]
Template = Annotated[str, AfterValidator(_template)]
# A reference to a secret, alone or behind a word such as `Bearer `.
REFERENCE = re.compile(r"(?P<before>[A-Za-z]+ )?(?P<reference>env:[A-Za-z_][A-Za-z0-9_]*|file:.+)")
SECRET_HEADERS = re.compile(r"authorization|cookie|token|secret|key|password", re.IGNORECASE)


class Api(Strict):
    """What all fetchers know. timeout_s: of one call. SECRETS: words that are references, never plain text in the file."""

    model_config = ConfigDict(hide_input_in_errors=True)

    SECRETS: ClassVar[frozenset[str]] = frozenset()

    timeout_s: float = Field(30.0, gt=0, le=300)


class AkeneoApi(Api):
    """url: of the PIM. Either a permanent `token` (of an app), or client_id, client_secret, username and password (of a connection).

    Without username and password the grant is client_credentials, which Akeneo itself does not give, but a gateway before it may.
    batch: things per call, at most 100 (the vendor's limit); fewer where the products are so large that an answer passes 32 MB.
    enabled_assets_only: products name only those assets that are enabled (newer PIMs with an Asset Manager).
    """

    SECRETS = frozenset({"token", "client_id", "client_secret", "username", "password"})

    url: Base
    token: SecretStr | None = None
    client_id: SecretStr | None = None
    client_secret: SecretStr | None = None
    username: SecretStr | None = None
    password: SecretStr | None = None
    batch: int = Field(100, ge=1, le=100)
    enabled_assets_only: bool = False

    @model_validator(mode="after")
    def _either(self) -> Self:
        if bool(self.username) != bool(self.password):
            raise ValueError("missing credentials: username and password go together; write references such as env:NAME")
        if self.username and not self.client_id:
            raise ValueError("missing credentials: client_id, client_secret; write references such as env:NAME")
        return _one_way(self, ("token",), ("client_id", "client_secret"))


class BynderApi(Api):
    """url: of the portal. Either a permanent `token`, or client_id and client_secret (OAuth client credentials)."""

    SECRETS = frozenset({"token", "client_id", "client_secret"})

    url: Base
    token: SecretStr | None = None
    client_id: SecretStr | None = None
    client_secret: SecretStr | None = None
    scope: str = "asset:read"

    @model_validator(mode="after")
    def _either(self) -> Self:
        return _one_way(self, ("token",), ("client_id", "client_secret"))


class CloudinaryApi(Api):
    """cloud: name of the product environment. per_hour: Admin API calls that the plan allows for this service."""

    SECRETS = frozenset({"key", "secret"})

    url: Base = "https://api.cloudinary.com"
    cloud: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    key: SecretStr
    secret: SecretStr
    per_hour: int = Field(500, ge=1)


class AcquiaApi(Api):
    SECRETS = frozenset({"token"})

    url: Base = "https://api.widencollective.com"
    token: SecretStr


class BrandfolderApi(Api):
    SECRETS = frozenset({"token"})

    url: Base = "https://brandfolder.com"
    token: SecretStr


class FrontifyApi(Api):
    """url: of the account, https://acme.frontify.com."""

    SECRETS = frozenset({"token"})

    url: Base
    token: SecretStr


class ContentfulApi(Api):
    """url: the Content Management API by default (drafts too, all locales), or a Delivery API (published assets only), then
    with `delivery: true`. token: of that API."""

    SECRETS = frozenset({"token"})

    url: Base = "https://api.contentful.com"
    delivery: bool = False
    space: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    environment: str = Field("master", pattern=r"^[A-Za-z0-9_.-]+$")
    token: SecretStr


class TemplateKind(Strict):
    """How things of one kind are read, where it differs. item: JMESPath of the state in the answer."""

    url: Template
    item: Expr | None = None


class TemplateApi(Api):
    """A GET per thing.

    url: with {id}, escaped where it is filled in; the slashes of an id such as `family/code` stay in a path. headers: sent along;
    references in them are resolved. item: JMESPath of the state in the answer, the whole answer by default; a null that stands there means
    that the thing does not exist. kinds: kind -> what is different for it. updated: JMESPath in the state of its own time (RFC 3339).
    """

    url: Template | None = None
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    item: Expr | None = None
    updated: Expr | None = None
    kinds: dict[KindName, TemplateKind] = Field(default_factory=dict)
    open_at_once: int = Field(4, ge=1, le=100)
    per_s: float = Field(10.0, gt=0, le=1_000)
    missing: tuple[Literal[400, 403, 404, 410, 422], ...] = Field((404, 410), description="statuses that mean: there is no such thing")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.url and not self.kinds:
            raise ValueError("url is missing; write the address of one thing, with {id} in it")
        origins = {urlsplit(one)[:2] for one in (self.url, *(kind.url for kind in self.kinds.values())) if one}
        if len(origins) > 1:
            raise ValueError("the addresses of the kinds name several hosts; headers with secrets go to one host only")
        return self


MODELS: Mapping[str, type[Api]] = {
    "akeneo": AkeneoApi,
    "bynder": BynderApi,
    "cloudinary": CloudinaryApi,
    "acquia": AcquiaApi,
    "brandfolder": BrandfolderApi,
    "frontify": FrontifyApi,
    "contentful": ContentfulApi,
    "template": TemplateApi,
}


def read(fetcher: str, words: Mapping[str, Any]) -> Api:
    """The access of a source, its references resolved already. Raises pydantic.ValidationError naming what is missing or mistaken."""
    return MODELS[fetcher].model_validate(dict(words))


def resolved(words: Mapping[str, Any], secret: Callable[[str], str]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The words with the secrets in place of their references, and (path, reason) of each reference that leads nowhere.

    secret: reference -> what it stands for, raises ValueError saying why there is none; `unresolved` stands in its place then.
    """
    broken: list[tuple[str, str]] = []

    def filled(value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            return {name: filled(held, f"{path}.{name}" if path else str(name)) for name, held in value.items()}
        found = REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if not found:
            return value
        try:
            return (found["before"] or "") + secret(found["reference"])
        except ValueError as wrong:
            broken.append((path, f"{found['reference']} cannot be read: {wrong}"))
            return "unresolved"

    return {name: filled(value, str(name)) for name, value in words.items()}, broken


def in_plain_text(fetcher: str, words: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(path, what to do) of each secret that stands in the file itself."""
    headers = words.get("headers")
    named = (
        [(f"headers.{name}", value) for name, value in headers.items() if SECRET_HEADERS.search(str(name))]
        if isinstance(headers, Mapping)
        else []
    )
    for path, value in [(name, words[name]) for name in sorted(MODELS[fetcher].SECRETS & words.keys())] + named:
        if value is not None and not (isinstance(value, str) and REFERENCE.fullmatch(value)):
            yield path, "expected a reference, env:NAME or file:PATH; a secret itself never stands in this file"


A = TypeVar("A", bound=Api)


def _one_way(api: A, *ways: tuple[str, ...]) -> A:
    """Refuses credentials that are missing, half there, or there twice."""
    given = [[name for name in way if getattr(api, name)] for way in ways]
    said = " or ".join(", ".join(way) for way in ways)
    if sum(map(bool, given)) > 1:
        raise ValueError(f"expected one kind of credentials, {said}, not several")
    missing = [name for way, names in zip(ways, given, strict=True) if names for name in way if name not in names]
    if missing or not any(given):
        raise ValueError(f"missing credentials: {', '.join(missing) or said}; write references such as env:NAME")
    return api
