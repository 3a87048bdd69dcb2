"""The messages of login: at most three short lines, with at most one command, which is the last."""

from __future__ import annotations

import pytest

from aliend.core.connection import login_messages as messages
from aliend.core.connection.credentials import CertificateFacts

FACTS = CertificateFacts("C=CH/O=Grid/CN=alice", "C=CH/O=Grid/CN=CA", 1_000_000_000_000, 1_800_000_000_000)
PLACE, ENDPOINT = "/home/alice/.globus/usercert.pem", "alice-jcentral.cern.ch:8097"
ALL = [
    messages.no_certificate(f"no token, and no certificate in {PLACE}", ["/home/alice/Downloads", "/home/alice"]),
    messages.needs_terminal("no token", "for its passphrase"),
    messages.no_passphrase(3, PLACE),
    messages.no_pair("the key userkey.pem does not belong to the certificate usercert.pem"),
    messages.expired(messages.out_of_time("u.pem", FACTS, FACTS.ends_ms), ["/home/alice/Downloads"]),
    messages.clock_behind(messages.out_of_time("u.pem", FACTS, FACTS.begins_ms - 1)),
    messages.wrong_clock(FACTS.begins_ms, FACTS.ends_ms),
    messages.unknown_user(ENDPOINT, FACTS.subject),
    messages.refused_certificate(ENDPOINT, FACTS.issuer),
    messages.no_authorities(""),
    messages.unknown_authority(ENDPOINT, "/etc/grid-security"),
]


@pytest.mark.parametrize("text", ALL)
def test_a_message_is_short_and_ends_with_the_next_command(text: str) -> None:
    lines = text.splitlines()
    assert len(lines) <= 3
    assert max(map(len, lines)) <= 120
    assert [line.count("`alienctl ") for line in lines] == [0] * (len(lines) - 1) + [1]
    assert not lines[0][0].isupper()


def test_a_certificate_is_valid_between_its_dates() -> None:
    for moment, word in ((FACTS.begins_ms - 1, "valid only from"), (FACTS.ends_ms, "expired at")):
        text = messages.out_of_time(PLACE, FACTS, moment)
        assert word in text
        assert "this machine's clock says " in text
    for moment in (FACTS.begins_ms, FACTS.ends_ms - 1):
        assert messages.out_of_time(PLACE, FACTS, moment) == ""


def test_clocks_may_differ_by_five_minutes() -> None:
    assert messages.wrong_clock(1_000_000_000_000, 1_000_000_300_000) == ""
    assert messages.wrong_clock(1_000_000_300_001, 1_000_000_000_000).startswith(
        "this machine's clock says 2001-09-09 01:51 UTC, the service's clock says 2001-09-09 01:46 UTC"
    )


def test_durations_are_whole_days_or_hours() -> None:
    assert messages.days(31 * messages.DAY_MS - 1) == "30 days"
    assert messages.days(2 * messages.DAY_MS - 1) == "47 hours"
    assert messages.days(-5) == "0 hours"
