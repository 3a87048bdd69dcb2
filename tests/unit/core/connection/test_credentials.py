"""Renewal of tokens, expiry warnings, and the role in a subject."""

from __future__ import annotations

import pytest

from aliend.core.connection.credentials import CertificateFacts, expiry_warning, is_renewal_due, is_users_token, role_of

DAY = 86_400_000
TOKEN = "C=ch/O=AliEn2/CN=Users/CN=alice/OU=alice"


def facts(days: float, left: float, subject: str = TOKEN) -> CertificateFacts:
    """A certificate with a total life and a remaining life in days, at time 0."""
    return CertificateFacts(subject, "CN=CA", int((left - days) * DAY), int(left * DAY))


def test_a_token_of_a_month_is_renewed_in_its_last_three_days() -> None:
    assert not is_renewal_due(facts(31, 3.1), 0)
    assert is_renewal_due(facts(31, 2.9), 0)


def test_a_token_of_a_day_is_renewed_in_its_last_third() -> None:
    assert not is_renewal_due(facts(0.9, 0.4), 0)
    assert is_renewal_due(facts(0.9, 0.2), 0)


def test_only_user_tokens_are_renewed() -> None:
    for subject in ("C=ch/O=AliEn2/CN=Jobs/CN=alice/OU=alice/OU=7", "C=CH/O=CERN/CN=alice"):
        assert not is_users_token(subject)
        assert not is_renewal_due(facts(31, 1, subject), 0)


def test_a_warning_starts_three_days_before_the_expiry() -> None:
    assert expiry_warning(facts(31, 3.1), 0) == ""
    assert expiry_warning(facts(31, 2.9), 0).endswith("in 2 days")
    assert expiry_warning(facts(31, 0.5), 0).endswith("in 12 hours")
    assert expiry_warning(facts(31, 0.01), 0).endswith("in 14 minutes")
    assert "expired" in expiry_warning(facts(31, -1), 0)


@pytest.mark.parametrize(
    ("subject", "role"),
    [
        (TOKEN, ""),
        ("C=ch/O=AliEn2/CN=Users/CN=alice/OU=aliprod", "aliprod"),
        ("C=ch/O=AliEn2/CN=Users/CN=alice", ""),
        ("C=CH/O=CERN/CN=alice/OU=x", ""),
    ],
)
def test_the_role_of_a_token_is_its_unit_unless_it_is_the_user(subject: str, role: str) -> None:
    assert role_of(subject) == role
