"""The keyring: how long a key counts, what stands in for one, how much is kept.

Owns: app/sources/keyring.py. Does not own: who fills it (tests/outbound/test_keys.py). Next stop: tests/outbound/test_keys.py.
"""

import pytest

from app.errors import KeyMissing
from app.sources.keyring import CAPACITY, GRACE_S, PER_HOST, REFUSED_S, TTL_S, KeyRefused, KeyRing, allowed, public_keys
from tests.sources.rsa_signers import ADOBE_PATHS, CERTIFICATE, SALSIFY_CERTIFICATE, signer
from tests.sources.signed_samples import described


def test_a_key_counts_for_a_day_and_a_day_of_grace() -> None:
    """Past its time a key still counts and is reported as stale; past the grace it is missing."""
    ring = KeyRing()
    with pytest.raises(KeyMissing):
        ring.find("u", 0)
    ring.put("u", signer().pem, 100)
    key = ring.find("u", 100 + TTL_S - 1)
    assert ring.stale() == frozenset()
    assert ring.find("u", 100 + TTL_S) is key
    assert ring.stale() == {"u"}
    with pytest.raises(KeyMissing):
        ring.find("u", 100 + TTL_S + GRACE_S)
    ring.put("u", signer(1).pem, 200 + TTL_S)
    assert ring.stale() == frozenset()
    assert ring.find("u", 200 + TTL_S).public_numbers() != key.public_numbers()


def test_a_refusal_lasts_a_minute_and_takes_the_key() -> None:
    """Where the server says that no key is there, requests are refused for a minute, then it is missing again."""
    ring = KeyRing()
    ring.put("u", signer().pem, 0)
    ring.refused("u", "gone", 10)
    with pytest.raises(KeyRefused, match="gone"):
        ring.find("u", 10 + REFUSED_S - 1)
    with pytest.raises(KeyMissing):
        ring.find("u", 10 + REFUSED_S)


def test_no_more_is_kept_than_the_capacity() -> None:
    """However many addresses are named, the oldest go."""
    ring = KeyRing()
    for number in range(CAPACITY + 1):
        ring.put(f"https://k{number}/", signer().pem, 0)
        ring.refused(f"https://r{number}/", "no", 0)
    for gone in ("https://k0/", "https://r0/"):
        with pytest.raises(KeyMissing):
            ring.find(gone, 1)
    ring.find(f"https://k{CAPACITY}/", 1)


def test_one_hosts_many_addresses_drive_out_no_other_hosts_key() -> None:
    """A server that answers any query with its certificate fills its own share only."""
    ring = KeyRing()
    ring.put(CERTIFICATE, signer().pem, 0)
    for number in range(CAPACITY + 1):
        ring.put(f"{SALSIFY_CERTIFICATE}?{number}", signer().pem, 0)
    ring.find(CERTIFICATE, 1)
    ring.find(f"{SALSIFY_CERTIFICATE}?{CAPACITY}", 1)
    with pytest.raises(KeyMissing):
        ring.find(f"{SALSIFY_CERTIFICATE}?{CAPACITY - PER_HOST}", 1)


def test_keys_are_read_from_certificates_and_bare() -> None:
    """A chain of PEM blocks gives the keys in their order; what is none is a ValueError."""
    certificate = described("bynder-sns-subscriptionconfirmation")["signing"]["cert_pem_served_at_SigningCertURL"].encode()
    found = public_keys(b"# ours\n" + certificate + signer().pem)
    assert [key.public_numbers() for key in found[1:]] == [key.public_numbers() for key in public_keys(signer().pem)]
    for pem in (b"", b"<html>", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", b"-----BEGIN PUBLIC KEY-----"):
        with pytest.raises(ValueError, match="PEM"):
            public_keys(pem)
        with pytest.raises(ValueError, match="PEM"):
            KeyRing().put("u", pem, 0)


def test_addresses_that_keys_may_come_from() -> None:
    """Amazon's, Salsify's and Adobe's, and no others."""
    assert all(allowed(url) for url in (CERTIFICATE, SALSIFY_CERTIFICATE, f"https://static.adobeioevents.com{ADOBE_PATHS[0]}"))
    assert not any(allowed(url) for url in ("https://static.adobeioevents.com/x.pem", "https://169.254.169.254/a.pem", "", "file:///a.pem"))


def test_a_bucket_called_sns_is_not_amazons_sns() -> None:
    """Of the names below amazonaws.com only regions count: the others may be hosts of anybody's files."""
    regions = ("us-east-1", "ap-southeast-3", "us-gov-west-1", "mx-central-1")
    assert all(allowed(f"https://sns.{region}.amazonaws.com/SimpleNotificationService-55d7.pem") for region in regions)
    assert allowed("https://sns.cn-northwest-1.amazonaws.com.cn/SimpleNotificationService-55d7.pem")
    assert not any(allowed(f"https://sns.{host}.amazonaws.com/a.pem") for host in ("s3-us-west-2", "s3-accelerate", "s3-external-1", "s3"))
