"""Assets, and explanations: what is known, where it is used, why.

Owns: /v1/assets, /v1/skus/{sku}/explain. Does not own: what an explanation says (tests/domain/). Next stop: app/api/assets.py.
"""

from __future__ import annotations

from urllib.parse import quote

from app.ports import Doc
from tests.api.answers import Shelf
from tests.api.serving import Running, is_problem


def test_an_asset_and_where_it_is_used(server: Running) -> None:
    """What its system said, without the address, and a page of the SKUs that hold it."""
    for nth in range(3):
        server.do(Shelf(f"S{nth}").store(server.store))
    answer = server.client.get("/v1/assets/dam-1/front", params={"limit": 2}).json()
    assert answer["asset"] == {"system": "dam-1", "id": "front"}
    assert (answer["status"], answer["complete"], answer["facts"]["tags.summer"]) == ("active", True, True)
    assert not [leaf for leaf, value in answer["facts"].items() if "assets.example.com" in f"{leaf} {value}"]
    assert [(item["sku"], item["revision"], len(item["bindings"])) for item in answer["skus"]["items"]] == [("S0", 1, 1), ("S1", 1, 1)]
    rest = server.client.get("/v1/assets/dam-1/front", params={"limit": 2, "cursor": answer["skus"]["next"]}).json()
    assert [item["sku"] for item in rest["skus"]["items"]] == ["S2"]
    assert rest["skus"]["next"] is None


def test_asset_ids_may_hold_any_character(server: Running) -> None:
    """Slashes, percent signs and letters of any script come through the path."""
    odd = ["folder/a b.jpg", "50%/x", "日本.png"]
    server.do(Shelf("NH-1", dict.fromkeys(odd, (None, None))).store(server.store))
    for asset in odd:
        answer = server.client.get(f"/v1/assets/dam-1/{quote(asset, safe='')}")
        assert answer.json()["asset"]["id"] == asset
        explained = server.client.get("/v1/skus/NH-1/explain", params={"asset": f"dam-1/{asset}"}).json()
        assert [one["asset"]["id"] for one in explained["assets"]] == [asset]
    assert server.client.get("/v1/assets/dam-1/folder/a%20b.jpg").json()["asset"]["id"] == "folder/a b.jpg"


def test_an_asset_that_is_only_named(server: Running) -> None:
    """An asset of which no event of its own came is unknown, and still found at the SKU that names it."""
    body = '{"bindings":[{"asset":{"id":"ghost","system":"dam-1"},"state":"pending-asset","url":null,"valid_until":null}],"sku":"NH-1"}'
    server.do(server.store.bindings.save([Doc("NH-1", body, tokens=("asset/dam-1/ghost",), numbers={"revision": 4})]))
    answer = server.client.get("/v1/assets/dam-1/ghost").json()
    assert (answer["status"], answer["complete"], answer["facts"]) == ("unknown", False, {})
    assert answer["skus"]["items"][0]["bindings"][0]["state"] == "pending-asset"
    is_problem(server.client.get("/v1/assets/dam-1/nothing"), 404, "unknown-asset")
    is_problem(server.client.get("/v1/assets/dam-1/" + "x" * 2_000), 404, "unknown-asset")
    is_problem(server.client.get("/v1/assets/dam-1/ghost?cursor=x"), 400, "bad-cursor")


def test_an_explanation_names_what_decided(server: Running) -> None:
    """For each asset: whether it is shown, by which bindings, from which event; without its address."""
    server.do(Shelf("NH-1", {"front": (None, None), "back": (None, None)}).store(server.store))
    everything = server.client.get("/v1/skus/nh-1/explain")
    assert [one["asset"]["id"] for one in everything.json()["assets"]] == ["back", "front"]
    one = server.client.get("/v1/skus/NH-1/explain", params={"asset": "dam-1/front"}).json()["assets"]
    assert [(each["asset"]["id"], each["shown"]) for each in one] == [("front", True)]
    facts = {fact["path"]: fact for fact in one[0]["decided_by"]}
    assert facts["claims.sku"]["event"] == {"source": "by-hand", "id": "event-1", "type": "made"}
    assert "front.jpg" not in everything.text


def test_an_explanation_of_nothing_is_not_found(server: Running) -> None:
    """404 for a SKU that nobody names, 422 for an asset that is not written as system/id."""
    is_problem(server.client.get("/v1/skus/nope/explain"), 404, "unknown-sku")
    server.do(Shelf("NH-1").store(server.store))
    for asset in ("front", "", "/", "dam-1/", "/front"):
        is_problem(server.client.get("/v1/skus/NH-1/explain", params={"asset": asset}), 422, "invalid")
