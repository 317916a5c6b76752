"""Who may do what: bearer tokens with roles.

Owns: tokens, roles, the refusal. Does not own: where tokens are configured (app/settings.py), what each role is for (the routes say so).
Next stop: app/api/problems.py.

Roles: `reader` reads, `catalogue` decides about assets, `ops` runs the service. Every token may read. Reads need no token unless
`reads_open` is false; whatever changes something always does.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from starlette.requests import HTTPConnection

from app.api.problems import Problem

Role = Literal["reader", "catalogue", "ops"]
ROLES: tuple[Role, ...] = ("reader", "catalogue", "ops")


@dataclass(frozen=True, slots=True)
class Token:
    """One token: whose it is (for the audit), what it allows, and the SHA-256 of its text. The text itself is not kept."""

    actor: str
    roles: frozenset[Role]
    digest: bytes

    @classmethod
    def of(cls, actor: str, roles: Iterable[Role], text: str) -> "Token":
        """The token with this text. Tokens are long and random, so a plain digest is enough."""
        return cls(actor, frozenset(roles), sha256(text.encode()).digest())


class Access:
    """The tokens of one deployment."""

    def __init__(self, tokens: Iterable[Token] = (), *, reads_open: bool = True) -> None:
        self._tokens = tuple(tokens)
        self.reads_open = reads_open

    def may_read(self, request: HTTPConnection) -> None:
        """Raises Problem (401) where reads need a token and the request has none that is known."""
        if not self.reads_open:
            self._token(request)

    def require(self, request: HTTPConnection, role: Role) -> str:
        """The name of the person or program behind the request. Raises Problem: 401 without a known token, 403 without the role."""
        token = self._token(request)
        if role not in token.roles:
            raise Problem(
                "forbidden",
                f"This needs the role {role!r}; the token of {token.actor!r} has {', '.join(sorted(token.roles)) or 'no role'}. "
                "Use another token, or have the role added to this one.",
            )
        return token.actor

    def _token(self, request: HTTPConnection) -> Token:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise Problem(
                "token-missing",
                "This needs a token. Send the header `Authorization: Bearer <token>`"
                + ("." if self._tokens else "; this service has no tokens configured yet, so configure one first."),
                headers={"www-authenticate": "Bearer"},
            )
        digest = sha256(text.strip().encode()).digest()
        # Every token is compared, in constant time each, so that the time taken tells nothing about any of them.
        found = [token for token in self._tokens if hmac.compare_digest(token.digest, digest)]
        if not found:
            raise Problem(
                "token-unknown",
                "The token in the header `Authorization` is not one of this service's. Is it complete, and still in use?",
                headers={"www-authenticate": 'Bearer error="invalid_token"'},
            )
        return found[0]


def secured(role: Role) -> Mapping[str, Any]:
    """The OpenAPI extra of a route that needs a token of this role."""
    return {"security": [{"bearer": []}], "x-role": role}
