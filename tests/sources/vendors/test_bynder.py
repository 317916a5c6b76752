"""Bynder beyond its samples: every event of its facts, flags in both spellings, archiving as two messages.

Owns: what Bynder's messages and states mean. Does not own: SNS signatures (tests/sources/test_verify_sns.py).
Next stop: tests/sources/vendors/test_acquia.py.
"""

from pathlib import Path
from typing import Any

import orjson
import pytest

from app.errors import Unmappable
from app.sources.source import Source
from tests.sources.builders import one
from tests.sources.expectations import source as configured
from tests.sources.vendors.sending import body_of, fetched, known, sent, verdict

ID = "0B7E2C1A-4D55-4F0E-9A1B2C3D4E5F6071"


@pytest.fixture
def bynder() -> Source:
    return configured("bynder")


def message(subject: str | None, inner: Any = None, at: str = "2026-10-14T09:00:00.000Z") -> dict[str, Any]:
    """A notification of SNS as Bynder sends it; `inner` may be text that is no JSON."""
    said = inner if isinstance(inner, str) else orjson.dumps({"media_id": ID} if inner is None else inner).decode()
    named = {} if subject is None else {"Subject": subject}
    return {"Type": "Notification", "MessageId": "m-1", "TopicArn": "arn", "Message": said, "Timestamp": at, **named}


def media(**more: Any) -> dict[str, Any]:
    return dict(body_of("bynder-media-get", **more))


@pytest.mark.parametrize("name", ["create", "updated", "meta_updated", "pre_archived", "upload", "uploaded", "watermarked"])
def test_events_that_only_say_that_something_changed(bynder: Source, name: str) -> None:
    """The names of today, the older ones and new ones ask for the asset and claim nothing about it."""
    outcome = sent(bynder, message(f"asset_bank.media.{name}", {"media_id": ID, "media": {"id": ID, "isPublic": 1, "name": "x"}}))
    assert outcome.changes == []
    assert [(task.thing, task.deletion) for task in outcome.tasks] == [(ID, False)]


def test_a_message_without_a_subject_asks_for_its_asset(bynder: Source) -> None:
    """SNS may send none; whatever happened, the asset's state says it."""
    outcome = sent(bynder, message(None))
    assert (outcome.changes, [task.thing for task in outcome.tasks]) == ([], [ID])


def test_the_id_may_stand_in_the_media_object_alone(bynder: Source) -> None:
    """Public handlers read either place."""
    (task,) = sent(bynder, message("asset_bank.media.create", {"media": {"id": ID}})).tasks
    assert task.thing == ID


def test_archiving_sends_two_messages(bynder: Source) -> None:
    """The asset is withdrawn by the one that says so, whichever comes first, and both ask for one and the same fetch."""
    archived = sent(bynder, message("asset_bank.media.archived", at="2026-10-14T09:00:01.000Z"))
    updated = sent(bynder, message("asset_bank.media.meta_updated", at="2026-10-14T09:00:00.900Z"))
    assert {task.key for task in (*archived.tasks, *updated.tasks)} == {f"fetch asset bynder {ID}"}
    live = fetched(bynder, ID, media())
    assert verdict(live).state == "live"
    assert verdict(live, *archived.changes, *updated.changes).state == "withdrawn"
    assert verdict(*updated.changes, *archived.changes, live).state == "withdrawn"


def test_a_state_from_before_does_not_bring_an_archived_asset_back(bynder: Source) -> None:
    """Bynder's API may still show the old state some seconds later; only a newer one counts."""
    archived = sent(bynder, message("asset_bank.media.archived", at="2026-10-14T09:00:00Z")).changes
    assert verdict(*archived, fetched(bynder, ID, media(dateModified="2026-10-14T08:59:59Z"))).state == "withdrawn"
    assert verdict(*archived, fetched(bynder, ID, media(dateModified="2026-10-14T09:10:00Z"))).state == "live"


@pytest.mark.parametrize("yes", [1, True, "1", "true"])
@pytest.mark.parametrize("no", [0, False, "0", None])
def test_flags_in_every_spelling(bynder: Source, yes: Any, no: Any) -> None:
    """0 and 1, true and false mean the same; to an expression, 0 would be true."""
    flags = {"archive": no, "limited": no, "isPublic": yes}
    assert verdict(fetched(bynder, ID, media(**flags))).state == "live"
    assert verdict(fetched(bynder, ID, media(**{**flags, "archive": yes}))).state == "withdrawn"
    assert verdict(fetched(bynder, ID, media(**{**flags, "limited": yes}))).state == "pending-review"


@pytest.mark.parametrize("no", [0, False])
def test_what_is_not_public_has_no_address(bynder: Source, no: Any) -> None:
    """Neither the asset nor any of its thumbnails."""
    change = fetched(bynder, ID, media(isPublic=no))
    assert not [leaf for leaf, value in change.leaves.items() if leaf.startswith(("url", "renditions")) and value]
    assert verdict(change).state == "no-public-url"


def test_a_flag_that_is_none_is_a_letter(bynder: Source) -> None:
    """What cannot be read as a flag opens nothing; the message names types, no values."""
    with pytest.raises(Unmappable, match=r"truth\(\) expected true or false") as error:
        fetched(bynder, ID, media(archive="maybe"))
    assert "maybe" not in str(error.value)


@pytest.mark.parametrize("end", ["soon", {"a": 1}, [], ["2027-03-01", "soon"], "2027-13-01T00:00:00Z"])
def test_an_end_that_cannot_be_read_is_a_letter(bynder: Source, end: Any) -> None:
    """A right that is not understood is not a right."""
    with pytest.raises(Unmappable, match=r"rights\.until at property_License_End: expected a date"):
        fetched(bynder, ID, media(property_License_End=end))


@pytest.mark.parametrize("end", [["2027-03-01"], ["2027-06-01", None, "2027-03-01T00:00:00Z"]])
def test_a_property_that_is_a_list_ends_with_its_first_date(bynder: Source, end: Any) -> None:
    """A property is a text or a list of texts; of several ends the earliest counts."""
    assert fetched(bynder, ID, media(property_License_End=end)).leaves["rights.until"] == 1803859200000000


def test_the_archive_date_ends_a_right(tmp_path: Path) -> None:
    """Where the portal's API gives it; a date without zone is one of the portal's."""
    source = one(
        tmp_path, "\n  b:\n    preset: bynder\n    topic_arn: arn:x\n    when_rights_unknown: hide\n    timezone: Europe/Stockholm\n"
    )
    change = fetched(source, ID, media(archiveDate="2026-12-01T00:00:00"))
    assert change.leaves["rights.until"] == 1796079600000000  # 2026-11-30T23:00:00Z


def test_an_embargo_and_an_end(bynder: Source) -> None:
    """datePublished is "not before"; the end is the customer's own property."""
    change = fetched(bynder, ID, media(datePublished="2026-11-01T00:00:00Z"))
    assert verdict(change).state == "embargoed"
    assert verdict(change, at_us=1793491200000000).state == "live"
    assert verdict(change, at_us=1803859200000000).state == "expired"


def test_renditions_may_lag(bynder: Source) -> None:
    """Before transformBaseUrl is filled the original stands in; without both there is nothing to give."""
    early = fetched(bynder, ID, media(transformBaseUrl=None))
    assert early.leaves["url"] == "https://nordhag.bynder.com/m/5f2b1c9d7e3a4b60/original/nordhag.jpg"
    assert verdict(fetched(bynder, ID, media(transformBaseUrl="", original=None))).state == "no-public-url"


def test_properties_as_text_or_list(bynder: Source) -> None:
    """A property is a text or a list of option names."""
    change = fetched(bynder, ID, media(property_SKU="NH-1, NH-2", property_GTIN="9521101530476", property_Alt_Text_EN=["Front"]))
    assert change.leaves["claims.sku"] == [["NH-1", "NH-1"], ["NH-2", "NH-2"]]
    assert change.leaves["claims.gtin"] == [["9521101530476", "09521101530476"]]
    assert change.leaves["texts.alt.en_GB"] == "Front"


def test_a_word_of_ones_own_beside_the_flags(tmp_path: Path) -> None:
    """An approval by option ids, as the notes show it, forgets neither archiving nor anything else."""
    source = one(
        tmp_path,
        """
  b:
    preset: bynder
    topic_arn: arn:x
    when_rights_unknown: show
    overrides:
      approval:
        path: "[approval, propertyOptions][] || null"
        lookup: {approved: approved, pending: pending, archived: archived, 11111111-AAAA-4BBB-8CCC-222222222222: approved}
        otherwise: rejected
""",
    )
    assert fetched(source, ID, media()).leaves["approval"] == "approved"
    assert fetched(source, ID, media(propertyOptions=["unknown"])).leaves["approval"] == "rejected"
    assert fetched(source, ID, media(archive=True)).leaves["approval"] == "archived"
    assert sent(source, message("asset_bank.media.archived")).leaves == {"approval": "archived"}
    assert sent(source, message("asset_bank.media.meta_updated")).changes == []


def test_what_is_no_asset_is_passed_over(bynder: Source) -> None:
    """Workflow jobs become nothing, not even a letter."""
    assert sent(bynder, message("workflow.job.create", {"job_id": "j-1"})) == ([], [], [], [])


def test_a_failed_virus_scan(bynder: Source) -> None:
    """It takes its asset away; where it names none, people are told."""
    found = sent(bynder, message("antivirus.scan.failed"))
    assert verdict(fetched(bynder, ID, media(dateModified="2026-10-14T08:59:59Z")), *found.changes).state == "withdrawn"
    assert "key at parsed(Message).media_id" in sent(bynder, message("antivirus.scan.failed", {"file": "x"})).unread[0]


@pytest.mark.parametrize(
    ("subject", "inner", "why"),
    [
        ("asset_bank.media.updated", "not JSON", "parsed() expects a text that holds JSON"),
        ("asset_bank.media.updated", "[1]", "expected an identifier"),
        ("asset_bank.media.updated", {}, "expected an identifier"),
        ("asset_bank.collection.updated", None, "of a type that it does not know"),
        (None, {}, "expected an identifier"),
    ],
)
def test_what_cannot_be_read_is_a_letter(bynder: Source, subject: str | None, inner: Any, why: str) -> None:
    """Never an exception, never a guess."""
    outcome = sent(bynder, message(subject, inner))
    assert outcome.changes == []
    assert why in outcome.unread[0]


def test_a_deletion_does_not_wait_for_the_fetch(bynder: Source) -> None:
    """It counts at once; a state from before it changes nothing, absence confirms it, and only a later state revives."""
    gone = sent(bynder, message("asset_bank.media.deleted", at="2026-10-14T09:00:00Z"))
    (task,) = gone.tasks
    assert task.deletion
    assert verdict(*gone.changes, fetched(bynder, ID, media())).code == "deleted"
    assert verdict(*gone.changes, fetched(bynder, ID, None, at_least=task.trigger_us)).code == "deleted"
    assert known(*gone.changes, fetched(bynder, ID, media(), at_least=task.trigger_us))["status"] == "active"
