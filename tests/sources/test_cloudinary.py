"""Cloudinary beyond its samples: renames, removals, access windows, shapes; each trap of the vendor once.

Owns: what Cloudinary's notifications mean. Does not own: its signature (tests/sources/test_verify.py).
Next stop: tests/sources/vendors/test_akeneo_products.py.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest

from app.domain.bind import bind
from app.domain.facets import Record, merge, visible
from app.domain.order import parts
from app.domain.policy import Policy
from app.domain.urls import expand
from app.domain.view import view as view_of
from app.errors import Unmappable
from app.sources.source import Source
from tests.domain.building import a_product, inputs
from tests.sources.builders import ARRIVED_US, ASSET, CLOUDINARY, VERSION, changes, events, leaves, one, sample

ID = "7d1f0c2e9b8a4d5f8e3c6b7a90112233"
LATER = "2026-10-14T09:00:00+00:00"


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return one(tmp_path, CLOUDINARY)


def upload(**more: Any) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(sample("cloudinary-upload")[1])
    return {**body, **more}


def changed(type_: str, **resource: Any) -> dict[str, Any]:
    """A notification about one asset, in the list shape."""
    return {"notification_type": type_, "timestamp": LATER, "resources": [{"asset_id": ID, "public_id": "x", **resource}]}


def after(source: Source, *bodies: dict[str, Any] | bytes) -> dict[str, Any]:
    """What is visible of the asset after these requests."""
    record = Record(ASSET)
    for body in bodies:
        merge(record, changes(source, body))
    return visible(record)


def test_a_rename_changes_every_url(source: Source) -> None:
    """A rename keeps the record and says nothing but the new public id, and yet the URL and every rendition follow."""
    rename = {
        "notification_type": "rename",
        "timestamp": LATER,
        "asset_id": ID,
        "from_public_id": "nordhag/4711/olive_front",
        "to_public_id": "nordhag/new name",
    }
    seen = after(source, upload(), sample("cloudinary-eager")[1], rename)
    assert seen["aliases.public_id"] == ["nordhag/new name"]
    assert expand(seen["url"], seen) == "https://res.cloudinary.com/nordhag/image/upload/v1791965551/nordhag/new%20name.jpg"
    rendition = seen["renditions.c_pad,w_1200,h_1200/f_webp"]["url"]
    assert expand(rendition, seen).endswith("/c_pad,w_1200,h_1200/f_webp/v1791965551/nordhag/new%20name.webp")


@pytest.mark.parametrize(
    ("public_id", "written", "template"),
    [
        ("a/b", "/v17/a/b.jpg", "/v{version}/{public_id}.{format}"),
        ("å b", "/v17/%C3%A5%20b.jpg", "/v{version}/{public_id}.{format}"),
        ("manual.pdf", "/v17/manual.pdf", "/v{version}/{public_id}"),
        ("v1/v2", "/v17/v1/v2.png", "/v{version}/{public_id}.png"),
        ("other", "/v17/a/b.jpg", "/v17/a/b.jpg"),
        ("a", "/v17/ab.jpg", "/v17/ab.jpg"),
        ("a/b", "/a/b.jpg", "/a/b.jpg"),
        ("a{b}", "/v17/a%7Bb%7D.jpg", "/v{version}/{public_id}.{format}"),
    ],
)
def test_urls_become_templates(source: Source, public_id: str, written: str, template: str) -> None:
    """Version, public id and format become placeholders where the URL ends in them; any other URL is itself."""
    base = "https://res.cloudinary.com/x/image/upload"
    found = leaves(source, upload(public_id=public_id, secure_url=base + written))["url"]
    assert found == base + template


def test_a_url_expands_to_what_was_sent(source: Source) -> None:
    """Nothing is lost on the way through the template."""
    seen = after(source, upload())
    assert expand(seen["url"], seen) == upload()["secure_url"]


SIGNED = "https://res.cloudinary.com/nordhag/image/{}/s--Ab3_-x9Z--/v1791965551/nordhag/4711/olive_front.jpg"
EAGER = [{"transformation": "w_9", "secure_url": "https://res.cloudinary.com/x/image/private/w_9/v1/a.jpg"}]


@pytest.mark.parametrize("delivery", ["authenticated", "private", "of a new kind"])
def test_what_only_a_signature_opens_has_no_url(source: Source, delivery: str) -> None:
    """An authenticated or private asset keeps neither URL nor renditions, whatever came before; as an upload it is public again."""
    closed = upload(type=delivery, secure_url=SIGNED.format(delivery), eager=EAGER, timestamp=LATER)
    seen = after(source, upload(), sample("cloudinary-eager")[1], closed)
    assert not [leaf for leaf in seen if leaf == "url" or leaf.startswith("renditions")]
    opened = after(source, closed, upload(timestamp="2026-10-14T10:00:00+00:00"))
    assert expand(opened["url"], opened) == upload()["secure_url"]


def test_a_closed_asset_is_bound_without_a_url(source: Source) -> None:
    """From the notification to the answer: no public URL, whatever its rights say."""
    record = Record(ASSET)
    merge(record, changes(source, upload(type="authenticated", secure_url=SIGNED.format("authenticated"), access_control=[])))
    policy = Policy(when_rights_unknown={"cloudinary-eu": "show"})
    product = a_product("p1", {"keys.sku": ["NH-4711-OLV-M", "NH-4711-OLV-M"]})
    answer = bind(inputs(product, view_of(record), sku="NH-4711-OLV-M"), policy, ARRIVED_US)
    (binding,) = answer.content["bindings"]
    assert (binding["state"], binding["url"], binding["renditions"]) == ("no-public-url", None, {})
    assert "s--" not in answer.text


@pytest.mark.parametrize("signature", ["s--Ab3_-x9Z--", "s--" + "aB" * 16 + "--"])
def test_a_signed_url_is_none(source: Source, signature: str) -> None:
    """A signature fits one public id, so no rename could be followed: the URL of an upload goes, and so does a rendition's."""
    signed = SIGNED.format("upload").replace("s--Ab3_-x9Z--", signature)
    assert leaves(source, upload(secure_url=signed))["url"] is None
    eager = orjson.loads(sample("cloudinary-eager")[1])
    eager["eager"][0]["secure_url"] = signed
    rendition = "renditions.c_pad,w_1200,h_1200/f_webp"
    assert leaves(source, eager)[rendition] is None
    assert rendition not in after(source, upload(), sample("cloudinary-eager")[1], {**eager, "timestamp": LATER})


def test_which_delivery_is_public_can_be_overridden(tmp_path: Path) -> None:
    """By a lookup, by another member, or not asked at all; a signed URL stays none."""
    url = SIGNED.format("authenticated").replace("s--Ab3_-x9Z--/", "")
    body = upload(type="authenticated", secure_url=url, metadata={"open": True})
    for words in ("{path: type, lookup: {authenticated: 'yes'}}", "metadata.open", "null"):
        source = one(tmp_path, CLOUDINARY + f"    overrides: {{public: {words}}}\n")
        assert leaves(source, body)["url"].endswith("/authenticated/v{version}/{public_id}.{format}")
        assert leaves(source, {**body, "secure_url": SIGNED.format("authenticated")})["url"] is None


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://x/a b", "https://x/\u0000", 7, ["https://x"]])
def test_what_is_no_url_is_a_letter(source: Source, url: Any) -> None:
    """Nothing but an http(s) address is ever handed on; the message names preset, path and type, and no value."""
    (event,) = events(source, upload(secure_url=url))
    with pytest.raises(Unmappable, match=r"^preset cloudinary, event upload: url at secure_url \|\| url: expected .* URL") as error:
        source.project(event, VERSION)
    assert "alert" not in str(error.value)


def test_metadata_that_is_gone_takes_its_leaves_away(source: Source) -> None:
    """A field that the previous metadata had and the new one lacks, or has empty, is taken away; an untouched one stays."""
    body = changed(
        "resource_metadata_changed",
        previous_metadata={"sku_list": "NH-4711-OLV-M,NH-4711-OLV-L", "gtin": "9521101530476"},
        new_metadata={"sku_list": "NH-4711-OLV-M", "gtin": None},
    )
    assert leaves(source, body) == {"claims.sku": [["NH-4711-OLV-M", "NH-4711-OLV-M"]], "claims.gtin": None}
    seen = after(source, upload(), body)
    assert seen["claims.sku"] == [["NH-4711-OLV-M", "NH-4711-OLV-M"]]
    assert "claims.gtin" not in seen
    assert seen["texts.alt.*"] == "Olive rain jacket, front"


def test_removed_context_takes_its_text_away(source: Source) -> None:
    """A removed context key is gone, an added one is there, others stay."""
    body = changed("resource_context_changed", added={"caption": "New"}, removed=["alt"], updated={})
    seen = after(source, upload(), body)
    assert "texts.alt.*" not in seen
    assert seen["texts.caption.*"] == "New"
    assert seen["texts.title.*"] == "Olive front"


def test_a_removed_and_added_tag(source: Source) -> None:
    """Tags change one by one."""
    seen = after(source, upload(), changed("resource_tags_changed", added=["hero"], removed=["jacket"]))
    assert [leaf for leaf in seen if leaf.startswith("tags.")] == ["tags.approved", "tags.hero"]


def test_the_display_name_of_a_map(source: Source) -> None:
    """The map shape says the same as the list shape."""
    body = changed("resource_display_name_changed")
    body["resources"] = {"x": {"asset_id": ID, "previous_display_name": "A", "new_display_name": "B"}}
    assert leaves(source, body) == {"texts.title.*": "B"}


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        ([{"access_type": "token"}], []),
        ([{"access_type": "anonymous"}], [[None, None]]),
        ([{"access_type": "token"}, {"access_type": "anonymous", "start": "2026-11-01T00:00:00Z"}], [[1793491200000000, None]]),
        ([{"access_type": "anonymous", "end": "2027-03-01T01:00:00+01:00"}], [[None, 1803859200000000]]),
        ([{"access_type": "new-kind"}], []),
        ([], None),
    ],
)
def test_access_control(source: Source, access: list[dict[str, Any]], expected: Any) -> None:
    """Only anonymous entries open; an empty list restricts nothing, a list that opens nothing is never."""
    assert leaves(source, changed("access_control_changed", new_access_control=access)) == {"rights.access": expected}


def test_a_window_that_cannot_be_read_is_a_letter(source: Source) -> None:
    """A right that is not understood is not a right."""
    (event,) = events(source, changed("access_control_changed", new_access_control=[{"access_type": "anonymous", "end": "soon"}]))
    with pytest.raises(Unmappable, match=r"rights\.access at access_control: expected a date"):
        source.project(event, VERSION)


@pytest.mark.parametrize(
    ("statuses", "approval"),
    [(["approved"], "approved"), (["approved", "pending"], "pending"), (["rejected", "approved"], "rejected"), (["queued"], "pending")],
)
def test_the_strictest_moderation_counts(source: Source, statuses: list[str], approval: str) -> None:
    """Of several moderations the strictest decides, and an unknown word is not an approval."""
    assert leaves(source, upload(moderation=[{"status": status} for status in statuses]))["approval"] == approval


def test_a_wrong_check_digit_is_no_claim(source: Source) -> None:
    """A GTIN that cannot be one joins nothing and spoils nothing."""
    found = leaves(source, upload(metadata={"gtin": "9521101530477", "sku_list": "NH-1"}))
    assert "claims.gtin" not in found
    assert found["claims.sku"] == [["NH-1", "NH-1"]]


def test_an_upload_forgets_what_it_does_not_mention(source: Source) -> None:
    """A new upload is the whole state: renditions of replaced bytes and old texts are gone."""
    seen = after(source, upload(), sample("cloudinary-eager")[1], upload(timestamp=LATER, context={}, version=1791999999))
    assert not [leaf for leaf in seen if leaf.startswith(("renditions.", "texts.alt"))]
    assert seen["content_version"] == 1791999999


def test_an_order_from_the_future_is_a_letter(source: Source) -> None:
    """More than a day beyond the arrival would freeze the record; just within is accepted."""
    (event,) = events(source, upload(timestamp=(ARRIVED_US + 86_400_000_000) // 1_000_000))
    assert source.project(event, VERSION).changes
    (event,) = events(source, upload(timestamp=(ARRIVED_US + 86_401_000_000) // 1_000_000))
    with pytest.raises(Unmappable, match="more than a day after the arrival"):
        source.project(event, VERSION)


def test_a_time_that_is_none_is_a_letter(source: Source) -> None:
    """Without an order nothing can be merged; the message names the path."""
    unreadable: list[Any] = ["half past nine", [], True]
    for timestamp in unreadable:
        (event,) = events(source, upload(timestamp=timestamp, notification_context={}))
        with pytest.raises(Unmappable, match="order at timestamp"):
            source.project(event, VERSION)


def test_two_changes_of_one_second_are_ordered_by_their_trigger(source: Source) -> None:
    """The trigger's microseconds break the tie of a whole second."""
    early, late = (
        changes(source, upload(notification_context={"triggered_at": f"2026-10-14T08:12:31.{fraction}Z"}))[0].order
        for fraction in ("100000", "200000")
    )
    assert early < late
    assert parts(early).source == parts(late).source
