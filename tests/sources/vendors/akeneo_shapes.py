"""Akeneo's events and answers, built: deltas, states, what they change and ask for.

Owns: the shapes of one product and one model. Does not own: any expectation. Next stop: tests/sources/vendors/test_akeneo_products.py.
"""

from typing import Any

from app.domain.facets import Change
from app.sources.fetching import Found
from app.sources.source import FetchTask, Source
from tests.sources.builders import ARRIVED_US, PRODUCT, VERSION, events

API = "    api: {url: 'https://pim.example.com', token: env:PRIMARY}\n"
UUID = PRODUCT.rsplit("/", 1)[1]


def delta(values: dict[str, Any] | None = None, kind: str = "product", **more: Any) -> dict[str, Any]:
    """A delta of one product or model, an hour after the samples."""
    thing = {"product": {"uuid": PRODUCT.rsplit("/", 1)[1]}, "product_model": {"code": "LMP-2041"}}[kind]
    return {
        "specversion": "1.0",
        "id": "01a0330d-d69f-793b-a579-0cb1658cda14",
        "type": f"com.akeneo.pim.v1.{kind.replace('_', '-')}.updated.delta",
        "time": "2026-08-24T10:15:41Z",
        "data": {
            kind: {
                **thing,
                "updated_at": {"date": "2026-08-24 10:15:40.000000", "timezone": "UTC"},
                "changes": {**({"values": values} if values is not None else {}), **more},
            }
        },
    }


def change(previous: Any, new: Any, type_: str = "pim_catalog_asset_collection", **more: Any) -> dict[str, Any]:
    return {"previous": previous, "new": new, "type": type_, "locale": None, "scope": None, **more}


def identifier(value: str | None) -> Any:
    return None if value is None else {"data": value, "is_main_identifier": True}


def state(values: dict[str, Any] | list[Any] | None = None, **more: Any) -> dict[str, Any]:
    """A product as the REST API answers, of the same second as the delta."""
    return {"uuid": UUID, "parent": None, "enabled": True, "values": values or [], "updated": "2026-08-24T10:15:40+00:00", **more}


def fetched(
    source: Source, kind: str, thing: str, state: Any, *, began_us: int = ARRIVED_US - 1_000_000, at_least: int = 0
) -> list[Change]:
    """What a state changes that a fetch brought."""
    event = source.fetched(Found(kind, thing, state), began_us=began_us, at_least=at_least, arrived_us=ARRIVED_US)
    return source.project(event, VERSION).changes


def tasks(source: Source, body: dict[str, Any]) -> list[FetchTask]:
    return [task for event in events(source, body) for task in source.project(event, VERSION).tasks]
