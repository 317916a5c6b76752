"""What each PIM's events are keyed, ordered and recognised by (pim.md 13): written down from the vendors' facts, once for all of them.

Owns: key, order and id of one event of every PIM; what becomes of events that come twice. Does not own: leaves (tests/sources/golden/).
Next stop: tests/sources/README.md.
"""

from dataclasses import replace
from hashlib import blake2b

import pytest

from app.domain.facets import Record, dump, merge
from app.domain.order import parts
from tests.sources.builders import ARRIVED_US, VERSION
from tests.sources.expectations import Golden, goldens

# 2026-08-24T09:15:40Z, when nearly everything of the samples happened.
AT_US = 1_787_562_940_000_000
LAMP, LAMPS = "7c2d9b1e-4a53-4f0e-9d7c-2f6b1a8e3c41", "d2c7f0a9-5b18-4e63-9c4d-81f6e3b7a025"
BODY = "the body's hash"
# Sample -> (key of its first event, the id by which a second delivery is recognised, what orders it; None: nothing, it asks for a fetch).
FACTS: dict[str, tuple[str, str, int | None]] = {
    "akeneo-eventplatform-product-updated": (f"product/akeneo/{LAMP}", "01a0330d-da47-7389-82fb-dbc48e81973e", AT_US),
    "akeneo-eventplatform-product-updated-delta": (f"product/akeneo/{LAMP}", "01a0330d-d69f-793b-a579-0cb1658cda14", AT_US),
    "akeneo-events-api-product-updated": (f"product/akeneo-legacy/{LAMP}", "2f9d0c44-6b1e-4e0d-8a7f-51c3b9e2d608", AT_US),
    "salsify-product-change": ("product/salsify/LMP-2041-BLK", "4d8b2f60-91e7-4c3a-a5d0-7e6f1b9c8230", 37),
    "shopify-products-update": ("model/shopify/8214093758712", "9f27c4a1-6d80-5b13-8e5f-20d7b96c3e84", AT_US),
    "commercetools-productpublished": (f"model/commercetools/{LAMPS}", "3a9d0f57-c6e2-4b84-8f1d-e05b7c92a364", 14),
    "commercetools-productpublished-cloudevents": (f"model/commercetools/{LAMPS}", "3a9d0f57-c6e2-4b84-8f1d-e05b7c92a364", 14),
    "commercetools-resourcedeleted": (f"model/commercetools/{LAMPS}", BODY, 15),
    "adobe-commerce-product-save-commit-after": (
        "product/adobe-commerce/LMP-2041-BLK",
        "0a7d5e93-c1f4-4b28-86e7-d9b3c20f5a41",
        AT_US,
    ),
    "magento-async-events-product-updated": ("product/magento-async-events/LMP-2041-BLK", BODY, AT_US),
    "bluestone-product-created": ("product/bluestone/66c9a1f4b2d7e80a3c5f9142", f"{BODY}:0", AT_US),
    "pimcore-datahub-object-postupdate": ("product/pimcore-datahub/70412", BODY, AT_US),
    "struct-products-updated": ("model/struct/20411", "2e8f7b14-c0d9-4a36-95e1-7b3f6d0c8a52:0", None),
    "scayle-product-updated": ("product/scayle/884101", "c9d1e7b0-6f24-4a83-95bd-2e70f8a1c364", None),
}


def golden(name: str) -> Golden:
    return next(one for one in goldens() if one.name == name)


@pytest.mark.parametrize("name", FACTS)
def test_key_id_and_order_are_the_senders_own(name: str) -> None:
    """The thing's own id is the key, never a subscription or a name that changes; the sender's id names the event, else the body's hash."""
    one = golden(name)
    key, id_, order = FACTS[name]
    event = one.received().events[0]
    assert event.key == key.replace("magento-async-events", one.source.system).replace("pimcore-datahub", one.source.system)
    assert event.id == id_.replace(BODY, blake2b(one.body, digest_size=16).hexdigest())
    changes = one.source.project(event, VERSION).changes
    assert {parts(change.order).source for change in changes if change.record == event.key} <= {order}


@pytest.mark.parametrize("name", FACTS)
def test_a_second_delivery_changes_nothing(name: str) -> None:
    """Every sender repeats itself, hours later too: the records are the same, byte for byte, whichever delivery came first."""
    one = golden(name)
    first = one.received().events
    again = [replace(event, arrived_us=ARRIVED_US + 7_200_000_000) for event in first]
    told = [[change for event in events for change in one.source.project(event, VERSION).changes] for events in (first, again)]
    once: dict[str, Record] = {}
    for change in told[0]:
        merge(once.setdefault(change.record, Record(change.record)), [change])
    for orders in ([*told[0], *told[1]], [*told[1], *told[0]]):
        twice: dict[str, Record] = {}
        for change in orders:
            merge(twice.setdefault(change.record, Record(change.record)), [change])
        assert {key: dump(record) for key, record in twice.items()} == {key: dump(record) for key, record in once.items()}


@pytest.mark.parametrize("name", ["ergonode-product-updated", "inriver-entity-updated", "pimcore-sintra-postupdate"])
def test_what_nothing_orders_is_a_wish(name: str) -> None:
    """Without a time, without a number: nothing is believed but that the thing changed, and the thing is named by its own id."""
    one = golden(name)
    (event,) = one.received().events
    projected = one.source.project(event, VERSION)
    assert projected.changes == []
    assert [task.thing for task in projected.tasks] == [event.key.rsplit("/", 1)[1]]
