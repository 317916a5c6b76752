"""Tokens that run out: fetched when they are needed, renewed before they end, and once more when they are refused.

Owns: Token, Tokens, bearer(). Does not own: which grant a vendor wants (akeneo_auth.py, bynder.py). Next stop: akeneo_auth.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from app.fetchers.calls import Fixed
from app.ports import Clock

# A token is renewed this long before it ends, so that it does not end on its way.
EARLY_S = 30.0


@dataclass(frozen=True, slots=True)
class Token:
    """A token. lasts_s: seconds from now, None for ever. refresh: the refresh token, "" where there is none."""

    value: str = field(repr=False)
    lasts_s: float | None = None
    refresh: str = field(default="", repr=False)


def bearer(token: SecretStr) -> Fixed:
    """A token that never ends."""
    return Fixed({"Authorization": f"Bearer {token.get_secret_value()}"})


class Tokens:
    """Credentials from a token endpoint. grant: the token held so far (None at first, or where it was refused) -> a new one."""

    def __init__(self, clock: Clock, grant: Callable[[Token | None], Awaitable[Token]]) -> None:
        self._clock, self._grant = clock, grant
        self._held: Token | None = None
        self._ends_s = float("inf")
        self._one_at_a_time = asyncio.Lock()

    async def headers(self) -> Mapping[str, str]:
        async with self._one_at_a_time:
            if self._held is None or self._clock.monotonic_s() >= self._ends_s:
                await self._renew()
            assert self._held is not None
            return {"Authorization": f"Bearer {self._held.value}"}

    async def renewed(self, refused: Mapping[str, str]) -> bool:
        """Several calls may be refused with the same token: the first renews it, the others take what it brought."""
        async with self._one_at_a_time:
            if self._held is None or refused.get("Authorization") == f"Bearer {self._held.value}":
                await self._renew()
        return True

    async def _renew(self) -> None:
        began_s = self._clock.monotonic_s()
        before, self._held = self._held, None
        self._held = token = await self._grant(before)
        lasts_s = float("inf") if token.lasts_s is None else max(token.lasts_s - EARLY_S, token.lasts_s / 2)
        self._ends_s = began_s + lasts_s
