"""Akeneo's tokens: renewed in time, once, and denied where nothing helps."""

import asyncio

import pytest
from pydantic import SecretStr

from app.errors import VendorDenied
from app.fetchers.akeneo import Akeneo as Fetcher
from app.sources.access import AkeneoApi
from tests.doubles import HandClock
from tests.fetchers.vendors import akeneo_access as access
from tests.fetchers.world import World, fetched
from tests.vendors.akeneo import Akeneo, product_uuid


async def test_a_token_is_renewed_before_it_ends(world: World) -> None:
    """A token of ten seconds is used for five; then the refresh token brings the next one, and nothing is ever refused."""
    server, clock = await world.serve(Akeneo(products=1)), HandClock()
    server.token_s, server.monotonic_s = 10.0, clock.monotonic_s
    fetcher = Fetcher(world.vendor(clock), access(server))
    for renewals in (0, 1, 2):
        for _ in range(2):
            assert (await fetched(fetcher, "product", [product_uuid(0)])).states
            assert server.counts["grant refresh_token"] == renewals
            clock.at_s += 3
    assert server.counts["grant password"] == 1


async def test_a_refused_token_is_renewed_once(world: World) -> None:
    """Tokens and refresh tokens that were revoked are replaced by way of the password, once, while ten calls go on."""
    server = await world.serve(Akeneo(products=1))
    fetcher = Fetcher(world.vendor(), access(server))
    await fetched(fetcher, "product", [product_uuid(0)])
    server.revoke()
    brought = await asyncio.gather(*(fetched(fetcher, "product", [product_uuid(0)]) for _ in range(10)))
    assert all(one.states for one in brought)
    assert server.counts["grant password"] == 2


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"client_secret": "wrong"}])
async def test_wrong_credentials_are_denied(world: World, wrong: dict[str, str]) -> None:
    """What the token endpoint refuses needs a person; the message says where to look and holds no secret."""
    server = await world.serve(Akeneo(products=1))
    with pytest.raises(VendorDenied) as denied:
        await fetched(Fetcher(world.vendor(), access(server, **wrong)), "product", [product_uuid(0)])
    assert "check the credentials" in str(denied.value)
    assert not any(secret in str(denied.value) for secret in ("wrong", "s3cr3t", "pa55word", server.username))


async def test_a_permanent_token_needs_no_endpoint(world: World) -> None:
    """An app's token is used as it is, and is denied once it was revoked."""
    server = await world.serve(Akeneo(products=1))
    server.permanent.add("app-token")
    api = AkeneoApi(url=server.url, token=SecretStr("app-token"))
    fetcher = Fetcher(world.vendor(), api)
    assert (await fetched(fetcher, "product", [product_uuid(0)])).states
    server.permanent.clear()
    with pytest.raises(VendorDenied):
        await fetched(fetcher, "product", [product_uuid(0)])
    assert "POST /api/oauth/v1/token" not in server.counts


@pytest.mark.parametrize("gateway", [True, False])
async def test_a_client_without_a_user_needs_a_gateway(world: World, gateway: bool) -> None:
    """Client credentials bring a token where something before the PIM gives one; Akeneo itself denies them."""
    server = await world.serve(Akeneo(products=1))
    server.gateway = gateway
    fetcher = Fetcher(world.vendor(), access(server, username=None, password=None))
    if gateway:
        assert (await fetched(fetcher, "product", [product_uuid(0)])).states
    else:
        with pytest.raises(VendorDenied):
            await fetched(fetcher, "product", [product_uuid(0)])
