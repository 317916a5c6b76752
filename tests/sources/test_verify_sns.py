"""Amazon SNS: what is signed, which certificates and topics count, the tricks that other receivers fell for.

Owns: the scheme `sns`. Does not own: its samples (tests/sources/test_verify_samples.py), confirmations, downloads.
Next stop: tests/sources/test_verify_rsa.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from app.errors import KeyMissing, Misconfigured
from app.sources.credentials import Credentials, UnacceptedTopic
from tests.sources.builders import NOW_S, one
from tests.sources.rsa_signers import CERTIFICATE, TOPIC, credentials, made, signer, sns_source


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "members",
    [
        {},
        {"Subject": None},
        {"SigningCertURL": None, "SigningCertUrl": CERTIFICATE},
        {"Type": "SubscriptionConfirmation", "Subject": None, "SubscribeURL": "https://sns…", "Token": "t"},
        {"Type": "UnsubscribeConfirmation", "Subject": None, "SubscribeURL": "https://sns…", "Token": "t"},
    ],
)
def test_sns_messages_of_both_versions(version: str, members: dict[str, Any]) -> None:
    """SHA-1 and SHA-256, without subject, in Lambda's spelling, confirmations; whatever the content type says."""
    ours = made("sns", credentials(CERTIFICATE, topic_arn=TOPIC))
    body = signer().sns(version, **members)
    assert ours.check({"content-type": "text/plain; charset=UTF-8"}, body, NOW_S) == ""
    assert "does not fit" in ours.check({}, body.replace(b"m-1", b"m-2"), NOW_S)
    other = json.dumps({**json.loads(body), "SignatureVersion": "2" if version == "1" else "1"}).encode()
    assert "does not fit" in ours.check({}, other, NOW_S)


def test_a_foreign_topic_is_refused_before_anything_is_fetched() -> None:
    """A genuine message of somebody else's topic proves nothing, and does not make us ask for its certificate."""
    body = signer().sns(TopicArn=TOPIC.replace("111122223333", "999999999999"))
    given = credentials(topic_arn=TOPIC)
    assert "another SNS topic" in made("sns", given).check({}, body, NOW_S)
    given.topics.add(TOPIC.replace("111122223333", "999999999999"))
    assert "another SNS topic" in made("sns", given).check({}, body, NOW_S)


def test_an_unpinned_topic_has_to_be_accepted() -> None:
    """Without a pin a genuine message is told apart by its topic, until somebody accepts that; a forged one never is."""
    given = credentials(CERTIFICATE)
    ours, body = made("sns", given), signer().sns()
    reason = ours.check({}, body, NOW_S)
    assert isinstance(reason, UnacceptedTopic)
    assert (reason.topic, TOPIC in reason) == (TOPIC, True)
    forged = ours.check({}, body.replace(b"m-1", b"m-2"), NOW_S)
    assert forged
    assert not isinstance(forged, UnacceptedTopic)
    given.topics.add(TOPIC)
    assert ours.check({}, body, NOW_S) == ""


def test_accepted_topics_are_the_sources_own_set(tmp_path: Path) -> None:
    """Whoever accepts a topic adds it to Source.topics; the verifier looks into that very set."""
    pem = tmp_path / "key.pem"
    pem.write_bytes(signer().pem)
    source = one(tmp_path, sns_source("keys: [file:key.pem]"))
    assert isinstance(source.verify({}, signer().sns(), NOW_S), UnacceptedTopic)
    source.topics.add(TOPIC)
    assert source.verify({}, signer().sns(), NOW_S) == ""
    with pytest.raises(Misconfigured, match="private key"):
        source.sign(b"{}", NOW_S)


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.evil.amazonaws.com.evil.example/a.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
        "https://sns.eu-west-1.amazonaws.com:444/a.pem",
        "https://sns.eu-west-1.amazonaws.com\\@evil.example/a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem?x=.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem#.pem",
        "https://sns.eu-west-1.amazonaws.com/a.txt",
        "https://sns.eu-west-1.amazonaws.com/../a.pem",
        "https://sns.eu-west-1.amazonaws.com/a%2f.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem\n",
        "https://sns.x.amazonaws.com/a.pem",
        "https://s3.eu-west-1.amazonaws.com/a.pem",
        "https://snsx.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu.west.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.community/a.pem",
        "",
        7,
    ],
)
def test_certificates_come_from_amazon_only(url: Any) -> None:
    """No other address is ever asked for, however much it looks like Amazon's."""
    ours = made("sns", Credentials(topic_arn=TOPIC))
    assert "SigningCertURL" in ours.check({}, signer().sns(SigningCertURL=url), NOW_S)


def test_a_certificate_that_is_not_there_yet() -> None:
    """The address of the missing certificate is told; once it is there, the same request is genuine; in China, too."""
    url = "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-1.pem"
    given = Credentials(topic_arn=TOPIC)
    ours, body = made("sns", given), signer().sns(SigningCertURL=url)
    with pytest.raises(KeyMissing) as missing:
        ours.check({}, body, NOW_S)
    assert missing.value.url == url
    given.keyring.refused(url, "its server answers 404", NOW_S)
    assert "404" in ours.check({}, body, NOW_S)
    given.keyring.put(url, signer().pem, NOW_S)
    assert ours.check({}, body, NOW_S) == ""


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"7", b"null", b"{", b'{"Type":"Notification"}', b'{"Type":["Notification"]}', b'{"Type":{}}', b"\xff"),
        *(b'"Notification"', b'{"Type":"Other","TopicArn":"' + TOPIC.encode() + b'"}'),
    ],
)
def test_what_is_no_sns_message_is_refused(body: bytes) -> None:
    """A body that is no envelope has a reason, and is no error."""
    assert "not a message" in made("sns", Credentials()).check({}, body, NOW_S)


@pytest.mark.parametrize("changed", [{"Message": 7}, {"SignatureVersion": "3"}, {"Signature": 7}, {"Signature": "é"}, {"Signature": ""}])
def test_odd_members_are_refused(changed: dict[str, Any]) -> None:
    """Members of another type, and versions that do not exist."""
    body = json.dumps({**json.loads(signer().sns()), **changed}).encode()
    assert made("sns", credentials(CERTIFICATE, topic_arn=TOPIC)).check({}, body, NOW_S) != ""


def test_old_messages_where_a_tolerance_is_set() -> None:
    """By default a retry after an hour counts; with a tolerance it does not."""
    given, body = credentials(CERTIFICATE, topic_arn=TOPIC), signer().sns()
    late_s = 1_791_965_551 + 3_601
    given.keyring.put(CERTIFICATE, signer().pem, late_s)
    assert made("sns", given).check({}, body, late_s) == ""
    assert "old" in made("sns", given, tolerance_s=3600).check({}, body, late_s)
    assert "no time" in made("sns", given, tolerance_s=3600).check({}, signer().sns(Timestamp="soon"), late_s)
